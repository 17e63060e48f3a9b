"""The pipeline's scripts, with stand-ins for docker and aws that log calls."""

import os
import subprocess

import pytest

from smartbudget.local.settings import ROOT

URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/smart-budget-planner"
# Each call is a line of the log; a pushed image is recorded as a file.
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS/log"
for last; do :; done
case "$(basename "$0") $*" in
  "aws ecr get-login-password") echo password ;;
  "aws ecr describe-images"*)
    if [ -e "$CALLS/${last#imageTag=}" ]; then exit; fi
    echo "An error occurred (${LOOKUP:-ImageNotFoundException})" >&2
    exit 254 ;;
  "docker login"*) cat > /dev/null ;;
  "docker push"*) touch "$CALLS/${last##*:}" ;;
  "docker run"*) echo container ;;
  "docker port"*) echo 127.0.0.1:5000 ;;
  "docker exec"*) echo "${RUNS_AS:-10001}" ;;
  "docker inspect"*) echo "${ENDED_WITH:-0}" ;;
  "python -m infra.scan"*) exit "${SCAN:-0}" ;;
  "docker image inspect"*) echo "sha256:${IMAGE_ID:-123456789abcdef}" ;;
  "git rev-parse HEAD") echo 0a1b2c3 ;;
  "git rev-list --count HEAD") echo 321 ;;
esac
"""


@pytest.fixture
def run(tmp_path):
    """Run a script; return (result, logged calls)."""
    calls = tmp_path / "calls"
    calls.mkdir()
    for name in ("aws", "curl", "docker", "git", "python"):
        path = tmp_path / name
        path.write_text(STAND_IN)
        path.chmod(0o755)

    def run(script, *arguments, **changes):
        (calls / "log").write_text("")
        result = subprocess.run(
            [ROOT / "scripts" / script, *arguments],
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "CALLS": str(calls),
                **changes,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return result, (calls / "log").read_text().splitlines()

    return run


def version_tag():
    text = (ROOT / "pyproject.toml").read_text()
    return text.split('\nversion = "')[1].split('"')[0] + ".321"


def pushed(calls):
    return [call.rpartition(":")[2] for call in calls if call.startswith("docker push")]


TAG = "0a1b2c3-123456789abc"  # the commit, and the start of the image's id


def push(run, **changes):
    return run("push_image.sh", URI, "image.tar", **changes)


def test_an_image_is_tried_and_saved(run, tmp_path):
    file = tmp_path / "release" / "image.tar"

    result, calls = run("build_image.sh", str(file))

    assert result.returncode == 0
    assert calls[-1] == f"docker save --output {file} smart-budget-planner:0a1b2c3"
    assert file.parent.is_dir()
    assert any("--read-only" in call for call in calls)
    (build,) = [call for call in calls if call.startswith("docker build")]
    assert f"VERSION={version_tag()}" in build


def test_an_image_is_built_without_what_ecr_does_not_scan(run, tmp_path):
    """Attestations turn an image into an index, whose tag ECR does not scan."""
    _, calls = run("build_image.sh", str(tmp_path / "image.tar"))

    (build,) = [call for call in calls if call.startswith("docker build")]
    assert {"--provenance=false", "--sbom=false"} <= set(build.split())


@pytest.mark.parametrize(
    "changes", [{"RUNS_AS": "0"}, {"ENDED_WITH": "137"}], ids=["root", "killed"]
)
def test_a_misbehaving_image_is_not_saved(run, tmp_path, changes):
    result, calls = run("build_image.sh", str(tmp_path / "image.tar"), **changes)

    assert result.returncode
    assert not any(call.startswith("docker save") for call in calls)
    assert "docker rm --force container" in calls


def test_an_image_gets_commit_version_and_latest_once_it_is_scanned(run):
    result, calls = push(run)

    assert result.stdout == f"image={URI}:{TAG}\n"
    assert calls[:2] == ["git rev-parse HEAD", "git rev-list --count HEAD"]
    assert pushed(calls) == [TAG, version_tag(), "latest"]
    scan = calls.index(f"python -m infra.scan smart-budget-planner {TAG}")
    assert calls.index(f"docker push --quiet {URI}:{TAG}") < scan
    assert scan < calls.index(f"docker push --quiet {URI}:latest")


def test_pushing_builds_nothing(run):
    _, calls = push(run)

    assert "docker load --quiet --input image.tar" in calls
    assert not any(call.startswith("docker build") for call in calls)


def test_an_image_with_critical_findings_gets_no_more_tags(run):
    result, calls = push(run, SCAN="1")

    assert result.returncode
    assert "image=" not in result.stdout
    assert pushed(calls) == [TAG]


def test_an_image_already_pushed_is_not_pushed_again(run):
    push(run)
    result, calls = push(run)

    assert result.returncode == 0
    assert pushed(calls) == ["latest"]


def test_another_image_of_the_same_commit_is_not_taken_for_the_first(run):
    """A workflow that is run again in full builds again."""
    push(run)

    result, calls = push(run, IMAGE_ID="fedcba987654321")

    assert result.stdout == f"image={URI}:0a1b2c3-fedcba987654\n"
    assert pushed(calls) == ["0a1b2c3-fedcba987654", "latest"]


def test_an_image_is_not_taken_for_missing_if_it_cannot_be_looked_up(run):
    result, calls = push(run, LOOKUP="AccessDeniedException")

    assert result.returncode
    assert "AccessDeniedException" in result.stderr
    assert pushed(calls) == []
