"""The policies in infra/ allow exactly what is needed, as docs/iam.md documents."""

import functools
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra import iam_table, templates
from tests.infra import reference, rendering

RIGHTS = [right for name in templates.NAMES for right in iam_table.rights(name)]
ALLOWED = [right for right in RIGHTS if right.effect == "Allow"]
PIPELINE = ("observability", "functions", "canary", "web")
# Actions that are allowed on any resource although they have a type.
ON_ANY = {
    "cloudwatch:DescribeAlarms",  # one call describes many, before they exist
}
# An event source mapping has a random id; a condition names its function instead.
BY_CONDITION = {
    "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping",
    "lambda:UpdateEventSourceMapping",
}
# Resources that end in *: everything inside one of our resources, by its full name.
INSIDE = re.compile(
    r"\$\{(ReceiptsBucketName)\}/(imports|receipts|reports)/\*"
    r"|\$\{CodeBucketItself\.Arn\}/\*"
    r"|elasticbeanstalk-Region-AccountId/\*"  # the pipeline, to deliver bundles
    r"|elasticbeanstalk-Region-AccountId/resources/environments/"
    r"(logs/\*/)?\$\{EnvironmentId\}/\*"
    r"|log-group:/aws/(lambda/<stage>\w+(:\*|\*)|elasticbeanstalk/<stage>[\w-]+-env/\*)"
    r"|secret:<stage>smart-budget-(secret-key|health-key|canary-password)-\?{6}"
    r"|stack/<stage>smart-budget-\w+/\*"
    r"|function:<stage>\w+:\*"
    r"|alarm:<stage>smart-budget-\*"
    r"|applicationversion/<stage>smart-budget-planner/\*"
    r"|event-source-mapping:\*"
    r"|deploymentconfig:CodeDeployDefault\.\*"
    r"|platform/Docker running on 64bit Amazon Linux 2023/\*"
)


def test_the_table_in_docs_matches_the_templates():
    assert iam_table.PAGE.read_text() == iam_table.page(), "run `make iam`"


def of_roles() -> list[iam_table.Right]:
    """Return the rights of our own roles, without resource policies."""
    return [right for right in ALLOWED if "→" not in right.holder]


def test_actions_have_no_wildcards():
    assert not [right for right in of_roles() if "*" in "".join(right.actions)]


def test_wildcard_resources_are_used_only_for_actions_without_resources():
    for right in of_roles():
        if right.resources == ("*",):
            typed = set(filter(reference.resource_types, right.actions))
            assert typed <= ON_ANY | BY_CONDITION, right
            assert ":" in right.reason, f"{right} does not say why it is for all"
            if BY_CONDITION & set(right.actions):
                assert "lambda:FunctionArn" in right.condition
        for resource in right.resources:
            if "*" in resource.removeprefix("*"):
                assert INSIDE.fullmatch(resource), right


def test_roles_are_passed_only_to_the_named_service():
    passing = [right for right in of_roles() if "iam:PassRole" in right.actions]

    assert len(passing) == 6
    for right in passing:
        assert right.condition.startswith("iam:PassedToService StringEquals ")
        assert "*" not in "".join(right.resources)


def test_only_one_role_can_scan_and_only_an_index():
    scans = [right for right in ALLOWED if "dynamodb:Scan" in right.actions]

    assert [(right.holder, right.resources) for right in scans] == [
        ("BudgetAlertRole", ("table/<stage>budgets/index/user_id-index",))
    ]


def test_lambdas_can_delete_only_what_ends_with_an_account():
    """Policies cannot check that an account is closed; the code does."""
    deleting = [
        right
        for right in of_roles()
        if {"dynamodb:DeleteItem", "dynamodb:BatchWriteItem"} & set(right.actions)
        and "table/<stage>users" in right.resources
        and right.holder != "WebRole"
    ]

    assert [right.condition.split("ForAllValues:")[1] for right in deleting] == [
        "StringLike email#*, logins#*, newest-*, not-me#*, passkey#*, queued-reports#*,"
        f" reset#*, undo-email#*, username#*, verify#*, {'?' * 32}",
        "StringLike opt-in#*",
    ]


