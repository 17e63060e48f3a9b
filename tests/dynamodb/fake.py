"""A small DynamoDB in memory, with only the features that the product uses.

It reads and returns DynamoDB's JSON. Unknown operations and parameters raise
NotImplementedError. tests/dynamodb/ compares it with moto and with the local AWS. It
differs from DynamoDB in one way: indexes never lag.
"""

import json
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.dynamodb import expressions
from tests.dynamodb.values import (
    DynamoError,
    Item,
    Value,
    invalid,
    kind_of,
    ordered,
    size_of_item,
    stored,
    stored_item,
)

MAX_ITEM_BYTES = 400 * 1024
MAX_KEY_BYTES = {"HASH": 2048, "RANGE": 1024}
PAGE_BYTES = 1024 * 1024
MAX_READ_BYTES = 16 * 1024 * 1024  # of a batch
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
MAX_ACTIONS = 100  # of a transaction
MAX_BATCH_WRITES = 25
MAX_BATCH_READS = 100
TOKEN_SECONDS = 600  # for how long a repeated transaction is recognized by its token

Request = dict[str, Any]
Answer = dict[str, Any]


class Index(NamedTuple):
    """A global secondary index."""

    hash: str
    range: str | None
    shown: frozenset[str] | None  # attributes; None: all

    @property
    def keys(self) -> list[str]:
        """The attributes an item needs to be in the index."""
        return [self.hash, *([self.range] if self.range else [])]


