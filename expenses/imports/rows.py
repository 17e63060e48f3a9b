"""Make rows of a statement from its values, or reasons where they can't be read."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Any

from expenses.imports.bookings import (
    Booking,
    LeftOut,
    Question,
    Row,
    Unreadable,
    limit_text,
)
from expenses.imports.columns import (
    DECIMAL_MARKS,
    Amounts,
    Number,
    amount_of,
)
from expenses.imports.messages import NO_MESSAGE, Message, message
from smartbudget.core import money

MAX_MERCHANT_LENGTH = 80
MAX_ID_LENGTH = 200

# What `sign` of a mapping may be.
NEGATIVE_IS_PAID, POSITIVE_IS_PAID = "negative_is_paid", "positive_is_paid"

_EXAMPLES = 2  # rows of a question


def row_of(
    place: Message,
    day: date | Message | None,
    amount: Decimal | Message | None,
    *,
    cells: tuple[str, str],
    text: str = "",
    merchant: str = "",
    bank_id: str = "",
    is_pending: bool = False,
    **values: Any,
) -> Row:
    """Return a booking, or why it can't be read or is none.

    cells: the texts of the day and of the amount. values: others of the booking.
    """
    if not isinstance(day, date):
        return Unreadable(place, day or message("no_date"), limit_text(cells[0]))
    if not isinstance(amount, Decimal):
        return Unreadable(place, amount or message("no_amount"), limit_text(cells[1]))
    if not amount:
        return LeftOut(place, message("zero"))
    text = limit_text(text)
    return Booking(
        day=day,
        amount=amount,
        text=text,
        merchant=limit_text(merchant)[:MAX_MERCHANT_LENGTH],
        bank_id=limit_text(bank_id)[:MAX_ID_LENGTH],
        is_pending=is_pending or "*pending*" in text.lower(),
        place=place,
        **values,
    )


def exact_amount(amount: Decimal, currency: str) -> Decimal | Message:
    """Return an amount with its currency's decimals, or why it has none."""
    digits = format(abs(amount), "f")
    return amount_of(Number(digits, -1 if amount < 0 else 1), ".", currency)


def line(number: int) -> Message:
    """Return the place of a row in a text file."""
    return message("line", line=number)


def decimal_question(
    amounts: Amounts,
    cells: Sequence[str],
    days: Sequence[date | Message | None],
    read: Callable[[str], Sequence[Decimal | Message | None]],
    currency: str,
) -> Question | None:
    """Return a question for the decimal mark of amounts, or None if it is clear.

    It has a cell and a month's total in each reading.

    cells, days: of the same rows. read: returns the amounts, given a mark. currency:
    the user's.
    """
    if not amounts.is_open:
        return None
    readings = {mark: read(mark) for mark in DECIMAL_MARKS}
    first, second = readings.values()
    row = next((row for row in range(len(cells)) if first[row] != second[row]), None)
    if row is None:
        return None
    examples = {
        mark: _example(cells[row], values[row], _month_totals(days, values), currency)
        for mark, values in readings.items()
    }
    return Question("decimal", DECIMAL_MARKS, examples)


def _example(
    cell: str,
    value: Decimal | Message | None,
    totals: Mapping[date, Decimal],
    currency: str,
) -> Message:
    if not isinstance(value, Decimal):
        return message("unreadable_cell", cell=cell)
    amount = money.format_amount(value, currency)
    if not totals:
        return message("cell_amount", cell=cell, amount=amount)
    last = max(totals)
    return message(
        "cell_amount_and_total",
        cell=cell,
        amount=amount,
        month=last.isoformat(),
        total=money.format_amount(totals[last], currency),
    )


def _month_totals(
    days: Sequence[date | Message | None], values: Sequence[Decimal | Message | None]
) -> dict[date, Decimal]:
    """Return {first day of a month: total of its amounts}."""
    totals: dict[date, Decimal] = defaultdict(Decimal)
    for day, value in zip(days, values, strict=False):
        if isinstance(day, date) and isinstance(value, Decimal):
            totals[day.replace(day=1)] += value
    return totals


def negated(value: Decimal | Message | None) -> Decimal | Message | None:
    """Return an amount with the other sign."""
    return -value if isinstance(value, Decimal) else value


def all_positive(values: Sequence[Decimal | Message | None]) -> bool:
    """Check whether there are amounts, all of them positive."""
    known = [value for value in values if isinstance(value, Decimal) and value]
    return bool(known) and all(value > 0 for value in known)


def sign_question(rows: Sequence[Row], currency: str) -> Question:
    """Return a question whether positive amounts are paid or received.

    rows: as if they were received. currency: the user's.
    """
    known = [row for row in rows if isinstance(row, Booking) and row.amount > 0]
    examples = {
        choice: _joined(
            [_sign_example(row, choice, currency) for row in known[:_EXAMPLES]]
        )
        for choice in (POSITIVE_IS_PAID, NEGATIVE_IS_PAID)
    }
    return Question("sign", tuple(examples), examples)


def _sign_example(row: Booking, choice: str, currency: str) -> Message:
    text, amount = row.text[:60], money.format_amount(row.amount, currency)
    if choice == POSITIVE_IS_PAID:
        return message("row_paid", text=text, amount=amount)
    return message("row_received", text=text, amount=amount)


def _joined(examples: Sequence[Message]) -> Message:
    if not examples:
        return NO_MESSAGE
    return reduce(lambda one, other: message("both", first=one, second=other), examples)
