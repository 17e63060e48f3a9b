"""The canary on the local AWS: by hand, and as the Lambda of its template."""

import json
import secrets
import sys
import zipfile
from importlib import metadata

import pytest
import requests

from infra import build_lambdas, canary
from infra.canary import Canary, CanaryError
from smartbudget.local.settings import CODE_BUCKET
from tests.integration.stages import deploy_template


def password():
    return secrets.token_urlsafe(24)


def register(stack, runner, number=0):
    """Leave an account behind, as a run that was killed after its first step."""
    name = runner._username(number)
    answer = requests.post(
        f"{stack.web_url}/register",
        json={
            "username": name,
            "email": f"{name}@example.com",
            "password": runner._password,
        },
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return name


def can_log_in(stack, runner, name):
    body = {"username": name, "password": runner._password}
    answer = requests.post(f"{stack.web_url}/login", json=body, timeout=30)
    return answer.status_code == 200


def test_the_whole_job_passes_and_its_account_is_closed(stack):
    runner = Canary(stack.web_url, password())

    runner.run()

    assert not can_log_in(stack, runner, runner._username(0))


def test_the_next_run_uses_another_name_while_the_first_is_being_deleted(stack):
    secret = password()

    Canary(stack.web_url, secret).run()
    Canary(stack.web_url, secret).run()


def test_the_next_run_closes_what_a_killed_one_left(stack, monkeypatch):
    runner = Canary(stack.web_url, password())
    name = register(stack, runner)
    monkeypatch.setattr(canary, "LEFTOVER_SECONDS", 0)

    runner.run()

    assert not can_log_in(stack, runner, name)


def test_an_account_that_a_run_may_be_using_stays_open(stack):
    runner = Canary(stack.web_url, password())
    name = register(stack, runner)

    runner.run()

    assert can_log_in(stack, runner, name)


def test_an_alert_that_is_not_processed_is_reported(stack, monkeypatch):
    client = stack.admin_session().client("lambda")
    mappings = client.list_event_source_mappings(
        FunctionName="notification_processor:live"
    )["EventSourceMappings"]
    (uuid,) = [
        mapping["UUID"]
        for mapping in mappings
        if mapping["EventSourceArn"].endswith(":notification-queue")
    ]
    monkeypatch.setattr(canary, "ALERT_SECONDS", 3)
    client.update_event_source_mapping(UUID=uuid, Enabled=False)
    try:
        with pytest.raises(CanaryError, match=r"wait for the alert.*queued"):
            Canary(stack.web_url, password()).run()
    finally:
        client.update_event_source_mapping(UUID=uuid, Enabled=True)


def test_an_outage_of_the_queue_or_tables_is_reported(stack):
    with stack.without("aws"), pytest.raises(CanaryError, match="register: POST"):
        Canary(stack.web_url, password()).run()


def add_boto3(path):
    """Add boto3 to a zip: on AWS the runtime has it, on the local AWS it has not."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in (
            *("boto3", "botocore", "jmespath", "python-dateutil"),
            *("s3transfer", "six", "urllib3"),
        ):
            for file in metadata.files(name):
                is_model = "/data/" in str(file) and len(file.parts) > 3
                if is_model and file.parts[2] not in {"secretsmanager", "sts"}:
                    continue
                if file.suffix in {".py", ".json", ".gz"} and ".." not in file.parts:
                    archive.write(file.locate(), str(file))


@pytest.fixture(scope="module")
def function(stack, tmp_path_factory):
    """Deploy the canary's template against the local web, and return its client."""
    session = stack.admin_session()
    path = build_lambdas.build_canary(tmp_path_factory.mktemp("canary"))
    add_boto3(path)
    session.client("s3").put_object(
        Bucket=CODE_BUCKET, Key=path.name, Body=path.read_bytes()
    )
    secret = session.client("secretsmanager").create_secret(
        Name="smart-budget-canary-password", SecretString=password()
    )
    deploy_template(
        session,
        "canary",
        {
            "CodeBucket": CODE_BUCKET,
            "CanaryCodeKey": path.name,
            "CanaryPasswordArn": secret["ARN"],
            "LambdaRuntime": "python{}.{}".format(*sys.version_info[:2]),
            "AppUrl": stack.web_url,
            "CanarySchedule": "off",
        },
    )
    return session.client("lambda")


def test_the_lambda_runs_with_its_own_role(function):
    response = function.invoke(FunctionName="canary")

    result = json.loads(response["Payload"].read())
    assert "FunctionError" not in response, result
    assert result == {"result": "done"}


def test_an_error_of_the_lambda_names_the_step(stack, function):
    settings = function.get_function_configuration(FunctionName="canary")
    variables = settings["Environment"]["Variables"]
    broken = {**variables, "APP_URL": "http://127.0.0.1:9"}
    function.update_function_configuration(
        FunctionName="canary", Environment={"Variables": broken}
    )

    response = function.invoke(FunctionName="canary")

    function.update_function_configuration(
        FunctionName="canary", Environment={"Variables": variables}
    )
    assert response["FunctionError"] == "Unhandled"
    result = json.loads(response["Payload"].read())
    assert result["errorMessage"].startswith("register: POST /register failed")
    assert variables["PASSWORD_ARN"] not in json.dumps(result)
