"""Deployment: code is uploaded once, unhealthy servers are rolled back."""

import datetime
import io
import json
import re

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from infra import build_lambdas, canary, deploy, scan, smoke, templates
from infra.changesets import DeployError, State

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/smart-budget-planner:0a1b2c3"
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"digest": "sha256:1"},
}
BRANCH = (
    "arn:aws:elasticbeanstalk:eu-west-1::platform/"
    "Docker running on 64bit Amazon Linux 2023"
)
OLD, NEW = (
    State("{}", {"BundleKey": key, "PlatformArn": f"{BRANCH}/4.6.1"})
    for key in ("old", "new")
)


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

    def print_line(self, line):
        pass


class Environment(deploy.Environment):
    """An environment with the given states in order; it repeats the last."""

    def __init__(self, *states: tuple[str, str], platform: str = "4.6.1") -> None:
        super().__init__(None, None, "planner-env")
        self.environment_id = "e-planner"
        self.states = list(states or [("Ready", "Ok")])
        self.platform = platform

    def _describe(self):
        status, health = self.states[0]
        self.states = self.states[1:] or self.states
        return {
            "EnvironmentId": self.environment_id,
            "Status": status,
            "HealthStatus": health,
            "PlatformArn": f"{BRANCH}/{self.platform}",
        }


def fine() -> None:
    """Pass as healthy."""


def wrong() -> None:
    raise smoke.SmokeError("/login has no style.")


def release(stacks, environment=None, check=fine):
    deploy.release_web(stacks, "web", NEW, environment or Environment(), check)


def test_healthy_servers_are_kept():
    stacks = Stacks(OLD)

    release(stacks)

    assert stacks.deployed == [NEW]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(deploy, "HEALTH_SECONDS", 0)


ILL = ("Ready", "Severe")


@pytest.mark.parametrize(
    ("environment", "check", "error"),
    [
        (Environment(ILL), fine, DeployError),
        (Environment(), wrong, smoke.SmokeError),
    ],
    ids=["health", "smoke"],
)
def test_unhealthy_servers_are_rolled_back(environment, check, error, impatient):
    stacks = Stacks(OLD)

    with pytest.raises(error):
        release(stacks, environment, check)

    assert stacks.deployed == [NEW, OLD]


@pytest.mark.parametrize(
    "stacks", [Stacks(None), Stacks(OLD, changes=False)], ids=["first", "unchanged"]
)
def test_unhealthy_servers_without_an_earlier_state_are_an_error(stacks, impatient):
    with pytest.raises(DeployError, match="Severe"):
        release(stacks, Environment(ILL))

    assert stacks.deployed == [NEW]


def test_deployment_waits_until_the_environment_is_healthy():
    environment = Environment(
        ("Updating", "Info"), ("Ready", "Warning"), ("Ready", "Ok")
    )

    environment.require_healthy(poll_seconds=0)

    assert len(environment.states) == 1


@pytest.mark.parametrize(
    ("running", "deployed"),
    [("4.6.1", "4.6.1"), ("4.10.0", "4.10.0"), ("4.5.9", "4.6.1"), ("4.6", "4.6.1")],
    ids=["same", "after a managed update", "raised by hand", "other digits"],
)
def test_a_deployment_never_downgrades_the_platform(running, deployed):
    stacks = Stacks(OLD)

    with pytest.raises(smoke.SmokeError):
        release(stacks, Environment(platform=running), wrong)

    new, rolled_back = (state.parameters["PlatformArn"] for state in stacks.deployed)
    assert new == rolled_back == f"{BRANCH}/{deployed}"


def test_a_running_platform_is_kept_if_none_is_given():
    state = State("{}", {})

    assert Environment().keep_platform(state).parameters == {
        "PlatformArn": f"{BRANCH}/4.6.1"
    }


