"""The Dockerfile and .dockerignore; test_image.py builds the image."""

import re
import subprocess

import yaml

from smartbudget.local.settings import ROOT
from smartbudget.urls import APPS

LINES = (ROOT / ".dockerignore").read_text().splitlines()
LET_IN = {line[1:] for line in LINES if line.startswith("!")}


def test_everything_not_listed_is_excluded():
    rules = [line for line in LINES if line and not line.startswith("#")]

    assert rules[0] == "*"
    # Later lines override earlier ones, so exceptions come last.
    left_out = ["smartbudget/local", "**/__pycache__", "**/*.pyc", "**/*.po"]
    assert rules[-4:] == left_out


def test_exactly_the_folders_that_run_are_included():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {path.split("/")[0] for path in tracked if "/" in path}
    elsewhere = {".ci", ".ebextensions", ".github", ".platform", "benchmarks", "docs"}
    elsewhere |= {"infra", "lambdas", "requirements", "scripts", "tests"}

    assert {name for name in LET_IN if "/" not in name} - {"locale"} == (
        folders - elsewhere - {"locale"} | {"manage.py"}
    )
    assert set(APPS) <= LET_IN


FROM = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
PINNED = re.compile(r"python:(\d+\.\d+)-slim-trixie@sha256:[0-9a-f]{64}")


def test_the_base_image_is_pinned_by_digest():
    """A tag can move to another image; a digest cannot."""
    foreign = [name for name in FROM if name != "${BASE}"]

    assert len(foreign) == 1
    assert PINNED.fullmatch(foreign[0])


def test_the_images_python_version_is_tested():
    (version,) = [match[1] for name in FROM if (match := PINNED.fullmatch(name))]
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    script = (ROOT / "scripts" / "image_without_docker.sh").read_text()

    assert f'"{version}"' in workflow
    assert f"\nBASE=python:{version}-slim-trixie " in script


def test_dependabot_updates_every_pinned_version():
    """Except Python packages, which `make lock` locks."""
    config = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())
    kinds = {
        update["package-ecosystem"]: ROOT / update["directory"].lstrip("/")
        for update in config["updates"]
    }

    assert set(kinds) == {"docker", "github-actions", "npm"}
    assert (kinds["docker"] / "Dockerfile").exists()
    assert (kinds["npm"] / "package-lock.json").exists()
