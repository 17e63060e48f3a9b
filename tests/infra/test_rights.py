"""The policies in infra/ name exactly what is needed, and docs/iam.md says so."""

import re
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER as SCHEMAS

from infra import iam_table, templates

RIGHTS = [right for name in templates.NAMES for right in iam_table.rights(name)]
ALLOWED = [right for right in RIGHTS if right.effect == "Allow"]
PIPELINE = ("observability", "functions", "web")
# Actions of ours that AWS defines no resource for, or asks about for all at once.
WITHOUT_RESOURCE = {
    "cloudformation:GetTemplateSummary",
    "cloudformation:ValidateTemplate",
    "cloudwatch:DescribeAlarms",
    "ecr:GetAuthorizationToken",
    "logs:DeleteQueryDefinition",
    "logs:DescribeLogGroups",
    "logs:DescribeQueryDefinitions",
    "logs:DescribeResourcePolicies",
    "logs:PutQueryDefinition",
    "secretsmanager:GetRandomPassword",
    "sns:GetSubscriptionAttributes",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
}
# A mapping of a queue has a random id; a condition names its function instead.
BY_CONDITION = {
    "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping",
    "lambda:UpdateEventSourceMapping",
}
# Where a resource ends in *: whatever is inside one thing of ours, by its whole name.
INSIDE = re.compile(
    r"\$\{(ReceiptsBucketName)\}/(receipts|reports)/\*"
    r"|\$\{CodeBucketItself\.Arn\}/\*"
    r"|elasticbeanstalk-Region-AccountId/(resources/environments/)?\*"
    r"|log-group:/aws/(lambda/<stage>\w+(:\*|\*)|elasticbeanstalk/<stage>[\w-]+-env/\*)"
    r"|secret:<stage>smart-budget-(secret|health)-key-\?{6}"
    r"|stack/<stage>smart-budget-\w+/\*"
    r"|function:<stage>\w+:\*"
    r"|alarm:<stage>smart-budget-\*"
    r"|applicationversion/<stage>smart-budget-planner/\*"
    r"|event-source-mapping:\*"
    r"|deploymentconfig:CodeDeployDefault\.\*"
    r"|platform/Docker running on 64bit Amazon Linux 2023/\*"
)


def test_the_table_in_docs_is_what_the_templates_say():
    assert iam_table.PAGE.read_text() == iam_table.page(), "run `make iam`"


def of_roles() -> list[iam_table.Right]:
    """List what our own roles may; what a resource's policy allows is elsewhere."""
    return [right for right in ALLOWED if "→" not in right.holder]


def test_actions_are_named_whole():
    assert not [right for right in of_roles() if "*" in "".join(right.actions)]


def test_a_wildcard_stands_only_where_the_action_knows_no_resource():
    for right in of_roles():
        if right.resources == ("*",):
            assert set(right.actions) <= WITHOUT_RESOURCE | BY_CONDITION, right
            assert ":" in right.reason, f"{right} does not say why it is for all"
            if BY_CONDITION & set(right.actions):
                assert "lambda:FunctionArn" in right.condition
        for resource in right.resources:
            if "*" in resource.removeprefix("*"):
                assert INSIDE.fullmatch(resource), right


def test_nothing_is_handed_to_another_service_than_named():
    passing = [right for right in of_roles() if "iam:PassRole" in right.actions]

    assert len(passing) == 6
    for right in passing:
        assert right.condition.startswith("iam:PassedToService StringEquals ")
        assert "*" not in "".join(right.resources)


def test_one_role_scans_and_only_an_index():
    scans = [right for right in ALLOWED if "dynamodb:Scan" in right.actions]

    assert [(right.holder, right.resources) for right in scans] == [
        ("BudgetAlertRole", ("table/<stage>budgets/index/user_id-index",))
    ]


def test_lambdas_may_delete_only_names_closed_accounts_and_opt_ins():
    """Policies cannot see that an account is closed; that is for the code to say."""
    deleting = [
        right
        for right in of_roles()
        if {"dynamodb:DeleteItem", "dynamodb:BatchWriteItem"} & set(right.actions)
        and "table/<stage>users" in right.resources
        and right.holder != "WebRole"
    ]

    assert [right.condition.split("ForAllValues:")[1] for right in deleting] == [
        f"StringLike email#*, username#*, {'?' * 32}",
        "StringLike opt-in#*",
    ]


def test_nobody_can_destroy_versions_tables_or_the_way_back():
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
def test_the_pipeline_deploys_neither_rights_nor_data(name):
    kinds = {each["Type"] for _, each in templates.resources(templates.read(name))}

    assert not [kind for kind in kinds if kind.startswith(KEPT)]


KEPT = ("AWS::IAM::", "AWS::DynamoDB::", "AWS::S3::", "AWS::SQS::", "AWS::KMS::")


# What resource types ask for on behalf of properties that our templates do not use.
UNUSED = re.compile(
    r"iam:(PassRole|GetRole)"  # tested above
    r"|(ec2|elasticfilesystem|s3files|firehose):.*"
    r"|kms:.*"  # DeliveryKeyPolicy, where there is a key
    r"|s3:REST.*|s3:ListBucket"
    r"|lambda:.*(ProvisionedConcurrencyConfig|FunctionConcurrency|CodeSigningConfig)"
    r"|lambda:(Put|Get)(FunctionScaling|LayerVersion|RuntimeManagement).*"
    r"|lambda:(GetLayerVersion|PassCapacityProvider|AssociateRuntimeAlias)"
    r"|logs:(Put|Delete)(DataProtection|Index|Resource)Polic.*"
    r"|logs:(CreateLogDelivery|PutBearerTokenAuthentication)"
    r"|logs:PutLogGroupDeletionProtection"
    r"|sns:PutDataProtectionPolicy"
    r"|codedeploy:RegisterOnPremisesInstance"
    r"|secretsmanager:(ReplicateSecretToRegions|RemoveRegionsFromReplication)"
)
# What no schema of a type names and is needed all the same: CloudFormation asks for
# them on the way (events of an environment, tags of a mapping).
BESIDES = {"elasticbeanstalk:DescribeEvents"}


def asked_for() -> set[str]:
    """List the actions that the pipeline's resource types say they need."""
    kinds = {
        each["Type"]
        for name in PIPELINE
        for _, each in templates.resources(templates.read(name))
    }
    actions: set[str] = set()
    for kind in kinds:
        schema: dict[str, Any] = SCHEMAS.get_resource_schema("us-east-1", kind).schema
        for handler in ("create", "read", "update", "delete"):
            actions |= set(schema["handlers"].get(handler, {}).get("permissions", []))
    return actions


def test_the_delivery_role_may_what_its_resources_need_and_no_more():
    may = {
        action
        for right in of_roles()
        if right.holder == "DeliveryRole"
        for action in right.actions
        if action != "iam:PassRole"
    }
    asked = asked_for()

    assert {a for a in asked if not UNUSED.fullmatch(a)} - may == set()
    assert may - asked - BESIDES == set()
