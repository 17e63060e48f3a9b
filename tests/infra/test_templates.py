"""The templates in infra/ are valid and match the code."""

import json
import re
from typing import Any

import pytest

from accounts.models import Account
from budgets.models import Budget
from expenses.imports import services
from expenses.models import Expense
from expenses.receipts import direct_uploads
from infra import templates
from infra.build_lambdas import function_names
from notifications import models
from notifications.models import Notification
from reports import generator, queued
from smartbudget.core import aws, files, log

Template = dict[str, Any]


@pytest.fixture(scope="module")
def data() -> Template:
    return templates.read("data")


@pytest.fixture(scope="module")
def roles() -> Template:
    return templates.read("roles")


@pytest.fixture(scope="module")
def functions() -> Template:
    return templates.read("functions")


@pytest.fixture(scope="module")
def observability() -> Template:
    return templates.read("observability")


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    resources = templates.resources(template)
    return {name: resource for name, resource in resources if resource["Type"] == kind}


def test_cfn_lint_ignores_nothing():
    """Its findings fail `make lint`."""
    assert not any("cfn-lint" in templates.text(name) for name in templates.NAMES)
    assert not list(templates.FOLDER.parent.glob(".cfnlintrc*"))


@pytest.mark.parametrize("name", templates.NAMES)
def test_a_template_fits_into_one_request(name):
    """A larger template would need a bucket."""
    assert len(templates.text(name).encode()) <= 51_200


def test_a_parameter_means_the_same_in_all_templates():
    """So that one list of parameters fits all templates."""
    seen: dict[str, Any] = {}
    for name in templates.NAMES:
        for parameter, declared in templates.read(name)["Parameters"].items():
            meaning = {key: declared.get(key) for key in ("Type", "Default")}
            assert seen.setdefault(parameter, meaning) == meaning, (name, parameter)


@pytest.mark.parametrize(
    ("logical_id", "model"),
    [
        ("UsersTable", Account),
        ("ExpensesTable", Expense),
        ("BudgetsTable", Budget),
        ("NotificationsTable", Notification),
    ],
)
def test_tables_have_the_models_keys_and_indexes(data, logical_id, model):
    declared = data["Resources"][logical_id]["Properties"]

    assert declared["TableName"] == {"Sub": "${ResourcePrefix}" + model.Meta.table_name}
    assert _shape_of_table(declared) == _shape_of_model(model)


def _shape_of_table(declared: dict[str, Any]) -> dict[str, Any]:
    return {
        "attributes": _pairs(declared["AttributeDefinitions"], "AttributeType"),
        "key": _pairs(declared["KeySchema"], "KeyType"),
        "indexes": {
            index["IndexName"]: {
                "key": _pairs(index["KeySchema"], "KeyType"),
                "projection": index["Projection"],
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
                "projection": index["projection"],
            }
            for index in schema["global_secondary_indexes"]
        },
    }


def _pairs(entries: list[dict[str, str]], value: str) -> dict[str, str]:
    return {entry["AttributeName"]: entry[value] for entry in entries}


def test_data_outlives_the_stack_and_a_mistake(data):
    tables = of_type(data, "AWS::DynamoDB::Table")

    for resource in [*tables.values(), data["Resources"]["ReceiptsBucket"]]:
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
    for table in tables.values():
        declared = table["Properties"]
        assert declared["BillingMode"] == "PAY_PER_REQUEST"
        assert declared["DeletionProtectionEnabled"] is True


def test_tables_are_encrypted_by_the_customers_key_if_there_is_one(data):
    for table in of_type(data, "AWS::DynamoDB::Table").values():
        assert table["Properties"]["SSESpecification"] == {
            "SSEEnabled": True,
            "SSEType": "KMS",
            "KMSMasterKeyId": {
                "If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]
            },
        }


