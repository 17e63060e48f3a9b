"""Single requests that the product relies on, on the fake and the local AWS."""

import contextlib
import json

import pytest
import time_machine

from tests import quick_moto
from tests.dynamodb.requests import TABLE, ask, outside, pages
from tests.money_builders import NOON

INVALID = ("ValidationException", None, [])
NAMED = {"TableName": TABLE}
A, B = {"id": {"S": "a"}}, {"id": {"S": "b"}}
STORED = A | {
    "boss": {"S": "x"},
    "day": {"S": "01"},
    "n": {"N": "9"},
    "l": {"L": [{"S": "x"}, {"M": {"y": {"N": "1"}}}]},
    "m": {"M": {"s": {"S": "abc"}}},
    "ss": {"SS": ["x", "y"]},
}
LARGE = {"S": "x" * 400 * 1024}


def put(item, **more):
    return "put_item", NAMED | {"Item": item} | more


def update(text, key=A, **more):
    return "update_item", NAMED | {"Key": key, "UpdateExpression": text} | more


def transact(*actions, **more):
    return "transact_write_items", {"TransactItems": list(actions)} | more


def action(kind, **request):
    return {kind: NAMED | request}


def values(**fields):
    return {"ExpressionAttributeValues": {f":{name}": v for name, v in fields.items()}}


def query(text, **fields):
    more = {name: fields.pop(name) for name in ("Limit", "Select") if name in fields}
    index = {"IndexName": "by-day", "KeyConditionExpression": text}
    return "query", NAMED | index | more | values(**fields)


def cancelled(*reasons):
    return "TransactionCanceledException", None, list(reasons)


FAILED = ("ConditionalCheckFailedException", None, [])
UNMET = "attribute_not_exists(id)"
SHOWN = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
OLD = {"ReturnValues": "ALL_OLD"}
NEW = {"ReturnValues": "ALL_NEW"}

ONE = values(v={"N": "1"})

