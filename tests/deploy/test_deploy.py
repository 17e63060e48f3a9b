"""Deployment: code is uploaded once, unhealthy servers are rolled back."""

import json

import boto3
import pytest

from infra import build_lambdas, deploy, scan, smoke
from infra.changesets import DeployError, State

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/smart-budget-planner:0a1b2c3"
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"digest": "sha256:1"},
}
OLD, NEW = State("{}", {"BundleKey": "old"}), State("{}", {"BundleKey": "new"})


class Stacks:
    """Stacks that only record their changes."""

    def __init__(self, before: State | None, *, changes: bool = True) -> None:
        self.before = before
        self.changes = changes
        self.deployed: list[State] = []

    def state(self, name):
        return self.before

    def deploy(self, name, state):
        self.deployed.append(state)
        return self.changes

    def outputs(self, name):
        return {"EnvironmentName": "planner-env"}

    def say(self, line):
        pass


def fine(*_: object) -> None:
    """Pass as healthy."""


def ill(*_: object) -> None:
    raise DeployError("planner-env is Ready and Severe, not well.")


def wrong() -> None:
    raise smoke.SmokeError("/login has no style.")


def release(stacks, require_healthy=fine, check=fine):
    deploy.release_web(stacks, "web", NEW, require_healthy, check)


def test_healthy_servers_are_kept():
    stacks = Stacks(OLD)

    release(stacks)

    assert stacks.deployed == [NEW]


@pytest.mark.parametrize(
    ("checks", "error"),
    [
        ({"require_healthy": ill}, DeployError),
        ({"check": wrong}, smoke.SmokeError),
    ],
)
def test_unhealthy_servers_are_rolled_back(checks, error):
    stacks = Stacks(OLD)

    with pytest.raises(error):
        release(stacks, **checks)

    assert stacks.deployed == [NEW, OLD]


@pytest.mark.parametrize(
    "stacks", [Stacks(None), Stacks(OLD, changes=False)], ids=["first", "unchanged"]
)
def test_unhealthy_servers_without_an_earlier_state_are_an_error(stacks):
    with pytest.raises(DeployError):
        release(stacks, require_healthy=ill)

    assert stacks.deployed == [NEW]


class Beanstalk:
    """An environment that returns the given states in order, then repeats the last."""

    def __init__(self, *states: tuple[str, str]) -> None:
        self.states = list(states)

    def describe_environments(self, **request):
        status, health = self.states[0]
        self.states = self.states[1:] or self.states
        return {"Environments": [{"Status": status, "HealthStatus": health}]}


def test_deployment_waits_until_the_environment_is_healthy():
    beanstalk = Beanstalk(("Updating", "Info"), ("Ready", "Warning"), ("Ready", "Ok"))

    deploy.require_healthy(beanstalk, "planner-env", poll_seconds=0)

    assert len(beanstalk.states) == 1


def test_waiting_for_an_unhealthy_environment_ends(monkeypatch):
    monkeypatch.setattr(deploy, "HEALTH_SECONDS", 0)

    with pytest.raises(DeployError, match="Severe"):
        deploy.require_healthy(Beanstalk(("Ready", "Severe")), "planner-env")


@pytest.fixture
def bucket(aws, monkeypatch, tmp_path):
    zips = {"budget_alert": tmp_path / "budget_alert-1.zip"}
    zips["budget_alert"].write_bytes(b"code")
    monkeypatch.setattr(build_lambdas, "build", lambda out, target: zips)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="code")
    return deploy.CodeBucket(s3, "code")


def test_each_bundle_is_uploaded_once(bucket):
    uploads: list[str] = []
    put = bucket.s3.put_object
    bucket.s3.put_object = lambda **call: uploads.append(call["Key"]) or put(**call)

    first = {**bucket.put_zips(), **bucket.put_bundle(IMAGE)}
    again = {**bucket.put_zips(), **bucket.put_bundle(IMAGE)}

    assert first == again
    assert first["BudgetAlertCodeKey"] == "budget_alert-1.zip"
    assert sorted(uploads) == sorted(first.values())


def test_another_image_is_another_bundle(bucket):
    assert bucket.put_bundle(IMAGE) != bucket.put_bundle(IMAGE + "4")


