"""Random requests, and their execution and comparison."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from hypothesis import strategies as st
from moto.core.models import botocore_stubber

from tests import quick_moto

TABLE = "things"
KEYS = ("a", "b", "c", "d")
OWNERS = ("x", "y")
DESCRIPTION: dict[str, Any] = {
    "TableName": TABLE,
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in {"id": "S", "boss": "S", "day": "S", "cost": "N"}.items()
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-day",
            "KeySchema": [
                {"AttributeName": "boss", "KeyType": "HASH"},
                {"AttributeName": "day", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "by-cost",
            "KeySchema": [
                {"AttributeName": "boss", "KeyType": "HASH"},
                {"AttributeName": "cost", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["text"]},
        },
        {
            "IndexName": "by-boss",
            "KeySchema": [{"AttributeName": "boss", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
    ],
}
NOT_COMPARED = ("ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics")
RANGES = {"by-day": "day", "by-cost": "cost", "by-boss": None}

texts = st.sampled_from(["a", "ab", "abc", "b", "ä", "\U0001f600", " "])
numbers = st.sampled_from(["-3", "0", "0.5", "1", "2", "9", "10", "100", "1234.5"])
strings = texts.map(lambda text: {"S": text})
amounts = numbers.map(lambda number: {"N": number})
scalars = st.one_of(
    strings,
    amounts,
    st.booleans().map(lambda yes: {"BOOL": yes}),
    st.just({"NULL": True}),
    st.sampled_from([b"\x00\xff", b"a", b"ab"]).map(lambda data: {"B": data}),
)
string_sets = st.sets(texts, min_size=1, max_size=3).map(lambda s: {"SS": sorted(s)})
number_sets = st.sets(numbers, min_size=1, max_size=3).map(lambda s: {"NS": sorted(s)})
lists = st.lists(scalars, max_size=3).map(lambda members: {"L": members})
maps = st.fixed_dictionaries(
    {}, optional={"n": amounts, "s": strings, "l": lists, "any": scalars}
).map(lambda content: {"M": content})
values = st.one_of(scalars, string_sets, number_sets, lists, maps)

ATTRIBUTES = {
    "day": st.sampled_from(["01", "02", "03"]).map(lambda day: {"S": day}),
    "boss": st.sampled_from(OWNERS).map(lambda owner: {"S": owner}),
    "cost": amounts,
    "text": strings,
    "n": amounts,
    "ss": string_sets,
    "ns": number_sets,
    "l": lists,
    "m": maps,
    "any": values,
}
keys = st.sampled_from(KEYS).map(lambda key: {"id": {"S": key}})
items = st.builds(
    lambda key, attributes: key | attributes,
    keys,
    st.fixed_dictionaries({}, optional=ATTRIBUTES),
)
# Paths as tuples, with values usually there.
PATHS: dict[tuple[str | int, ...], Any] = {
    **{(name,): strategy for name, strategy in ATTRIBUTES.items()},
    ("m", "n"): amounts,
    ("m", "s"): strings,
    ("m", "l"): lists,
    ("m", "any"): scalars,
    ("m", "l", 0): scalars,
    ("l", 0): scalars,
    ("l", 1): scalars,
    ("l", 5): scalars,
    ("n", "deeper"): scalars,
}
FREE = [path for path in PATHS if path[0] not in ("boss", "day", "cost")]
paths = st.sampled_from(list(PATHS))


class Words:
    """The names and values of one request's expressions."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def path(self, path: tuple[str | int, ...]) -> str:
        return "".join(
            f"[{step}]" if isinstance(step, int) else f".{self.name(step)}"
            for step in path
        )[1:]

    def name(self, name: str) -> str:
        placeholder = f"#{name}"
        self.names[placeholder] = name
        return placeholder

    def value(self, value: Any) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def parameters(self) -> dict[str, Any]:
        names = {"ExpressionAttributeNames": self.names} if self.names else {}
        values = {"ExpressionAttributeValues": self.values} if self.values else {}
        return names | values


Written = Callable[[Words], str]  # a function from the request's words to an expression