# A request and its response if STORED is stored.
CASES = {
    "a condition that fails": (put(A, ConditionExpression=UNMET), FAILED),
    "a condition that fails shows the item": (
        put(A, ConditionExpression=UNMET, **SHOWN),
        ("ConditionalCheckFailedException", STORED, []),
    ),
    "what is put over": (put(A, **OLD), {"Attributes": STORED}),
    "what is deleted": (
        ("delete_item", NAMED | {"Key": A} | OLD),
        {"Attributes": STORED},
    ),
    "nothing deleted": (("delete_item", NAMED | {"Key": B} | OLD), {}),
    "a missing item": (("get_item", NAMED | {"Key": B}), {}),
    "a missing table": (
        ("get_item", {"TableName": "nothing", "Key": A}),
        ("ResourceNotFoundException", None, []),
    ),
    "an empty key": (put({"id": {"S": ""}}), INVALID),
    "a key of another type": (put({"id": {"N": "1"}}), INVALID),
    "a key too long": (put({"id": {"S": "x" * 2049}}), INVALID),
    "no key": (put({"n": {"N": "1"}}), INVALID),
    "more than a key": (("get_item", NAMED | {"Key": A | {"n": {"N": "1"}}}), INVALID),
    "an empty index key": (put(B | {"boss": {"S": ""}}), INVALID),
    "an index key of another type": (put(B | {"boss": {"N": "1"}}), INVALID),
    "an index key updated to nothing": (
        update("SET boss = :v", **values(v={"S": ""})),
        INVALID,
    ),
    "an empty text": (put(B | {"text": {"S": ""}}), {}),
    "an empty set": (put(B | {"ss": {"SS": []}}), INVALID),
    "a set with duplicates": (put(B | {"ss": {"SS": ["x", "x"]}}), INVALID),
    "equal numbers in a set": (put(B | {"ns": {"NS": ["1", "1.0"]}}), INVALID),
    "a number of 38 digits": (put(B | {"n": {"N": "1" * 38}}), {}),
    "a number of 39 digits": (put(B | {"n": {"N": "1" * 39}}), INVALID),
    "a number too large": (put(B | {"n": {"N": "1E126"}}), INVALID),
    "no number": (put(B | {"n": {"N": "NaN"}}), INVALID),
    "an item of 400 KB": (put(B | {"t": {"S": "x" * (400 * 1024 - 4)}}), {}),
    "an item over 400 KB": (put(B | {"t": {"S": "x" * (400 * 1024 - 3)}}), INVALID),
    "an item updated to over 400 KB": (
        update("SET t = :v", **values(v=LARGE)),
        INVALID,
    ),
    "a number is added": (
        update(
            "ADD n :v SET m.t = if_not_exists(m.t, n)", **values(v={"N": "1"}), **NEW
        ),
        {
            "Attributes": STORED
            | {"n": {"N": "10"}, "m": {"M": {"s": {"S": "abc"}, "t": {"N": "9"}}}}
        },
    ),
    "a sum is exact": (
        update(
            "SET n = :a + :b",
            **values(a={"N": "999999999999.9999"}, b={"N": "0.0001"}),
            ReturnValues="UPDATED_NEW",
        ),
        {"Attributes": {"n": {"N": "1000000000000"}}},
    ),
    "a key updated": (update("SET id = :v", **values(v={"S": "b"})), INVALID),
    "a missing attribute read": (update("SET n = gone"), INVALID),
    "text added to": (update("ADD m.s :v", **values(v={"N": "1"})), INVALID),
    "a parent missing": (update("SET gone.n = n"), INVALID),
    "a position beyond the end": (
        update("SET l[7] = n REMOVE l[0]", ReturnValues="UPDATED_NEW"),
        {"Attributes": {"l": {"L": [{"M": {"y": {"N": "1"}}}, {"N": "9"}]}}},
    ),
    "a value unused": (update("REMOVE n", **values(v={"N": "1"})), INVALID),
    "a value not given": (update("SET n = :v"), INVALID),
    "a reserved word": (update("SET name = n"), INVALID),
    "a clause twice": (update("REMOVE n REMOVE l"), INVALID),
    "no clause": (update("n = l"), INVALID),
    "parentheses too many": (
        put(A, ConditionExpression="((attribute_exists(id)))"),
        INVALID,
    ),
    "bounds reversed": (
        put(
            A,
            ConditionExpression="n BETWEEN :b AND :a",
            **values(a={"N": "1"}, b={"N": "2"}),
        ),
        INVALID,
    ),
    "a hundred after IN": (
        put(
            A,
            ConditionExpression=f"n IN ({', '.join(f':v{n}' for n in range(100))})",
            **values(**{f"v{n}": {"N": str(n)} for n in range(100)}),
        ),
        {},
    ),
    "more than a hundred after IN": (
        put(
            A,
            ConditionExpression=f"n IN ({', '.join(f':v{n}' for n in range(101))})",
            **values(**{f"v{n}": {"N": str(n)} for n in range(101)}),
        ),
        INVALID,
    ),
    "a hundred actions": (
        transact(*(action("Put", Item={"id": {"S": f"{n}"}}) for n in range(100))),
        {},
    ),
    "more than a hundred actions": (
        transact(*(action("Put", Item={"id": {"S": f"{n}"}}) for n in range(101))),
        INVALID,
    ),
    "an item twice in a transaction": (
        transact(action("Put", Item=B), action("Delete", Key=B)),
        INVALID,
    ),
    "an empty key in a transaction": (
        transact(action("Put", Item={"id": {"S": ""}})),
        INVALID,
    ),
    "reasons in the order of the actions": (
        transact(
            action("Put", Item=B),
            action("ConditionCheck", Key=A, ConditionExpression=UNMET, **SHOWN),
            action("Delete", Key={"id": {"S": "c"}}, ConditionExpression="n = l"),
            action(
                "Update",
                Key={"id": {"S": "d"}},
                UpdateExpression="SET n = gone",
            ),
        ),
        cancelled(
            ("None", None),
            ("ConditionalCheckFailed", STORED),
            ("None", None),
            ("ValidationError", None),
        ),
    ),
    "25 writes of a batch": (
        (
            "batch_write_item",
            {
                "RequestItems": {
                    TABLE: [
                        {"PutRequest": {"Item": {"id": {"S": f"{n}"}}}}
                        for n in range(25)
                    ]
                }
            },
        ),
        {"UnprocessedItems": {}},
    ),
    "26 writes of a batch": (
        (
            "batch_write_item",
            {
                "RequestItems": {
                    TABLE: [
                        {"PutRequest": {"Item": {"id": {"S": f"{n}"}}}}
                        for n in range(26)
                    ]
                }
            },
        ),
        INVALID,
    ),
    "101 reads of a batch": (
        (
            "batch_get_item",
            {
                "RequestItems": {
                    TABLE: {"Keys": [{"id": {"S": f"{n}"}} for n in range(101)]}
                }
            },
        ),
        INVALID,
    ),
    "a read twice in a batch": (
        ("batch_get_item", {"RequestItems": {TABLE: {"Keys": [A, A]}}}),
        INVALID,
    ),
    "a page that the limit ends has a next one": (
        query("boss = :v", v={"S": "x"}, Limit=1, Select="COUNT"),
        {
            "Count": 1,
            "ScannedCount": 1,
            "LastEvaluatedKey": A | {"boss": {"S": "x"}, "day": {"S": "01"}},
        },
    ),
    "a query without its hash key": (query("#d = :v", v={"S": "x"}), INVALID),
    "a query of an unknown index": (
        (
            "query",
            NAMED
            | {"IndexName": "by-night", "KeyConditionExpression": "boss = :v"}
            | values(v={"S": "x"}),
        ),
        INVALID,
    ),
    "an index read consistently": (
        ("scan", NAMED | {"IndexName": "by-day", "ConsistentRead": True}),
        INVALID,
    ),
}


