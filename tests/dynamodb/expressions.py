"""DynamoDB's expressions, each compiled once to Python functions.

`condition`, `update`, `projection` and `key_condition` take an expression's text and
the request's attribute names, and cache the result; attribute values are passed on
use. Unknown syntax is a ValidationException.
"""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests.dynamodb.values import (
    EXACT,
    ORDER,
    Item,
    Value,
    invalid,
    kind_of,
    ordered,
    stored,
)

Names: TypeAlias = tuple[tuple[str, str], ...]  # items of ExpressionAttributeNames
Path: TypeAlias = tuple[Any, ...]  # names and positions: ("address", "lines", 0)
Operand: TypeAlias = Callable[
    [Item, Item], Value | None
]  # arguments: an item and the values
Test: TypeAlias = Callable[[Item, Item], bool]

MAX_IN = 100  # operands of IN

TOKEN = re.compile(r"\s*([#:]?\w+|<=|>=|<>|[=<>(),.\[\]+-])", re.A)
NAME = re.compile(r"[A-Za-z_]\w*", re.A)
RESERVED = frozenset(map(str.upper, ReservedKeywords.get_reserved_keywords()))
TYPES = {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}
CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")


@dataclass
class Expression:
    """A compiled expression with the #names and :values that it uses."""

    used: frozenset[str]


@dataclass
class Condition(Expression):
    """A ConditionExpression or FilterExpression."""

    holds: Test


@dataclass
class Comparison:
    """A comparison or function in a KeyConditionExpression."""

    operator: str
    name: str  # of the attribute
    operands: tuple[Operand, ...]
    holds: Test


@dataclass
class KeyCondition(Expression):
    """A KeyConditionExpression: the comparisons that AND joins."""

    parts: list[Comparison]


@dataclass
class Projection(Expression):
    """A ProjectionExpression."""

    paths: list[Path]


@dataclass
class Update(Expression):
    """An UpdateExpression; each path is in one of its clauses."""

    sets: list[tuple[Path, Operand]] = field(default_factory=list)
    removes: list[Path] = field(default_factory=list)
    adds: list[tuple[Path, str]] = field(default_factory=list)
    deletes: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def paths(self) -> list[Path]:
        """All paths that the update changes."""
        pairs = [*self.sets, *self.adds, *self.deletes]
        return [path for path, _ in pairs] + self.removes

    def apply(self, item: Item, values: Item) -> Item:
        """Return the updated item."""
        changes: list[tuple[Path, Value | None]] = [
            *((path, _existing(read(item, values))) for path, read in self.sets),
            *((path, _sum(find(item, path), values[name])) for path, name in self.adds),
        ]
        for path, name in self.deletes:
            before = find(item, path)
            left = _rest(before, values[name])
            if before is not None:
                changes.append((path, left))
        # In lists, values set beyond the end are appended in order, and
        # removals must not shift elements still to be removed.
        changes.sort(key=lambda change: _positions(change[0]))
        removes = sorted(self.removes, key=_positions, reverse=True)
        changed: Value = {"M": item}
        for path, value in [*changes, *((path, None) for path in removes)]:
            changed = _replaced(changed, path, value)
        after: Item = changed["M"]
        return after


def find(item: Item, path: Path) -> Value | None:
    """Return the value at a path of an item, or None."""
    content_at: Value = {"M": item}
    for step in path:
        content = content_at.get("L" if isinstance(step, int) else "M", ())
        if not _has(content, step):
            return None
        content_at = content[step]
    return content_at


def _has(content: Any, step: str | int) -> bool:
    return step < len(content) if isinstance(step, int) else step in content


def project(item: Item, paths: Sequence[Path]) -> Item:
    """Return the parts of an item at the paths."""
    parts = _picked({"M": item}, paths)
    return parts["M"] if parts else {}