def test_no_role_can_delete_versions_tables_or_backups():
    may = {action for right in of_roles() for action in right.actions}

    assert not may & {
        "dynamodb:DeleteTable",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "kms:ScheduleKeyDeletion",
        "s3:DeleteBucket",
        "s3:DeleteObjectVersion",
        "s3:PutBucketLifecycle",
        "s3:PutLifecycleConfiguration",
    }


@pytest.mark.parametrize("name", PIPELINE)
def test_the_pipeline_can_change_neither_roles_nor_data(name):
    kinds = {
        resource["Type"] for _, resource in templates.resources(templates.read(name))
    }

    assert not [kind for kind in kinds if kind.startswith(KEPT)]


KEPT = ("AWS::IAM::", "AWS::DynamoDB::", "AWS::S3::", "AWS::SQS::", "AWS::KMS::")


# Actions that resource types need only for properties our templates do not use.
UNUSED = re.compile(
    r"iam:(PassRole|GetRole)"  # tested above
    r"|(ec2|elasticfilesystem|s3files|firehose):.*"
    r"|kms:.*"  # DeliveryKeyPolicy, where there is a key
    r"|s3:REST.*|s3:ListBucket"
    r"|lambda:.*(ProvisionedConcurrencyConfig|CodeSigningConfig)"
    r"|lambda:(Put|Get)(FunctionScaling|LayerVersion|RuntimeManagement).*"
    r"|lambda:(GetLayerVersion|PassCapacityProvider|AssociateRuntimeAlias)"
    r"|logs:(Put|Delete)(DataProtection|Index|Resource)Polic.*"
    r"|logs:(CreateLogDelivery|PutBearerTokenAuthentication)"
    r"|logs:PutLogGroupDeletionProtection"
    r"|sns:PutDataProtectionPolicy"
    r"|codedeploy:RegisterOnPremisesInstance"
)
# Actions missing from the schemas but needed: CloudFormation uses
# them internally (events of an environment, tags of a mapping).
BESIDES = {"elasticbeanstalk:DescribeEvents"}


def asked_for() -> set[str]:
    """Return the actions that the pipeline's resource types declare."""
    kinds = {
        resource["Type"]
        for name in PIPELINE
        for _, resource in templates.resources(templates.read(name))
    }
    return set().union(*map(actions_of, kinds))


@functools.cache
def actions_of(kind: str) -> set[str]:
    """Return the actions that a resource type declares."""
    # Takes a second to import, in each worker if it were above.
    from cfnlint.schema import manager

    schemas = manager.PROVIDER_SCHEMA_MANAGER
    handlers = schemas.get_resource_schema("us-east-1", kind).schema["handlers"]
    return {
        action
        for handler in ("create", "read", "update", "delete")
        for action in handlers.get(handler, {}).get("permissions", [])
    }


def test_the_delivery_role_has_exactly_the_actions_its_resources_need():
    may = {
        action
        for right in of_roles()
        if right.holder == "DeliveryRole"
        for action in right.actions
        if action != "iam:PassRole"
    }
    needed = asked_for()

    assert {a for a in needed if not UNUSED.fullmatch(a)} - may == set()
    assert may - needed - BESIDES == set()


# These have no name of their own, but that of another resource in a property.
NAMED_BY = {
    "AWS::Lambda::EventInvokeConfig": "FunctionName",
    "AWS::Lambda::Permission": "FunctionName",
    "AWS::SNS::Subscription": "TopicArn",
}


