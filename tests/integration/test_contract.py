"""The API against its description: Schemathesis sends what fits it, and what does not.

What it leaves out, and why, is in schemathesis.toml.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from smartbudget.local.settings import ROOT
from tests.integration.people import PASSWORD, Person

SOAK = bool(os.environ.get("SOAK"))
pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.soak]

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SCOPES = ["read", "write", "reports", "account"]


def test_the_api_does_what_its_schema_says(stack, tmp_path):
    token = Person(stack).post(
        "tokens", password=PASSWORD, name="Contract", scopes=SCOPES, expires_in_days=1
    )["token"]
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(CONFIGURATION), "run"),
        *(str(ROOT / "docs" / "openapi.yaml"), "--no-color"),
        *("--workers", "2", "--max-examples", "100" if SOAK else "4"),
        *([] if SOAK else ["--generation-deterministic"]),
    ]
    env = {**os.environ, "CONTRACT_URL": stack.web_url, "CONTRACT_TOKEN": token}

    # In a folder of its own: it would read a configuration and write caches here.
    run = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr
    # All the time it was somebody who asked, or little would have been tested.
    still = requests.get(
        f"{stack.web_url}/api/profile",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert still.status_code == 200