def _picked(value: Value, paths: Sequence[Path]) -> Value | None:
    if () in paths:
        return value
    [(kind, content)] = value.items()
    if kind not in ("L", "M"):
        return None
    steps = {step for step, *_ in paths if isinstance(step, int) == (kind == "L")}
    picked = {}
    for step in sorted(steps):
        if _has(content, step):
            inside = [tuple(others) for first, *others in paths if first == step]
            if (part := _picked(content[step], inside)) is not None:
                picked[step] = part
    if not picked:
        return None
    return {"L": list(picked.values())} if kind == "L" else {"M": picked}


def _positions(path: Path) -> list[int]:
    return [step if isinstance(step, int) else -1 for step in path]


def _replaced(holder: Value, path: Path, new: Value | None) -> Value:
    """Return a map or list with the value at a path replaced or removed."""
    step, *others = path
    kind = "L" if isinstance(step, int) else "M"
    if kind not in holder:
        raise _no_such_path()
    content = holder[kind].copy()
    exists = _has(content, step)
    if others:
        if not exists:
            raise _no_such_path()
        content[step] = _replaced(content[step], tuple(others), new)
    elif new is None:
        if exists:
            del content[step]
    elif kind == "M" or exists:
        content[step] = new
    else:
        content.append(new)
    return {kind: content}


def _no_such_path() -> Exception:
    return invalid(
        "The document path provided in the update expression is invalid for update"
    )


def _existing(value: Value | None) -> Value:
    if value is None:
        raise invalid(
            "The provided expression refers to an attribute that does not exist"
            " in the item"
        )
    return value


def _content(kind: str, value: Value) -> Any:
    if kind not in value:
        raise invalid("An operand in the update expression has an incorrect data type")
    return value[kind]


def _sum(before: Value | None, added: Value) -> Value:
    kind = kind_of(added)
    if kind not in ("N", "NS", "SS", "BS"):
        raise invalid(f"Incorrect operand type for operator: ADD, operand type: {kind}")
    if before is None:
        return added
    content = _content(kind, before)
    if kind == "N":
        return _computed("+", before, added)
    return stored({kind: list({*content, *added[kind]})})


def _rest(before: Value | None, deleted: Value) -> Value | None:
    kind = kind_of(deleted)
    if kind not in ("NS", "SS", "BS"):
        raise invalid(f"Incorrect operand type for operator: DELETE, type: {kind}")
    if before is None:
        return None
    left = [member for member in _content(kind, before) if member not in deleted[kind]]
    return {kind: left} if left else None


def _computed(sign: str, left: Value, right: Value) -> Value:
    a, b = (ORDER["N"](_content("N", number)) for number in (left, right))
    total = EXACT.add(a, b) if sign == "+" else EXACT.subtract(a, b)
    return stored({"N": str(total)})


@functools.cache
def condition(text: str, names: Names) -> Condition:
    """Compile a ConditionExpression or FilterExpression."""
    parser = _Parser(text, names)
    holds = parser.either()
    return Condition(parser.end(), holds)


@functools.cache
def key_condition(text: str, names: Names) -> KeyCondition:
    """Compile a KeyConditionExpression."""
    parser = _Parser(text, names)
    parts = list(parser.key_parts())
    return KeyCondition(parser.end(), parts)


@functools.cache
def projection(text: str, names: Names) -> Projection:
    """Compile a ProjectionExpression."""
    parser = _Parser(text, names)
    paths = parser.series(parser.path)
    _check_overlaps(paths)
    return Projection(parser.end(), paths)


@functools.cache
def update(text: str, names: Names) -> Update:
    """Compile an UpdateExpression."""
    parser = _Parser(text, names)
    result = Update(frozenset())
    seen: set[str] = set()
    while not seen or not parser.at_end:
        clause = parser.take().upper()
        if clause not in CLAUSES or clause in seen:
            raise invalid(f"Invalid UpdateExpression: Syntax error; token: {clause}")
        seen.add(clause)
        if clause == "SET":
            result.sets = parser.series(parser.assignment)
        elif clause == "REMOVE":
            result.removes = parser.series(parser.path)
        elif clause == "ADD":
            result.adds = parser.series(parser.path_and_value)
        else:
            result.deletes = parser.series(parser.path_and_value)
    _check_overlaps(result.paths)
    result.used = parser.end()
    return result


