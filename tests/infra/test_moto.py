"""moto as a second emulator of the templates, beside the local AWS.

It resolves references and conditions by itself, checks keys, indexes and policies, and
runs the main job on what came out. What it does not know:

- the types in UNSUPPORTED, and functions.yaml and web.yaml as a whole, which need
  aliases and environments
- recovery, encryption and time to live of tables, keys of log groups, and all of a
  bucket except its encryption: it ignores these (test_templates.py checks them)
"""

import json
import re
import warnings
from collections import Counter, defaultdict
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote

import boto3
import pytest

from infra import templates
from smartbudget.core import aws as clients
from tests import quick_moto
from tests.builders import PASSWORD, client_for
from tests.conftest import empty_aws
from tests.dynamodb.requests import moto
from tests.infra import rendering
from tests.notifications.builders import run_queued_tasks

pytestmark = pytest.mark.xdist_group("second_emulator")

STACKS = ("key", "roles", "data", "delivery", "observability")
UNSUPPORTED = {
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::CloudWatch::Alarm",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::S3::BucketPolicy",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::Secret",
}
PARAMETERS = {
    **rendering.NECESSARY,
    "EmailIdentity": "example.com",
    "EmailSender": "alerts@example.com",
    "GitHubProviderArn": "arn:aws:iam::123456789012:oidc-provider/github",
    "OperatorsEmail": "operators@example.com",
    "ReceiptsBucketName": "smart-budget-receipts",
}
# Besides DynamoDB.
SERVICES = (
    "cloudformation",
    "cloudwatch",
    "ecr",
    "iam",
    "kms",
    "logs",
    "s3",
    "ses",
    "sns",
    "sqs",
)


@pytest.fixture(scope="module")
def stacks():
    """Deploy the stacks; return {stack: outputs} and the unsupported types."""
    with empty_aws(), moto():
        with patch.object(quick_moto.backend("dynamodb"), "tables", {}):
            quick_moto.asked |= {"sqs", "sns", "s3", "email"}  # later tests reset them
            reset()
            yield deploy()
        reset()


@pytest.fixture(scope="module")
def declared(stacks) -> dict[str, list[dict[str, Any]]]:
    """Return {type: properties of its resources} of the stacks, from rendering.py."""
    by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in STACKS:
        known = PARAMETERS | stacks[0].get("key", {})
        for resource in rendering.resources(name, known).values():
            by_type[resource["Type"]].append(resource.get("Properties", {}))
    return by_type


def reset() -> None:
    for service in SERVICES:
        quick_moto.backend(service).reset()
    clients.queue_url.cache_clear()


def deploy() -> tuple[dict[str, dict[str, str]], set[str]]:
    formation = boto3.client("cloudformation")
    outputs: dict[str, dict[str, str]] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        for name in STACKS:
            known = PARAMETERS | outputs.get("key", {})
            formation.create_stack(
                StackName=name,
                TemplateBody=body(name),
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Parameters=[
                    {"ParameterKey": parameter, "ParameterValue": known[parameter]}
                    for parameter in templates.read(name)["Parameters"]
                    if parameter in known
                ],
            )
            (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
            assert stack["StackStatus"] == "CREATE_COMPLETE"
            outputs[name] = {
                output["OutputKey"]: output["OutputValue"]
                for output in stack.get("Outputs", [])
            }
    messages = [str(warning.message) for warning in caught]
    return outputs, set(re.findall(r"Tried to parse (\S+) but", "\n".join(messages)))


def body(name: str) -> str:
    """Return a template; without loops, which moto does not know."""
    template = templates.read(name)
    if "Transform" not in template:
        return templates.text(name)
    del template["Transform"]
    return json.dumps(long_forms(rendering.expand_loops(template)))


def long_forms(value: Any) -> Any:
    """Return a template of our loader in JSON's form: Fn::Sub instead of Sub."""
    if isinstance(value, list):
        return [long_forms(item) for item in value]
    if not isinstance(value, dict):
        return value
    name = next(iter(value), "")
    short = len(value) == 1 and name in rendering.FUNCTIONS.keys() - {
        "Ref",
        "Condition",
    }
    return {f"Fn::{k}" if short else k: long_forms(item) for k, item in value.items()}


def test_motos_gaps_are_known(stacks):
    _, unsupported = stacks

    assert unsupported == UNSUPPORTED


def test_tables_have_the_declared_indexes(stacks, declared):
    client = boto3.client("dynamodb")
    tables = {
        name: client.describe_table(TableName=name)["Table"]
        for name in client.list_tables()["TableNames"]
    }

    assert {
        name: {index["IndexName"] for index in table["GlobalSecondaryIndexes"]}
        for name, table in tables.items()
    } == {
        table["TableName"]: {
            index["IndexName"] for index in table["GlobalSecondaryIndexes"]
        }
        for table in declared["AWS::DynamoDB::Table"]
    }
    for table in tables.values():
        assert table["DeletionProtectionEnabled"] is True
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_queues_are_encrypted_and_end_in_dead_letters(stacks, declared):
    outputs, _ = stacks
    sqs = boto3.client("sqs")
    queues = {
        url.rpartition("/")[2]: sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["All"]
        )["Attributes"]
        for url in sqs.list_queues()["QueueUrls"]
    }
    dead = queues["notification-queue-dlq"]["QueueArn"]

    assert len(queues) == len(declared["AWS::SQS::Queue"])
    for queue in declared["AWS::SQS::Queue"]:
        created = queues[queue["QueueName"]]
        assert created["KmsMasterKeyId"] == outputs["key"]["KmsKeyArn"]
        assert int(created["MessageRetentionPeriod"]) == queue["MessageRetentionPeriod"]
        if "RedrivePolicy" in queue:
            assert json.loads(created["RedrivePolicy"]) == {
                "deadLetterTargetArn": dead,
                "maxReceiveCount": 5,
            }


