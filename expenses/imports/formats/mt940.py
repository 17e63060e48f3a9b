"""Read MT940 and MT942: statements of SWIFT. The mt-940 library reads single rows."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, pairwise
from typing import Any

from mt940.models import Transactions
from mt940.options import Options
from mt940.tags import StatementGLS, Tag

from expenses.imports import limits
from expenses.imports.accounts import Account, statement_of
from expenses.imports.bookings import (
    Row,
    Statement,
    Unreadable,
    limit_text,
    number_id,
)
from expenses.imports.columns import read_day
from expenses.imports.joining import TextFile, join
from expenses.imports.messages import FileError, message
from expenses.imports.rows import exact_amount, line, row_of

# Other numbers between colons are texts, such as times.
_FIELD = re.compile(r":((?:13|20|21|23|25|28|34|60|61|62|64|65|86|90)[A-Z]?|NS):(.*)")
_BALANCE = re.compile(r"[CD][0-9]{6}([A-Z]{3})")
_OPENING, _CLOSING = {"60F", "60M"}, {"62F", "62M"}
_MAX_LINE_LENGTH = 500  # characters of :61:, three times what SWIFT allows

_OPTIONS = Options.all()
# Reads a reference of any length, also the 16 characters of SWIFT.
_TAGS: dict[int | str, Tag] = {StatementGLS.id: StatementGLS()}
# The names of values that banks write as /NAME/value/NEXT/value.
_SLASHED = re.compile(r"/(NAME|REMI|IBAN)/(.*?)(?=/[A-Z]{3,4}/|$)")

# It logs rows that it cannot read, and logs have no personal data.
logging.getLogger("mt940").setLevel(logging.CRITICAL)


@dataclass(slots=True)
class _Field:
    """A field of a message: a tag, and its lines."""

    number: int  # of its first line in the file
    tag: str
    lines: list[str] = field(default_factory=list)

    @property
    def value(self) -> str:
        return "\n".join(self.lines)


def format_of(head: str) -> str:
    """Return "mt940" for the beginning of MT940 or MT942, or ""."""
    is_message = re.search(r"^(?:\{4:)?:20:", head, re.MULTILINE) and re.search(
        r"^:(?:25|28C?|60[FM]|61|34F):", head, re.MULTILINE
    )
    return "mt940" if is_message else ""


def read_files(
    files: Sequence[TextFile],
    *,
    currency: str,
    today: date,
    mapping: Mapping[str, Any],
) -> Statement:
    """Return the statement of files, with the rows of all their accounts.

    mapping: `day` is "booking" or "value".

    Raises FileError for a file that ends too early.
    """
    by_file = [
        file.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for file in files
    ]
    limits.check_rows(sum(value.startswith(":61:") for value in chain(*by_file)))
    by_value = mapping.get("day") == "value"
    rows = []
    for file, lines in zip(files, by_file, strict=True):
        with file.named():
            rows.append((file, [*_rows(lines, currency, today, by_value=by_value)]))
    return statement_of("mt940", join(rows), mapping, mapping={})


def _rows(
    lines: list[str], currency: str, today: date, *, by_value: bool
) -> Iterator[tuple[Account, Row]]:
    account, code, is_open = Account(), "", False
    end = _Field(len(lines), "")
    for current, after in pairwise(chain(_fields(lines), (end,))):
        if current.tag == "20":
            _check_end(is_open, current.number - 1)
            account, code, is_open = Account(), "", False
        elif current.tag in ("25", "25P"):
            account = Account(current.lines[0].strip())
        elif current.tag in _OPENING:
            is_open = True
            match = _BALANCE.match(current.value.strip())
            code = match[1] if match else ""
        elif current.tag == "34F" and not code:  # of MT942, which has no balances
            code = current.value.strip()[:3]
        elif current.tag in _CLOSING:
            is_open = False
        elif current.tag == "61":
            details = after.value if after.tag == "86" else ""
            yield account, _row(current, details, code, currency, today, by_value)
    _check_end(is_open, len(lines))


def _check_end(is_open: bool, number: int) -> None:
    if is_open:
        raise FileError("no_closing_balance", line=number)


def _fields(lines: list[str]) -> Iterator[_Field]:
    current: _Field | None = None
    for number, value in enumerate(lines, start=1):
        if match := _FIELD.match(value.removeprefix("{4:")):
            if current:
                yield current
            current = _Field(number, match[1], [match[2]])
        elif value.strip() in ("-", "-}") or value.startswith("{"):
            if current:
                yield current
            current = None
        elif current:
            current.lines.append(value)
    if current:
        yield current


def _row(
    statement_line: _Field,
    details: str,
    code: str,
    currency: str,
    today: date,
    by_value: bool,
) -> Row:
    place = line(statement_line.number)
    cell = statement_line.value.strip()
    values = _parse(cell, details[: limits.MAX_CELL_LENGTH])
    if values is None:
        return Unreadable(place, message("no_mt940_line"), limit_text(cell))
    day = values["date"] if by_value else values.get("entry_date") or values["date"]
    merchant = _merchant(values)
    return row_of(
        place,
        read_day(day.isoformat(), "ymd", today),
        exact_amount(values["amount"].amount, code or currency),
        cells=(cell, cell),
        text=_words(values) or merchant,
        merchant=merchant,
        bank_id=_bank_id(values),
        counterparty=_counterparty(values),
        currency=code,
    )


def _parse(statement_line: str, details: str) -> dict[str, Any] | None:
    """Return the values of a row by the library's names, or None if it has an error."""
    if len(statement_line) > _MAX_LINE_LENGTH:
        return None
    transactions = Transactions(tags=_TAGS, options=_OPTIONS)
    # Neither parse() nor parse_statements(), which read a file that the text names.
    try:
        transactions.parse(f":61:{statement_line}\n:86:{details}")
    except (RuntimeError, ValueError, ArithmeticError):  # no match, a day, an amount
        return None
    return dict(transactions[0].data) if len(transactions) == 1 else None


def _words(values: Mapping[str, Any]) -> str:
    details = values.get("transaction_details") or ""
    purpose = " ".join(
        filter(None, (values.get("purpose"), values.get("additional_purpose")))
    )
    return (
        purpose
        or _slashed(details).get("REMI")
        or details
        or values.get("extra_details")
        or values.get("posting_text")
        or ""
    )


def _merchant(values: Mapping[str, Any]) -> str:
    details = values.get("transaction_details") or ""
    return values.get("applicant_name") or _slashed(details).get("NAME") or ""


def _counterparty(values: Mapping[str, Any]) -> str:
    details = values.get("transaction_details") or ""
    number = values.get("gvc_applicant_iban") or values.get("applicant_iban")
    return number_id(
        number or _slashed(details).get("IBAN") or "",
        values.get("applicant_bin") or "",
    )


def _slashed(details: str) -> dict[str, str]:
    return dict(_SLASHED.findall(" ".join(details.split())))


def _bank_id(values: Mapping[str, Any]) -> str:
    reference = (values.get("bank_reference") or "").strip()
    return "" if reference.upper() in ("", "NONREF", "NOREF") else reference