@pytest.fixture
def pipeline(aws, monkeypatch):
    """Set up arguments, environment and stacks as in the workflow."""
    boto3.client("s3").create_bucket(Bucket="code")
    monkeypatch.setenv("CODE_BUCKET", "code")
    monkeypatch.setenv("STACK_PARAMETERS", '{"AppUrl": "https://budget.example.com"}')
    monkeypatch.setattr("sys.argv", ["deploy", "--image", IMAGE, "--release", "r1"])
    monkeypatch.setattr(deploy.Stacks, "outputs", lambda self, name: OUTPUTS)
    return monkeypatch


OUTPUTS = {"SecretKeyArn": "arn:secret", "AppUrl": "https://elsewhere.example.com"}


def test_zips_that_cannot_be_built_stop_the_deployment_with_the_reason(pipeline):
    def fail(out, target):
        raise build_lambdas.BuildError("No wheel for pillow.")

    pipeline.setattr(build_lambdas, "build", fail)

    with pytest.raises(SystemExit) as ended:
        deploy.main()

    assert str(ended.value) == "::error::No wheel for pillow."


def test_templates_get_outputs_of_data_unless_given(pipeline, tmp_path):
    path = tmp_path / "budget_alert-1.zip"
    path.write_bytes(b"code")
    pipeline.setattr(build_lambdas, "build", lambda out, target: {"budget_alert": path})
    seen = {}
    pipeline.setattr(
        deploy.Stacks, "deploy", lambda self, name, wanted: seen.update({name: wanted})
    )
    pipeline.setattr(deploy, "release_web", lambda stacks, name, wanted, *_: None)

    deploy.main()

    parameters = seen["smart-budget-functions"].parameters
    assert parameters["SecretKeyArn"] == "arn:secret"
    assert parameters["AppUrl"] == "https://budget.example.com"
    assert parameters["LambdaRuntime"] == "python3.13"


# -- scans


@pytest.fixture
def ecr(aws):
    client = boto3.client("ecr")
    client.create_repository(repositoryName="planner")
    client.put_image(
        repositoryName="planner",
        imageManifest=json.dumps(MANIFEST),
        imageTag="0a1b2c3",
    )
    yield client
    client.delete_repository(repositoryName="planner", force=True)


def answering(*answers):
    """Return an ECR with these scan results in order; the last one repeats."""

    class Ecr:
        left = list(answers)

        def describe_image_scan_findings(self, **request):
            answer = self.left[0]
            self.left = self.left[1:] or self.left
            return answer

        def get_paginator(self, name):
            return self

        def paginate(self, **request):
            return [self.left[0]]

    return Ecr()


def scanned(status, *severities):
    return {
        "imageScanStatus": {"status": status},
        "imageScanFindings": {
            "findings": [
                {"severity": severity, "name": f"CVE-{number}"}
                for number, severity in enumerate(severities)
            ],
            "findingSeverityCounts": {s: severities.count(s) for s in severities},
        },
    }


def test_deployment_waits_for_the_scan():
    ecr = answering(scanned("IN_PROGRESS"), scanned("COMPLETE", "HIGH", "LOW"))

    counts = scan.require_clean(ecr, "planner", "1", poll_seconds=0)

    assert counts == {"HIGH": 1, "LOW": 1}


def test_critical_findings_are_rejected_by_name():
    ecr = answering(scanned("COMPLETE", "LOW", "CRITICAL"))

    with pytest.raises(scan.ScanError, match=r"CVE-1$"):
        scan.require_clean(ecr, "planner", "1")


def test_an_image_that_cannot_be_scanned_is_rejected():
    with pytest.raises(scan.ScanError, match="UNSUPPORTED_IMAGE"):
        scan.require_clean(answering(scanned("UNSUPPORTED_IMAGE")), "planner", "1")


def test_a_scan_that_does_not_finish_is_rejected(monkeypatch):
    monkeypatch.setattr(scan, "WAIT_SECONDS", 0)

    with pytest.raises(scan.ScanError, match="still PENDING"):
        scan.require_clean(answering(scanned("PENDING")), "planner", "1")


def test_deployment_waits_for_a_scan_that_has_not_started(ecr, monkeypatch):
    monkeypatch.setattr(scan, "WAIT_SECONDS", 0)

    with pytest.raises(scan.ScanError, match="still PENDING"):  # on moto's ECR
        scan.require_clean(ecr, "planner", "0a1b2c3")

    ecr.start_image_scan(repositoryName="planner", imageId={"imageTag": "0a1b2c3"})
    assert scan.require_clean(ecr, "planner", "0a1b2c3")["HIGH"]