def test_topics_logs_and_the_bucket_exist_and_are_encrypted(stacks, declared):
    outputs, _ = stacks
    key = outputs["key"]["KmsKeyArn"]
    sns, logs, s3 = map(boto3.client, ("sns", "logs", "s3"))
    topics = [
        sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
        for topic in sns.list_topics()["Topics"]
    ]
    groups = logs.describe_log_groups()["logGroups"]
    encryption = s3.get_bucket_encryption(Bucket=outputs["data"]["ReceiptsBucketName"])
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]

    assert {topic["TopicArn"].rpartition(":")[2] for topic in topics} == {
        topic["TopicName"] for topic in declared["AWS::SNS::Topic"]
    }
    assert {topic["KmsMasterKeyId"] for topic in topics} == {key}
    assert {group["logGroupName"]: group["retentionInDays"] for group in groups} == {
        group["LogGroupName"]: 30 for group in declared["AWS::Logs::LogGroup"]
    }
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key


def test_roles_have_their_trust_and_policies(stacks, declared):
    iam = boto3.client("iam")
    roles = {
        role["RoleName"]: json.loads(unquote(role["AssumeRolePolicyDocument"]))
        for role in iam.list_roles()["Roles"]
    }
    policies = Counter(
        role for policy in declared["AWS::IAM::Policy"] for role in policy["Roles"]
    )
    attached = iam.list_attached_role_policies(RoleName="smart-budget-delivery")

    assert len(roles) == len(declared["AWS::IAM::Role"])
    for role in declared["AWS::IAM::Role"]:
        name = role["RoleName"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        assert roles[name] == role["AssumeRolePolicyDocument"]
        assert len(inline) == len(role.get("Policies", [])) + policies[name]
    assert [policy["PolicyName"] for policy in attached["AttachedPolicies"]] == [
        "smart-budget-delivery-web"
    ]


def test_cloudwatch_accepts_every_alarm_and_the_dashboard(stacks, declared):
    """Their properties are the parameters of its API, which botocore checks too."""
    cloudwatch = boto3.client("cloudwatch")
    for alarm in declared["AWS::CloudWatch::Alarm"]:
        cloudwatch.put_metric_alarm(**alarm)

    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    dashboards = cloudwatch.list_dashboards()["DashboardEntries"]
    assert {alarm["AlarmName"] for alarm in alarms} == {
        alarm["AlarmName"] for alarm in declared["AWS::CloudWatch::Alarm"]
    }
    assert [dashboard["DashboardName"] for dashboard in dashboards] == ["smart-budget"]


def test_an_overspent_budget_is_mailed(stacks):
    """The main job, on tables, queue and topic from the templates."""
    alice = client_for()
    account = {"username": "alice", "email": "alice@example.com", "password": PASSWORD}

    def post(path: str, **body: object) -> Any:
        response = alice.post(f"/api/{path}", body, content_type="application/json")
        assert response.status_code in (200, 201), response.content
        return response.json()

    assert alice.post("/register", account).status_code == 302
    post("notifications/subscribe")
    post("budgets", category="Food", amount="100.00")
    post("expenses", category="Food", amount="120.00")
    run_queued_tasks()

    (notification,) = alice.get("/api/notifications").json()["results"]
    assert (notification["type"], notification["status"]) == ("budget_exceeded", "sent")
    topics = quick_moto.backend("sns").topics
    (topic,) = (topics[arn] for arn in topics if arn.endswith(":budget-alerts-topic"))
    (mail,) = topic.sent_notifications
    assert "Over budget: Food" in mail