def test_the_delivery_role_may_act_on_each_resource_by_its_name():
    """A new alarm or rule may have a name that no statement covers."""
    allowed = [
        (action, pattern)
        for resource in rendering.resources("delivery").values()
        for document in policies_of(resource)
        for statement in document["Statement"]
        for action in rendering.many(statement["Action"])
        for pattern in rendering.many(statement["Resource"])
    ]
    needed = {
        (resource["Type"], action, arn)
        for template in PIPELINE
        for resource in rendering.resources(template).values()
        if (arn := arn_of(resource))
        for action in needed_by(resource["Type"])
        if any(reference.is_of_type(arn, t) for t in reference.resource_types(action))
    }
    refused = {
        (action, arn)
        for _, action, arn in needed
        if not any(
            action == name and fnmatchcase(arn, pattern) for name, pattern in allowed
        )
    }

    assert refused == set()
    assert len({kind for kind, _, _ in needed}) >= 15


def policies_of(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the policies of a resource, if they are the delivery role's."""
    declared = resource.get("Properties", {})
    role = f"{rendering.LONGEST_PREFIX}smart-budget-delivery"
    if declared.get("RoleName") == role:
        return [policy["PolicyDocument"] for policy in declared["Policies"]]
    return [declared["PolicyDocument"]] if role in declared.get("Roles", ()) else []


def arn_of(resource: dict[str, Any]) -> str | None:
    """Return a resource's ARN, or that of what it belongs to; None if unknown."""
    kind, declared = resource["Type"], resource.get("Properties", {})
    if kind in NAMED_BY:
        name = str(declared[NAMED_BY[kind]])
        if name.startswith("arn:"):
            return name
        kind, declared = "AWS::Lambda::Function", {"FunctionName": name}
    if kind not in rendering.IDENTITIES:
        return None
    return rendering.identity({"Type": kind, "Properties": declared})


def needed_by(kind: str) -> set[str]:
    """Return the actions of a type on resources of its own service, that we need."""
    service = kind.split("::")[1].lower()
    return {
        action
        for action in actions_of(kind)
        if not UNUSED.fullmatch(action) and action.startswith(f"{service}:")
    }


def test_only_servers_can_read_their_secrets_and_only_the_canary_its_password():
    reading = [
        (right.holder, len(right.resources))
        for right in of_roles()
        if any(action.startswith("secretsmanager:") for action in right.actions)
    ]

    assert reading == [("WebRole", 2), ("CanaryRole", 1)]


def test_the_pipeline_can_neither_delete_logs_nor_shorten_retention():
    may = {action for right in of_roles() for action in right.actions}

    assert not may & {
        "logs:AssociateKmsKey",
        "logs:DeleteLogGroup",
        "logs:DeleteLogStream",
        "logs:DisassociateKmsKey",
        "logs:PutRetentionPolicy",
    }


def test_servers_can_write_only_logs_to_elastic_beanstalks_bucket():
    """Other environments run the bundles and scripts in this bucket."""
    written = [
        resource
        for right in of_roles()
        if right.holder == "WebRole" and "s3:PutObject" in right.actions
        for resource in right.resources
        if resource.startswith("elasticbeanstalk-")
    ]

    assert written == [
        "elasticbeanstalk-Region-AccountId"
        "/resources/environments/logs/*/${EnvironmentId}/*"
    ]


def test_the_environment_id_is_a_wildcard_until_it_is_known():
    declared = templates.read("roles")["Parameters"]["EnvironmentId"]

    assert declared["Default"] == "*"
    assert re.fullmatch(declared["AllowedPattern"], "e-abcde12345")
    assert not re.fullmatch(declared["AllowedPattern"], "e-*")


def test_the_processor_hides_messages_only_of_the_queues_it_receives_from():
    hiding = [
        (right.holder, queue)
        for right in of_roles()
        if "sqs:ChangeMessageVisibility" in right.actions
        for queue in right.resources
    ]

    assert hiding == [
        ("NotificationProcessorRole", "<stage>notification-queue"),
        ("NotificationProcessorRole", "<stage>mail-events-queue"),
    ]
