"""The API against its schema: Schemathesis sends valid and invalid requests.

schemathesis.toml has the exclusions and their reasons.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from smartbudget.local.settings import ROOT
from tests.integration.people import PASSWORD, Person
from tests.sampling import SOAK

pytestmark = pytest.mark.soak

HERE = Path(__file__).parent
# The same requests in the same order each time.
SAMPLE = ["--max-examples", "3", "--workers", "1", "--generation-deterministic"]
SCOPES = ["read", "write", "reports", "export", "account"]
# The coverage phase tries each limit of each field from both sides: 3,200 of the
# 3,800 requests. `make test` runs it for every sixth operation, `make soak` for all.
COVERED = slice(3, None, 6)


def test_the_api_matches_its_schema(stack, tmp_path):
    if SOAK:
        check(stack, tmp_path, "--max-examples", "100", "--workers", "2")
    else:
        check(stack, tmp_path, *SAMPLE, "--phases", "examples,fuzzing,stateful")


def test_the_api_enforces_the_limits_of_its_schema(stack, tmp_path):
    sample = [f"--include-operation-id={name}" for name in operations()[COVERED]]
    check(stack, tmp_path, *SAMPLE, "--phases", "coverage", *([] if SOAK else sample))


def operations():
    """Return the id of every operation, in the order of the schema."""
    schema = yaml.load((ROOT / "docs" / "openapi.yaml").read_text(), yaml.CSafeLoader)
    return [
        operation["operationId"]
        for methods in schema["paths"].values()
        for operation in methods.values()
        if "operationId" in operation
    ]


def check(stack, folder, *arguments):
    """Assert that Schemathesis finds nothing, and that both users stay logged in."""
    asking = people(stack)
    named = folder / "people.json"
    named.write_text(json.dumps(asking))
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(HERE / "schemathesis.toml"), "run"),
        *(str(ROOT / "docs" / "openapi.yaml"), "--no-color", *arguments),
    ]
    env = {
        **os.environ,
        "CONTRACT_URL": stack.web_url,
        "CONTRACT_CHECKS": str(HERE / "contract_checks.py"),
        "CONTRACT_PEOPLE": str(named),
    }

    # In its own folder, as it reads configuration and writes caches.
    run = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr
    # If the session had ended, little would have been tested.
    for auth in asking["auth"]:
        headers = {h["name"]: h["value"] for h in auth["fixedHeaders"]}
        still = requests.get(
            f"{stack.web_url}/api/profile", headers=headers, timeout=30
        )
        assert still.status_code == 200, auth["name"]


def people(stack):
    """Return two users in the format of Web Fuzzing Commons.

    The first has all rights; the second must not see the data of the first.
    """
    staff = Person(stack, subscribed=True)
    staff.become_staff()
    return {
        "auth": [
            {"name": "staff", "fixedHeaders": session(staff)},
            {"name": "other", "fixedHeaders": [bearer(Person(stack))]},
        ]
    }


def bearer(person):
    response = person.post(
        "tokens", password=PASSWORD, name="Contract", scopes=SCOPES, expires_in_days=1
    )
    return {"name": "Authorization", "value": f"Bearer {response['token']}"}


def session(person):
    cookies = "; ".join(
        f"{cookie.name}={cookie.value}" for cookie in person.http.cookies
    )
    return [
        {"name": "Cookie", "value": cookies},
        {"name": "X-CSRFToken", "value": person.http.headers["X-CSRFToken"]},
    ]
