"""Every template deploys, two stages coexist, and a release is a version."""

import dataclasses
import json

from infra import templates
from smartbudget.local import deploy
from tests.integration.stages import OTHER, deploy_template
from tests.stack import wait_until


def test_all_parts_of_the_other_stage_are_deployed_and_tagged(stack, other_stage):
    formation = stack.admin_session().client("cloudformation")
    tags = {"application": "smart-budget-planner", "stage": "test"}

    for part in (*deploy.PARTS, "key"):
        name = deploy.stack_name(part, OTHER)
        (deployed,) = formation.describe_stacks(StackName=name)["Stacks"]
        assert {t["Key"]: t["Value"] for t in deployed["Tags"]} == tags
    dynamodb = stack.admin_session().client("dynamodb")
    arn = dynamodb.describe_table(TableName=f"{OTHER}users")["Table"]["TableArn"]
    listed = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert tags.items() <= {t["Key"]: t["Value"] for t in listed}.items()


def test_a_customer_managed_key_encrypts_all_data(stack, other_stage):
    """tests/infra checks in the template what the local AWS does not report."""
    session, key = stack.admin_session(), other_stage["KmsKeyArn"]
    used = {}
    sqs = session.client("sqs")
    for name in ("notification-queue", "notification-queue-dlq", "failed-events-queue"):
        url = sqs.get_queue_url(QueueName=f"{OTHER}{name}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        used[name] = attributes["Attributes"]["KmsMasterKeyId"]
    groups = session.client("logs").describe_log_groups(
        logGroupNamePrefix=f"/aws/lambda/{OTHER}"
    )["logGroups"]
    used |= {group["logGroupName"]: group["kmsKeyId"] for group in groups}

    assert len(used) == 7
    assert set(used.values()) == {key}


def test_each_stages_queue_is_processed_by_its_own_lambda(stack, other_stage):
    """And both may use the key, as the message was processed."""
    web = stack.local.role_session("web", OTHER)
    url = other_stage["NotificationQueueUrl"]
    name = {"DataType": "String", "StringValue": "budgets.tasks.recount_budget"}

    web.client("sqs").send_message(
        QueueUrl=url,
        MessageBody=json.dumps({"user_id": "0" * 32, "budget_id": "0" * 32}),
        MessageAttributes={"task": name},
    )

    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    sqs = stack.admin_session().client("sqs")

    def is_idle() -> bool:
        return set(
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)[
                "Attributes"
            ].values()
        ) == {"0"}

    wait_until(is_idle)
    dead = other_stage["NotificationDeadLetterQueueUrl"]
    messages = sqs.receive_message(QueueUrl=dead)
    assert "Messages" not in messages


def test_alarms_reach_the_operators(stack, other_stage):
    session = stack.admin_session()
    alarms = session.client("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"{OTHER}smart-budget-"
    )["MetricAlarms"]
    notifying = {a["AlarmName"] for a in alarms if a["AlarmActions"]}
    (operator,) = session.client("sns").list_subscriptions_by_topic(
        TopicArn=other_stage["OperatorsTopicArn"]
    )["Subscriptions"]

    assert operator["Endpoint"] == "operators@example.com"
    for name in ("dead-letters", "budget_alert-errors", "report_generator-slow"):
        assert f"{OTHER}smart-budget-{name}" in notifying
    for name in ("daily-check-missing-0", "daily-check-missing-1"):
        assert f"{OTHER}smart-budget-{name}" in notifying
    for name in ("web-5xx", "web-slow", "web-unhealthy-hosts", "load-balancer-5xx"):
        assert f"{OTHER}smart-budget-{name}" in notifying


def test_the_daily_check_starts_a_chain_for_each_segment(stack, other_stage):
    session = stack.admin_session()
    function = f"{OTHER}budget_alert"
    logs = session.client("logs")

    session.client("lambda").invoke(FunctionName=f"{function}:live", Payload=b"{}")

    def both_finished() -> bool:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")
        lines = "".join(event["message"] for event in events["events"])
        return all(
            f"segment finished segment={number} segments=2" in lines
            for number in range(2)
        )

    wait_until(both_finished)


def test_a_new_release_publishes_a_version_and_the_same_one_does_not(stack):
    session = stack.admin_session()
    client = session.client("lambda")

    def live() -> str:
        alias = client.get_alias(FunctionName="report_generator", Name="live")
        return str(alias["FunctionVersion"])

    formation = session.client("cloudformation")
    (deployed,) = formation.describe_stacks(StackName=deploy.stack_name("functions"))[
        "Stacks"
    ]
    functions = deploy.Stack(
        formation,
        deployed["StackName"],
        templates.text("functions"),
        {p["ParameterKey"]: p["ParameterValue"] for p in deployed["Parameters"]},
        {tag["Key"]: tag["Value"] for tag in deployed["Tags"]},
    )
    before = live()

    assert not functions.deploy()
    assert live() == before
    changed = {**functions.parameters, "LogLevel": "WARNING", "Release": "another"}
    assert dataclasses.replace(functions, parameters=changed).deploy()
    after = live()
    config = client.get_function_configuration(
        FunctionName="report_generator", Qualifier="live"
    )
    functions.deploy()

    assert after != before
    assert config["Environment"]["Variables"]["LOG_LEVEL"] == "WARNING"
    versions = client.list_versions_by_function(FunctionName="report_generator")
    # Older versions are deleted; CloudFormation rolls back a release in use.
    assert [v["Version"] for v in versions["Versions"]] == ["$LATEST", live()]


def test_the_pipelines_template_deploys_with_its_repository(stack):
    """All but GitHub's identity provider, which the local AWS does not support."""
    session = stack.admin_session()
    outputs = deploy_template(
        session,
        "delivery",
        {
            "CodeBucket": "smart-budget-delivered",
            "GitHubRepository": "owner/smart-budget-planner",
            "GitHubOwnerId": "123456",
            "GitHubRepositoryId": "456789",
            "GitHubProviderArn": "arn:aws:iam::000000000000:oidc-provider/x",
        },
    )
    (images,) = session.client("ecr").describe_repositories()["repositories"]
    iam = session.client("iam")
    role = iam.get_role(RoleName="smart-budget-deployer")["Role"]
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]

    assert images["repositoryUri"] == outputs["RepositoryUri"]
    assert images["imageScanningConfiguration"] == {"scanOnPush": True}
    assert trusted["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:repository_id": "456789",
        "token.actions.githubusercontent.com:sub": [
            "repo:owner@123456/smart-budget-planner@456789:ref:refs/heads/main",
            "repo:owner/smart-budget-planner:ref:refs/heads/main",
        ],
    }


def test_every_deployable_template_is_deployed_by_a_test():
    deployed = {*deploy.PARTS, "key", "delivery", "canary"}
    on_aws_only = {"web", "firewall", "backup", "vault", "account"}

    assert set(templates.NAMES) - deployed == on_aws_only
