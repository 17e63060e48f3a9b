"""Actions denied to each role, tried on the local AWS with its credentials.

The other tests of this folder show that the roles have the rights they need: the web
and every Lambda run under them.
"""

import functools
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smartbudget.local.settings import ACCOUNT, CODE_BUCKET, REGION
from tests.integration.stages import OTHER
from tests.stack import Stack

REFUSALS = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
}
Call = tuple[str, str, dict[str, Any]]  # service, operation, arguments

KEYS = {
    "users": "user_id",
    "expenses": "expense_id",
    "budgets": "budget_id",
    "notifications": "notification_id",
}
NEW_TABLE = {
    "TableName": "another",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
}


def table(operation: str, name: str, key: str = "x", **more: Any) -> Call:
    """Return a DynamoDB call with minimal arguments."""
    item = {KEYS[name]: {"S": key}}
    arguments: dict[str, Any] = {"TableName": name, **more}
    if operation == "put_item":
        arguments["Item"] = item
    elif operation in {"get_item", "delete_item", "update_item"}:
        arguments["Key"] = item
    return "dynamodb", operation, arguments


def query(name: str, index: str, key: str) -> Call:
    """Return a query of an index."""
    values = {":k": {"S": "x"}}
    condition = {"KeyConditionExpression": f"{key} = :k"}
    return table(
        "query", name, IndexName=index, ExpressionAttributeValues=values, **condition
    )


def send(queue: str) -> Call:
    """Return a call that sends a message."""
    return "sqs", "send_message", {"QueueUrl": queue, "MessageBody": "{{}}"}


def receive(queue: str) -> Call:
    """Return a call that receives a message."""
    return "sqs", "receive_message", {"QueueUrl": queue}


def put(key: str) -> Call:
    """Return a call that puts an object into the bucket."""
    return "s3", "put_object", {"Bucket": "{bucket}", "Key": key, "Body": b"x"}


def get(key: str) -> Call:
    """Return a call that gets an object from the bucket."""
    return "s3", "get_object", {"Bucket": "{bucket}", "Key": key}


def invoke(function: str) -> Call:
    """Return a call that invokes a function."""
    return "lambda", "invoke", {"FunctionName": function}


