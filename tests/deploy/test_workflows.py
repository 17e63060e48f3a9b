"""Permissions of the workflows; `make lint` has actionlint and zizmor for the rest."""

import re

import pytest
import yaml

from smartbudget.local.settings import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
FILES = sorted(WORKFLOWS.glob("*.yml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_workflows_are_read_only_unless_a_job_says_why(path):
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        wanted = job.get("permissions", {"contents": "read"})
        allowed = {"contents": "read"}
        if name in {"deploy", "staging", "production"}:  # the latter call the former
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


@pytest.fixture(scope="module")
def jobs():
    """Return the jobs of deploy.yml."""
    return yaml.safe_load((WORKFLOWS / "deploy.yml").read_text())["jobs"]


@pytest.fixture(scope="module")
def stage():
    """Return the one job of deploy-stage.yml."""
    workflow = yaml.safe_load((WORKFLOWS / "deploy-stage.yml").read_text())
    (job,) = workflow["jobs"].values()
    return job


def test_deployments_of_a_stage_never_overlap_and_are_not_cancelled(stage):
    assert stage["concurrency"] == {
        "group": "deploy-${{ inputs.environment }}",
        "cancel-in-progress": False,
    }


def test_only_what_passed_ci_on_main_is_built(jobs):
    assert jobs["build"]["needs"] == "ci"
    assert jobs["build"]["if"] == "github.ref == 'refs/heads/main'"


def test_staging_and_production_are_deployed_alike(jobs):
    for name in ("staging", "production"):
        assert jobs[name]["uses"] == "./.github/workflows/deploy-stage.yml"
        assert jobs[name]["with"] == {"environment": name}


def test_each_stage_has_the_role_and_rules_of_its_environment(stage):
    (role,) = [step["with"] for step in stage["steps"] if "role-to-assume" in str(step)]

    assert stage["environment"]["name"] == "${{ inputs.environment }}"
    assert role["role-to-assume"] == "${{ vars.DEPLOYER_ROLE_ARN }}"


def test_a_stage_deploys_what_was_built_once(jobs, stage):
    built, deployed = (
        [step.get("run", "") + str(step.get("with", "")) for step in job["steps"]]
        for job in (jobs["build"], stage)
    )

    for command in ("build_image.sh", "infra.build_lambdas"):
        assert command in "".join(built)
        assert command not in "".join(deployed)
    for steps in (built, deployed):
        assert any("'name': 'release'" in step for step in steps)
    assert any("release/image.tar" in step for step in deployed)
    assert any("--zips release/lambdas" in step for step in deployed)


def is_run(condition, *, cancelled=False, **results):
    """Evaluate a job's condition for the results of the jobs it needs."""
    python = (
        re.sub(r"needs\.(\w+)\.result", r"results['\1']", condition)
        .replace("!cancelled()", str(not cancelled))
        .replace("&&", "and")
        .replace("||", "or")
    )
    return eval(" ".join(python.split()), {"results": results})


@pytest.mark.parametrize("staging", ["failure", "cancelled"])
def test_production_waits_for_staging(jobs, staging):
    production = jobs["production"]

    assert production["needs"] == ["build", "staging"]
    assert is_run(production["if"], build="success", staging="success")
    assert not is_run(production["if"], build="success", staging=staging)


def test_production_is_deployed_without_staging_if_a_project_has_none(jobs):
    production = jobs["production"]["if"]

    assert jobs["staging"]["if"] == "vars.SKIP_STAGING != 'true'"
    assert is_run(production, build="success", staging="skipped")
    # Staging is also skipped if nothing was built.
    assert not is_run(production, build="failure", staging="skipped")
    assert not is_run(production, build="skipped", staging="skipped")
    assert not is_run(production, build="success", staging="skipped", cancelled=True)