def _check_overlaps(paths: list[Path]) -> None:
    """Raise if a path contains another, or treats it as a list."""
    for number, path in enumerate(paths):
        for other in paths[:number]:
            pairs = list(zip(path, other, strict=False))
            if all(_alike(a, b) for a, b in pairs):
                raise invalid("Two document paths overlap or conflict with each other")


def _alike(step: str | int, other: str | int) -> bool:
    return step == other or isinstance(step, int) != isinstance(other, int)


class _Parser:
    """A parser that reads an expression's tokens from left to right."""

    def __init__(self, text: str, names: Names) -> None:
        self.names = dict(names)
        self.used: set[str] = set()
        self.tokens = list(_tokens(text))
        self.position = 0
        self.group = (0, 0)  # start and end of the last parentheses

    @property
    def at_end(self) -> bool:
        return self.position == len(self.tokens)

    def end(self) -> frozenset[str]:
        """Return the names and values used; raise if tokens are left."""
        if not self.at_end:
            raise self.unexpected()
        return frozenset(self.used)

    def unexpected(self) -> Exception:
        token = self.tokens[self.position] if not self.at_end else "<EOF>"
        return invalid(f"Invalid expression: Syntax error; token: {token}")

    def next_is(self, *tokens: str, ahead: int = 0) -> bool:
        following = self.tokens[self.position + ahead :][:1]
        return bool(following) and following[0].upper() in tokens

    def take(self) -> str:
        if self.at_end:
            raise self.unexpected()
        self.position += 1
        return self.tokens[self.position - 1]

    def accept(self, *tokens: str) -> str | None:
        return self.take() if self.next_is(*tokens) else None

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise self.unexpected()

    def series(self, read: Callable[[], Any]) -> list[Any]:
        """Read a comma-separated list."""
        items = [read()]
        while self.accept(","):
            items.append(read())
        return items

    def path(self) -> Path:
        steps: list[str | int] = [self.name()]
        while separator := self.accept(".", "["):
            if separator == ".":
                steps.append(self.name())
                continue
            position = self.take()
            if not position.isdecimal():
                raise self.unexpected()
            steps.append(int(position))
            self.expect("]")
        return tuple(steps)

    def name(self) -> str:
        token = self.take()
        if token.startswith("#"):
            self.used.add(token)
            if token not in self.names:
                raise invalid(f"An expression attribute name is not defined: {token}")
            return self.names[token]
        if not NAME.fullmatch(token):
            self.position -= 1
            raise self.unexpected()
        if token.upper() in RESERVED:
            raise invalid(f"Attribute name is a reserved keyword: {token}")
        return token

    def value(self) -> str:
        """Read a value's name, such as :amount."""
        token = self.take()
        if not token.startswith(":"):
            self.position -= 1
            raise self.unexpected()
        self.used.add(token)
        return token

    def operand(self) -> Operand:
        """Read a path or value."""
        if self.next_is_value():
            name = self.value()
            return lambda item, values: values[name]
        return _reader(self.path())

    def next_is_value(self) -> bool:
        return not self.at_end and self.tokens[self.position].startswith(":")

    # Conditions

    def either(self) -> Test:
        tests = [self.both()]
        while self.accept("OR"):
            tests.append(self.both())
        if len(tests) == 1:
            return tests[0]
        return lambda item, values: any(test(item, values) for test in tests)

    def both(self) -> Test:
        tests = [self.negation()]
        while self.accept("AND"):
            tests.append(self.negation())
        if len(tests) == 1:
            return tests[0]
        return lambda item, values: all(test(item, values) for test in tests)

    def negation(self) -> Test:
        if self.accept("NOT"):
            test = self.negation()
            return lambda item, values: not test(item, values)
        if not self.next_is("("):
            return self.comparison().holds
        start = self.position
        self.expect("(")
        test = self.either()
        if self.group == (start + 1, self.position):
            raise invalid("The expression has redundant parentheses")
        self.expect(")")
        self.group = (start, self.position)
        return test

    def comparison(self) -> Comparison:
        function = self.tokens[self.position] if self.next_is("(", ahead=1) else ""
        if function in FUNCTIONS:
            return self.function(FUNCTIONS[function], function)
        name = "" if self.next_is_value() or function else self.tokens_name()
        left = self.compared()
        operator = self.take().upper()
        if operator == "BETWEEN":
            low = self.compared()
            self.expect("AND")
            operands = [low, self.compared()]
        elif operator == "IN":
            self.expect("(")
            operands = self.series(self.compared)
            self.expect(")")
            if len(operands) > MAX_IN:
                raise invalid("The IN operator takes at most 100 operands")
        elif operator in COMPARISONS:
            operands = [self.compared()]
        else:
            self.position -= 1
            raise self.unexpected()
        holds = COMPARISONS[operator](left, *operands)
        return Comparison(operator, name, tuple(operands), holds)

    def tokens_name(self) -> str:
        """Return the next attribute without consuming it."""
        start = self.position
        path = self.path()
        self.position = start
        return str(path[0]) if len(path) == 1 else ""

    def compared(self) -> Operand:
        """Read an operand of a comparison: a path, a value or a size."""
        if not (self.next_is("SIZE") and self.next_is("(", ahead=1)):
            return self.operand()
        self.take()
        self.expect("(")
        read = _reader(self.path())
        self.expect(")")
        return lambda item, values: _size(read(item, values))

    def function(self, make: Callable[..., Test], operator: str) -> Comparison:
        self.take()
        self.expect("(")
        path = self.path()
        operands = []
        if not operator.endswith("exists"):
            self.expect(",")
            operands.append(self.operand())
        self.expect(")")
        holds = make(_reader(path), *operands)
        name = str(path[0]) if len(path) == 1 else ""
        return Comparison(operator, name, tuple(operands), holds)

    def key_parts(self) -> Iterator[Comparison]:
        """Read comparisons joined by AND, each optionally in parentheses."""
        while True:
            if self.accept("("):
                yield from self.key_parts()
                self.expect(")")
            else:
                yield self.comparison()
            if not self.accept("AND"):
                return

    # Updates

    def assignment(self) -> tuple[Path, Operand]:
        path = self.path()
        self.expect("=")
        return path, self.computed()

    def computed(self) -> Operand:
        left = self.term()
        sign = self.accept("+", "-")
        if not sign:
            return left
        right = self.term()
        return lambda item, values: _computed(
            sign, _existing(left(item, values)), _existing(right(item, values))
        )

    def term(self) -> Operand:
        if self.accept("("):
            inside = self.computed()
            self.expect(")")
            return inside
        if not self.next_is("(", ahead=1):
            return self.operand()
        function = self.take()
        self.expect("(")
        if function == "if_not_exists":
            first = _reader(self.path())
        elif function == "list_append":
            first = self.term()
        else:
            raise invalid(f"Invalid function name; function: {function}")
        self.expect(",")
        second = self.term()
        self.expect(")")
        if function == "if_not_exists":
            return lambda item, values: first(item, values) or second(item, values)
        return lambda item, values: _appended(
            _existing(first(item, values)), _existing(second(item, values))
        )

    def path_and_value(self) -> tuple[Path, str]:
        return self.path(), self.value()


