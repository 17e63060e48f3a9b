"""The commands of the first deployment, run with stand-ins for AWS and GitHub."""

import json
import os
import re
import subprocess

import pytest

from infra.preflight.plan import PARTS
from smartbudget.local.settings import ROOT

GUIDE = (ROOT / "docs/operations.md").read_text()
FIRST = GUIDE.split("## First deployment")[1].split("### Changing parameters")[0]
STEPS = re.split(r"(?m)^(?=\d\. )", FIRST)
# Each call is a line of the log.
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> log
case "$(basename "$0") $*" in
  "aws elasticbeanstalk"*) echo e-a1b2c3 ;;
  "aws cloudformation describe-stacks"*) echo "value of $*" | tr -c '[:alnum:]\\n' - ;;
esac
"""


def code(step: int) -> str:
    """Return the shell commands of a step."""
    (text,) = (part for part in STEPS if part.startswith(f"{step}. "))
    return "\n".join(re.findall(r"(?m)^ {7}(.*)", text)) + "\n"


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Run steps 2, 3, 4 and 7; return (calls, parameters at the end)."""
    folder = tmp_path_factory.mktemp("walk")
    for name in ("bin/aws", "bin/gh", ".venv/bin/python"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(STAND_IN)
        path.chmod(0o755)
    example = json.loads(code(1))
    example["Parameters"]["ResourcePrefix"] = "test-"
    (folder / "stage.json").write_text(json.dumps(example))
    (key,) = re.findall(r"`(deploy key && [^`]+)`", GUIDE)
    script = code(2) + code(3) + key + "\n" + code(4) + code(7)

    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{folder}/bin:{os.environ['PATH']}"},
        check=True,
    )

    calls = (folder / "log").read_text().splitlines()
    return calls, json.loads((folder / "stage.json").read_text())["Parameters"]


def test_the_account_is_checked_before_stacks_are_deployed_in_order(walked):
    calls, _ = walked

    assert calls[0] == "python -m infra.preflight stage.json"
    stacks = [
        re.findall(r"--stack-name test-smart-budget-(\w+) .*infra/(\w+)\.yaml", call)
        for call in calls
        if call.startswith("aws cloudformation deploy")
    ]
    assert [pair for (pair,) in stacks] == [
        (part, part) for part in (*PARTS[:3], "key", "roles")
    ]
    assert all("file://stage.json" in c for c in calls if " deploy --stack" in c)


def test_what_aws_chose_is_entered_into_the_parameters(walked):
    _, parameters = walked

    assert parameters["EnvironmentId"] == "e-a1b2c3"
    assert "test-smart-budget-key" in parameters["KmsKeyArn"]
    assert parameters["AppUrl"] == "https://budget.example.com"


def test_every_variable_of_the_workflow_is_set_in_the_environment(walked):
    calls, parameters = walked
    workflow = (ROOT / ".github/workflows/deploy-stage.yml").read_text()
    used = set(re.findall(r"vars\.(\w+)", workflow))
    command = r"gh variable set (\w+) --repo owner/name --env production --body (.+)"
    values = dict(re.findall(command, "\n".join(calls)))

    assert "gh api --method PUT repos/owner/name/environments/production" in calls
    assert values.keys() == used
    assert values["AWS_REGION"] == "eu-west-1"
    assert "test-smart-budget-delivery" in values["CODE_BUCKET"]
    assert "RepositoryUri" in values["REPOSITORY_URI"]
    passed = json.loads(values["STACK_PARAMETERS"])
    assert passed["AllowedHosts"] == parameters["AllowedHosts"]