@dataclass
class Table:
    """A table with a hash key, its indexes and its items by key."""

    name: str
    hash: str
    types: dict[str, str]  # of the key attributes of table and indexes
    indexes: dict[str, Index]
    items: dict[str, Item] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # bytes, by key
    # Sorted entries of an index by the value of its hash key, until the next write.
    _sorted: dict[tuple["Index | None", Any], list[tuple["Position", str]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def described(cls, description: dict[str, Any]) -> "Table":
        """Return an empty table as CreateTable or DescribeTable describes it."""
        [key] = description["KeySchema"]  # none of our tables has a range key
        return cls(
            description["TableName"],
            key["AttributeName"],
            {
                attribute["AttributeName"]: attribute["AttributeType"]
                for attribute in description["AttributeDefinitions"]
            },
            {
                index["IndexName"]: _index(index, key["AttributeName"])
                for index in description.get("GlobalSecondaryIndexes", [])
            },
        )

    def copy(self) -> "Table":
        """Return a table with the same items; items are never changed in place."""
        return Table(
            self.name,
            self.hash,
            self.types,
            self.indexes,
            self.items.copy(),
            self.sizes.copy(),
        )

    def store(self, key: str, item: Item | None) -> None:
        """Store an item under a key, or delete it if None."""
        self._sorted.clear()
        if item is None:
            self.items.pop(key, None)
            self.sizes.pop(key, None)
        else:
            self.items[key] = item
            self.sizes[key] = size_of_item(item)

    def clear(self) -> None:
        """Delete all items."""
        self._sorted.clear()
        self.items.clear()
        self.sizes.clear()

    def entries(
        self, index: "Index | None", value: Any
    ) -> list[tuple["Position", str]]:
        """Return the sorted entries whose hash key has a value."""
        if (index, value) not in self._sorted:
            self._sorted[index, value] = sorted(
                entry for entry in _entries(self, index) if entry[0][0] == value
            )
        return self._sorted[index, value]

    def key_in(self, attributes: Item, *, alone: bool) -> str:
        """Return the key of an item or request.

        alone: no other attributes are allowed.
        """
        value = attributes.get(self.hash)
        if value is None or (alone and len(attributes) > 1):
            raise invalid("The provided key element does not match the schema")
        self._check_key(self.hash, "HASH", value)
        key: str = value[self.types[self.hash]]
        return key

    def check(self, item: Item) -> None:
        """Raise if an item is too large or has invalid index keys."""
        if size_of_item(item) > MAX_ITEM_BYTES:
            raise invalid("Item size has exceeded the maximum allowed size")
        for index in self.indexes.values():
            for name, kind in zip(index.keys, MAX_KEY_BYTES, strict=False):
                if name in item:
                    self._check_key(name, kind, item[name])

    def _check_key(self, name: str, kind: str, value: Value) -> None:
        if kind_of(value) != self.types[name]:
            raise invalid(f"Type mismatch for key {name}")
        if value in ({"S": ""}, {"B": ""}):
            raise invalid(f"A key attribute cannot contain an empty value. Key: {name}")
        if size_of_item({"": value}) > MAX_KEY_BYTES[kind]:
            raise invalid(f"Size of the key {name} has exceeded the maximum size limit")


def _index(description: dict[str, Any], table_hash: str) -> Index:
    names = {key["KeyType"]: key["AttributeName"] for key in description["KeySchema"]}
    projection = description["Projection"]
    projected = None
    if projection["ProjectionType"] != "ALL":
        others = projection.get("NonKeyAttributes", [])
        projected = frozenset({*names.values(), table_hash, *others})
    return Index(names["HASH"], names.get("RANGE"), projected)


class Expressions:
    """The expressions of a request, with its names and values."""

    def __init__(self, request: Request) -> None:
        names = tuple(request.get("ExpressionAttributeNames", {}).items())
        values = request.get("ExpressionAttributeValues", {})
        self.values = {name: stored(value) for name, value in values.items()}
        used: set[str] = set()

        def compiled(parameter: str, compile_: Callable[..., Any]) -> Any:
            if parameter not in request:
                return None
            expression = compile_(request[parameter], names)
            used.update(expression.used)
            return expression

        self.condition: expressions.Condition | None = compiled(
            "ConditionExpression", expressions.condition
        )
        self.filter: expressions.Condition | None = compiled(
            "FilterExpression", expressions.condition
        )
        self.key: expressions.KeyCondition | None = compiled(
            "KeyConditionExpression", expressions.key_condition
        )
        self.projection: expressions.Projection | None = compiled(
            "ProjectionExpression", expressions.projection
        )
        self.update: expressions.Update | None = compiled(
            "UpdateExpression", expressions.update
        )
        provided = {*dict(names), *values}
        if used != provided:
            odd = ", ".join(sorted(used ^ provided))
            raise invalid(
                f"Names or values not defined or unused in expressions: {odd}"
            )

    def projected(self, item: Item) -> Item:
        """Return the attributes of an item that the request selects."""
        if self.projection is None:
            return item
        return expressions.project(item, self.projection.paths)


class Write:
    """One put, update, delete or check of an item, alone or in a transaction."""

    def __init__(self, tables: dict[str, Table], kind: str, request: Request) -> None:
        self.kind = kind
        self.request = request
        self.table = _table(tables, request)
        self.expressions = Expressions(request)
        self.given = stored_item(request["Item" if kind == "Put" else "Key"])
        self.key = self.table.key_in(self.given, alone=kind != "Put")
        if kind == "Put":
            self.table.check(self.given)
        update = self.expressions.update
        if update and any(path[0] == self.table.hash for path in update.paths):
            raise invalid(f"Cannot update attribute {self.table.hash}: part of the key")

    @property
    def place(self) -> tuple[str, str]:
        """The table and key, unique within a transaction."""
        return self.table.name, self.key

    def outcome(self) -> Item | None:
        """Return the item as it would be stored, or None.

        Raises DynamoError if the condition fails or the update does not fit the item.
        """
        before = self.table.items.get(self.key)
        condition, update = self.expressions.condition, self.expressions.update
        if condition and not condition.holds(before or {}, self.expressions.values):
            wanted = self.request.get("ReturnValuesOnConditionCheckFailure")
            details = {"Item": before} if before and wanted == "ALL_OLD" else {}
            message = "The conditional request failed"
            raise DynamoError("ConditionalCheckFailedException", message, **details)
        if self.kind in ("Delete", "ConditionCheck"):
            return None if self.kind == "Delete" else before
        if self.kind == "Put":
            return self.given
        after = before or self.given
        if update:
            after = update.apply(after, self.expressions.values)
        self.table.check(after)
        return after

    def store(self, item: Item | None, *, factor: int = 1) -> float:
        """Store the result of `outcome`; return the write units it consumes.

        factor: 2 in a transaction, which does not make indexes more expensive.
        """
        before = self.table.items.get(self.key)
        size = self.table.sizes.get(self.key, 0)
        if self.kind != "ConditionCheck":
            self.table.store(self.key, item)
        size = max(size, self.table.sizes.get(self.key, 0))
        indexes = self.table.indexes.values()
        of_indexes = sum(_index_units(index, before, item) for index in indexes)
        return factor * _write_units(size) + of_indexes


class Dynamo:
    """The tables, and the operations on their items."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self._tokens: dict[str, tuple[float, list[Request]]] = {}

    def empty(self) -> None:
        """Delete all items and transactions."""
        self._tokens.clear()
        for table in self.tables.values():
            table.clear()

    def answer(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """Return the HTTP status and body of the response to a request."""
        try:
            status, result = 200, self._do(operation, json.loads(body))
        except DynamoError as error:
            # Only the message of a cancelled transaction has an uppercase key.
            name = "Message" if "CancellationReasons" in error.more else "message"
            kind = f"com.amazonaws.dynamodb.v20120810#{error.code}"
            status, result = 400, {"__type": kind, name: error.message, **error.more}
        return status, json.dumps(result).encode()

    def _do(self, operation: str, request: Request) -> Answer:
        if operation not in OPERATIONS:
            raise NotImplementedError(f"{operation} is not in tests/dynamodb/fake.py")
        method, parameters = OPERATIONS[operation]
        _know(request, parameters)
        result: Answer = method(self, request)
        return result

    def get_item(self, request: Request) -> Answer:
        table, parsed = _table(self.tables, request), Expressions(request)
        key = table.key_in(stored_item(request["Key"]), alone=True)
        item = table.items.get(key)
        units = _read_units(table.sizes.get(key, 0), request)
        result = {} if item is None else {"Item": parsed.projected(item)}
        return result | _capacity(request, {table.name: units})

    def put_item(self, request: Request) -> Answer:
        return self._write("Put", request)

    def delete_item(self, request: Request) -> Answer:
        return self._write("Delete", request)

    def update_item(self, request: Request) -> Answer:
        return self._write("Update", request)

    def _write(self, kind: str, request: Request) -> Answer:
        wanted = request.get("ReturnValues", "NONE")
        if kind != "Update" and wanted not in ("NONE", "ALL_OLD"):
            raise invalid("Return values set to invalid value")
        write = Write(self.tables, kind, request)
        before = write.table.items.get(write.key)
        after = write.outcome()
        units = write.store(after)
        result = _returned(wanted, before, after, write.expressions.update)
        capacity = _capacity(request, {write.table.name: units})
        return ({"Attributes": result} if result else {}) | capacity

    def transact_write_items(self, request: Request) -> Answer:
        actions, token = request["TransactItems"], request.get("ClientRequestToken")
        if not 1 <= len(actions) <= MAX_ACTIONS:
            raise invalid("TransactItems must have between 1 and 100 members")
        writes = [self._action(action) for action in actions]
        _check_different([write.place for write in writes])
        units: dict[str, float] = {}
        if token and self._is_done(token, actions):
            return _capacity(request, units)
        outcomes = _outcomes(writes)
        for write, outcome in zip(writes, outcomes, strict=True):
            name = write.table.name
            units[name] = units.get(name, 0) + write.store(outcome, factor=2)
        if token:
            self._tokens[token] = time.time(), actions
        return _capacity(request, units)

    def _action(self, action: Request) -> Write:
        if len(action) != 1:
            raise invalid("An action is one of ConditionCheck, Put, Update or Delete")
        [(kind, request)] = action.items()
        parameters, needed = ACTIONS[kind]
        _know(request, parameters | {needed})
        if needed not in request:
            raise invalid(f"The {needed} is missing")
        return Write(self.tables, kind, request)

    def _is_done(self, token: str, actions: list[Request]) -> bool:
        """Return whether the token was used for these actions within TOKEN_SECONDS."""
        at, previous = self._tokens.get(token, (0, None))
        if previous is None or time.time() - at > TOKEN_SECONDS:
            return False
        if previous != actions:
            code = "IdempotentParameterMismatchException"
            raise DynamoError(code, "The token belongs to another request")
        return True

    def batch_get_item(self, request: Request) -> Answer:
        requests = request["RequestItems"]
        if (
            not 1
            <= sum(len(of_table["Keys"]) for of_table in requests.values())
            <= MAX_BATCH_READS
        ):
            raise invalid("Too many items requested for the BatchGetItem call, or none")
        responses: dict[str, list[Item]] = {name: [] for name in requests}
        unread: dict[str, Request] = {}
        units: dict[str, float] = {}
        read = 0
        for name, of_table in requests.items():
            _know(of_table, BATCH_READ)
            table = _table(self.tables, {"TableName": name})
            parsed = Expressions(of_table)
            keys = [
                table.key_in(stored_item(key), alone=True) for key in of_table["Keys"]
            ]
            _check_different(keys)
            for number, key in enumerate(keys):
                size = table.sizes.get(key, 0)
                if (read := read + size) > MAX_READ_BYTES:
                    unread[name] = of_table | {"Keys": of_table["Keys"][number:]}
                    break
                units[name] = units.get(name, 0) + _read_units(size, of_table)
                if key in table.items:
                    responses[name].append(parsed.projected(table.items[key]))
        result = {"Responses": responses, "UnprocessedKeys": unread}
        return result | _capacity(request, units)

    def batch_write_item(self, request: Request) -> Answer:
        writes = [
            self._batch_write(name, entry)
            for name, of_table in request["RequestItems"].items()
            for entry in of_table
        ]
        if not 1 <= len(writes) <= MAX_BATCH_WRITES:
            raise invalid(
                "Too many items requested for the BatchWriteItem call, or none"
            )
        _check_different([write.place for write in writes])
        units: dict[str, float] = {}
        for write in writes:
            name = write.table.name
            units[name] = units.get(name, 0) + write.store(write.outcome())
        return {"UnprocessedItems": {}} | _capacity(request, units)

    def _batch_write(self, table: str, entry: Request) -> Write:
        [(kind, request)] = entry.items()
        _know(request, {"Item" if kind == "PutRequest" else "Key"})
        kind = kind.removesuffix("Request")
        return Write(self.tables, kind, request | {"TableName": table})

    def query(self, request: Request) -> Answer:
        table, parsed = _table(self.tables, request), Expressions(request)
        index = _index_of(table, request)
        if parsed.key is None:
            raise invalid("The KeyConditionExpression is missing")
        value, parts = _split_key(parsed, table, index)
        entries = [
            (position, key)
            for position, key in table.entries(index, value)
            if all(part.holds(table.items[key], parsed.values) for part in parts)
        ]
        return _page(table, index, entries, request, parsed)

    def scan(self, request: Request) -> Answer:
        table, parsed = _table(self.tables, request), Expressions(request)
        index = _index_of(table, request)
        entries = [
            (position, key)
            for position, key in _entries(table, index)
            if _is_in_segment(position[0], request)
        ]
        return _page(table, index, entries, request, parsed)


def _is_in_segment(hash_key: object, request: Request) -> bool:
    """Check whether a scan for a segment returns the items of a hash key."""
    total = request.get("TotalSegments", 1)
    return zlib.crc32(repr(hash_key).encode()) % total == request.get("Segment", 0)


Position = tuple[Any, ...]  # the sort key of entries of a table or index


def _entries(table: Table, index: Index | None) -> Iterable[tuple[Position, str]]:
    """Yield the position and key of each item of a table or index."""
    names = [*index.keys, table.hash] if index else [table.hash]
    for key, item in table.items.items():
        if all(name in item for name in names):
            yield tuple(ordered(item[name]) for name in names), key


def _split_key(
    parsed: Expressions, table: Table, index: Index | None
) -> tuple[Any, list[expressions.Comparison]]:
    """Return the hash key's value, and the conditions on the range key."""
    assert parsed.key is not None
    hash_name, range_name = (index.hash, index.range) if index else (table.hash, None)
    hashes = [part for part in parsed.key.parts if part.name == hash_name]
    ranges = [part for part in parsed.key.parts if part.name == range_name]
    if (
        [part.operator for part in hashes] != ["="]
        or len(ranges) > 1
        or len(hashes) + len(ranges) < len(parsed.key.parts)
        or any(part.operator not in RANGE_OPERATORS for part in ranges)
    ):
        raise invalid("Query key condition not supported")
    for part in [*hashes, *ranges]:
        for read in part.operands:
            value = read({}, parsed.values)
            if value is None or kind_of(value) != table.types[part.name]:
                raise invalid("Condition parameter type does not match schema type")
            if part in hashes and value in ({"S": ""}, {"B": ""}):
                raise invalid("A key attribute cannot contain an empty value")
    value = hashes[0].operands[0]({}, parsed.values)
    assert value is not None
    return ordered(value), ranges


def _page(
    table: Table,
    index: Index | None,
    entries: list[tuple[Position, str]],
    request: Request,
    parsed: Expressions,
) -> Answer:
    """Return one page of the results of a query or scan."""
    backwards = request.get("ScanIndexForward") is False
    entries.sort(reverse=backwards)
    if (start := request.get("ExclusiveStartKey")) is not None:
        after = _start(table, index, start)
        entries = [
            entry
            for entry in entries
            if (entry[0] < after if backwards else entry[0] > after)
        ]
    limit = request.get("Limit")
    page: list[Item] = []
    size = 0
    last: str | None = None
    for _, key in entries:
        item = _shown(table.items[key], index)
        item_size = table.sizes[key] if item is table.items[key] else size_of_item(item)
        if page and size + item_size > PAGE_BYTES:
            break
        page.append(item)
        size += item_size
        last = key
        if len(page) == limit or size >= PAGE_BYTES:
            break
    else:
        last = None
    items = page
    if parsed.filter:
        items = [item for item in page if parsed.filter.holds(item, parsed.values)]
    result: Answer = {"Count": len(items), "ScannedCount": len(page)}
    if _wants_items(request, index):
        result["Items"] = [parsed.projected(item) for item in items]
    if last is not None:
        names = [table.hash, *(index.keys if index else [])]
        result["LastEvaluatedKey"] = {name: table.items[last][name] for name in names}
    return result | _capacity(request, {table.name: _read_units(size, request)})


def _start(table: Table, index: Index | None, start: Item) -> Position:
    """Return the position of an ExclusiveStartKey."""
    names = [*index.keys, table.hash] if index else [table.hash]
    if {*names} != {*start} or any(
        kind_of(start[name]) != table.types[name] for name in names
    ):
        raise invalid("The provided starting key is invalid")
    return tuple(ordered(start[name]) for name in names)


def _shown(item: Item, index: Index | None) -> Item:
    """Return the attributes of an item that an index projects."""
    if index is None or index.shown is None:
        return item
    return {name: value for name, value in item.items() if name in index.shown}


def _wants_items(request: Request, index: Index | None) -> bool:
    """Return whether a query or scan requests items, not only their count."""
    select = request.get("Select", "ALL_PROJECTED_ATTRIBUTES")
    projects = "ProjectionExpression" in request
    if projects and select not in ("SPECIFIC_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"):
        raise invalid("Cannot specify the ProjectionExpression with this Select")
    if select == "SPECIFIC_ATTRIBUTES" and not projects:
        raise invalid("SPECIFIC_ATTRIBUTES needs a ProjectionExpression")
    if select == "ALL_ATTRIBUTES" and index and index.shown is not None:
        raise invalid("The index does not project all attributes")
    return bool(select != "COUNT")


def _index_of(table: Table, request: Request) -> Index | None:
    name = request.get("IndexName")
    if name is None:
        return None
    if name not in table.indexes:
        raise invalid(f"The table does not have the specified index: {name}")
    if request.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return table.indexes[name]


def _outcomes(writes: list[Write]) -> list[Item | None]:
    """Return the results of a transaction's writes, or cancel it with reasons."""
    outcomes: list[Item | None] = []
    reasons: list[dict[str, Any]] = []
    for write in writes:
        reason: dict[str, Any] = {"Code": "None"}
        try:
            outcomes.append(write.outcome())
        except DynamoError as error:
            reason = {"Code": REASONS[error.code], "Message": error.message}
            reason |= error.more
        reasons.append(reason)
    if len(outcomes) < len(writes):
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = (
            "Transaction cancelled, please refer cancellation reasons for specific"
            f" reasons [{codes}]"
        )
        code = "TransactionCanceledException"
        raise DynamoError(code, message, CancellationReasons=reasons)
    if sum(map(size_of_item, filter(None, outcomes))) > MAX_TRANSACTION_BYTES:
        raise invalid("Aggregated size of the items in a transaction is over 4 MB")
    return outcomes


def _returned(
    wanted: str,
    before: Item | None,
    after: Item | None,
    update: expressions.Update | None,
) -> Item | None:
    """Return the attributes of a write's response, by ReturnValues."""
    if wanted == "NONE":
        return None
    version, _, time_ = wanted.partition("_")
    item = {"OLD": before, "NEW": after}[time_]
    if version == "ALL" or item is None:
        return item
    paths = update.paths if update else []
    # DynamoDB returns a list as a whole if one of its members changed.
    plain = {
        path if all(isinstance(step, str) for step in path) else path[:1]
        for path in paths
    }
    return expressions.project(item, list(plain))


def _table(tables: dict[str, Table], request: Request) -> Table:
    name = request["TableName"]
    if name not in tables:
        code = "ResourceNotFoundException"
        raise DynamoError(code, f"Requested resource not found: Table: {name}")
    return tables[name]


def _check_different(places: list[Any]) -> None:
    if len(set(places)) < len(places):
        raise invalid("A request cannot include multiple operations on one item")


def _know(request: Request, parameters: set[str]) -> None:
    """Raise NotImplementedError for unknown parameters."""
    if unknown := request.keys() - parameters:
        raise NotImplementedError(f"{unknown} is not in tests/dynamodb/fake.py")


def _read_units(size: int, request: Request) -> float:
    units = max(1, -(-size // 4096))
    return units if request.get("ConsistentRead") else units / 2


def _write_units(size: int) -> float:
    return max(1, -(-size // 1024))


def _index_units(index: Index, before: Item | None, after: Item | None) -> float:
    """Return the write units of an index for a change of one item."""
    old, new = (
        _shown(item, index) if item and item.keys() >= {*index.keys} else None
        for item in (before, after)
    )
    if old == new:
        return 0
    if old and new and any(old[name] != new[name] for name in index.keys):
        return _write_units(size_of_item(old)) + _write_units(size_of_item(new))
    return _write_units(max(size_of_item(item) for item in (old, new) if item))


def _capacity(request: Request, units: dict[str, float]) -> Answer:
    """Return the ConsumedCapacity of a request, if requested."""
    wanted = request.get("ReturnConsumedCapacity", "NONE")
    if wanted == "NONE":
        return {}
    if wanted != "TOTAL":
        raise NotImplementedError("Only TOTAL is in tests/dynamodb/fake.py")
    used = [
        {"TableName": name, "CapacityUnits": consumed}
        for name, consumed in units.items()
    ]
    several = {"TransactItems", "RequestItems"} & request.keys()
    return {"ConsumedCapacity": used if several else used[0]}


RANGE_OPERATORS = {"=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"}
REASONS = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ValidationException": "ValidationError",
}

_NAMED = {"TableName", "ExpressionAttributeNames", "ReturnConsumedCapacity"}
_VALUED = _NAMED | {"ExpressionAttributeValues"}
_CHECKED = _VALUED | {"ConditionExpression", "ReturnValuesOnConditionCheckFailure"}
_READ = {"ConsistentRead", "ProjectionExpression"}
_LISTED = (
    _VALUED
    | _READ
    | {"ExclusiveStartKey", "FilterExpression", "IndexName", "Limit", "Select"}
)
BATCH_READ = _READ | {"ExpressionAttributeNames", "Keys"}
# For each action: the parameters it may have, and the one it must have.
ACTIONS = {
    "ConditionCheck": (_CHECKED | {"Key"}, "ConditionExpression"),
    "Delete": (_CHECKED, "Key"),
    "Put": (_CHECKED, "Item"),
    "Update": (_CHECKED | {"Key"}, "UpdateExpression"),
}
OPERATIONS: dict[str, tuple[Callable[[Dynamo, Request], Answer], set[str]]] = {
    "GetItem": (Dynamo.get_item, _NAMED | _READ | {"Key"}),
    "PutItem": (Dynamo.put_item, _CHECKED | {"Item", "ReturnValues"}),
    "UpdateItem": (
        Dynamo.update_item,
        _CHECKED | {"Key", "ReturnValues", "UpdateExpression"},
    ),
    "DeleteItem": (Dynamo.delete_item, _CHECKED | {"Key", "ReturnValues"}),
    "TransactWriteItems": (
        Dynamo.transact_write_items,
        {"TransactItems", "ClientRequestToken", "ReturnConsumedCapacity"},
    ),
    "BatchGetItem": (
        Dynamo.batch_get_item,
        {"RequestItems", "ReturnConsumedCapacity"},
    ),
    "BatchWriteItem": (
        Dynamo.batch_write_item,
        {"RequestItems", "ReturnConsumedCapacity"},
    ),
    "Query": (Dynamo.query, _LISTED | {"KeyConditionExpression", "ScanIndexForward"}),
    "Scan": (Dynamo.scan, _LISTED | {"Segment", "TotalSegments"}),
}
