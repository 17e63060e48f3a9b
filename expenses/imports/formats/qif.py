"""Read QIF: records of lines that begin with a letter, in sections."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from expenses.imports import limits
from expenses.imports.accounts import Account, statement_of
from expenses.imports.bookings import (
    LeftOut,
    Row,
    Statement,
    Unreadable,
    limit_text,
)
from expenses.imports.columns import read_amounts, read_days
from expenses.imports.messages import FileError, Message, message
from expenses.imports.rows import (
    MAX_MERCHANT_LENGTH,
    NEGATIVE_IS_PAID,
    POSITIVE_IS_PAID,
    all_positive,
    decimal_question,
    line,
    negated,
    row_of,
    sign_question,
)
from expenses.parts import MAX_CATEGORY_LENGTH, MAX_NOTE_LENGTH, MAX_PARTS, MIN_PARTS

_HEAD = re.compile(r"!(?:Type:|Account|Option:|Clear:)", re.IGNORECASE)
_INVESTMENTS = "!type:invst"
_ACCOUNTS = "!account"
# Lists of a program, not bookings. Types that are not known are read as bookings.
_LISTS = re.compile(
    "!type:(?:cat|class|memorized|security|prices|tag|budget|template|bill)"
)
_SWITCHES = ("!option:", "!clear:")
# Quicken writes 5 March 2004 as 3/ 5'04 or 3/ 5' 4.
_DAY = re.compile(r"([0-9]+)\s*([-/.])\s*([0-9]+)\s*['/.-]\s*([0-9]+)", re.ASCII)
_OPENING_BALANCES = {"opening balance", "anfangssaldo", "eröffnungssaldo"}
_SPLIT_CODES = {"S": "category", "E": "note", "$": "amount"}

_Amount = Decimal | Message | None


@dataclass(slots=True)
class _Record:
    """A record: its values by their letters, and its splits."""

    number: int  # of its first line
    section: str = ""
    account: Account = field(default_factory=Account)
    values: dict[str, str] = field(default_factory=dict)
    splits: list[dict[str, str]] = field(default_factory=list)
    is_complete: bool = False

    def add(self, code: str, value: str) -> None:
        """Add a line. A split begins with its category."""
        name = _SPLIT_CODES.get(code)
        if name is None:
            self.values.setdefault(code, value)
        elif code == "S" or not self.splits:
            self.splits.append({name: value})
        else:
            self.splits[-1][name] = value

    @property
    def amount(self) -> str:
        return self.values.get("T") or self.values.get("U") or ""

    @property
    def day(self) -> str:
        """The day without spaces and apostrophes, with two digits of the year."""
        text = self.values.get("D", "")
        match = _DAY.fullmatch(text)
        if not match:
            return text
        first, mark, second, third = match.groups()
        return f"{first}{mark}{second}{mark}{third.zfill(2)}"


def format_of(head: str) -> str:
    """Return "qif" for the beginning of such a file, or ""."""
    return "qif" if _HEAD.match(head) else ""


def read(
    text: str, *, currency: str, today: date, mapping: Mapping[str, Any]
) -> Statement:
    """Return the statement of a file, with the rows of all its accounts.

    mapping: `decimal`, `date_format` and `sign`, if the user chose them.

    Raises FileError for a file with investments only.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    limits.check_rows(sum(value.startswith("^") for value in lines))
    # As many splits as the most rows can have as parts.
    limits.check_rows(
        sum(value.startswith(("S", "$")) for value in lines) // MAX_PARTS // 2
    )
    records = list(_bookings(lines))
    _check(records)
    cells = [record.amount for record in records]
    for record in records:
        cells += [split.get("amount", "") for split in record.splits]
    amounts = read_amounts(cells, currency, decimal=str(mapping.get("decimal", "")))
    days = read_days(
        [record.day for record in records],
        today,
        order=str(mapping.get("date_format", "")),
    )
    values = amounts.values
    sign = str(mapping.get("sign", ""))
    if sign == POSITIVE_IS_PAID:
        values = [negated(value) for value in values]
    splits = iter(values[len(records) :])
    rows = [
        (record.account, _row(record, day, amount, code, _take(splits, record)))
        for record, day, amount, code in zip(
            records, days.values, values, amounts.currencies, strict=False
        )
    ]
    decimal = decimal_question(
        amounts,
        cells,
        days.values,
        lambda mark: read_amounts(cells, currency, decimal=mark).values,
        currency,
    )
    how = {} if decimal else {"decimal": amounts.decimal}
    if not days.question:
        how["date_format"] = days.order
    questions = [question for question in (days.question, decimal) if question]
    if not sign and all_positive(values[: len(records)]):
        questions.append(sign_question([row for _account, row in rows], currency))
    else:
        how["sign"] = sign or NEGATIVE_IS_PAID
    return statement_of("qif", rows, mapping, mapping=how, questions=questions)


