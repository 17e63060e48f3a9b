"""The shortcuts around moto leave nothing behind and change no response."""

import boto3
import pytest
from botocore.exceptions import ParamValidationError
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT_ID

from smartbudget.core import aws as clients
from smartbudget.core import dynamodb
from tests import quick_moto
from tests.conftest import empty_aws
from tests.dynamodb.requests import ask
from tests.notifications import faults

PUT = {"TableName": "users", "Item": {"user_id": {"S": "a"}, "data": {"B": b"\x00"}}}
ONCE = {"ConditionExpression": "attribute_not_exists(user_id)"}
KEY = {"TableName": "users", "Key": {"user_id": {"S": "a"}}}


def test_moto_keeps_no_state_of_earlier_tests():
    with empty_aws():
        before = len(quick_moto.responses_mock.registered())
    with empty_aws():
        assert len(quick_moto.responses_mock.registered()) == before


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("get_item", KEY),
        ("put_item", PUT | ONCE),
        ("put_item", PUT | ONCE | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
        ("transact_write_items", {"TransactItems": [{"Put": PUT | ONCE}]}),
        ("get_item", {**KEY, "Key": {}}),
    ],
)
def test_an_items_response_is_the_same_through_botocores_transport(
    aws, operation, request_
):
    for client in (dynamodb.connection().client, boto3.client("dynamodb")):
        client.put_item(**PUT)

        direct = ask(client, operation, request_)
        with quick_moto.hooked():
            assert ask(client, operation, request_) == direct


QUEUE = {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT_ID}/no-queue"}
TOPIC = {"TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT_ID}:budget-alerts-topic"}
MAIL = {
    "FromEmailAddress": "stranger@example.com",
    "Destination": {"ToAddresses": ["alice@example.com"]},
    "Content": {
        "Simple": {"Subject": {"Data": "ü"}, "Body": {"Text": {"Data": "a & b"}}}
    },
}


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("sqs", "get_queue_url", {"QueueName": "notification-queue"}),
        ("sqs", "receive_message", QUEUE),
        ("sqs", "list_queues", {}),
        ("sns", "get_topic_attributes", TOPIC),
        ("sns", "publish", {"TopicArn": f"{TOPIC['TopicArn']}-2", "Message": "ü"}),
        ("sesv2", "send_email", MAIL),
        ("sesv2", "get_configuration_set", {"ConfigurationSetName": "a"}),
        ("sts", "get_caller_identity", {}),
    ],
)
def test_motos_response_is_the_same_through_botocores_transport(
    aws, service, operation, request_
):
    client = clients.client(service)

    direct = ask(client, operation, request_)
    with quick_moto.hooked():
        assert ask(client, operation, request_) == direct


def test_a_message_is_received_as_it_was_sent_through_botocores_transport(aws):
    sqs, where = clients.client("sqs"), {"QueueUrl": clients.queue_url()}
    sqs.send_message(**where, MessageBody="ü & <b>", MessageAttributes=ATTRIBUTES)

    with quick_moto.hooked():
        (through,) = receive(sqs, where)
    (direct,) = receive(sqs, where)

    assert {**direct, "ReceiptHandle": ""} == {**through, "ReceiptHandle": ""}
    assert (direct["Body"], direct["MessageAttributes"]) == ("ü & <b>", ATTRIBUTES)


ATTRIBUTES = {"task": {"DataType": "String", "StringValue": "deliver"}}


def receive(sqs, where):
    return sqs.receive_message(
        **where, VisibilityTimeout=0, MessageAttributeNames=["All"]
    )["Messages"]


def test_only_the_hooked_operation_uses_botocores_transport(aws):
    client, sent = dynamodb.connection().client, []

    def note(request, operation):
        sent.append(operation)

    with faults.hooked("GetItem", note):
        client.get_item(**KEY)
        client.put_item(**PUT)
    client.get_item(**KEY)

    assert sent == ["GetItem"]


def test_invalid_parameters_are_rejected_as_botocore_rejects_them(aws):
    with pytest.raises(ParamValidationError, match="MessageBody"):
        clients.client("sqs").send_message(QueueUrl=clients.queue_url())
    with pytest.raises(ParamValidationError, match="Key"):
        boto3.client("dynamodb").get_item(TableName="users", Key=[])
