"""Facts of docs/aws.md are what botocore's models of AWS's APIs say.

Checked again with each new botocore, since AWS changes its limits.
"""

import re
from typing import Any

import botocore.session
import pytest

from smartbudget.local.settings import ROOT

SESSION = botocore.session.get_session()
PAGE = (ROOT / "docs" / "aws.md").read_text()
# (section of the page, service, operation and perhaps a parameter, words of its model)
FACTS = [
    ("Transaction size", "dynamodb", "TransactWriteItems", "up to 100 action requests"),
    ("Transaction size", "dynamodb", "TransactWriteItems", "cannot exceed 4 MB"),
    (
        "Transaction tokens",
        "dynamodb",
        "TransactWriteItems.ClientRequestToken",
        "valid for 10 minutes",
    ),
    ("Indexes lag", "dynamodb", "Query", "support eventually consistent reads only"),
    ("Item size", "dynamodb", "Query", "maximum of 1 MB of data and then apply"),
    ("Batch size", "dynamodb", "BatchWriteItem", "up to 25 item put or delete"),
    ("Batch size", "dynamodb", "BatchGetItem", "as many as 100 items"),
    (
        "Settings of a restored table",
        "dynamodb",
        "RestoreTableToPointInTime",
        "Time to Live (TTL) settings Point in time recovery settings",
    ),
    (
        "Restores at once",
        "dynamodb",
        "RestoreTableToPointInTime",
        "up to 50 concurrent restores",
    ),
    ("Time to live", "dynamodb", "UpdateTimeToLive", "within two days of expiration"),
    ("Queue limits", "sqs", "SendMessage.DelaySeconds", "Maximum: 15 minutes"),
    ("Queue limits", "sqs", "SendMessageBatch", "up to 10 messages"),
    ("Queue limits", "sqs", "SendMessage", "#x20 to #xD7FF | #xE000 to #xFFFD"),
    ("Message move tasks", "sqs", "StartMessageMoveTask", "of other Amazon SQS queues"),
    ("Fair queues", "sqs", "SendMessage.MessageGroupId", "enables fair queues"),
    ("Schedules", "events", "PutTargets", "up to five (5) targets"),
    ("Visibility of one message", "sqs", "ChangeMessageVisibility", "is 12 hours"),
    (
        "Loop detection",
        "lambda",
        "PutFunctionRecursionConfig.RecursiveLoop",
        "By default, Lambda sets your function's configuration to Terminate",
    ),
    ("Listing subscriptions", "sns", "ListSubscriptionsByTopic", "up to 100"),
    ("Listing subscriptions", "sns", "ListSubscriptionsByTopic", "30 transactions"),
    ("Confirmation links", "sns", "Subscribe", "valid for two days"),
    ("Subjects", "sns", "Publish.Subject", "no line breaks or control characters"),
    ("Subjects", "sns", "Publish.Subject", "less than 100 characters"),
    ("Rotating a KMS key", "kms", "RotateKeyOnDemand", "a maximum of 25 times"),
    (
        "Alarms without data",
        "cloudwatch",
        "PutMetricAlarm.TreatMissingData",
        "notBreaching | ignore | missing",
    ),
    (
        "Evaluation of an alarm",
        "cloudwatch",
        "PutMetricAlarm.Period",
        "can't be more than 604,800 seconds",
    ),
    (
        "Evaluation of an alarm",
        "cloudwatch",
        "PutMetricAlarm.Period",
        "can't be longer than one day (86,400 seconds)",
    ),
]


def model_text(service: str, path: str) -> str:
    """Return the description of an operation, or of one of its parameters."""
    name, _, parameter = path.partition(".")
    operation: Any = SESSION.get_service_model(service).operation_model(name)
    described = operation.input_shape.members[parameter] if parameter else operation
    plain = re.sub(r"<[^>]+>", " ", described.documentation)
    return re.sub(r"\s+", " ", plain)


def test_every_fact_is_in_botocores_model():
    wrong = [
        (section, words)
        for section, service, path, words in FACTS
        if words not in model_text(service, path)
    ]

    assert wrong == []


def test_every_fact_has_a_section():
    sections = set(re.findall(r"^### (.+)$", PAGE, re.MULTILINE))

    assert {section for section, *_ in FACTS} <= sections


@pytest.mark.parametrize(
    ("service", "shape", "values"),
    [
        (
            "cloudformation",
            "ExecutionStatus",
            {"AVAILABLE", "EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE", "EXECUTE_FAILED"},
        ),
        ("ecr", "ScanStatus", {"ACTIVE", "UNSUPPORTED_IMAGE", "COMPLETE", "FAILED"}),
    ],
)
def test_named_states_exist(service, shape, values):
    assert values <= set(SESSION.get_service_model(service).shape_for(shape).enum)