def make_load_balancer(environment_id):
    """Create a load balancer and its target group, tagged as Elastic Beanstalk does."""
    ec2, elbv2 = boto3.client("ec2"), boto3.client("elbv2")
    tags = [{"Key": "elasticbeanstalk:environment-id", "Value": environment_id}]
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    name = environment_id.lower()
    (balancer,) = elbv2.create_load_balancer(Name=name, Subnets=subnets[:2], Tags=tags)[
        "LoadBalancers"
    ]
    (group,) = elbv2.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=80,
        VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        Tags=tags,
    )["TargetGroups"]
    return balancer["LoadBalancerArn"], group["TargetGroupArn"]


@pytest.fixture
def environment(aws):
    environment = Environment()
    environment.tagging = boto3.client("resourcegroupstaggingapi")
    return environment


def test_alarms_watch_the_load_balancer_of_the_environment(environment):
    make_load_balancer("e-another")
    balancer, group = make_load_balancer("e-planner")

    found = environment.load_balancer()

    declared = templates.read("observability")["Parameters"]
    for name, value in found.items():
        assert re.fullmatch(declared[name]["AllowedPattern"], value)
    assert balancer.endswith(":loadbalancer/" + found["LoadBalancer"])
    assert group.endswith(":" + found["TargetGroup"])


def test_a_load_balancer_that_is_not_tagged_is_unknown(environment):
    environment.environment_id = "e-untagged"
    make_load_balancer("e-foreign")

    assert environment.load_balancer() == {}