@st.composite
def comparisons(draw: Any) -> Written:
    path = draw(paths)
    usual = st.one_of(PATHS[path], PATHS[path], values)
    kind = draw(st.sampled_from(["compare", "between", "in", "size", "paths", "is"]))
    if kind == "compare":
        sign, value = (
            draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="])),
            draw(usual),
        )
        return lambda words: f"{words.path(path)} {sign} {words.value(value)}"
    if kind == "between":
        low, high = draw(
            st.one_of(
                st.tuples(numbers, numbers)
                .map(lambda two: sorted(two, key=float))
                .map(lambda two: [{"N": number} for number in two]),
                st.tuples(texts, texts)
                .map(sorted)
                .map(lambda two: [{"S": text} for text in two]),
            )
        )
        return lambda words: (
            f"{words.path(path)} BETWEEN {words.value(low)} AND {words.value(high)}"
        )
    if kind == "in":
        several = draw(st.lists(usual, min_size=1, max_size=3))
        return lambda words: (
            f"{words.path(path)} IN ({', '.join(map(words.value, several))})"
        )
    if kind == "size":
        path = draw(st.sampled_from([("text",), ("ss",), ("l",), ("m",)]))
        count = draw(st.sampled_from(["0", "1", "2"]))
        return lambda words: f"size({words.path(path)}) > {words.value({'N': count})}"
    if kind == "paths":
        other = draw(paths)
        return lambda words: f"{words.path(path)} = {words.path(other)}"
    function = draw(
        st.sampled_from(
            [
                "attribute_exists",
                "attribute_not_exists",
                "attribute_type",
                "begins_with",
                "contains",
            ]
        )
    )
    if function.endswith("exists"):
        return lambda words: f"{function}({words.path(path)})"
    wanted = {
        "attribute_type": st.sampled_from(["S", "N", "L", "M", "SS"]).map(
            lambda kind: {"S": kind}
        ),
        "begins_with": strings,
        "contains": scalars,
    }[function]
    value = draw(wanted)
    return lambda words: f"{function}({words.path(path)}, {words.value(value)})"


def _joined(two: tuple[Written, str, Written]) -> Written:
    left, word, right = two
    return lambda words: f"({left(words)}) {word} ({right(words)})"


conditions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(_joined),
        inner.map(lambda written: lambda words: f"NOT ({written(words)})"),
    ),
    max_leaves=3,
)


@st.composite
def sets(draw: Any, path: tuple[str | int, ...]) -> Written:
    kind = draw(st.sampled_from(["value", "sum", "unless", "append", "copy"]))
    value = draw(st.one_of(PATHS[path], PATHS[path], values))
    number = draw(amounts)
    if kind == "value":
        return lambda words: f"{words.path(path)} = {words.value(value)}"
    if kind == "sum":
        sign = draw(st.sampled_from("+-"))
        return lambda words: (
            f"{words.path(path)} = if_not_exists({words.path(('n',))},"
            f" {words.value({'N': '0'})}) {sign} {words.value(number)}"
        )
    if kind == "unless":
        return lambda words: (
            f"{words.path(path)} = if_not_exists({words.path(path)},"
            f" {words.value(value)})"
        )
    if kind == "append":
        more = draw(lists)
        return lambda words: (
            f"{words.path(path)} ="
            f" list_append({words.path(('l',))}, {words.value(more)})"
        )
    other = draw(paths)
    return lambda words: f"{words.path(path)} = {words.path(other)}"


@st.composite
def updates(draw: Any) -> Written:
    chosen = draw(
        st.lists(
            st.sampled_from(FREE),
            min_size=1,
            max_size=3,
            # MiniStack accepts overlapping paths.
            unique_by=lambda path: path[0],
        )
    )
    clauses: dict[str, list[Written]] = {}
    for path in chosen:
        clause = draw(st.sampled_from(["SET", "SET", "REMOVE", "ADD", "DELETE"]))
        if clause == "SET":
            written = draw(sets(path))
        elif clause == "REMOVE":
            written = _path(path)
        else:
            kinds = [string_sets, number_sets] + ([amounts] if clause == "ADD" else [])
            written = _path_and(path, draw(st.one_of(PATHS[path], *kinds)))
        clauses.setdefault(clause, []).append(written)
    return lambda words: " ".join(
        f"{clause} {', '.join(part(words) for part in parts)}"
        for clause, parts in clauses.items()
    )