# Requests that MiniStack 1.5.33 accepts although DynamoDB documents an error.
MINISTACK_TAKES = ("more than a hundred after IN", "a clause twice")


@pytest.fixture
def stored(fake):
    quick_moto.dynamo.empty()
    fake.put_item(TableName=TABLE, Item=STORED)


@pytest.mark.parametrize("name", CASES)
def test_the_fake_answers_as_dynamodb_is_documented_to(fake, stored, name):
    (operation, request), answer = CASES[name]

    assert ask(fake, operation, request) == answer


def test_the_local_aws_answers_like_the_fake(ministack):
    results = {}
    with outside():
        for name, ((operation, request), _) in CASES.items():
            ministack.put_item(TableName=TABLE, Item=STORED)
            results[name] = ask(ministack, operation, request)
            for page in ministack.get_paginator("scan").paginate(TableName=TABLE):
                for item in page["Items"]:
                    ministack.delete_item(TableName=TABLE, Key={"id": item["id"]})

    documented = {name: answer for name, (_, answer) in CASES.items()}
    assert results == documented | {name: {} for name in MINISTACK_TAKES}


def test_a_transaction_with_a_token_is_executed_once_in_ten_minutes(fake, stored):
    more = transact(action("Update", Key=A, UpdateExpression="ADD n :v", **ONE))
    other = transact(action("Put", Item=B))
    token = {"ClientRequestToken": "a token"}

    with time_machine.travel(NOON, tick=False) as clock:
        answers = [ask(fake, more[0], more[1] | token) for _ in range(2)]
        mismatch = ask(fake, other[0], other[1] | token)
        once = fake.get_item(TableName=TABLE, Key=A)["Item"]["n"]
        clock.shift(601)
        fake.transact_write_items(**more[1], **token)
        twice = fake.get_item(TableName=TABLE, Key=A)["Item"]["n"]

    assert answers == [{}, {}]
    assert mismatch == ("IdempotentParameterMismatchException", None, [])
    assert (once, twice) == ({"N": "10"}, {"N": "11"})


def test_a_cancelled_transaction_can_be_retried_with_its_token(fake, stored):
    operation, request = transact(
        action("Put", Item=B),
        action("ConditionCheck", Key=A, ConditionExpression="n = :v", **ONE),
    )
    request |= {"ClientRequestToken": "a token"}

    first = ask(fake, operation, request)
    fake.put_item(TableName=TABLE, Item=A | {"n": {"N": "1"}})
    second = ask(fake, operation, request)

    assert first == cancelled(("None", None), ("ConditionalCheckFailed", None))
    assert second == {}
    assert fake.get_item(TableName=TABLE, Key=B)["Item"] == B


def test_a_page_ends_before_it_exceeds_a_megabyte(fake, stored, ministack):
    for client, around in ((fake, contextlib.nullcontext), (ministack, outside)):
        with around():
            for number in range(7):
                item = {"id": {"S": f"{number}"}, "boss": {"S": "full"}}
                text = {"S": "x" * 300 * 1024}
                client.put_item(
                    TableName=TABLE, Item=item | {"day": {"S": "1"}, "t": text}
                )
            operation, request = query("boss = :v", v={"S": "full"}, Select="COUNT")
            answer = pages(client, operation, request)

        assert [page["Count"] for page in answer] == [3, 3, 1]


@pytest.mark.parametrize(
    ("index", "projected"),
    [
        ("by-boss", {"id", "boss"}),
        ("by-cost", {"id", "boss", "cost", "text"}),
        ("by-day", {"id", "boss", "day", "cost", "text", "n"}),
    ],
)
def test_an_index_shows_and_filters_what_is_projected(fake, stored, index, projected):
    item = {
        "id": {"S": "b"},
        "boss": {"S": "y"},
        "day": {"S": "1"},
        "cost": {"N": "1"},
        "text": {"S": "t"},
        "n": {"N": "1"},
    }
    fake.put_item(TableName=TABLE, Item=item)
    request = {"TableName": TABLE, "IndexName": index} | values(v={"S": "y"})
    request["KeyConditionExpression"] = "boss = :v"

    [shown] = fake.query(**request)["Items"]
    filtered = fake.query(**request, FilterExpression="attribute_exists(n)")

    assert set(shown) == projected
    assert filtered["Count"] == ("n" in projected)


