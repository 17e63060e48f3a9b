"""DynamoDB's values in its JSON, such as {"N": "12.5"}: checks, order and sizes.

Values are stored in canonical form (numbers without extra zeros, sets sorted), so that
equal values are equal in Python. They are never changed in place.
"""

import base64
import re
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

Value = dict[str, Any]  # {"S": "text"}
Item = dict[str, Value]

MAX_DIGITS = 38
DEEPEST = 32
# Enough for an exact sum; stored numbers have at most MAX_DIGITS.
EXACT = Context(prec=300)

_USUAL_NUMBER = re.compile(r"0|-?(?:[1-9]\d{0,18}|0(?=\.))(?:\.\d{0,17}[1-9])?", re.A)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.A)

# The sort keys of ordered types. Strings compare by code points, which
# is the order of their UTF-8 bytes.
ORDER: dict[str, Callable[[str], Any]] = {
    "S": str,
    "N": Decimal,
    "B": base64.b64decode,
}


class DynamoError(Exception):
    """An error response of DynamoDB; `more` has additional fields."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.more = more


def invalid(message: str) -> DynamoError:
    """Return a ValidationException."""
    return DynamoError("ValidationException", message)


def kind_of(value: Value) -> str:
    """Return a value's type, such as S."""
    return next(iter(value))


def ordered(value: Value) -> Any:
    """Return the sort key of a string, number or binary value."""
    [(kind, content)] = value.items()
    return ORDER[kind](content)


def stored_item(item: Item) -> Item:
    """Return an item in stored form."""
    return {name: stored(value) for name, value in item.items()}


def stored(value: Value, depth: int = 1) -> Value:
    """Return a value in stored form.

    Raises DynamoError for invalid numbers and sets, and for lists and maps nested
    too deeply.
    """
    if len(value) != 1:
        raise invalid("Supplied AttributeValue has more than one or no datatypes set")
    [(kind, content)] = value.items()
    if kind in ("S", "B", "BOOL"):
        return value
    if kind == "N":
        return {"N": stored_number(content)}
    if kind == "NULL":
        if content is not True:
            raise invalid("Null attribute value types must have the value of true")
        return value
    if kind in ("L", "M") and depth >= DEEPEST:
        raise invalid("Nesting Levels have exceeded supported limits")
    if kind == "L":
        return {"L": [stored(member, depth + 1) for member in content]}
    if kind == "M":
        return {
            "M": {name: stored(member, depth + 1) for name, member in content.items()}
        }
    return {kind: _stored_set(kind, content)}


def _stored_set(kind: str, members: list[str]) -> list[str]:
    order = ORDER[kind.removesuffix("S")]
    if kind == "NS":
        members = [stored_number(member) for member in members]
    if not members:
        raise invalid(
            "One or more parameter values were invalid: A set may not be empty"
        )
    if len(set(members)) < len(members):
        raise invalid("One or more parameter values were invalid: duplicates in a set")
    return sorted(members, key=order)


def stored_number(text: str) -> str:
    """Return a number as DynamoDB writes it: 85 for 85.00 or 8.5E1."""
    if _USUAL_NUMBER.fullmatch(text):
        return text
    if not _NUMBER.fullmatch(text):
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    number = Decimal(text).normalize(EXACT)
    if len(number.as_tuple().digits) > MAX_DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    if number and not -130 <= number.adjusted() <= 125:
        raise invalid("Number overflow or underflow: magnitude out of supported range")
    return format(number, "f") if number else "0"


def size_of_item(item: Item) -> int:
    """Return an item's size in bytes, as limits and capacity count it."""
    return sum(len(name.encode()) + size_of(value) for name, value in item.items())


def size_of(value: Value) -> int:
    """Return a value's size in bytes; DynamoDB documents an estimate for numbers."""
    [(kind, content)] = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "L":
        return 3 + sum(1 + size_of(member) for member in content)
    if kind == "M":
        return 3 + len(content) + size_of_item(content)
    if kind in ("SS", "NS", "BS"):
        return sum(size_of({kind[0]: member}) for member in content)
    if kind == "N":
        digits: str = content.replace("-", "").replace(".", "").strip("0")
        return 1 + (len(digits) + 1) // 2 + ("-" in content)
    return len(base64.b64decode(content)) if kind == "B" else 1
