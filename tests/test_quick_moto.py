"""The shortcuts through moto do and answer what moto does."""

from unittest.mock import patch

import boto3
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.dynamodb.models import DynamoDBBackend

from tests import quick_moto
from tests.conftest import empty_aws

KEYS = ["a", "b", "c"]


def ask(tables, operation, arguments):
    """Return the answer or the error, without what differs from call to call."""
    try:
        answer = getattr(tables, operation)(**arguments)
    except ClientError as exc:
        answer = exc.response
    answer.pop("ResponseMetadata")
    return answer


ITEM = {
    "user_id": {"S": "a"},
    "text": {"S": 'ä "B" \U0001f600'},
    "number": {"N": "12.50"},
    "yes": {"BOOL": True},
    "none": {"NULL": True},
    "list": {"L": [{"S": "x"}, {"M": {"y": {"N": "1"}}}]},
    "names": {"SS": ["x", "y"]},
}
SEALED = {"user_id": {"S": "b"}, "sealed": {"B": b"\x00\xff"}}
KEY = {"TableName": "users", "Key": {"user_id": {"S": "a"}}}
ADD = {
    "UpdateExpression": "ADD #n :n SET #t = :t",
    "ExpressionAttributeNames": {"#n": "number", "#t": "text"},
    "ExpressionAttributeValues": {":n": {"N": "1"}, ":t": {"S": "new"}},
}
CALLS = [
    ("put_item", {"TableName": "users", "Item": ITEM, "ReturnValues": "ALL_OLD"}),
    ("put_item", {"TableName": "users", "Item": SEALED}),
    ("get_item", KEY | {"ConsistentRead": True, "ReturnConsumedCapacity": "TOTAL"}),
    (
        "get_item",
        KEY
        | {"ProjectionExpression": "#n, missing"}
        | {"ExpressionAttributeNames": {"#n": "number"}},
    ),
    ("get_item", {"TableName": "users", "Key": {"user_id": {"S": "b"}}}),
    ("get_item", {"TableName": "users", "Key": {"user_id": {"S": "gone"}}}),
    ("get_item", {"TableName": "nothing", "Key": {"user_id": {"S": "a"}}}),
    ("update_item", KEY | ADD | {"ReturnValues": "ALL_NEW"}),
    (
        "update_item",
        KEY
        | ADD
        | {
            "ConditionExpression": "attribute_not_exists(user_id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
    ),
    ("update_item", KEY | ADD | {"UpdateExpression": "no expression"}),
    ("scan", {"TableName": "users", "Limit": 1}),
    ("scan", {"TableName": "users", "Select": "COUNT"}),
    (
        "query",
        {
            "TableName": "expenses",
            "IndexName": "user_id-index",
            "KeyConditionExpression": "user_id = :u",
            "ExpressionAttributeValues": {":u": {"S": "a"}},
        },
    ),
    (
        "batch_get_item",
        {"RequestItems": {"users": {"Keys": [{"user_id": {"S": k}} for k in KEYS]}}},
    ),
    (
        "batch_write_item",
        {
            "RequestItems": {
                "users": [{"PutRequest": {"Item": {"user_id": {"S": "c"}}}}]
            }
        },
    ),
    ("transact_get_items", {"TransactItems": [{"Get": KEY}]}),
    ("transact_write_items", {"TransactItems": [{"Update": KEY | ADD}]}),
    (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": "users", "Item": {"user_id": {"S": "c"}}}},
                {
                    "ConditionCheck": KEY
                    | {"ConditionExpression": "attribute_not_exists(yes)"}
                },
            ]
        },
    ),
    ("delete_item", KEY | {"ReturnValues": "ALL_OLD"}),
    ("describe_table", {"TableName": "budgets"}),
]


def test_each_call_is_answered_as_moto_answers_it():
    found = []
    for operations in (quick_moto.ITEM_OPERATIONS, set()):
        with empty_aws(), patch.object(quick_moto, "ITEM_OPERATIONS", operations):
            tables = boto3.client("dynamodb")
            found.append([ask(tables, *call) for call in CALLS])

    quick, motos = found
    for call, ours, theirs in zip(CALLS, quick, motos, strict=True):
        assert ours == theirs, call


keys = st.sampled_from(KEYS)
changes = st.one_of(
    st.tuples(st.just("Put"), keys, st.integers(0, 9)),
    st.tuples(st.just("Update"), keys, st.integers(0, 9)),
    st.tuples(st.just("Delete"), keys, st.none()),
    st.tuples(st.just("ConditionCheck"), keys, st.none()),
)


def change(kind, key, number):
    """Return one part of a transaction; each may fail by a condition."""
    named = {"TableName": "users"}
    condition = {"ConditionExpression": "attribute_exists(user_id)"}
    if kind == "Put":
        item = {"user_id": {"S": key}, "number": {"N": str(number)}}
        odd = {"ConditionExpression": "attribute_not_exists(user_id)"}
        return {kind: named | {"Item": item} | (odd if number % 2 else {})}
    named["Key"] = {"user_id": {"S": key}}
    if kind == "Update":
        return {
            kind: named
            | {
                "UpdateExpression": "ADD #n :n",
                "ExpressionAttributeNames": {"#n": "number"},
                "ExpressionAttributeValues": {":n": {"N": str(number)}},
            }
        }
    return {kind: named | condition}


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.lists(st.lists(changes, min_size=1, max_size=4), max_size=5))
def test_any_transactions_leave_what_motos_leave(transactions):
    asked = [{"TransactItems": [change(*each) for each in t]} for t in transactions]
    ours, motos = quick_moto.transact_write_items, quick_moto._transact_write_items
    found = []
    for method in (ours, motos):
        with (
            empty_aws(),
            patch.object(DynamoDBBackend, "transact_write_items", method),
        ):
            tables = boto3.client("dynamodb")
            answers = [ask(tables, "transact_write_items", each) for each in asked]
            left = tables.scan(TableName="users")["Items"]
            found.append((answers, sorted(left, key=str)))

    assert found[0] == found[1]


def test_moto_remembers_no_start_of_tests_before():
    with empty_aws():
        before = len(quick_moto.responses_mock.registered())
    with empty_aws():
        assert len(quick_moto.responses_mock.registered()) == before