PUBLISH: Call = ("sns", "publish", {"TopicArn": "{topic}", "Message": "x"})
SUBSCRIBE: Call = (
    "sns",
    "subscribe",
    {"TopicArn": "{topic}", "Protocol": "http", "Endpoint": "http://127.0.0.1:9/"},
)
# Denied to the web and all Lambdas.
DENIED_TO_ALL: dict[str, Call] = {
    "scan users": table("scan", "users"),
    "scan expenses": table("scan", "expenses"),
    "scan budgets": table("scan", "budgets"),
    "scan notifications": table("scan", "notifications"),
    "scan what is unsent": table("scan", "notifications", IndexName="unsent-index"),
    "delete a table": table("delete_table", "users"),
    "change a table": table("update_table", "users", DeletionProtectionEnabled=False),
    "create a table": ("dynamodb", "create_table", NEW_TABLE),
    "change the topic": (
        "sns",
        "set_topic_attributes",
        {"TopicArn": "{topic}", "AttributeName": "DisplayName", "AttributeValue": "x"},
    ),
    "list subscribers": ("sns", "list_subscriptions_by_topic", {"TopicArn": "{topic}"}),
    "tell operators": ("sns", "publish", {"TopicArn": "{operators}", "Message": "x"}),
    "purge the queue": ("sqs", "purge_queue", {"QueueUrl": "{queue}"}),
    "purge dead letters": ("sqs", "purge_queue", {"QueueUrl": "{dead}"}),
    "send dead letters": send("{dead}"),
    "receive failed events": receive("{events}"),
    "write outside the prefixes": put("elsewhere/x"),
    "read outside the prefixes": get("elsewhere/x"),
    "destroy a version": (
        "s3",
        "delete_object",
        {"Bucket": "{bucket}", "Key": "receipts/u/x.pdf", "VersionId": "x"},
    ),
    "change the bucket": (
        "s3",
        "put_bucket_versioning",
        {"Bucket": "{bucket}", "VersioningConfiguration": {"Status": "Suspended"}},
    ),
    "list code": ("s3", "list_objects_v2", {"Bucket": CODE_BUCKET}),
    "change code": (
        "lambda",
        "update_function_code",
        {"FunctionName": "budget_alert", "ZipFile": b"x"},
    ),
    "move an alias": (
        "lambda",
        "update_alias",
        {"FunctionName": "budget_alert", "Name": "live", "FunctionVersion": "1"},
    ),
    "invoke past the alias": invoke("report_generator"),
    "list users of AWS": ("iam", "list_users", {}),
    "make a user of AWS": ("iam", "create_user", {"UserName": "intruder"}),
    "change its own rights": (
        "iam",
        "put_role_policy",
        {"RoleName": "{role}", "PolicyName": "more", "PolicyDocument": "{{}}"},
    ),
    "read logs": ("logs", "filter_log_events", {"logGroupName": "/aws/lambda/x"}),
    "silence alarms": ("cloudwatch", "disable_alarm_actions", {"AlarmNames": ["x"]}),
    "read the stack": ("cloudformation", "describe_stacks", {}),
}
DENIED: dict[str, dict[str, Call]] = {
    "web": DENIED_TO_ALL
    | {
        "publish": PUBLISH,
        "scan an index": table("scan", "budgets", IndexName="user_id-index"),
        "receive messages": receive("{queue}"),
        "delete messages": (
            "sqs",
            "delete_message",
            {"QueueUrl": "{queue}", "ReceiptHandle": "x"},
        ),
        "deliver by itself": invoke("notification_processor:live"),
        "start the daily check": invoke("budget_alert:live"),
    },
    "budget_alert": DENIED_TO_ALL
    | {
        "publish": PUBLISH,
        "subscribe": SUBSCRIBE,
        "write users": table("put_item", "users"),
        "delete users": table("delete_item", "users"),
        "write expenses": table("put_item", "expenses"),
        "read expenses by key": table("get_item", "expenses"),
        "make budgets": table("put_item", "budgets"),
        "delete budgets": table("delete_item", "budgets"),
        "delete notifications": table("delete_item", "notifications"),
        "read histories": query("notifications", "user_id-index", "user_id"),
        "receive messages": receive("{queue}"),
        "read receipts": get("receipts/u/x.pdf"),
        "write reports": put("reports/u/x.pdf"),
        "list files": ("s3", "list_objects_v2", {"Bucket": "{bucket}"}),
        "make reports": invoke("report_generator:live"),
    },
    "notification_processor": DENIED_TO_ALL
    | {
        "subscribe": SUBSCRIBE,
        "scan an index": table("scan", "budgets", IndexName="user_id-index"),
        "make users": table("put_item", "users"),
        "delete sessions": table("delete_item", "users", "session#x"),
        "delete tokens": table("delete_item", "users", "token#x"),
        "find users by e-mail": query("users", "email-index", "email"),
        "search users": query("users", "name-index", "kind"),
        "write expenses": table("put_item", "expenses"),
        "change expenses": table("update_item", "expenses"),
        "make budgets": table("put_item", "budgets"),
        "receive dead letters": receive("{dead}"),
        "write receipts": put("receipts/u/x.pdf"),
        "read reports": get("reports/u/x.pdf"),
        "start the daily check": invoke("budget_alert:live"),
    },
    "report_generator": DENIED_TO_ALL
    | {
        "publish": PUBLISH,
        "subscribe": SUBSCRIBE,
        "write users": table("put_item", "users"),
        "change users": table("update_item", "users"),
        "write expenses": table("put_item", "expenses"),
        "delete expenses": table("delete_item", "expenses"),
        "change budgets": table("update_item", "budgets"),
        "change notifications": table("update_item", "notifications"),
        "read notifications": query("notifications", "user_id-index", "user_id"),
        "receive messages": receive("{queue}"),
        "read receipts": get("receipts/u/x.pdf"),
        "write receipts": put("receipts/u/x.pdf"),
        "delete reports": (
            "s3",
            "delete_object",
            {"Bucket": "{bucket}", "Key": "reports/u/x.pdf"},
        ),
        "list files": ("s3", "list_objects_v2", {"Bucket": "{bucket}"}),
        "invoke itself": invoke("report_generator:live"),
    },
}
CASES = [(role, name) for role, calls in DENIED.items() for name in calls]