def _path(path: tuple[str | int, ...]) -> Written:
    return lambda words: words.path(path)


def _path_and(path: tuple[str | int, ...], value: Any) -> Written:
    return lambda words: f"{words.path(path)} {words.value(value)}"


projections = st.lists(
    st.one_of(paths, st.just(("id",))), min_size=1, max_size=3, unique=True
).map(lambda several: lambda words: ", ".join(map(words.path, several)))


@st.composite
def with_words(draw: Any, /, request: dict[str, Any], **expressions: Any) -> Any:
    """Return a request with expressions; None omits one."""
    words = Words()
    drawn = {name: draw(strategy) for name, strategy in expressions.items()}
    texts = {
        name: render(words) for name, render in drawn.items() if render is not None
    }
    return request | texts | words.parameters()


def maybe(strategy: Any) -> Any:
    return st.one_of(st.none(), strategy)


@st.composite
def writes(draw: Any, key: Any = keys) -> Any:
    """Return a kind of write and its parameters, as in a transaction."""
    kind = draw(st.sampled_from(["Put", "Put", "Update", "Delete", "ConditionCheck"]))
    named = {"TableName": TABLE}
    if kind == "Put":
        item = draw(items) | draw(key)
        request = draw(
            with_words(named | {"Item": item}, ConditionExpression=maybe(conditions))
        )
    else:
        needed = conditions if kind == "ConditionCheck" else maybe(conditions)
        update = {"UpdateExpression": updates()} if kind == "Update" else {}
        request = draw(
            with_words(named | {"Key": draw(key)}, ConditionExpression=needed, **update)
        )
    if "ConditionExpression" in request and draw(st.booleans()):
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return kind, request


@st.composite
def single_writes(draw: Any) -> Any:
    kind, request = draw(writes().filter(lambda write: write[0] != "ConditionCheck"))
    wanted = ["NONE", "ALL_OLD"]
    if kind == "Update":
        wanted += ["ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"]
    request["ReturnValues"] = draw(st.sampled_from(wanted))
    return f"{kind.lower()}_item", request


@st.composite
def transactions(draw: Any) -> Any:
    chosen = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4))
    parts = [draw(writes(st.just({"id": {"S": key}}))) for key in chosen]
    actions = [{kind: request} for kind, request in parts]
    return "transact_write_items", {"TransactItems": actions}


@st.composite
def reads(draw: Any) -> Any:
    named = {"TableName": TABLE, "Key": draw(keys)}
    return "get_item", draw(with_words(named, ProjectionExpression=maybe(projections)))


@st.composite
def batches(draw: Any) -> Any:
    chosen = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3))
    of_table = draw(
        with_words(
            {"Keys": [{"id": {"S": key}} for key in chosen]},
            ProjectionExpression=maybe(projections),
        )
    )
    return "batch_get_item", {"RequestItems": {TABLE: of_table}}


@st.composite
def batch_writes(draw: Any) -> Any:
    put = items.map(lambda item: {"PutRequest": {"Item": item}})
    delete = keys.map(lambda key: {"DeleteRequest": {"Key": key}})
    several = draw(st.lists(st.one_of(put, delete), min_size=1, max_size=3))
    return "batch_write_item", {"RequestItems": {TABLE: several}}


