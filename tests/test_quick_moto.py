"""The shortcuts around moto leave nothing behind and change no response."""

import boto3
import pytest

from tests import quick_moto
from tests.conftest import empty_aws
from tests.dynamodb.requests import ask

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
def test_a_response_is_the_same_through_botocores_transport(aws, operation, request_):
    client = boto3.client("dynamodb")
    client.put_item(**PUT)

    direct = ask(client, operation, request_)
    with quick_moto.hooked():
        assert ask(client, operation, request_) == direct
