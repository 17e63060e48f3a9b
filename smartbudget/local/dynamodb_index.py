"""Make a Query of an index in MiniStack read its page, not its whole partition.

MiniStack keeps the keys of each index partition in a dict. For every page it sorts all
items of the partition, evaluates the key condition on each of them and skips those up
to the start key, so a page costs as much as the user's whole history. Here the keys
stay sorted, and a Query is given those of its page. The rest remains MiniStack's: all
checks of the request, and then, on the items of that page, the order, the conditions,
the filter, the projection and the last key.

This wraps `_query` and replaces the two functions that keep the keys of partitions.
MiniStack calls them for every write, discards what they keep where it replaces items
wholesale, and never stores it.

MiniStack also parses and checks each expression again for every item; here it does so
once, since neither depends on the item. tests/local/test_dynamodb_index.py compares the
answers with those of MiniStack alone.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from ministack.services import dynamodb

WRITTEN_FOR = "1.5.33"
PARTITIONS = dynamodb._INDEX_MEMBERS  # in a table: {index: {hash key: entries}}
PUNCTUATION = {"LPAREN", "RPAREN", "COMMA"}

Table = dict[str, Any]
Item = dict[str, Any]  # in DynamoDB's JSON
Request = dict[str, Any]
Key = tuple[str, str]  # hash and sort key in the table
Entry = tuple[tuple[Any, ...], Key]  # what the index orders by, and of which item

EXPRESSIONS = 256  # that are kept in parsed form

_answer_query = dynamodb._query
_tokens_of = lru_cache(EXPRESSIONS)(dynamodb._tokenize)
_request: ContextVar[Request] = ContextVar("request")  # the Query being answered


def install() -> None:
    """Patch MiniStack. Raises RuntimeError if this was written for another version."""
    installed = version("ministack")
    if installed != WRITTEN_FOR:
        raise RuntimeError(
            f"dynamodb_index.py was written for MiniStack {WRITTEN_FOR}, and this is"
            f" {installed}: compare what it replaces, run its test, change WRITTEN_FOR"
        )
    dynamodb._query = query
    dynamodb._index_members = index_members
    dynamodb._index_item = index_item
    dynamodb._tokenize = tokenize
    dynamodb._condition_syntax_error = lru_cache(EXPRESSIONS)(
        dynamodb._condition_syntax_error
    )


def query(request: Request) -> Any:
    """Answer a Query."""
    token = _request.set(request)
    try:
        return _answer_query(request)
    finally:
        _request.reset(token)


def tokenize(expression: str) -> list[tuple[str, str]]:
    """Return the tokens of an expression, in a list that the caller may change."""
    return [*_tokens_of(expression)]


def index_members(table: Table) -> dict[str, "Partitions"]:
    """Return the partitions of each index, as the current Query reads them."""
    if PARTITIONS not in table:
        table[PARTITIONS] = _sorted_partitions(table)
    request = _request.get()
    return {name: Partitions(table, name, request) for name in table[PARTITIONS]}


def index_item(
    table: Table, hash_key: str, sort_key: str, item: Item, add: bool
) -> None:
    """Add a stored item to its table's indexes, or remove it from them."""
    partitions = table.get(PARTITIONS)
    if partitions is None:
        return
    for name, partition, order in _places(table, item):
        if name not in partitions:  # an index was added
            del table[PARTITIONS]
            return
        entry = (order, (hash_key, sort_key))
        entries = partitions[name].setdefault(partition, [])
        position = bisect_left(entries, entry)
        if add:
            entries.insert(position, entry)
        elif entries[position : position + 1] == [entry]:
            del entries[position]
            if not entries:
                del partitions[name][partition]


def _sorted_partitions(table: Table) -> dict[str, dict[Any, list[Entry]]]:
    partitions: dict[str, dict[Any, list[Entry]]] = {
        name: {} for name, _, _ in dynamodb._index_key_schemas(table)
    }
    for hash_key, items in table["items"].items():
        for sort_key, item in items.items():
            for name, partition, order in _places(table, item):
                entries = partitions[name].setdefault(partition, [])
                entries.append((order, (hash_key, sort_key)))
    for entries_by_key in partitions.values():
        for entries in entries_by_key.values():
            entries.sort()
    return partitions