def names(stack: Stack, role: str, prefix: str = "") -> dict[str, str]:
    """Return the values of the placeholders above, for one stage."""

    def queue(name: str) -> str:
        return f"{stack.aws_url}/{ACCOUNT}/{prefix}{name}"

    return {
        "topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{prefix}budget-alerts-topic",
        "operators": f"arn:aws:sns:{REGION}:{ACCOUNT}:{prefix}operators-topic",
        "queue": queue("notification-queue"),
        "dead": queue("notification-queue-dlq"),
        "events": queue("failed-events-queue"),
        "bucket": f"{prefix}smart-budget-receipts",
        "role": f"smart-budget-{role}",
    }


@functools.cache
def client(session: Any, service: str) -> Any:
    """Return a session's client of a service; creating one takes longer than a call."""
    return session.client(service)


def refusal(session: Any, call: Call, known: dict[str, str]) -> str:
    """Return the error code of a call that must fail."""
    service, operation, arguments = call
    filled = {
        name: value.format(**known) if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    with pytest.raises(ClientError) as refused:
        getattr(client(session, service), operation)(**filled)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403}
    return str(refused.value.response["Error"]["Code"])


@pytest.fixture(scope="module")
def sessions(stack: Stack) -> dict[str, Any]:
    return {role: stack.role_session(role) for role in DENIED}


@pytest.mark.parametrize(("role", "name"), CASES)
def test_a_role_is_denied(stack, sessions, role, name):
    call = DENIED[role][name]

    assert refusal(sessions[role], call, names(stack, role)) in REFUSALS


# Calls that some role makes in its own stage.
ACROSS: dict[str, Call] = {
    **{f"read {name}": table("get_item", name) for name in KEYS},
    **{f"write {name}": table("put_item", name) for name in KEYS},
    **{f"delete {name}": table("delete_item", name) for name in KEYS},
    "list expenses": query("expenses", "user_id-index", "user_id"),
    "walk budgets": table("scan", "budgets", IndexName="user_id-index"),
    "queue messages": send("{queue}"),
    "receive messages": receive("{queue}"),
    "receive dead letters": receive("{dead}"),
    "publish": PUBLISH,
    "subscribe": SUBSCRIBE,
    "read receipts": get("receipts/u/x.pdf"),
    "write receipts": put("receipts/u/x.pdf"),
    "write reports": put("reports/u/x.pdf"),
    "make reports": invoke("report_generator:live"),
    "go on with the daily check": invoke("budget_alert:live"),
}


@pytest.mark.parametrize("role", DENIED)
@pytest.mark.parametrize(("own", "others"), [("", OTHER), (OTHER, "")])
def test_no_role_can_access_another_stage(stack, other_stage, role, own, others):
    session = stack.local.role_session(role, own)
    known = names(stack, role, others)

    for name, (service, operation, arguments) in ACROSS.items():
        elsewhere = dict(arguments)
        for named in ("TableName", "FunctionName"):
            if named in elsewhere:
                elsewhere[named] = others + elsewhere[named]
        code = refusal(session, (service, operation, elsewhere), known)
        assert code in REFUSALS, name
