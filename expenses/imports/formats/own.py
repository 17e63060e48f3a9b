"""Files that this application exported: expenses as CSV, or all data as JSON."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from expenses.export import EXPORT_COLUMNS, SELECTION_COLUMNS, with_formulas
from expenses.imports import limits
from expenses.imports.bookings import (
    Booking,
    LeftOut,
    Row,
    Statement,
    Unreadable,
    limit_text,
)
from expenses.imports.messages import FileError, Message, message
from expenses.imports.rows import line
from expenses.models import KINDS, STATUSES
from smartbudget.core import dates, money
from smartbudget.core.errors import InvalidError

MAX_VALUES = 500_000  # of JSON, whose objects take far more memory than its text

_NAMES = {
    heading: name
    for columns in (EXPORT_COLUMNS, SELECTION_COLUMNS)
    for name, heading in columns.items()
}
# In the CSV files of all versions, and in no bank's.
_REQUIRED = {"date", "amount", "category", "description", "status", "signed_amount"}
# What a row has besides the fields of its booking.
_OWN = (
    "expense_id",
    "category",
    "description",
    "status",
    "kind",
    "refund_of",
    "merchant",
    "notes",
    "receipt",
    "created_at",
)
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)


def format_of(head: str) -> str:
    """Return "own_json", "own_csv" for CSV with the headings of an export, or ""."""
    if head.startswith(("{", "[")):
        return "" if head.startswith("{1:") else "own_json"  # a SWIFT message
    headings = next(csv.reader(head.splitlines()[:1]), [])
    is_own = {_NAMES.get(heading) for heading in headings} >= _REQUIRED
    return "own_csv" if is_own else ""


def read(
    text: str, *, currency: str, today: date, mapping: Mapping[str, Any]
) -> Statement:
    """Return the expenses of an export; see `expenses.imports.reading`.

    Amounts have the sign of a bank: negative, or positive if refunds.
    """
    if text.lstrip().startswith(("{", "[")):
        return Statement("own_json", _json_rows(text))
    return Statement("own_csv", list(_csv_rows(text.lstrip())))


# --- CSV ---


def _csv_rows(text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names = [_NAMES.get(heading, "") for heading in next(reader)]
    yield LeftOut(line(1), message("no_booking"))
    parts: list[tuple[Message, dict[str, str]]] = []
    for place, values in _csv_records(reader, names):
        if isinstance(values, Unreadable):
            yield from _flush(parts)
            yield values
            continue
        if not values.get("part"):
            yield from _flush(parts)
            yield _booking(place, values, values.get("currency", ""), [])
            continue
        if parts and not _continues(parts[-1][1], values):
            yield from _flush(parts)
        parts.append((place, values))
    yield from _flush(parts)


def _csv_records(
    reader: Any, names: list[str]
) -> Iterator[tuple[Message, dict[str, str] | Unreadable]]:
    """Yield the place and the values of each row."""
    number = reader.line_num + 1
    while (cells := _next(reader, number)) is not None:
        place, number = line(number), reader.line_num + 1
        if not any(cells):
            continue
        if len(cells) != len(names):
            reason = message("row_width", count=len(cells), expected=len(names))
            yield place, Unreadable(place, reason)
            continue
        yield (
            place,
            {
                name: with_formulas(cell)
                for name, cell in zip(names, cells, strict=True)
                if name
            },
        )


def _next(reader: Any, number: int) -> list[str] | None:
    """Return the next row, or None at the end."""
    try:
        cells: list[str] | None = next(reader, None)
    except csv.Error as error:
        raise FileError("open_quote", line=number) from error
    return cells


def _continues(before: Mapping[str, str], values: Mapping[str, str]) -> bool:
    """Check whether a row is the next part of the same expense."""
    try:
        is_next = int(values["part"]) == int(before["part"]) + 1
    except ValueError:
        return False
    return is_next and before.get("expense_id") == values.get("expense_id")


def _flush(parts: list[tuple[Message, dict[str, str]]]) -> Iterator[Row]:
    """Yield the expense of the parts read so far, and remove them."""
    if not parts:
        return
    place, first = parts[0]
    values = first | {"category": "", "amount": None}
    rows = [
        {
            "category": part["category"],
            "amount": part["amount"],
            "note": part.get("part_note", ""),
        }
        for _place, part in parts
    ]
    yield _booking(place, values, first.get("currency", ""), rows)
    parts.clear()


# --- JSON ---


def _json_rows(text: str) -> list[Row]:
    _check_size(text)
    try:
        # Numbers stay as they are written.
        data = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except ValueError as error:
        raise FileError("invalid_json", line=getattr(error, "lineno", 1)) from error
    currency, expenses = _expenses_of(data)
    limits.check_rows(len(expenses))
    return [
        _json_row(message("entry", number=number), values, currency)
        for number, values in enumerate(expenses, 1)
    ]


def _check_size(text: str) -> None:
    """Reject JSON that is too deep or has too many values, before it is parsed."""
    plain = text.replace("\\\\", "").replace('\\"', "")
    if plain.count('"') > 2 * MAX_VALUES:
        limits.check_rows(MAX_VALUES)
    outside = "".join(plain.split('"')[::2])
    if sum(map(outside.count, ",[{")) > MAX_VALUES:
        limits.check_rows(MAX_VALUES)
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", outside):
        depth += 1 if bracket in "[{" else -1
        if depth > limits.MAX_DEPTH:
            raise FileError("deep_json")


def _expenses_of(data: Any) -> tuple[str, list[Any]]:
    """Return the currency, empty if unknown, and the expenses of an export."""
    currency = ""
    if isinstance(data, dict):
        profile = data.get("profile")
        if isinstance(profile, dict):
            currency = _text(profile.get("currency"))
        data = data.get("expenses")
    if not isinstance(data, list):
        raise FileError("not_own_json")
    return currency, data


def _json_row(place: Message, values: Any, currency: str) -> Row:
    if not isinstance(values, dict):
        return Unreadable(place, message("no_expense"))
    parts = values.get("parts") or []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return Unreadable(place, message("unreadable_parts"))
    values = {**values, "receipt": values.get("receipt_url")}
    return _booking(place, values, currency, parts)


# --- Both ---


def _booking(
    place: Message,
    values: Mapping[str, Any],
    currency: str,
    parts: Iterable[Mapping[str, Any]],
) -> Row:
    """Return the booking of an expense; its amount may be None if it has parts."""
    own: dict[str, Any] = {name: _text(values[name]) for name in _OWN if name in values}
    own["parts"] = [
        {name: _text(part.get(name)) for name in ("category", "amount", "note")}
        for part in parts
    ]
    kind, status = own.get("kind", "expense"), own.get("status", "pending")
    amount = _amount(values.get("amount"), own["parts"], currency)
    if amount is None:
        cell = _text(values.get("amount"))[:100]
        return Unreadable(place, message("unreadable_amount"), cell)
    try:
        day = dates.parse_day(values.get("date"))
    except InvalidError:
        cell = _text(values.get("date"))[:100]
        return Unreadable(place, message("unreadable_date"), cell)
    if kind not in KINDS or status not in STATUSES:
        cell = status if kind in KINDS else kind
        return Unreadable(place, message("unknown_kind"), cell[:100])
    return Booking(
        day=day,
        amount=amount if kind == "refund" else -amount,
        text=limit_text(own.get("description", "")),
        merchant=limit_text(own.get("merchant", "")),
        bank_id=own.get("expense_id", "")[:100],
        currency=currency,
        place=place,
        own=own,
    )


def _amount(value: Any, parts: list[dict[str, str]], currency: str) -> Decimal | None:
    """Return the amount of an expense, above zero, or None if it can't be read.

    value: None for the sum of the parts, which otherwise have to add up to it.
    """
    amounts = [part["amount"] for part in parts]
    texts = amounts if value is None else [*amounts, _text(value)]
    if not texts or not all(_AMOUNT.fullmatch(text) for text in texts):
        return None
    total = sum(map(Decimal, amounts), Decimal(0))
    amount = total if value is None else Decimal(_text(value))
    if (parts and amount != total) or not 0 < amount < money.LIMIT:
        return None
    return amount


def _text(value: Any) -> str:
    """Return a value of JSON as text; "" if it is none."""
    return value if isinstance(value, str) else ""
