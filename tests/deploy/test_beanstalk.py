"""The bundle for Elastic Beanstalk, and settings that must match it."""

import json
import re
import subprocess
import zipfile

import pytest
import yaml

from infra import bundle
from smartbudget import gunicorn_conf, settings
from smartbudget.core import aws
from smartbudget.local.settings import ROOT
from smartbudget.web.problems import TITLES
from tests.problems import MEMBERS

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/smart-budget-planner:0a1b2c3"
PROXY = (ROOT / ".platform" / "nginx" / "nginx.conf").read_text()
IDLE_SECONDS = 60  # set by the load balancer


def proxy(name: str) -> int:
    matches = re.findall(rf"^\s*{name} (\d+)m?;", PROXY, re.MULTILINE)
    assert len(matches) == 1
    return int(matches[0])


def test_the_bundle_names_the_image_and_holds_what_the_instance_needs(tmp_path):
    with zipfile.ZipFile(bundle.build(IMAGE, tmp_path / "web.zip")) as archive:
        dockerrun = json.loads(archive.read("Dockerrun.aws.json"))
        modes = {item.filename: item.external_attr >> 16 for item in archive.infolist()}

    assert dockerrun["Image"]["Name"] == IMAGE
    assert dockerrun["Ports"] == [{"ContainerPort": "8000"}]
    assert {
        ".ebextensions/imds.config",
        ".ebextensions/logs.config",
        ".platform/nginx/nginx.conf",
        ".platform/hooks/postdeploy/10_stream_stdout.sh",
        ".platform/confighooks/postdeploy/10_stream_stdout.sh",
    } == set(modes) - {"Dockerrun.aws.json"}
    assert {mode for name, mode in modes.items() if name.endswith(".sh")} == {0o755}


def test_the_same_image_gives_the_same_bundle(tmp_path):
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    bundle.build(IMAGE, first)
    bundle.build(IMAGE, second)

    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "image", ["", "planner", "planner:1", f"{IMAGE.split(':')[0]}", "a.b/c:latest"]
)
def test_an_invalid_image_uri_is_rejected(tmp_path, image):
    with pytest.raises(ValueError, match="does not name one image"):
        bundle.build(image, tmp_path / "web.zip")


def test_the_container_listens_on_the_port_in_the_bundle():
    dockerrun = json.loads((ROOT / "Dockerrun.aws.json").read_text())
    port = dockerrun["Ports"][0]["ContainerPort"]

    assert gunicorn_conf.bind.endswith(f":{port}")
    assert f"EXPOSE {port}\n" in (ROOT / "Dockerfile").read_text()


def test_each_timeout_is_longer_than_the_one_it_waits_for():
    waits = [
        aws.READ_TIMEOUTS["lambda"],
        gunicorn_conf.timeout,
        proxy("proxy_read_timeout"),
        IDLE_SECONDS,
    ]

    assert waits == sorted(set(waits))
    assert gunicorn_conf.graceful_timeout > aws.READ_TIMEOUTS["lambda"]


def test_the_load_balancer_closes_connections_first():
    assert gunicorn_conf.keepalive > IDLE_SECONDS
    assert proxy("keepalive_timeout") > IDLE_SECONDS


def test_the_proxy_lets_through_what_the_application_accepts():
    assert proxy("client_max_body_size") * 1024 * 1024 > settings.UPLOAD_MAX_SIZE


@pytest.mark.parametrize("status", [413, 431, 503])
def test_errors_of_the_proxy_are_problem_documents_too(status):
    (written,) = re.findall(r"return 400 '(.*)';", PROXY)
    values = {"status": str(status), "request_id": "5e6c2b00", "host": "example.com"}
    for name, block in re.findall(r"map \$status \$(\w+) {(.*?)}", PROXY, re.S):
        cases = dict(re.findall(r'^\s*(\w+)\s+"?(.*?)"?;$', block, re.M))
        values[name] = cases.get(str(status), cases["default"])
    data = json.loads(re.sub(r"\$(\w+)", lambda match: values[match[1]], written))

    assert set(data) == MEMBERS
    assert data["status"] == status
    assert data["title"] == TITLES[data["code"]]
    assert data["type"] == f"https://example.com/api/docs/errors#{data['code']}"
    assert bool(values["refusal_wait"]) == (status == 503)


def test_option_settings_are_only_in_the_template():
    for path in (ROOT / ".ebextensions").iterdir():
        assert "option_settings" not in yaml.safe_load(path.read_text())


def test_a_container_can_reach_only_version_2_of_the_metadata_service():
    """The container gets its credentials from there, one hop away."""
    config = yaml.safe_load((ROOT / ".ebextensions" / "imds.config").read_text())
    ((name, template),) = config["Resources"].items()
    metadata = template["Properties"]["LaunchTemplateData"]["MetadataOptions"]

    assert name == "AWSEBEC2LaunchTemplate"  # a variable of Elastic Beanstalk
    assert template["Type"] == "AWS::EC2::LaunchTemplate"
    assert metadata == {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}


def test_the_agent_sends_the_containers_output_to_the_log_group():
    config = yaml.safe_load((ROOT / ".ebextensions" / "logs.config").read_text())
    (path, file), *others = config["files"].items()
    # CloudFormation puts the environment's name there.
    text = file["content"].replace('`{"Ref": "AWSEBEnvironmentName"}`', "the-env")
    (log,) = json.loads(text)["logs"]["logs_collected"]["files"]["collect_list"]

    assert not others
    assert log["log_group_name"] == (
        "/aws/elasticbeanstalk/the-env/var/log/web.stdout.log"
    )
    assert path == f"{AGENT}/etc/web-stdout.json"


AGENT = "/opt/aws/amazon-cloudwatch-agent"
HOOK = ROOT / ".platform" / "hooks" / "postdeploy" / "10_stream_stdout.sh"
# What the platform streams, as others found it on their instances.
OF_THE_PLATFORM = [
    "/var/log/eb-engine.log",
    "/var/log/nginx/access.log",
    "/var/log/eb-docker/containers/eb-current-app/*stdouterr.log",
]


@pytest.fixture
def run_hook(tmp_path):
    """Run the hook with files below a folder; return (arguments, platform's file)."""
    agent = tmp_path / "bin" / "amazon-cloudwatch-agent-ctl"
    agent.parent.mkdir()
    agent.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n')
    agent.chmod(0o755)
    platform = tmp_path / "etc" / "amazon-cloudwatch-agent.d" / "file_beanstalk.json"
    hook = tmp_path / "hook.sh"
    hook.write_text(HOOK.read_text().replace(AGENT, str(tmp_path)))

    def run(streamed):
        if streamed:
            platform.parent.mkdir(parents=True, exist_ok=True)
            platform.write_text(json.dumps(streamed))
        subprocess.run(["bash", hook], check=True)
        return (tmp_path / "arguments").read_text(), platform

    return run


def test_the_agent_is_given_the_file_after_each_deployment(run_hook, tmp_path):
    arguments, _ = run_hook(None)

    assert arguments.startswith("-a append-config -m ec2 -s ")
    assert arguments.endswith(f"-c file:{tmp_path}/etc/web-stdout.json\n")


def test_the_containers_output_is_streamed_once(run_hook):
    for _ in range(2):
        _, platform = run_hook(OF_THE_PLATFORM)

        *kept, replaced = json.loads(platform.read_text())
        assert kept == OF_THE_PLATFORM[:2]
        assert "stdouterr" not in replaced