def _places(table: Table, item: Item) -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Yield (index, partition, order) of each index that an item is in."""
    for name, hashes, ranges in dynamodb._index_key_schemas(table):
        partition = dynamodb._index_partition(item, hashes, ranges)
        if partition is not None:
            yield name, partition, _order(table, ranges, item)


def _order(table: Table, ranges: list[str], attributes: Item) -> tuple[Any, ...]:
    """Return what MiniStack orders the items of an index partition by."""
    return tuple(
        dynamodb._index_order_value(attributes, name, kind)
        for name, kind in dynamodb._index_order_keys(table, ranges)
    )


class Partitions:
    """The partitions of an index in place of MiniStack's dict, for one Query."""

    def __init__(self, table: Table, index: str, request: Request) -> None:
        self._table = table
        self._index = index
        self._request = request
        self._hashes, self._ranges = dynamodb._index_key_lists(
            dynamodb._index_def(table, index)
        )

    def get(self, partition: Any, default: Any) -> list[Key]:
        """Return the keys of the page; all of the partition if that is not clear."""
        entries = self._table[PARTITIONS][self._index].get(partition, [])
        within = self._within_condition(entries)
        if within is None:
            return [key for _, key in entries]
        return self._page(entries, *self._after_start_key(entries, *within))

    def _within_condition(self, entries: list[Entry]) -> tuple[int, int] | None:
        """Return where the entries that match the key condition start and end."""
        if len(self._ranges) > 1 or not self._request.get("KeyConditionExpression"):
            return None
        span: tuple[int, int] | None = (0, len(entries))
        for clause in self._clauses():
            match clause:
                case [name, "=", _] if name in self._hashes:
                    continue
                case [name, *condition] if [name] == self._ranges:
                    span = _span(entries, condition)
                case _:
                    return None
        return span

    def _clauses(self) -> Iterator[list[Any]]:
        """Yield the parts of the key condition, such as ["date", ">", "2026-01-31"]."""
        tokens = dynamodb._tokenize(self._request["KeyConditionExpression"])
        words = [token for token in tokens if token[0] not in PUNCTUATION]
        for clause in dynamodb._key_condition_clauses(words):
            match clause:
                case [("IDENT", _), (("IDENT" | "NAME_REF"), _), _]:
                    function, name, value = clause  # begins_with(date, :start)
                    yield [self._meaning(word) for word in (name, function, value)]
                case [("VALUE_REF", _), *_]:  # :start < date
                    yield []
                case _:
                    yield [self._meaning(word) for word in clause]

    def _meaning(self, token: tuple[str, str]) -> Any:
        kind, text = token
        if kind == "NAME_REF":
            return self._request["ExpressionAttributeNames"][text]
        if kind == "VALUE_REF":
            value = self._request["ExpressionAttributeValues"][text]
            name = self._ranges[0] if self._ranges else None
            return dynamodb._sort_key_value(
                value, dynamodb._get_attr_type(self._table, name)
            )
        return text

    def _after_start_key(
        self, entries: list[Entry], start: int, end: int
    ) -> tuple[int, int]:
        start_key = self._request.get("ExclusiveStartKey")
        if not start_key:
            return start, end
        order = _order(self._table, self._ranges, start_key)
        if self._forwards:
            return max(start, bisect_right(entries, order, key=_order_of)), end
        return start, min(end, bisect_left(entries, order, key=_order_of))

    def _page(self, entries: list[Entry], start: int, end: int) -> list[Key]:
        keys: list[Key] = []

        def read() -> Iterator[Item]:
            within = entries[start:end]
            for _, (hash_key, sort_key) in within if self._forwards else within[::-1]:
                item = self._table["items"].get(hash_key, {}).get(sort_key)
                if item is not None:  # the thread that expires items is removing it
                    keys.append((hash_key, sort_key))
                    yield item

        # As far as MiniStack will read: up to the limit, or one item past a megabyte.
        dynamodb._paginate_evaluated_items(
            read(), self._request.get("Limit"), self._table, self._index
        )
        return keys

    @property
    def _forwards(self) -> bool:
        return bool(self._request.get("ScanIndexForward", True))


def _span(entries: list[Entry], condition: list[Any]) -> tuple[int, int] | None:
    """Return where the entries that match a condition on the sort key start and end."""
    match condition:
        case ["=", value]:
            return _below(entries, value), _up_to(entries, value)
        case ["<", value]:
            return 0, _below(entries, value)
        case ["<=", value]:
            return 0, _up_to(entries, value)
        case [">", value]:
            return _up_to(entries, value), len(entries)
        case [">=", value]:
            return _below(entries, value), len(entries)
        case [between, low, _, high] if between.upper() == "BETWEEN":
            return _below(entries, low), _up_to(entries, high)
        case [function, prefix] if function.lower() == "begins_with":
            size = len(prefix)
            return _below(entries, prefix, size), _up_to(entries, prefix, size)
    return None


def _below(entries: list[Entry], value: Any, size: int | None = None) -> int:
    """Return how many sort keys, of which the first `size` count, are less."""
    return bisect_left(entries, value, key=lambda entry: _sort_key(entry, size))


def _up_to(entries: list[Entry], value: Any, size: int | None = None) -> int:
    return bisect_right(entries, value, key=lambda entry: _sort_key(entry, size))


def _sort_key(entry: Entry, size: int | None) -> Any:
    value = _order_of(entry)[0]
    return value if size is None else value[:size]


def _order_of(entry: Entry) -> tuple[Any, ...]:
    return entry[0]