class Beanstalk:
    """Elastic Beanstalk with one environment in the given status."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = statuses

    def describe_environments(self, **request):
        assert request == {"EnvironmentNames": ["planner-env"], "IncludeDeleted": False}
        return {"Environments": [{"Status": status} for status in self.statuses]}


@pytest.mark.parametrize("beanstalk", [Beanstalk(), Beanstalk("Terminating")])
def test_an_environment_that_is_gone_has_neither_platform_nor_load_balancer(beanstalk):
    environment = deploy.Environment(beanstalk, None, "planner-env")

    assert environment.keep_platform(NEW) == NEW
    assert environment.load_balancer() == {}


@pytest.fixture
def bucket(aws, monkeypatch, tmp_path):
    zips = {"budget_alert": tmp_path / "budget_alert-1.zip"}
    zips["budget_alert"].write_bytes(b"code")
    monkeypatch.setattr(build_lambdas, "build", lambda out, target: zips)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="code")
    return deploy.CodeBucket(s3, "code")


def test_each_bundle_is_uploaded_once(bucket, tmp_path):
    uploads: list[str] = []
    put = bucket.s3.put_object
    bucket.s3.put_object = lambda **call: uploads.append(call["Key"]) or put(**call)

    first = {**bucket.put_zips(tmp_path), **bucket.put_bundle(IMAGE)}
    again = {**bucket.put_zips(tmp_path), **bucket.put_bundle(IMAGE)}

    assert first == again
    assert first["BudgetAlertCodeKey"] == "budget_alert-1.zip"
    assert re.fullmatch(r"canary-[0-9a-f]{20}\.zip", first["CanaryCodeKey"])
    assert sorted(uploads) == sorted(first.values())


def test_another_image_is_another_bundle(bucket):
    assert bucket.put_bundle(IMAGE) != bucket.put_bundle(IMAGE + "4")


@pytest.fixture
def pipeline(aws, monkeypatch, tmp_path):
    """Set up arguments, environment and stacks as in the workflow."""
    boto3.client("s3").create_bucket(Bucket="code")
    monkeypatch.setenv("CODE_BUCKET", "code")
    monkeypatch.setenv("STACK_PARAMETERS", '{"AppUrl": "https://budget.example.com"}')
    arguments = ["--image", IMAGE, "--zips", str(tmp_path), "--release", "r1"]
    monkeypatch.setattr("sys.argv", ["deploy", *arguments])
    monkeypatch.setattr(deploy.Stacks, "outputs", lambda self, name: OUTPUTS)
    monkeypatch.setattr(deploy.Environment, "load_balancer", lambda self: {})
    return monkeypatch


OUTPUTS = {"SecretKeyArn": "arn:secret", "AppUrl": "https://elsewhere.example.com"}


def test_zips_that_cannot_be_built_stop_the_deployment_with_the_reason(pipeline):
    def fail(out, target):
        raise build_lambdas.BuildError("No wheel for pillow.")

    pipeline.setattr(build_lambdas, "build", fail)

    with pytest.raises(SystemExit) as ended:
        deploy.main()

    assert str(ended.value) == "::error::No wheel for pillow."


@pytest.fixture
def deployed(pipeline, tmp_path):
    """Return [(stack, state)] of a deployment, without building and changing any."""
    path = tmp_path / "budget_alert-1.zip"
    path.write_bytes(b"code")
    pipeline.setattr(build_lambdas, "build", lambda out, target: {"budget_alert": path})
    calls: list[tuple[str, State]] = []
    pipeline.setattr(
        deploy.Stacks, "deploy", lambda self, name, state: calls.append((name, state))
    )
    pipeline.setattr(
        deploy,
        "release_web",
        lambda stacks, name, state, *_: calls.append((name, state)),
    )
    return calls


def test_templates_get_outputs_of_data_unless_given(deployed):
    deploy.main()

    parameters = dict(deployed)["smart-budget-functions"].parameters
    assert parameters["SecretKeyArn"] == "arn:secret"
    assert parameters["AppUrl"] == "https://budget.example.com"
    assert parameters["LambdaRuntime"] == "python3.13"


def test_a_new_load_balancer_is_watched_after_the_same_deployment(deployed, pipeline):
    made = [{}, {"LoadBalancer": "app/new/1", "TargetGroup": "targetgroup/new/1"}]
    pipeline.setattr(deploy.Environment, "load_balancer", lambda self: made.pop(0))

    deploy.main()

    parts = [name.removeprefix("smart-budget-") for name, _ in deployed]
    assert parts == ["observability", "functions", "canary", "web", "observability"]
    assert deployed[-1][1].parameters["LoadBalancer"] == "app/new/1"


def test_a_load_balancer_that_is_not_found_is_a_warning(deployed, capsys):
    deploy.main()

    assert "::warning::The load balancer was not found" in capsys.readouterr().out
    assert dict(deployed).keys() == {f"smart-budget-{part}" for part in DEPLOYED}


DEPLOYED = ("observability", "functions", "canary", "web")


def test_a_known_load_balancer_needs_no_second_deployment(deployed, pipeline):
    known = {"LoadBalancer": "app/one/1", "TargetGroup": "targetgroup/one/1"}
    pipeline.setattr(deploy.Environment, "load_balancer", lambda self: known)

    deploy.main()

    assert len(deployed) == 4
    assert deployed[0][1].parameters["TargetGroup"] == "targetgroup/one/1"


# -- canary


class Lambda:
    """A Lambda that returns the same result each time."""

    def __init__(self, result, **more):
        self.response = {"Payload": io.BytesIO(json.dumps(result).encode()), **more}

    def invoke(self, **request):
        assert request == {"FunctionName": "test-canary"}
        return self.response


def test_a_canary_without_errors_passes():
    deploy.run_canary(Lambda({"result": "done"}), "test-canary")


def test_a_failing_canary_rolls_the_web_back_and_names_the_step():
    failing = Lambda(
        {"errorMessage": "add an expense: POST /api/expenses answered 500"},
        FunctionError="Unhandled",
    )
    stacks = Stacks(OLD)

    with pytest.raises(DeployError, match="canary failed: add an expense"):
        release(stacks, check=lambda: deploy.run_canary(failing, "test-canary"))

    assert stacks.deployed == [NEW, OLD]


def test_a_canary_that_cannot_be_run_is_an_error():
    class Silent:
        def invoke(self, **request):
            raise ReadTimeoutError(endpoint_url="https://lambda.example.com")

    with pytest.raises(DeployError, match="could not be run: Read timeout"):
        deploy.run_canary(Silent(), "test-canary")


@pytest.mark.parametrize("has_dns_record", [True, False])
def test_every_deployment_requests_pages_and_runs_the_canary_if_it_can(
    aws, monkeypatch, has_dns_record
):
    """Before the first DNS record, only the load balancer can be reached."""
    seen = []
    monkeypatch.setattr(smoke, "check", lambda *request: seen.append(request))
    monkeypatch.setattr(smoke, "has_dns_record", lambda url: has_dns_record)
    monkeypatch.setattr(deploy, "run_canary", lambda client, name: seen.append(name))

    deploy.check("https://budget.example.com", "balancer.example.com", "test-")

    requested = [("https://budget.example.com", "balancer.example.com")]
    assert seen == requested + ["test-canary"] * has_dns_record


def test_the_canary_is_waited_for_until_its_time_is_over():
    function = templates.read("canary")["Resources"]["CanaryFunction"]["Properties"]

    assert function["Timeout"] > canary.RUN_SECONDS + canary.CLOSE_SECONDS
    assert function["Timeout"] < deploy.CANARY_SECONDS
    assert function["Timeout"] < canary.LEFTOVER_SECONDS


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


TODAY = datetime.date(2026, 11, 30)


def test_an_accepted_vulnerability_does_not_stop_a_release():
    text = '[CVE-1]\nreason = "Never run."\nuntil = 2026-11-30'
    ecr = answering(scanned("COMPLETE", "LOW", "CRITICAL"))

    accepted = scan.accepted(text, TODAY)

    assert scan.require_clean(ecr, "planner", "1", accepted)["CRITICAL"] == 1


def test_a_vulnerability_is_accepted_until_its_last_day():
    text = '[CVE-1]\nreason = "Never run."\nuntil = 2026-11-30'

    assert scan.accepted(text, TODAY) == {"CVE-1"}
    assert scan.accepted(text, TODAY + datetime.timedelta(days=1)) == set()


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("until = 2026-12-01", "without a reason"),
        ('reason = ""\nuntil = 2026-12-01', "without a reason"),
        ('reason = "Never run."', "last day"),
        ('reason = "Never run."\nuntil = "2026-12-01"', "last day"),
        ('reason = "Never run."\nuntil = 2026-12-01T00:00:00', "last day"),
        ('reason = "Never run."\nuntil = 2027-03-01', "more than 90 days"),
    ],
)
def test_nothing_is_accepted_without_reason_or_end(entry, error):
    with pytest.raises(scan.ScanError, match=error):
        scan.accepted(f"[CVE-1]\n{entry}", TODAY)


def test_the_accepted_vulnerabilities_are_valid_and_so_is_their_example():
    text = scan.ACCEPTED.read_text()
    example = "".join(re.findall(r"^#     (.*\n)", text, re.MULTILINE))

    today = datetime.datetime.now(datetime.UTC).date()
    assert scan.accepted(text, today) is not None
    assert scan.accepted(example, TODAY) == {"CVE-2026-12345"}


def enhanced(name, status):
    return {
        "severity": "CRITICAL",
        "status": status,
        "title": f"{name} - openssl",
        "packageVulnerabilityDetails": {"vulnerabilityId": name},
    }


def test_findings_of_inspector_are_critical_unless_suppressed_there():
    answer = scanned("ACTIVE")
    answer["imageScanFindings"]["enhancedFindings"] = [
        enhanced("CVE-7", "ACTIVE"),
        enhanced("CVE-8", "SUPPRESSED"),
        enhanced("CVE-9", "ACTIVE"),
    ]

    with pytest.raises(scan.ScanError, match=r"findings: CVE-9$"):
        scan.require_clean(answering(answer), "planner", "1", {"CVE-7"})


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
