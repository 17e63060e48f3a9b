"""infra/template.yaml is valid and says what the code says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Account
from budgets.models import Budget
from expenses import receipts
from expenses.models import Expense
from infra.build_lambdas import function_names
from notifications.models import Notification
from tests.infra.templates import TEMPLATE, read_template


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return read_template()


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    resources = template["Resources"]
    return {name: r for name, r in resources.items() if r["Type"] == kind}


def statements(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    policies = template["Resources"][role]["Properties"]["Policies"]
    return [s for p in policies for s in p["PolicyDocument"]["Statement"]]


def test_cfn_lint_finds_nothing():
    command = [Path(sys.executable).with_name("cfn-lint"), TEMPLATE]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("logical_id", "model"),
    [
        ("UsersTable", Account),
        ("ExpensesTable", Expense),
        ("BudgetsTable", Budget),
        ("NotificationsTable", Notification),
    ],
)
def test_tables_have_the_models_keys_and_indexes(template, logical_id, model):
    declared = template["Resources"][logical_id]["Properties"]

    assert declared["TableName"] == {"Sub": "${ResourcePrefix}" + model.Meta.table_name}
    assert _shape_of_table(declared) == _shape_of_model(model)


def _shape_of_table(declared: dict[str, Any]) -> dict[str, Any]:
    return {
        "attributes": _pairs(declared["AttributeDefinitions"], "AttributeType"),
        "key": _pairs(declared["KeySchema"], "KeyType"),
        "indexes": {
            index["IndexName"]: {
                "key": _pairs(index["KeySchema"], "KeyType"),
                "projection": index["Projection"]["ProjectionType"],
            }
            for index in declared["GlobalSecondaryIndexes"]
        },
    }


def _shape_of_model(model: Any) -> dict[str, Any]:
    schema = model._get_schema()
    return {
        "attributes": _pairs(schema["attribute_definitions"], "AttributeType"),
        "key": _pairs(schema["key_schema"], "KeyType"),
        "indexes": {
            index["index_name"]: {
                "key": _pairs(index["key_schema"], "KeyType"),
                "projection": index["projection"]["ProjectionType"],
            }
            for index in schema["global_secondary_indexes"]
        },
    }


def _pairs(entries: list[dict[str, str]], value: str) -> dict[str, str]:
    return {entry["AttributeName"]: entry[value] for entry in entries}


def test_data_outlives_the_stack_and_a_mistake(template):
    tables = of_type(template, "AWS::DynamoDB::Table")

    for resource in [*tables.values(), template["Resources"]["ReceiptsBucket"]]:
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
    for table in tables.values():
        declared = table["Properties"]
        assert declared["BillingMode"] == "PAY_PER_REQUEST"
        assert declared["DeletionProtectionEnabled"] is True
        recovery = declared["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True


def test_each_handler_has_a_function_and_its_zip_a_parameter(template):
    functions = of_type(template, "AWS::Lambda::Function").values()
    handlers = {f["Properties"]["Handler"] for f in functions}

    assert handlers == {f"lambdas.{name}.handler.handler" for name in function_names()}
    for function in functions:
        key = function["Properties"]["Code"]["S3Key"]["Ref"]
        name = function["Properties"]["FunctionName"]["Sub"].split("}")[1]
        assert key == "".join(p.title() for p in name.split("_")) + "CodeKey"


def test_every_function_has_a_role_of_its_own_and_expiring_logs(template):
    functions = of_type(template, "AWS::Lambda::Function")
    groups = of_type(template, "AWS::Logs::LogGroup")

    roles = [f["Properties"]["Role"]["GetAtt"] for f in functions.values()]
    assert len(set(roles)) == len(functions)
    for function in functions.values():
        group = groups[function["DependsOn"]]["Properties"]
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        name = function["Properties"]["FunctionName"]["Sub"]
        assert group["LogGroupName"] == {"Sub": f"/aws/lambda/{name}"}


# SNS defines no resource for them, so a policy can only name them for all.
WITHOUT_RESOURCE = {
    "sns:GetSubscriptionAttributes",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
}


def test_every_permission_names_its_resource(template):
    policies = of_type(template, "AWS::IAM::Policy").values()
    documents = [policy["Properties"]["PolicyDocument"] for policy in policies]
    of_policies = [s for document in documents for s in document["Statement"]]
    for found in [
        of_policies,
        *(statements(template, role) for role in of_type(template, "AWS::IAM::Role")),
    ]:
        for statement in found:
            actions = statement["Action"]
            actions = {actions} if isinstance(actions, str) else set(actions)
            resource = json.dumps(statement["Resource"])

            assert not any("*" in action for action in actions)
            for prefix in ("/receipts/*", "/reports/*"):
                resource = resource.replace(prefix, "")
            assert "*" not in resource or actions <= WITHOUT_RESOURCE


def test_lambdas_may_delete_only_names_closed_accounts_and_opt_ins(template):
    """Policies cannot see that an account is closed; that is for the code to say."""
    mail_events = template["Resources"]["MailEventsPolicy"]["Properties"]
    deleting = [
        statement
        for statement in [
            *statements(template, "NotificationProcessorRole"),
            *statements(template, "BudgetAlertRole"),
            *statements(template, "ReportGeneratorRole"),
            *mail_events["PolicyDocument"]["Statement"],
        ]
        if "UsersTable" in str(statement) and "DeleteItem" in str(statement)
    ]

    keys = [each["Condition"]["ForAllValues:StringLike"] for each in deleting]
    assert keys == [
        {"dynamodb:LeadingKeys": ["email#*", "username#*", "?" * 32]},
        {"dynamodb:LeadingKeys": ["opt-in#*"]},
    ]


def test_every_mapping_reports_single_failures(template):
    for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        answers = mapping["Properties"]["FunctionResponseTypes"]
        assert answers == ["ReportBatchItemFailures"]


def test_the_queue_waits_six_function_timeouts_and_dead_letters_keep_longer(template):
    parameters = template["Parameters"]
    queue = template["Resources"]["NotificationQueue"]["Properties"]
    dead = template["Resources"]["NotificationDeadLetterQueue"]["Properties"]

    visibility = parameters["QueueVisibilitySeconds"]["Default"]
    assert visibility >= 6 * parameters["NotificationTimeoutSeconds"]["Default"]
    assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_every_schedule_may_invoke_its_function_and_keeps_what_fails(template):
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    allowed = {
        (p["Properties"]["SourceArn"]["GetAtt"], p["Properties"]["FunctionName"]["Ref"])
        for p in permissions
    }

    for name, rule in of_type(template, "AWS::Events::Rule").items():
        for target in rule["Properties"]["Targets"]:
            function = target["Arn"]["GetAtt"].removesuffix(".Arn")
            assert (f"{name}.Arn", function) in allowed
            dead = target["DeadLetterConfig"]["Arn"]["GetAtt"]
            assert dead == "FailedEventsQueue.Arn"


def test_only_the_check_that_hands_on_its_rest_may_call_itself(template):
    functions = of_type(template, "AWS::Lambda::Function")
    allowed = [
        function["Properties"]["Handler"]
        for function in functions.values()
        if function["Properties"].get("RecursiveLoop") == "Allow"
    ]

    assert allowed == ["lambdas.budget_alert.handler.handler"]


def test_only_uploads_that_no_expense_took_expire(template):
    """The local AWS ignores this part of the template, so nothing else looks at it."""
    bucket = template["Resources"]["ReceiptsBucket"]["Properties"]
    rules = bucket["LifecycleConfiguration"]["Rules"]

    (expiring,) = [rule for rule in rules if "ExpirationInDays" in rule]

    (tag,) = expiring["TagFilters"]
    assert f"{tag['Key']}={tag['Value']}" == receipts.PENDING
    assert expiring["Prefix"] == "receipts/"
    assert expiring["ExpirationInDays"] * 24 > receipts.UPLOAD_HOURS


def test_nothing_of_ses_is_made_unless_it_is_the_transport(template):
    made = [
        name
        for name, resource in template["Resources"].items()
        if "AWS::SES" in resource["Type"] or name.startswith(("Mail", "SendMail"))
    ]

    assert len(made) == 11
    for name in made:
        assert template["Resources"][name]["Condition"] == "UsesSes"


def test_mails_may_only_come_from_the_one_identity(template):
    policy = template["Resources"]["SendMailPolicy"]["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]

    senders = {role["Ref"] for role in policy["Roles"]}
    assert senders == {"NotificationProcessorRole", "WebRole"}
    assert statement["Action"] == "ses:SendEmail"
    identity, configuration_set = (each["Sub"] for each in statement["Resource"])
    assert identity.endswith(":identity/${EmailIdentity}")
    assert configuration_set.endswith(":configuration-set/${MailConfigurationSet}")


def test_only_ses_tells_the_topic_and_only_the_topic_the_queue(template):
    def the_statement(name):
        declared = template["Resources"][name]["Properties"]
        (statement,) = declared["PolicyDocument"]["Statement"]
        return statement

    topic = the_statement("MailEventsTopicPolicy")
    queue = the_statement("MailEventsQueuePolicy")

    assert topic["Principal"] == {"Service": "ses.amazonaws.com"}
    assert "aws:SourceArn" in topic["Condition"]["StringEquals"]
    assert queue["Principal"] == {"Service": "sns.amazonaws.com"}
    source = queue["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert source == {"Ref": "MailEventsTopic"}


def test_only_our_own_pages_may_upload(template):
    bucket = template["Resources"]["ReceiptsBucket"]["Properties"]
    condition, cors, otherwise = bucket["CorsConfiguration"]["If"]
    (rule,) = cors["CorsRules"]

    assert condition == "HasAppUrl"
    assert rule["AllowedOrigins"] == [{"Ref": "AppUrl"}]
    assert rule["AllowedMethods"] == ["GET", "PUT"]
    assert otherwise == {"Ref": "AWS::NoValue"}