@st.composite
def lists_of_items(draw: Any) -> Any:
    """Return a query or scan for one page; `pages` reads the others."""
    index = draw(st.sampled_from([*RANGES, None]))
    request: dict[str, Any] = {"TableName": TABLE}
    if index:
        request["IndexName"] = index
    expressions: dict[str, Any] = {}
    if index in ("by-day", None):
        # MiniStack filters by attributes that an index does not project.
        expressions["FilterExpression"] = maybe(conditions)
    operation = "scan"
    if index and draw(st.booleans()):
        operation = "query"
        expressions["KeyConditionExpression"] = key_conditions(RANGES[index])
        request["ScanIndexForward"] = draw(st.booleans())
    if draw(st.booleans()):
        request["Select"] = "COUNT"
    else:
        expressions["ProjectionExpression"] = maybe(projections)
    if limit := draw(st.integers(0, 3)):
        request["Limit"] = limit
    return operation, draw(with_words(request, **expressions))


@st.composite
def key_conditions(draw: Any, range_name: str | None) -> Written:
    owner = {"S": draw(st.sampled_from(OWNERS))}
    signs = ["", "=", "<", "<=", ">", ">=", "BETWEEN"]
    signs += ["begins_with"] if range_name == "day" else []
    sign = draw(st.sampled_from(signs)) if range_name else ""
    low, high = draw(
        st.sampled_from([("01", "02"), ("02", "02"), ("01", "03")])
        if range_name == "day"
        else st.sampled_from([("0", "10"), ("2", "9")])
    )
    kind = "S" if range_name == "day" else "N"

    def written(words: Words) -> str:
        boss = f"{words.name('boss')} = {words.value(owner)}"
        if not sign:
            return boss
        assert range_name
        name, first = words.name(range_name), words.value({kind: low})
        if sign == "BETWEEN":
            return f"{boss} AND {name} BETWEEN {first} AND {words.value({kind: high})}"
        if sign == "begins_with":
            return f"{boss} AND begins_with({name}, {first})"
        return f"{boss} AND {name} {sign} {first}"

    return written


requests = st.one_of(
    single_writes(),
    single_writes(),
    transactions(),
    reads(),
    batches(),
    batch_writes(),
    lists_of_items(),
    lists_of_items(),
)


@contextlib.contextmanager
def moto() -> Iterator[None]:
    """Answer requests with moto in a block."""
    with patch.object(quick_moto, "OPERATIONS", {}):
        yield


@contextlib.contextmanager
def outside() -> Iterator[None]:
    """Send requests to the network in a block."""
    with patch.object(botocore_stubber, "enabled", False):
        yield


def ask(client: Any, operation: str, request: dict[str, Any]) -> Any:
    """Return a response or error, without metadata that varies between calls."""
    try:
        answer = getattr(client, operation)(**request)
    except ClientError as error:
        response: dict[str, Any] = error.response
        reasons = [
            (reason["Code"], comparable(reason.get("Item")))
            for reason in response.get("CancellationReasons", [])
        ]
        return response["Error"]["Code"], comparable(response.get("Item")), reasons
    return comparable(
        {
            name: value
            for name, value in answer.items()
            if name not in NOT_COMPARED and (value or name != "Attributes")
        }
    )


def pages(client: Any, operation: str, request: dict[str, Any]) -> Any:
    """Return all pages of a query or scan, or the response of another operation."""
    answers = [ask(client, operation, request)]
    while isinstance(answers[-1], dict) and "LastEvaluatedKey" in answers[-1]:
        start = {"ExclusiveStartKey": answers[-1]["LastEvaluatedKey"]}
        answers.append(ask(client, operation, request | start))
    return answers


def joined(answers: list[Any]) -> Any:
    """Return the pages of a query or scan merged into one, or the only response."""
    if not isinstance(answers[-1], dict) or "Count" not in answers[-1]:
        return answers
    items = [item for page in answers for item in page.get("Items", [])]
    counts = [(page["Count"], page["ScannedCount"]) for page in answers]
    return items, [sum(column) for column in zip(*counts, strict=True)]


def comparable(value: Any) -> Any:
    """Return a response with sorted sets."""
    if isinstance(value, dict):
        return {
            name: sorted(content)
            if name in ("SS", "NS", "BS") and isinstance(content, list)
            else comparable(content)
            for name, content in value.items()
        }
    return (
        [comparable(member) for member in value] if isinstance(value, list) else value
    )
