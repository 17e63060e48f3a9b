"""The local AWS, deployed from the template, behaves and survives."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from smartbudget.local import deploy
from smartbudget.local.processes import start_time
from smartbudget.local.settings import ROOT, SENDER, LocalError, Settings
from smartbudget.local.stack import LocalStack
from tests.stack import WAIT_SECONDS, make_settings, running_stack, wait_until

pytestmark = pytest.mark.xdist_group("launcher")


def put_user(session, user_id: str) -> None:
    item = {"user_id": {"S": user_id}}
    session.client("dynamodb").put_item(TableName="users", Item=item)


def has_user(session, user_id: str) -> bool:
    client = session.client("dynamodb")
    key = {"user_id": {"S": user_id}}
    return "Item" in client.get_item(TableName="users", Key=key, ConsistentRead=True)


def test_the_stack_listens_on_this_machine_only(stack):
    text = "".join(Path(f"/proc/net/{kind}").read_text() for kind in ("tcp", "tcp6"))
    listening = [line.split()[1] for line in text.splitlines() if " 0A " in line]
    ports = {f"{port:04X}" for port in stack.local.settings.ports.values()}

    hosts = {host for host, port in (a.split(":") for a in listening) if port in ports}

    assert hosts == {"0100007F"}


def test_unchanged_templates_are_not_deployed_again(stack):
    before = when_changed(stack)

    stack.local.deploy()

    assert when_changed(stack) == before


def when_changed(stack) -> dict[str, object]:
    formation = stack.admin_session().client("cloudformation")
    stacks = formation.describe_stacks()["Stacks"]
    return {s["StackName"]: s.get("LastUpdatedTime", s["CreationTime"]) for s in stacks}


@pytest.fixture
def broken_template(tmp_path, monkeypatch) -> pytest.MonkeyPatch:
    """Break a template so that it fails after creating its tables, until undone."""
    broken = shutil.copytree(deploy.TEMPLATES, tmp_path / "infra")
    text = (broken / "data.yaml").read_text()
    text = text.replace(
        "Resources:\n",
        "Resources:\n  Broken:\n    Type: AWS::Lambda::EventInvokeConfig\n"
        "    DependsOn: [UsersTable, ReceiptsBucket, NotificationQueue]\n"
        "    Properties: {FunctionName: no_such, Qualifier: $LATEST}\n",
        1,
    )
    (broken / "data.yaml").write_text(text)
    monkeypatch.setattr(deploy, "TEMPLATES", broken)
    return monkeypatch


FAILURE = r"failed at Broken \(AWS::Lambda::EventInvokeConfig\): .*no_such"


def test_a_failed_update_names_the_reason_and_the_next_one_works(
    stack, broken_template
):
    with pytest.raises(LocalError, match=FAILURE):
        stack.local.deploy()

    broken_template.undo()
    stack.local.deploy()
    put_user(stack.admin_session(), stack.new_address())


def test_a_failed_first_deployment_can_be_repeated(tmp_path, broken_template):
    local = LocalStack(make_settings(tmp_path / "local"))
    try:
        with pytest.raises(LocalError, match=FAILURE):
            local.start(demo=False, web=False)
        broken_template.undo()
        local.deploy()
        put_user(local.admin_session(), "first")
    finally:
        local.stop()


def test_the_profile_assumes_the_web_role(stack, monkeypatch):
    for name, value in stack.local.web_env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    arn = boto3.Session().client("sts").get_caller_identity()["Arn"]

    assert arn.split("/")[1] == stack.outputs["WebRoleArn"].split("/")[1]


def test_the_exported_variables_give_a_shell_admin_access(stack):
    exports = stack.local.settings.local_dir / "aws.env"
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    command = f'. "{exports}"; "{sys.executable}" -c "{code}"'

    result = subprocess.run(
        ["sh", "-c", command], env={}, capture_output=True, text=True, check=True
    )

    assert result.stdout.strip().endswith(":root")
    assert exports.stat().st_mode & 0o777 == 0o600


def test_a_subscription_gets_only_its_own_mail_and_only_once_confirmed(stack):
    address, topic = stack.new_address(), stack.outputs["BudgetAlertsTopicArn"]
    sns = stack.admin_session().client("sns")
    subscribe = {
        "TopicArn": topic,
        "Protocol": "http",
        "Endpoint": f"{stack.mailbox_url}/inbox/{address.replace('@', '%40')}",
        "Attributes": {"FilterPolicy": f'{{"user_email": ["{address}"]}}'},
        "ReturnSubscriptionArn": True,
    }
    first = sns.subscribe(**subscribe)["SubscriptionArn"]
    arn = sns.subscribe(**subscribe)["SubscriptionArn"]

    def attribute(name: str) -> str:
        return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"][name]

    def publish(to: str, message: str) -> None:
        value = {"DataType": "String", "StringValue": to}
        sns.publish(
            TopicArn=topic, Message=message, MessageAttributes={"user_email": value}
        )

    # As in docs/running.md: unlike AWS, the first call hides the ARN.
    assert first == "pending confirmation"
    assert arn.startswith(f"{topic}:")
    assert attribute("PendingConfirmation") == "true"
    publish(address, "too early")
    stack.confirm(address)
    assert attribute("PendingConfirmation") == "false"
    publish("somebody@example.com", "another's")
    publish(address, "mine")

    messages = stack.wait_for_messages(address, 1)
    assert [message["body"] for message in messages] == ["mine"]


def send_mail(stack, role: str, sender: str, address: str) -> None:
    part = {"Data": "Passwörter", "Charset": "UTF-8"}
    stack.role_session(role).client("sesv2").send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": [address]},
        Content={"Simple": {"Subject": part, "Body": {"Text": part, "Html": part}}},
        ConfigurationSetName=stack.outputs["SesConfigurationSet"],
    )


def test_ses_delivers_to_the_mailbox(stack):
    address = stack.new_address()

    send_mail(stack, "notification_processor", SENDER, address)

    (mail,) = stack.wait_for_messages(address, 1, "mail")
    assert mail["subject"] == mail["body"].strip() == "Passwörter"
    assert mail["html"].strip() == "Passwörter"


@pytest.mark.parametrize(
    ("role", "sender"),
    [
        ("report_generator", SENDER),
        ("web", "Me <me@example.com>"),
        ("notification_processor", "Me <me@example.com>"),
    ],
)
def test_only_two_roles_send_mail_and_only_as_the_sender(stack, role, sender):
    with pytest.raises(ClientError, match="not authorized to perform: ses:SendEmail"):
        send_mail(stack, role, sender, stack.new_address())


def wait_for_a_save(local_dir) -> None:
    current = local_dir / "aws" / "state" / "current"
    for _ in range(2):  # the first one may have started before
        before = os.readlink(current)
        wait_until(lambda: os.readlink(current) != before)  # noqa: B023


def test_a_killed_local_aws_loses_only_the_last_moment(tmp_path):
    with running_stack(tmp_path, web=False, save_seconds=0.2) as stack:
        admin, web = stack.admin_session(), stack.role_session("web")
        put_user(admin, "kept")
        wait_for_a_save(tmp_path)

        stack.kill("aws")
        stack.start("aws")

        assert has_user(admin, "kept")
        assert has_user(web, "kept")  # role sessions survive, as on AWS
        stack.kill("aws")

    lines: list[str] = []
    again = LocalStack(make_settings(tmp_path), say=lines.append)
    try:
        again.start(demo=False, web=False)
        assert has_user(again.admin_session(), "kept")
        assert any("could not be kept" in line for line in lines)
    finally:
        again.stop()


@pytest.fixture(scope="module")
def people_settings(tmp_path_factory) -> Settings:
    """Return a folder and ports for `make run`; the first start loads the demo data."""
    return make_settings(tmp_path_factory.mktemp("people"))


@contextlib.contextmanager
def launcher(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """Start what `make run` starts, and wait until it reports that everything runs."""
    variables = {name: str(port) for name, port in settings.ports.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "smartbudget.local"],
        cwd=ROOT,
        env={**os.environ, **variables, "LOCAL_DIR": str(settings.local_dir)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        try:
            assert any("Demo login" in line for line in process.stdout)
            yield process
        finally:
            process.kill()


def is_healthy(web_url: str) -> bool:
    with urllib.request.urlopen(f"{web_url}/health", timeout=WAIT_SECONDS) as response:
        return response.status == 200


def pids_of_parts(settings: Settings) -> list[int]:
    record = settings.local_dir / "processes.json"
    return [part["pid"] for part in json.loads(record.read_text())]


def test_a_killed_launcher_leaves_no_process_and_loses_no_data(people_settings):
    with launcher(people_settings) as process:
        pids = pids_of_parts(people_settings)
        put_user(LocalStack(people_settings).admin_session(), "written-last")
        process.kill()

    wait_until(lambda: not any(start_time(pid) for pid in pids))
    with running_stack(people_settings.local_dir, web=False) as again:
        assert has_user(again.admin_session(), "written-last")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_launcher_ends_everything_on_sigterm(people_settings, number):
    with launcher(people_settings) as process:
        assert is_healthy(people_settings.web_url)
        pids = pids_of_parts(people_settings)
        process.send_signal(number)
        assert process.wait(WAIT_SECONDS) == 0

    assert len(pids) == 3
    assert not any(start_time(pid) for pid in pids)


def test_an_edit_restarts_only_the_web_server(people_settings):
    with launcher(people_settings) as process:
        before = set(pids_of_parts(people_settings))

        os.utime(ROOT / "manage.py")
        assert process.stdout
        assert any("Running again" in line for line in process.stdout)

        assert is_healthy(people_settings.web_url)
        assert len(before & set(pids_of_parts(people_settings))) == 2


def test_a_web_server_broken_by_an_edit_restarts_with_the_next_edit(stack, monkeypatch):
    environment = stack.local.settings.web_environment
    with monkeypatch.context() as broken:
        broken.setitem(environment, "API_RATE_LIMIT", "many")
        with pytest.raises(LocalError, match="API_RATE_LIMIT"):
            stack.local.restart_web()
        assert stack.local.dead_part() is None

    stack.local.restart_web()

    assert is_healthy(stack.web_url)


def test_the_environments_of_a_lambda_share_its_unpacked_code(stack):
    admin = stack.admin_session().client("lambda")
    name = "notification_processor"
    admin.invoke(FunctionName=f"{name}:live", Payload=b'{"task": "sweep"}')

    folder = stack.local.settings.local_dir / "aws" / "tmp"
    codes = list(folder.glob(f"ministack-lambda-{name}-*/code"))
    assert codes
    assert all(code.is_symlink() for code in codes)
    assert len({code.resolve() for code in codes}) == 1


@pytest.fixture(scope="module")
def web(stack) -> boto3.Session:
    return stack.role_session("web")


def test_the_web_role_has_the_rights_it_needs(stack, web):
    dynamodb, user_id = web.client("dynamodb"), stack.new_address()
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "users", "Item": {"user_id": {"S": user_id}}}},
            {
                "Put": {
                    "TableName": "expenses",
                    "Item": {
                        "expense_id": {"S": user_id},
                        "user_id": {"S": user_id},
                        "date": {"S": "2026-01-31"},
                    },
                }
            },
        ]
    )
    answer = dynamodb.query(
        TableName="expenses",
        IndexName="user_id-index",
        KeyConditionExpression="user_id = :u",
        ExpressionAttributeValues={":u": {"S": user_id}},
    )
    assert answer["Count"] == 1
    for table, key in (("users", "user_id"), ("expenses", "expense_id")):
        dynamodb.delete_item(TableName=table, Key={key: {"S": user_id}})

    bucket, key = stack.outputs["ReceiptsBucketName"], f"receipts/{user_id}/x.pdf"
    web.client("s3").put_object(Bucket=bucket, Key=key, Body=b"%PDF")
    web.client("s3").delete_object(Bucket=bucket, Key=key)
    assert queue_url(web, "notification-queue") == stack.outputs["NotificationQueueUrl"]


def queue_url(session: boto3.Session, name: str) -> str:
    return session.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]


def test_the_web_role_has_the_rights_the_staff_page_needs(stack, web):
    dead = queue_url(web, "notification-queue-dlq")
    assert dead == stack.outputs["NotificationDeadLetterQueueUrl"]
    body = stack.new_address()
    admin, sqs = stack.admin_session().client("sqs"), web.client("sqs")
    admin.send_message(QueueUrl=dead, MessageBody=body)

    def receive() -> list:
        hidden = {"VisibilityTimeout": 30, "WaitTimeSeconds": 1}
        messages = sqs.receive_message(QueueUrl=dead, **hidden).get("Messages", [])
        return [message for message in messages if message["Body"] == body]

    (message,) = wait_until(receive)
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
    for url in (dead, queue_url(web, "failed-events-queue")):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        assert "ApproximateNumberOfMessages" in attributes["Attributes"]
    failed = web.client("dynamodb").query(
        TableName="notifications",
        IndexName="unsent-index",
        KeyConditionExpression="unsent_shard = :s",
        ExpressionAttributeValues={":s": {"S": "failed#0"}},
    )
    assert "Items" in failed


def test_a_failed_scheduled_run_is_kept(stack):
    admin = stack.admin_session()
    url = queue_url(admin, "failed-events-queue")
    admin.client("lambda").invoke(
        FunctionName="notification_processor:live",
        InvocationType="Event",
        Payload=b'["not an event"]',
    )

    def is_kept() -> bool:  # perhaps after a failed run of another test
        messages = admin.client("sqs").receive_message(QueueUrl=url).get("Messages", [])
        return any("not an event" in message["Body"] for message in messages)

    wait_until(is_kept)