def _take(splits: Iterator[_Amount], record: _Record) -> list[_Amount]:
    """Return the amounts of a record's splits, the next ones."""
    return [*islice(splits, len(record.splits))]


def _bookings(lines: Sequence[str]) -> Iterator[_Record]:
    """Yield the records of bookings and investments, each with its account."""
    account = Account()
    for record in _records(lines):
        if record.section == _ACCOUNTS:
            account = Account(name=record.values.get("N", ""))
        elif not _LISTS.fullmatch(record.section):
            record.account = account
            yield record


def _records(lines: Sequence[str]) -> Iterator[_Record]:
    section = ""
    record: _Record | None = None
    for number, value in enumerate(map(str.strip, lines), start=1):
        is_header = value.startswith("!")
        if record and (is_header or value.startswith("^")):
            record.is_complete = not is_header
            yield record
            record = None
        if is_header and not value.lower().startswith(_SWITCHES):
            section = value.lower()
        elif value and not is_header and not value.startswith("^"):
            record = record or _Record(number, section)
            record.add(value[0].upper(), value[1:].strip())
    if record:
        yield record


def _check(records: Sequence[_Record]) -> None:
    """Raise FileError if all records are investments."""
    if records and all(record.section == _INVESTMENTS for record in records):
        raise FileError("investments_only")


def _row(
    record: _Record,
    day: date | Message | None,
    amount: _Amount,
    code: str,
    shares: Sequence[_Amount],
) -> Row:
    place = line(record.number)
    payee = record.values.get("P", "")
    category, transfer = _category(record.values.get("L", ""))
    if not record.is_complete:
        return Unreadable(place, message("incomplete_row"), payee)
    if record.section == _INVESTMENTS:
        return LeftOut(place, message("investment"))
    if payee.casefold() in _OPENING_BALANCES:
        return LeftOut(place, message("opening_balance"))
    if transfer and not record.splits:
        return LeftOut(place, message("named_transfer", account=limit_text(transfer)))
    memo = record.values.get("M", "")
    return row_of(
        place,
        day,
        amount,
        cells=(record.values.get("D", ""), record.amount),
        text=memo if payee in memo else f"{payee} {memo}",
        merchant=payee,
        currency=code,
        own=_own(record, category, amount, shares),
    )


def _own(
    record: _Record, category: str, amount: _Amount, shares: Sequence[_Amount]
) -> dict[str, Any] | None:
    """Return what a record knows of a payment besides: category, or splits as parts.

    Splits that are no parts of a payment are notes.
    """
    if not isinstance(amount, Decimal) or amount > 0:
        return None  # money that was received has no category here
    own: dict[str, Any] = {}
    if record.splits:
        parts = _parts(record, amount, shares)
        own = {"parts": parts} if parts else {"notes": _described(record)}
    elif len(category) > MAX_CATEGORY_LENGTH:
        own = {"notes": category}
    elif category:
        own = {"category": category}
    if not own:
        return None
    payee = limit_text(record.values.get("P", ""))[:MAX_MERCHANT_LENGTH]
    memo = limit_text(record.values.get("M", ""))
    return {"merchant": payee, "description": memo, **own}


def _parts(
    record: _Record, amount: Decimal, shares: Sequence[_Amount]
) -> list[dict[str, str]]:
    """Return splits as parts; empty if they are not the parts of one payment."""
    known = [share for share in shares if isinstance(share, Decimal) and share]
    if len(known) < len(shares):
        return []
    categories = [_category(split.get("category", ""))[0] for split in record.splits]
    is_simple = (
        MIN_PARTS <= len(known) <= MAX_PARTS
        and sum(known) == amount
        and all(share < 0 for share in known)
        and all(0 < len(category) <= MAX_CATEGORY_LENGTH for category in categories)
    )
    if not is_simple:
        return []
    return [
        {
            "category": category,
            "amount": format(abs(share), "f"),
            "note": split.get("note", "")[:MAX_NOTE_LENGTH],
        }
        for category, share, split in zip(categories, known, record.splits, strict=True)
    ]


def _described(record: _Record) -> str:
    splits = (
        " ".join(filter(None, (split.get(name) for name in _SPLIT_CODES.values())))
        for split in record.splits
    )
    return "; ".join(filter(None, splits))[:2000]


def _category(text: str) -> tuple[str, str]:
    """Return the category of an L or S line without its class, and its transfer."""
    name = text.partition("/")[0].strip()
    if name.startswith("[") and name.endswith("]"):
        return "", name[1:-1].strip()
    return name, ""