def _tokens(text: str) -> Iterator[str]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = TOKEN.match(text, position)
        if match is None:
            raise invalid(f"Invalid expression: Syntax error; near: {text[position:]}")
        yield match[1]
        position = match.end()


def _reader(path: Path) -> Operand:
    [first, *others] = path
    if not others:
        return lambda item, values: item.get(first)
    return lambda item, values: find(item, path)


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    [(kind, content)] = value.items()
    if kind == "S":
        return {"N": str(len(content.encode("utf-16-le")) // 2)}
    if kind == "B":
        return {"N": str(len(ORDER["B"](content)))}
    if kind in ("N", "BOOL", "NULL"):
        raise invalid(f"Incorrect operand type for function size: {kind}")
    return {"N": str(len(content))}


def _appended(left: Value, right: Value) -> Value:
    return {"L": [*_content("L", left), *_content("L", right)]}


def _equal(left: Operand, right: Operand) -> Test:
    return lambda item, values: left(item, values) == right(item, values)


def _unequal(left: Operand, right: Operand) -> Test:
    return lambda item, values: left(item, values) != right(item, values)


def _compared(holds: Callable[[Any, Any], bool]) -> Callable[[Operand, Operand], Test]:
    def make(left: Operand, right: Operand) -> Test:
        def test(item: Item, values: Item) -> bool:
            a, b = left(item, values), right(item, values)
            if a is None or b is None or kind_of(a) != kind_of(b):
                return False
            return kind_of(a) in ORDER and holds(ordered(a), ordered(b))

        return test

    return make


_less = _compared(lambda a, b: a < b)
_at_most = _compared(lambda a, b: a <= b)


def _between(middle: Operand, low: Operand, high: Operand) -> Test:
    from_low, to_high, reversed_ = (
        _at_most(low, middle),
        _at_most(middle, high),
        _less(high, low),
    )

    def test(item: Item, values: Item) -> bool:
        if reversed_(item, values):
            raise invalid("The BETWEEN operator requires upper bound >= lower bound")
        return from_low(item, values) and to_high(item, values)

    return test


def _one_of(left: Operand, *others: Operand) -> Test:
    def test(item: Item, values: Item) -> bool:
        value = left(item, values)
        return any(value == other(item, values) for other in others)

    return test


def _exists(read: Operand) -> Test:
    return lambda item, values: read(item, values) is not None


def _missing(read: Operand) -> Test:
    return lambda item, values: read(item, values) is None


def _has_type(read: Operand, kind: Operand) -> Test:
    def test(item: Item, values: Item) -> bool:
        wanted = (kind(item, values) or {}).get("S")
        if wanted not in TYPES:
            raise invalid(f"Invalid attribute type name found; type: {wanted}")
        return wanted in (read(item, values) or {})

    return test


def _begins_with(read: Operand, start: Operand) -> Test:
    def test(item: Item, values: Item) -> bool:
        value, prefix = read(item, values), start(item, values)
        if prefix and kind_of(prefix) not in ("S", "B"):
            raise invalid("Incorrect operand type for function begins_with")
        if not value or not prefix or kind_of(value) != kind_of(prefix):
            return False
        is_prefix: bool = ordered(value).startswith(ordered(prefix))
        return is_prefix

    return test


def _contains(read: Operand, part: Operand) -> Test:
    def test(item: Item, values: Item) -> bool:
        value, sought = read(item, values), part(item, values)
        if not value or not sought:
            return False
        [(kind, content)] = value.items()
        [(sought_kind, sought_content)] = sought.items()
        if kind == "L":
            return sought in content
        if kind in ("S", "B") and sought_kind == kind:
            return ordered(sought) in ordered(value)
        return kind == sought_kind + "S" and sought_content in content

    return test


COMPARISONS: dict[str, Callable[..., Test]] = {
    "=": _equal,
    "<>": _unequal,
    "<": _less,
    "<=": _at_most,
    ">": lambda left, right: _less(right, left),
    ">=": lambda left, right: _at_most(right, left),
    "BETWEEN": _between,
    "IN": _one_of,
}
FUNCTIONS: dict[str, Callable[..., Test]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _missing,
    "attribute_type": _has_type,
    "begins_with": _begins_with,
    "contains": _contains,
}
