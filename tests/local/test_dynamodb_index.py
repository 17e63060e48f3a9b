"""With its index, the local AWS answers as MiniStack alone, and reads only a page."""

import base64
import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartbudget.local import environment
from smartbudget.local.settings import ROOT, Settings
from tests.dynamodb import requests as small
from tests.dynamodb.requests import TABLE
from tests.sampling import sampled

BOTH = Path(__file__).with_name("both_dynamodbs.py")
DESCRIPTION = small.DESCRIPTION | {
    "AttributeDefinitions": [
        *small.DESCRIPTION["AttributeDefinitions"],
        {"AttributeName": "data", "AttributeType": "B"},
    ],
    "GlobalSecondaryIndexes": [
        *small.DESCRIPTION["GlobalSecondaryIndexes"],
        {
            "IndexName": "by-data",
            "KeySchema": [
                {"AttributeName": "boss", "KeyType": "HASH"},
                {"AttributeName": "data", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "by-day-and-cost",
            "KeySchema": [
                {"AttributeName": "boss", "KeyType": "HASH"},
                {"AttributeName": "day", "KeyType": "RANGE"},
                {"AttributeName": "cost", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        },
    ],
}
TTL = {"Enabled": True, "AttributeName": "n"}


class Both:
    """MiniStack alone and with the index, in one process of its environment."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, operation: str, body: Any) -> list[Any]:
        """Return both answers: [status, body, number of items evaluated]."""
        assert self._process.stdin
        assert self._process.stdout
        line = json.dumps([operation, body], default=_wire)
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answers: list[Any] = json.loads(self._process.stdout.readline())
        return answers

    def agree(self, operation: str, body: Any) -> Any:
        """Return the answer of both. Raises AssertionError if they differ."""
        (*plain, _), (*indexed, _) = self.ask(operation, body)
        assert indexed == plain, (operation, body)
        return indexed

    def agree_on_pages(self, operation: str, body: Any) -> None:
        """Request a page and those that follow; both answers must agree."""
        status, page = self.agree(operation, body)
        while status == 200 and "LastEvaluatedKey" in page:
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
            status, page = self.agree(operation, body | start)

    def fresh_table(self) -> None:
        self.ask("DeleteTable", {"TableName": TABLE})
        for status, answer, _ in self.ask("CreateTable", DESCRIPTION):
            assert status == 200, answer
        self.agree(
            "UpdateTimeToLive", {"TableName": TABLE, "TimeToLiveSpecification": TTL}
        )

    def put(self, item: Any) -> None:
        status, answer = self.agree("PutItem", {"TableName": TABLE, "Item": item})
        assert status == 200, answer


def _wire(value: Any) -> str:
    assert isinstance(value, bytes)
    return base64.b64encode(value).decode()


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    python = environment.ensure(Settings.build_dir, print)
    env = {"PATH": os.environ["PATH"], "STATE_DIR": "unused"}
    with subprocess.Popen(
        [python, BOTH],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Both(process)
        assert process.stdin
        process.stdin.close()


RANGES = {
    "day": st.sampled_from(["0", "01", "02", "03", "\U0001f600"]).map(
        lambda day: {"S": day}
    ),
    "cost": small.amounts,
    "data": st.sampled_from([b"\x00", b"a", b"ab", b"b", b"\xff"]).map(
        lambda data: {"B": data}
    ),
}
INDEXES = {
    "by-day": ["day"],
    "by-cost": ["cost"],
    "by-boss": [],
    "by-data": ["data"],
    "by-day-and-cost": ["day", "cost"],
}
IDS = [*small.KEYS, *(f"e{number}" for number in range(12))]
ids = st.sampled_from(IDS).map(lambda key: {"id": {"S": key}})
bosses = small.ATTRIBUTES["boss"]
stored_items = st.builds(
    lambda key, boss, rest: key | boss | rest,
    ids,
    st.fixed_dictionaries({"boss": bosses}),
    st.fixed_dictionaries({}, optional=RANGES | {"n": small.amounts}),
)
histories = st.lists(stored_items, max_size=16)


@st.composite
def sort_conditions(draw: Any, name: str) -> Any:
    """Return a condition on a sort key, in any form that DynamoDB knows."""
    low, high = draw(RANGES[name]), draw(RANGES[name])
    kind = draw(st.sampled_from(["sign", "sign", "swapped", "between", "begins"]))
    sign = draw(st.sampled_from(["=", "<", "<=", ">", ">=", "<>"]))

    def written(words: Any) -> str:
        path, first = words.name(name), words.value(low)
        if kind == "sign":
            return f"{path} {sign} {first}"
        if kind == "swapped":
            return f"{first} {sign} {path}"
        if kind == "between":
            return f"{path} BETWEEN {first} AND {words.value(high)}"
        return f"begins_with({path}, {first})"

    return written


@st.composite
def queries(draw: Any) -> Any:
    """Return a Query of one page that starts anywhere."""
    index = draw(st.sampled_from([*INDEXES, None]))
    request: dict[str, Any] = {"TableName": TABLE}
    if index:
        request["IndexName"] = index
    hash_name = "boss" if index else "id"
    owner = draw(bosses if index else ids.map(lambda key: key["id"]))
    names = draw(
        st.lists(st.sampled_from(INDEXES.get(index, []) or ["day"]), max_size=2)
    )
    conditions = [draw(sort_conditions(name)) for name in names]
    form = draw(st.sampled_from(["{}", "({})", "{}"]))

    def key_condition(words: Any) -> str:
        parts = [f"{words.name(hash_name)} = {words.value(owner)}"]
        parts += [condition(words) for condition in conditions]
        return form.format(" AND ".join(draw_order(parts)))

    order = draw(st.randoms(use_true_random=False))

    def draw_order(parts: list[str]) -> list[str]:
        order.shuffle(parts)
        return parts

    request = draw(
        small.with_words(
            request,
            KeyConditionExpression=st.just(key_condition),
            FilterExpression=small.maybe(small.conditions),
        )
    )
    request["ScanIndexForward"] = draw(st.booleans())
    if draw(st.booleans()):
        request["Select"] = "COUNT"
    if limit := draw(st.integers(0, 6)):
        request["Limit"] = limit
    if draw(st.booleans()):
        request["ExclusiveStartKey"] = draw(
            st.fixed_dictionaries(
                {"id": st.sampled_from(IDS).map(lambda key: {"S": key})},
                optional={name: RANGES[name] for name in INDEXES.get(index, [])}
                | {"boss": st.just(owner)},
            )
        )
    if draw(st.integers(0, 9)) == 0:
        request["ConsistentRead"] = True
    return "Query", request


old_style = st.builds(
    lambda boss, sign, day, limit, forwards: (
        "Query",
        {
            "TableName": TABLE,
            "IndexName": "by-day",
            "KeyConditions": {
                "boss": {"ComparisonOperator": "EQ", "AttributeValueList": [boss]},
                "day": {"ComparisonOperator": sign, "AttributeValueList": [day]},
            },
            "Limit": limit,
            "ScanIndexForward": forwards,
        },
    ),
    bosses,
    st.sampled_from(["EQ", "LT", "GE", "BEGINS_WITH"]),
    RANGES["day"],
    st.integers(1, 3),
    st.booleans(),
)


def _named(request: tuple[str, Any]) -> tuple[str, Any]:
    operation, body = request
    return operation.title().replace("_", ""), body


writes = st.one_of(
    stored_items.map(lambda item: ("PutItem", {"TableName": TABLE, "Item": item})),
    small.single_writes().map(_named),
    small.transactions().map(_named),
    small.batch_writes().map(_named),
    ids.map(lambda key: ("DeleteItem", {"TableName": TABLE, "Key": key})),
    st.sampled_from([("Restart", None), ("Expire", None)]),
)
steps = st.one_of(writes, queries(), queries(), old_style)


@pytest.mark.soak
@sampled(60, soak=3000)
@given(histories, st.lists(steps, min_size=2, max_size=8))
def test_any_requests_are_answered_as_without_the_index(both, history, asked):
    both.fresh_table()
    for item in history:
        both.put(item)
    for operation, body in asked:
        both.agree_on_pages(operation, body)
    for index in INDEXES:  # and nothing is left or lost
        for boss in small.OWNERS:
            everything = {
                "TableName": TABLE,
                "IndexName": index,
                "KeyConditionExpression": "boss = :boss",
                "ExpressionAttributeValues": {":boss": {"S": boss}},
            }
            both.agree("Query", everything)


def test_each_condition_is_answered_as_without_the_index_from_any_start(both):
    both.fresh_table()
    keys = [
        {"id": {"S": f"k{number}"}, "boss": {"S": "x"}, "cost": {"N": str(number // 2)}}
        for number in range(8)
    ]
    for key in keys:
        both.put(key)
    conditions = [
        "",
        *(f" AND cost {sign} :low" for sign in ("=", "<", "<=", ">", ">=")),
        " AND cost BETWEEN :low AND :high",
    ]
    for condition, limit, start, forwards in itertools.product(
        conditions, (1, 3, 99), (None, *keys), (True, False)
    ):
        values = {":boss": {"S": "x"}, ":low": {"N": "1"}, ":high": {"N": "2"}}
        request = {
            "TableName": TABLE,
            "IndexName": "by-cost",
            "KeyConditionExpression": f"boss = :boss{condition}",
            "ExpressionAttributeValues": {
                name: value
                for name, value in values.items()
                if name in f":boss{condition}"
            },
            "ScanIndexForward": forwards,
            "Limit": limit,
        }
        if start:
            request["ExclusiveStartKey"] = start
        both.agree("Query", request)


def month(number: int, **more: Any) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "IndexName": "by-day",
        "KeyConditionExpression": "boss = :boss AND begins_with(#day, :month)",
        "ExpressionAttributeNames": {"#day": "day"},
        "ExpressionAttributeValues": {
            ":boss": {"S": "x"},
            ":month": {"S": f"2026-{number:02}"},
        },
        **more,
    }


def test_pages_end_at_a_megabyte_as_without_the_index(both):
    both.fresh_table()
    for number in range(9):
        day = {"S": f"2026-01-{number:02}"}
        text = {"S": "x" * 300_000}
        both.put({"id": {"S": str(number)}, "boss": {"S": "x"}, "day": day, "t": text})

    for limit in ({}, {"Limit": 2}, {"Limit": 5}):
        for forwards in (True, False):
            both.agree_on_pages("Query", month(1, ScanIndexForward=forwards, **limit))


def test_a_query_reads_its_page_and_not_the_history(both):
    both.fresh_table()
    for number in range(240):
        day = {"S": f"2026-{number % 12 + 1:02}-{number % 28:02}"}
        both.put({"id": {"S": str(number)}, "boss": {"S": "x"}, "day": day})

    (_, alone, all_items), (_, indexed, page) = both.ask("Query", month(7, Limit=10))

    assert indexed == alone
    assert all_items >= 240
    assert page == 10


def run_in_ministack(code):
    """Run Python code in MiniStack's environment; return the finished process."""
    return subprocess.run(
        [environment.ensure(Settings.build_dir, print), "-c", code],
        cwd=ROOT / "smartbudget" / "local",
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_expression_is_parsed_once_and_not_for_each_item():
    done = run_in_ministack("""
import dynamodb_index as index
index.install()
item, values = {"s": {"S": "tea"}}, {":t": {"S": "e"}}
for _ in range(9):
    assert index.dynamodb._evaluate_condition("contains(s, :t)", item, values, {})
parsed = index._tokens_of.cache_info().misses
checked = index.dynamodb._condition_syntax_error.cache_info().misses
assert (parsed, checked) == (1, 1), (parsed, checked)
""")

    assert done.returncode == 0, done.stderr


def test_another_version_of_ministack_is_refused():
    done = run_in_ministack(
        "import dynamodb_index as i; i.WRITTEN_FOR = '0.1'; i.install()"
    )

    assert "was written for MiniStack 0.1, and this is" in done.stderr