def test_queues_topics_and_files_are_encrypted_with_it_too(data, observability):
    ours = {"If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
    bucket = data["Resources"]["ReceiptsBucket"]["Properties"]["BucketEncryption"]
    (rule,) = bucket["ServerSideEncryptionConfiguration"]
    condition, with_key, without = rule["ServerSideEncryptionByDefault"]["If"]

    assert condition == "HasKey"
    assert with_key["KMSMasterKeyID"] == {"Ref": "KmsKeyArn"}
    assert without == {"SSEAlgorithm": "AES256"}
    for template in (data, observability):
        for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
            for resource in of_type(template, kind).values():
                assert resource["Properties"]["KmsMasterKeyId"] == ours


def test_tables_are_created_last(data):
    """A failed creation could not delete them, so the next one would fail too."""

    def needed_by(name: str) -> set[str]:
        text = json.dumps(data["Resources"][name])
        named = {
            other for other in data["Resources"] if re.search(rf"\b{other}\b", text)
        }
        return named - {name}

    others = set(data["Resources"]) - of_type(data, "AWS::DynamoDB::Table").keys()
    for table in of_type(data, "AWS::DynamoDB::Table"):
        before = needed_by(table)
        while (more := before.union(*map(needed_by, before))) != before:
            before = more
        assert before == others


def test_files_can_be_restored_for_as_long_as_items(data):
    for table in of_type(data, "AWS::DynamoDB::Table").values():
        recovery = table["Properties"]["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True
        assert recovery["RecoveryPeriodInDays"] == {"Ref": "RecoveryDays"}
    bucket = data["Resources"]["ReceiptsBucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    (forgets,) = [rule for rule in rules if "NoncurrentVersionExpiration" in rule]
    days = forgets["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert days == {"Ref": "RecoveryDays"}


def test_each_handler_has_a_function_and_a_parameter_for_its_zip(functions):
    declared = of_type(functions, "AWS::Lambda::Function").values()
    handlers = {f["Properties"]["Handler"] for f in declared}

    assert handlers == {f"lambdas.{name}.handler.handler" for name in function_names()}
    for function in declared:
        key = function["Properties"]["Code"]["S3Key"]["Ref"]
        name = function["Properties"]["FunctionName"]["Sub"].split("}")[1]
        assert key == "".join(p.title() for p in name.split("_")) + "CodeKey"


def test_every_function_has_its_own_role(functions, roles, observability):
    names = {r["Properties"]["RoleName"]["Sub"] for r in of_type(roles, ROLE).values()}
    known = {
        function["Name"] for function in observability["Mappings"]["Functions"].values()
    }
    assert known == set(function_names())
    used = []
    for function in of_type(functions, "AWS::Lambda::Function").values():
        declared = function["Properties"]
        name = declared["FunctionName"]["Sub"].removeprefix("${ResourcePrefix}")
        role = declared["Role"]["Sub"].rpartition("role/")[2]
        assert role == "${ResourcePrefix}smart-budget-" + name
        assert role in names
        used.append(role)
    assert len(set(used)) == len(used)


ROLE = "AWS::IAM::Role"


def test_every_log_group_expires_and_the_pipeline_cannot_change_it(data):
    groups = [group["Properties"] for group in of_type(data, LOG_GROUP).values()]
    names = {group["LogGroupName"]["Sub"] for group in groups}

    lambdas = [*function_names(), "canary"]
    assert {f"/aws/lambda/${{ResourcePrefix}}{name}" for name in lambdas} == {
        name for name in names if name.startswith("/aws/lambda/")
    }
    for group in groups:
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    for name in ("observability", "functions", "canary", "web"):
        assert not of_type(templates.read(name), LOG_GROUP)


LOG_GROUP = "AWS::Logs::LogGroup"


def test_metric_filters_and_queries_read_existing_log_groups(data, observability):
    groups = {
        group["Properties"]["LogGroupName"]["Sub"]
        for group in of_type(data, LOG_GROUP).values()
    }
    read = [
        f["Properties"]["LogGroupName"]["Sub"]
        for f in of_type(observability, "AWS::Logs::MetricFilter").values()
    ]
    for query in of_type(observability, "AWS::Logs::QueryDefinition").values():
        read += [name["Sub"] for name in query["Properties"]["LogGroupNames"]]

    looped = ["/aws/lambda/${ResourcePrefix}${Name}"]
    named = {name for name in read if isinstance(name, str)}
    assert [name[0] for name in read if not isinstance(name, str)] == looped
    assert named == groups


def test_every_release_is_a_version_behind_the_alias(functions):
    resources = functions["Resources"]
    aliases = of_type(functions, "AWS::Lambda::Alias")

    assert len(aliases) == len(of_type(functions, "AWS::Lambda::Function"))
    for alias in aliases.values():
        declared = alias["Properties"]
        version = resources[declared["FunctionVersion"]["GetAtt"].split(".")[0]]
        function = resources[declared["FunctionName"]["Ref"]]
        assert declared["Name"] == "live"
        # Replaced with each release; Lambda creates no version of unchanged code.
        assert version["Properties"]["Description"] == {"Ref": "Release"}
        assert "${Release}" in function["Properties"]["Description"]["Sub"]


def test_functions_are_invoked_only_through_the_alias(functions):
    aliases = set(of_type(functions, "AWS::Lambda::Alias"))
    started = [
        *(
            m["Properties"]["FunctionName"]["Ref"]
            for m in of_type(functions, "AWS::Lambda::EventSourceMapping").values()
        ),
        *(
            target["Arn"]["Ref"]
            for rule in of_type(functions, "AWS::Events::Rule").values()
            for target in rule["Properties"]["Targets"]
        ),
        *(
            p["Properties"]["FunctionName"]["Ref"]
            for p in of_type(functions, "AWS::Lambda::Permission").values()
        ),
    ]

    assert set(started) <= aliases
    for config in of_type(functions, "AWS::Lambda::EventInvokeConfig").values():
        assert config["Properties"]["Qualifier"] == "live"


def test_existing_alarms_roll_a_release_back(functions, observability):
    groups = of_type(functions, "AWS::CodeDeploy::DeploymentGroup")
    patterns = {
        alarm["Name"]["Sub"]
        for group in groups.values()
        for alarm in group["Properties"]["AlarmConfiguration"]["Alarms"]
    }

    assert len(groups) == 2
    assert patterns <= {name for name, _ in alarms(observability)}


def alarms(observability: Template) -> list[tuple[str, dict[str, Any]]]:
    """Return (name, properties) of all alarms; loops are expanded."""
    listed = []
    names = {
        key: value["Name"]
        for kind in ("Functions", "Tables")
        for key, value in observability["Mappings"][kind].items()
    }
    for logical_id, resource in observability["Resources"].items():
        _, over, repeated = (
            resource
            if logical_id.startswith("Fn::ForEach")
            else (None, [None], {logical_id: resource})
        )
        for alarm in repeated.values():
            if alarm["Type"] == "AWS::CloudWatch::Alarm":
                name = alarm["Properties"]["AlarmName"]["Sub"]
                pattern = name if isinstance(name, str) else name[0]
                for key in over:
                    value = pattern.replace("${Name}", names.get(key, ""))
                    listed.append((value, alarm["Properties"]))
    return listed


def test_every_alarm_notifies_operators_except_release_alarms(observability):
    silent = {name for name, alarm in alarms(observability) if not alarm.get(ACTIONS)}

    assert {name.removeprefix("${ResourcePrefix}smart-budget-") for name in silent} == {
        "notification_processor-live-errors",
        "report_generator-live-errors",
        "notification_processor-failed-messages",
    }
    for _, alarm in alarms(observability):
        assert alarm.get(ACTIONS) in (None, [{"Ref": "OperatorsTopic"}])


ACTIONS = "AlarmActions"


def test_an_alarm_counts_the_throttled_emails_of_the_stage(observability):
    alarm = observability["Resources"]["EmailsThrottledAlarm"]["Properties"]
    (dimension,) = alarm["Dimensions"]

    assert (alarm["Namespace"], alarm["MetricName"]) == (log.METRICS, "EmailsThrottled")
    assert dimension["Name"] == "Stage"
    assert dimension["Value"] == {"Sub": "${ResourcePrefix}smart-budget"}


def test_duration_alarms_are_at_four_fifths_of_the_timeout(functions, observability):
    for known in observability["Mappings"]["Functions"].values():
        (function,) = [
            f["Properties"]
            for f in of_type(functions, "AWS::Lambda::Function").values()
            if f["Properties"]["FunctionName"]["Sub"].endswith(known["Name"])
        ]
        seconds = function["Timeout"]
        if isinstance(seconds, dict):
            seconds = functions["Parameters"][seconds["Ref"]]["Default"]
        assert known["Slow"] == seconds * 1000 * 4 / 5


def test_the_dashboard_is_valid_json(observability):
    template, values = observability["Resources"]["Dashboard"]["Properties"][
        "DashboardBody"
    ]["Sub"]

    widgets = json.loads(template)["widgets"]

    assert list(values) == ["Balancer"]
    assert len({(widget["x"], widget["y"]) for widget in widgets}) == len(widgets)
    for metric in ("ExpensesRecorded", "AlertsQueued", "ReportsMade"):
        assert metric in template


@pytest.mark.parametrize("metric", ["message failed", "budget total was wrong"])
def test_metric_filters_match_what_the_program_logs(observability, metric):
    code = "".join(
        (templates.FOLDER.parent / path).read_text()
        for path in ("lambdas/notification_processor/handler.py", "budgets/checks.py")
    )
    filters = of_type(observability, "AWS::Logs::MetricFilter").values()

    assert f'"{metric}"' in {f["Properties"]["FilterPattern"] for f in filters}
    assert f'"{metric} ' in code


def test_every_event_source_mapping_reports_batch_item_failures(functions):
    for mapping in of_type(functions, "AWS::Lambda::EventSourceMapping").values():
        answers = mapping["Properties"]["FunctionResponseTypes"]
        assert answers == ["ReportBatchItemFailures"]


def test_the_concurrency_of_deliveries_is_a_parameter_within_lambdas_limits(functions):
    declared = functions["Parameters"]["NotificationConcurrency"]
    mapping = functions["Resources"]["NotificationQueueMapping"]["Properties"]

    assert mapping["ScalingConfig"] == {
        "MaximumConcurrency": {"Ref": "NotificationConcurrency"}
    }
    assert (declared["MinValue"], declared["MaxValue"]) == (2, 1000)


def test_the_visibility_timeout_is_six_function_timeouts_and_dead_letters_last_longer(
    data, functions
):
    queue = data["Resources"]["NotificationQueue"]["Properties"]
    dead = data["Resources"]["NotificationDeadLetterQueue"]["Properties"]

    timeout = functions["Parameters"]["NotificationTimeoutSeconds"]["Default"]
    assert data["Parameters"]["QueueVisibilitySeconds"]["Default"] >= 6 * timeout
    assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_every_schedule_can_invoke_its_function_and_has_a_dead_letter_queue(
    functions, data
):
    permissions = of_type(functions, "AWS::Lambda::Permission").values()
    allowed = {
        (p["Properties"]["SourceArn"]["GetAtt"], p["Properties"]["FunctionName"]["Ref"])
        for p in permissions
    }
    policy = data["Resources"]["FailedEventsQueuePolicy"]["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    senders = {
        source["Sub"].rpartition("rule/")[2]
        for source in statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    }

    rules = of_type(functions, "AWS::Events::Rule")
    assert {rule["Properties"]["Name"]["Sub"] for rule in rules.values()} == senders
    for name, rule in rules.items():
        for target in rule["Properties"]["Targets"]:
            assert (f"{name}.Arn", target["Arn"]["Ref"]) in allowed
            dead = target["DeadLetterConfig"]["Arn"]["Sub"]
            assert dead.endswith(":${ResourcePrefix}failed-events-queue")


def test_the_parts_of_the_sweep_are_all_there_and_each_has_shards_of_every_class(
    functions,
):
    targets = functions["Resources"]["SweepRule"]["Properties"]["Targets"]
    inputs = [json.loads(target["Input"]) for target in targets]

    assert len(targets) <= 5  # of a rule (docs/aws.md#schedules)
    assert [part.pop("part") for part in inputs] == list(range(len(targets)))
    assert inputs == [{"task": "sweep", "parts": len(targets)}] * len(targets)
    for shards in (models.URGENT_SHARDS, models.JOB_SHARDS, models.SUMMARY_SHARDS):
        assert len(shards) % len(targets) == 0


def test_functions_whose_work_continues_itself_are_not_stopped_as_loops(functions):
    """Deleting a large account takes more runs in a row than Lambda allows."""
    declared = of_type(functions, "AWS::Lambda::Function")
    allowed = [
        function["Properties"]["Handler"]
        for function in declared.values()
        if function["Properties"].get("RecursiveLoop") == "Allow"
    ]

    assert allowed == [
        "lambdas.budget_alert.handler.handler",
        "lambdas.notification_processor.handler.handler",
        "lambdas.report_generator.handler.handler",
    ]


def test_reports_can_be_kept_from_the_concurrency_of_notifications(functions):
    """By default nothing is reserved: an account with a small quota would refuse it."""
    function = functions["Resources"]["ReportGeneratorFunction"]["Properties"]

    assert functions["Parameters"]["ReportConcurrency"]["Default"] == 0
    assert function["ReservedConcurrentExecutions"] == {
        "If": [
            "LimitsReports",
            {"Ref": "ReportConcurrency"},
            {"Ref": "AWS::NoValue"},
        ]
    }


def test_a_large_report_that_lambda_gives_up_is_a_failed_event(functions):
    config = functions["Resources"]["ReportGeneratorOnFailure"]["Properties"]
    destination = config["DestinationConfig"]["OnFailure"]["Destination"]

    assert config["Qualifier"] == "live"
    assert "failed-events-queue" in json.dumps(destination)
    # One more than in the first minutes is left to the sweep.
    assert config["MaximumRetryAttempts"] + 1 < queued.MAX_ATTEMPTS


def test_a_report_ends_before_its_client_and_its_lambda_stop(functions):
    timeout = functions["Resources"]["ReportGeneratorFunction"]["Properties"]["Timeout"]

    assert aws.READ_TIMEOUTS["lambda"] > generator.MAX_SECONDS
    assert timeout > generator.STORE_SECONDS


def test_only_uploads_without_an_expense_and_imported_files_expire(data):
    """The local AWS ignores this part of the template, so no other test covers it."""
    bucket = data["Resources"]["ReceiptsBucket"]["Properties"]
    rules = bucket["LifecycleConfiguration"]["Rules"]

    expiring, imports = [rule for rule in rules if "ExpirationInDays" in rule]

    assert imports["Prefix"] == f"{files.IMPORTS}/"
    kept = services.PREVIEW_KEPT + services.UNDO_KEPT
    assert imports["ExpirationInDays"] > kept.days
    (tag,) = expiring["TagFilters"]
    assert f"{tag['Key']}={tag['Value']}" == direct_uploads.PENDING
    assert expiring["Prefix"] == "receipts/"
    assert expiring["ExpirationInDays"] * 24 > direct_uploads.UPLOAD_HOURS


def test_ses_resources_exist_only_if_there_is_a_sender():
    created = [
        resource
        for template in templates.NAMES
        for name, resource in templates.resources(templates.read(template))
        if "AWS::SES" in resource["Type"] or name.startswith(("Mail", "SendMail"))
    ]

    assert len(created) == 12
    for resource in created:
        assert resource["Condition"] == "HasSender"


def test_a_sender_is_independent_of_the_transport():
    """An identity in roles.yaml, which is deployed first, a sender in the others."""
    for template in templates.NAMES:
        conditions = templates.read(template).get("Conditions", {})
        if "HasSender" in conditions:
            parameter = "EmailIdentity" if template == "roles" else "EmailSender"
            (equal,) = conditions["HasSender"]["Not"]
            assert equal == {"Equals": [{"Ref": parameter}, ""]}, template


def test_each_template_demands_the_sender_that_ses_needs():
    for template in ("roles", "data", "functions", "web"):
        rules = templates.read(template)["Rules"].values()
        asserted = [
            assertion["Assert"]
            for rule in rules
            if rule.get("RuleCondition")
            == {"Equals": [{"Ref": "EmailTransport"}, "ses"]}
            for assertion in rule["Assertions"]
        ]
        parameter = "EmailIdentity" if template == "roles" else "EmailSender"
        assert {"Not": [{"Equals": [{"Ref": parameter}, ""]}]} in asserted, template


@pytest.mark.parametrize(
    ("policy", "condition", "role"),
    [
        ("SendMailPolicy", "HasSender", "NotificationProcessorRole"),
        ("SendConfirmationsPolicy", "HasSender", "WebRole"),
    ],
)
def test_mails_can_only_be_sent_from_the_configured_identity(
    roles, policy, condition, role
):
    resource = roles["Resources"][policy]
    statement = resource["Properties"]["PolicyDocument"]["Statement"][0]

    assert resource["Condition"] == condition
    assert resource["Properties"]["Roles"] == [{"Ref": role}]
    assert statement["Action"] == "ses:SendEmail"
    identity, configuration_set = (arn["Sub"] for arn in statement["Resource"])
    assert identity.endswith(":identity/${EmailIdentity}")
    assert configuration_set.endswith(
        ":configuration-set/${ResourcePrefix}smart-budget-mail"
    )


def test_no_other_policy_sends_mail(roles):
    sending = [
        name
        for name, resource in templates.resources(roles)
        if "ses:SendEmail" in json.dumps(resource)
    ]

    assert sending == ["SendMailPolicy", "SendConfirmationsPolicy"]


def test_complaints_do_not_suppress_security_notices(data):
    """SES would drop them; the app ends the subscription by itself."""
    declared = data["Resources"]["MailConfigurationSet"]["Properties"]

    assert declared["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE"]}


def test_only_ses_can_publish_to_the_topic_and_only_the_topic_to_the_queue(data):
    def the_statement(name):
        declared = data["Resources"][name]["Properties"]
        (statement,) = declared["PolicyDocument"]["Statement"]
        return statement

    topic = the_statement("MailEventsTopicPolicy")
    queue = the_statement("MailEventsQueuePolicy")

    assert topic["Principal"] == {"Service": "ses.amazonaws.com"}
    assert "aws:SourceArn" in topic["Condition"]["StringEquals"]
    assert queue["Principal"] == {"Service": "sns.amazonaws.com"}
    source = queue["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert source == {"Ref": "MailEventsTopic"}


def test_only_our_own_pages_can_upload(data):
    bucket = data["Resources"]["ReceiptsBucket"]["Properties"]
    condition, cors, otherwise = bucket["CorsConfiguration"]["If"]
    (rule,) = cors["CorsRules"]

    assert condition == "HasAppUrl"
    assert rule["AllowedOrigins"] == [{"Ref": "AppUrl"}]
    assert rule["AllowedMethods"] == ["GET", "PUT"]
    assert otherwise == {"Ref": "AWS::NoValue"}


def test_replaced_code_is_kept_as_an_older_version():
    bucket = templates.read("delivery")["Resources"]["CodeBucketItself"]["Properties"]

    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


# -- deployment role


@pytest.fixture(scope="module")
def trust() -> dict[str, Any]:
    role = templates.read("delivery")["Resources"]["DeployerRole"]["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert list(statement["Condition"]) == ["StringEquals"]
    return statement["Condition"]["StringEquals"]


GITHUB = "token.actions.githubusercontent.com"


def test_a_repository_is_identified_by_id_and_not_only_by_name(trust):
    """An abandoned name can be taken by someone else; an id cannot."""
    assert trust[f"{GITHUB}:repository_id"] == {"Ref": "GitHubRepositoryId"}
    assert trust[f"{GITHUB}:aud"] == "sts.amazonaws.com"


def test_exactly_both_forms_of_githubs_subject_are_accepted(trust):
    values = {
        "GitHubRepository": "octo-org/planner",
        "GitHubOwnerId": "123456",
        "GitHubRepositoryId": "456789",
        "GitHubEnvironment": "production",
    }

    assert [resolve(subject, values) for subject in trust[f"{GITHUB}:sub"]] == [
        "repo:octo-org@123456/planner@456789:environment:production",
        "repo:octo-org/planner:environment:production",
    ]


def resolve(value: Any, values: dict[str, str]) -> str:
    """Return the value of an intrinsic function; every condition is true."""
    if isinstance(value, str):
        return value
    ((form, inner),) = value.items()
    if form == "Ref":
        return values[inner]
    if form == "If":
        return resolve(inner[1], values)
    if form == "Select":
        index, parts = inner
        separator, joined = parts["Split"]
        return resolve(joined, values).split(separator)[index]
    assert form == "Sub"
    text, variables = (inner, {}) if isinstance(inner, str) else inner
    known = values | {name: resolve(value, values) for name, value in variables.items()}
    return re.sub(r"\$\{(\w+)\}", lambda match: known[match[1]], text)


def test_github_ids_must_be_numeric():
    declared = templates.read("delivery")["Parameters"]

    for name in ("GitHubOwnerId", "GitHubRepositoryId"):
        assert re.fullmatch(declared[name]["AllowedPattern"], "123456")
        assert not re.fullmatch(declared[name]["AllowedPattern"], "octo-org")
        assert "Default" not in declared[name]
