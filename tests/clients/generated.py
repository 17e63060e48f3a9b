"""Clients generated from docs/openapi.yaml, type-checked and used on the local AWS.

`make clients` installs the generators and runs this. They are too heavy for `make
test`, which does not collect a file of this name.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from accounts.tokens import SCOPES
from smartbudget.local.settings import ROOT
from tests.integration.people import PASSWORD, Person

HERE = Path(__file__).parent
DOCUMENT = ROOT / "docs" / "openapi.yaml"
TOOLS = ROOT / ".local-build" / "clients" / "bin"  # created by make clients
PYTHON = TOOLS / "python"
NODE = ROOT / ".github" / "openapi" / "node_modules"


@pytest.fixture
def environment(stack, tmp_path):
    """Return the environment of a client: server, token and generated code."""
    response = Person(stack).post(
        "tokens",
        password=PASSWORD,
        name="Client",
        scopes=SCOPES,
        expires_in_days=1,
    )
    return {
        **os.environ,
        "API": stack.web_url,
        "TOKEN": response["token"],
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "MYPYPATH": str(tmp_path),
    }


def run(folder, environment, *command):
    """Run a program in its own folder until it exits."""
    result = subprocess.run(
        [str(argument) for argument in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_client_of_openapi_generator_creates_reads_and_deletes(tmp_path, environment):
    run(
        tmp_path,
        environment,
        *("openapi-generator-cli", "generate", "--generator-name", "python"),
        *("--input-spec", DOCUMENT, "--output", tmp_path, "--package-name", "planner"),
    )

    run(tmp_path, environment, PYTHON, HERE / "generator_client.py")


def test_a_client_of_openapi_python_client_is_typed_and_works(tmp_path, environment):
    run(
        tmp_path,
        environment,
        *("openapi-python-client", "generate", "--path", DOCUMENT, "--fail-on-warning"),
        *("--meta", "none", "--config", HERE / "python_client.yaml"),
        *("--output-path", tmp_path / "planner"),
    )
    (tmp_path / "planner" / "py.typed").touch()

    run(
        tmp_path,
        environment,
        *(PYTHON, "-m", "mypy", "--strict", "--config-file", os.devnull),
        *("planner", HERE / "python_client.py"),
    )
    run(tmp_path, environment, PYTHON, HERE / "python_client.py")


def test_a_client_with_openapi_typescript_is_typed_and_works(tmp_path, environment):
    (tmp_path / "node_modules").symlink_to(NODE)
    shutil.copy(HERE / "typescript_client.ts", tmp_path)
    tools = NODE / ".bin"
    run(
        tmp_path, environment, tools / "openapi-typescript", DOCUMENT, "-o", "schema.ts"
    )

    run(
        tmp_path,
        environment,
        *(tools / "tsc", "--strict", "--outDir", "built", "--target", "es2022"),
        *("--module", "nodenext", "typescript_client.ts"),
    )
    run(tmp_path, environment, "node", "built/typescript_client.js")
