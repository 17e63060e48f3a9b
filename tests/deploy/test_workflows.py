"""Permissions of the workflows; `make lint` has actionlint and zizmor for the rest."""

import re

import pytest
import yaml

from smartbudget.local.settings import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_workflows_are_read_only_unless_a_job_says_why(path):
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        wanted = job.get("permissions", {"contents": "read"})
        allowed = {"contents": "read"}
        if name == "deploy":
            allowed["id-token"] = "write"
        assert wanted == allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_third_party_actions_are_pinned_by_commit(path):
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())

    assert used
    for action, version in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", version)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_workflow_uses_a_stored_key(path):
    assert "secrets." not in path.read_text()


def test_deployments_never_overlap_and_are_not_cancelled():
    workflow = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())
    job = workflow["jobs"]["deploy"]

    assert job["concurrency"] == {
        "group": "deploy-production",
        "cancel-in-progress": False,
    }
    assert job["needs"] == "ci"
    assert job["environment"]["name"] == "production"