def test_numbers_are_returned_in_dynamodbs_format(fake, stored):
    written = ["85.00", "-0", "1e3", "0.10", "+7", "1E-7"]
    fake.put_item(
        TableName=TABLE, Item=B | {"l": {"L": [{"N": number} for number in written]}}
    )

    numbers = fake.get_item(TableName=TABLE, Key=B)["Item"]["l"]["L"]

    assert [number["N"] for number in numbers] == [
        *("85", "0", "1000", "0.1", "7", "0.0000001"),
    ]


def test_consumed_capacity_follows_the_size(fake, stored):
    parameters = {"TableName": TABLE, "ReturnConsumedCapacity": "TOTAL"}
    large = B | {"t": {"S": "x" * 9000}}

    written = fake.put_item(Item=large, **parameters)
    read = fake.get_item(Key=B, **parameters)
    consistent = fake.get_item(Key=B, ConsistentRead=True, **parameters)

    answers = (written, read, consistent)
    units = [answer["ConsumedCapacity"]["CapacityUnits"] for answer in answers]
    assert units == [9, 1.5, 3]


@pytest.mark.parametrize(
    ("item", "units"),
    [
        (A, 1),  # in no index
        (A | {"boss": {"S": "x"}}, 1 + 1),
        (STORED, 1 + 2),  # by-day and by-boss
        (STORED | {"t": {"S": "x" * 1024}}, 2 + 2 + 1),  # by-boss has only keys
    ],
)
def test_an_index_consumes_the_units_of_its_entry(fake, item, units):
    parameters = {"TableName": TABLE, "ReturnConsumedCapacity": "TOTAL"}

    def consumed(method, **request):
        answer = getattr(fake, method)(**parameters, **request)
        return answer["ConsumedCapacity"]["CapacityUnits"]

    fake.delete_item(TableName=TABLE, Key=A)
    assert consumed("put_item", Item=item) == units
    table_alone = consumed("put_item", Item=item)  # since no entry changes
    assert table_alone <= units - (item != A)
    assert consumed("delete_item", Key=A) == units


def test_an_index_entry_that_moves_is_written_twice(fake, stored):
    request = {
        "Key": A,
        "UpdateExpression": "SET #d = :day",
        "ExpressionAttributeNames": {"#d": "day"},
        "ExpressionAttributeValues": {":day": {"S": "02"}},
        "ReturnConsumedCapacity": "TOTAL",
    }
    update = {key: request[key] for key in request if not key.startswith("Return")}
    back = update | {"ExpressionAttributeValues": {":day": {"S": "01"}}}

    moved = fake.update_item(TableName=TABLE, **request)
    transaction = fake.transact_write_items(
        TransactItems=[{"Update": {"TableName": TABLE, **back}}],
        ReturnConsumedCapacity="TOTAL",
    )

    assert moved["ConsumedCapacity"]["CapacityUnits"] == 1 + 2
    assert transaction["ConsumedCapacity"][0]["CapacityUnits"] == 2 + 2


@pytest.mark.parametrize("total", [1, 2, 8])
def test_each_item_is_in_one_segment_of_a_scan(fake, stored, total):
    items = [{"id": {"S": str(n)}, "boss": {"S": str(n % 9)}} for n in range(40)]
    for item in items:
        fake.put_item(TableName=TABLE, Item=item)

    segments = [
        pages(
            fake,
            "scan",
            {"IndexName": "by-boss", "TableName": TABLE, "Limit": 3}
            | {"Segment": number, "TotalSegments": total},
        )
        for number in range(total)
    ]

    scanned = [[i for page in pages_ for i in page["Items"]] for pages_ in segments]
    bosses = [{item["boss"]["S"] for item in segment} for segment in scanned]
    everything = [item["id"]["S"] for segment in scanned for item in segment]
    assert {*everything} >= {str(n) for n in range(40)}
    assert len(everything) == len({*everything})
    assert sum(map(len, bosses)) == len(set.union(*bosses))


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("ExecuteStatement", {}),
        ("GetItem", {"TableName": TABLE, "Key": A, "AttributesToGet": ["n"]}),
        ("Scan", {"TableName": TABLE, "ScanFilter": {}}),
        (
            "GetItem",
            {"TableName": TABLE, "Key": A, "ReturnConsumedCapacity": "INDEXES"},
        ),
    ],
)
def test_unknown_parameters_are_an_error(fake, stored, operation, request_):
    with pytest.raises(NotImplementedError):
        quick_moto.dynamo.answer(operation, json.dumps(request_).encode())
