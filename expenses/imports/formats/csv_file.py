"""CSV files of banks."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from expenses.imports.accounts import ALL, MAX_ACCOUNTS, Account, statement_of
from expenses.imports.bookings import (
    Booking,
    LeftOut,
    Question,
    Row,
    Statement,
    Unreadable,
    limit_text,
    number_id,
)
from expenses.imports.columns import (
    Amounts,
    code_of,
    read_amounts,
    read_days,
)
from expenses.imports.csv_columns import (
    TYPE_WORDS,
    Columns,
    currency_of,
    find_columns,
    is_number,
    type_word,
)
from expenses.imports.csv_table import Record, Table, read_table
from expenses.imports.messages import FileError, Message, message
from expenses.imports.rows import (
    MAX_ID_LENGTH,
    MAX_MERCHANT_LENGTH,
    NEGATIVE_IS_PAID,
    POSITIVE_IS_PAID,
    decimal_question,
    line,
    negated,
    sign_question,
)
from smartbudget.core.text import casefold_key

_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_IN_HEADING = re.compile(r"[\s(\[]([A-Z]{3}|[$€£¥])[)\]]?$")
_PENDING = {
    "pending",
    "vorgemerkt",
    "umsatz vorgemerkt",
    "ausstehend",
    "in progress",
    "in bearbeitung",
    "offen",
}
_MAX_ACCOUNT_LENGTH = 100
_DECLINED = {"declined", "failed", "reverted", "abgelehnt", "fehlgeschlagen"}


def format_of(head: str) -> str:
    """Return "csv": whatever is nothing else may be CSV."""
    return "csv"


def read(
    text: str, *, currency: str, today: date, mapping: Mapping[str, Any]
) -> Statement:
    """Return the bookings of a bank's CSV file; see `expenses.imports.reading`."""
    table = read_table(text, today, delimiter=str(mapping.get("delimiter", "")))
    columns = find_columns(table, today, mapping.get("columns"))
    file = _File(table, columns, currency, today, mapping)
    rows = file.rows()
    if all(row == LeftOut(row.place, message("no_booking")) for row in rows):
        raise FileError("no_rows_in_columns", "columns")
    statement = statement_of(
        "csv",
        [*zip(file.accounts(rows), rows, strict=True)],
        mapping,
        mapping=file.mapping(),
        questions=file.questions(),
        other_choices={ALL: message("one_account")},
    )
    return replace(statement, header_hash=_header_hash(table.header))


@dataclass(frozen=True, slots=True)
class _Signed:
    """A column of amounts, negative if paid. `is_open`: a user must decide the sign."""

    values: Sequence[Decimal | Message | None]
    sign: str
    is_open: bool = False


class _File:
    """A table whose columns are known, and how its cells are read."""

    def __init__(
        self,
        table: Table,
        columns: Columns,
        currency: str,
        today: date,
        mapping: Mapping[str, Any],
    ) -> None:
        self._table = table
        self._columns = columns
        self._currency = currency
        self._chosen_sign = str(mapping.get("sign", ""))
        self._is_one_account = mapping.get("account") == ALL
        # Rows with too many cells are not read, so they decide nothing.
        self._body = [
            record if record.width <= table.width else replace(record, cells=())
            for record in table.body
        ]
        self._days = read_days(
            self._column(columns.date), today, order=str(mapping.get("date_format", ""))
        )
        self._amounts = self._read_amounts(str(mapping.get("decimal", "")))
        self._decimal_question = self._ask_decimal()
        self._signed = self._sign(self._amounts.values)

    def rows(self) -> list[Row]:
        """Return all rows, in the file's order."""
        last = max(
            (
                number
                for number, values in enumerate(
                    zip(self._days.values, self._signed.values, strict=True)
                )
                if isinstance(values[0], date) and not isinstance(values[1], Message)
            ),
            default=-1,
        )
        above = [*self._table.preamble]
        if self._table.header:
            above.append(self._table.header)
        return [
            *(_no_booking(record) for record in above),
            *(
                self._row(number, is_below=number > last)
                for number in range(len(self._body))
            ),
        ]

    def mapping(self) -> dict[str, Any]:
        """Return how the file was read, without what is still asked for."""
        mapping: dict[str, Any] = {
            "delimiter": self._table.delimiter,
            "columns": self._columns.to_json(),
        }
        if self._table.header:
            mapping["headings"] = [*self._table.header.cells]
        if not self._days.question:
            mapping["date_format"] = self._days.order
        if not self._decimal_question:
            mapping["decimal"] = self._amounts.decimal
        if not self._signed.is_open:
            mapping["sign"] = self._signed.sign
        if self._is_one_account:
            mapping["account"] = ALL
        return mapping

    def questions(self) -> list[Question]:
        """Return what a user must decide."""
        questions = [
            self._columns.question,
            self._days.question,
            self._decimal_question,
        ]
        if self._signed.is_open:
            questions.append(sign_question(self.rows(), self._currency))
        return [question for question in questions if question]

    def accounts(self, rows: Sequence[Row]) -> list[Account | None]:
        """Return the account of each row, or None for rows that are no booking.

        rows: those of `rows()`. With more than MAX_ACCOUNTS, the column has something
        else, and all rows are of one account.
        """
        cells = [""] * (len(rows) - len(self._body))
        cells += self._column(self._columns.account)
        accounts = {
            cell: _account(cell)
            for cell, row in zip(cells, rows, strict=True)
            if isinstance(row, Booking)
        }
        ids = {account.account_id for account in accounts.values()} - {""}
        if self._is_one_account or not 1 < len(ids) <= MAX_ACCOUNTS:
            return [_account(self._only_account())] * len(rows)
        return [
            None if isinstance(row, LeftOut) else accounts.get(cell)
            for cell, row in zip(cells, rows, strict=True)
        ]

    def _only_account(self) -> str:
        """Return the account's number: one for all rows, or an IBAN above them."""
        numbers = {*self._column(self._columns.account)} - {""}
        if len(numbers) == 1:
            return numbers.pop()
        above = "\n".join(cell for row in self._table.preamble for cell in row.cells)
        ibans = {"".join(match.split()) for match in _IBAN.findall(above)}
        return ibans.pop() if len(ibans) == 1 else ""

    def _column(self, number: int | None) -> list[str]:
        return [record.cell(number) for record in self._body]

    def _read_amounts(self, decimal: str) -> Amounts:
        """Read the amount, or credit minus debit, with one decimal mark for all."""
        columns = self._columns
        numbers = (
            [columns.debit, columns.credit]
            if columns.amount is None
            else [columns.amount]
        )
        cells = [cell for number in numbers for cell in self._column(number)]
        code = self._heading_currency(numbers)
        codes = [currency_of(record, columns.currency) or code for record in self._body]
        read = read_amounts(
            cells, self._currency, decimal=decimal, currencies=codes * len(numbers)
        )
        if columns.amount is not None:
            return read
        half = len(self._body)
        pairs = zip(read.values[:half], read.values[half:], strict=True)
        # Debits are written with or without a minus.
        debits = self._in_bookings(read.values[:half])
        sign = 1 if debits and all(value < 0 for value in debits) else -1
        return replace(
            read,
            values=[_difference(debit, credit, sign) for debit, credit in pairs],
            currencies=[
                first or second
                for first, second in zip(
                    read.currencies[:half], read.currencies[half:], strict=True
                )
            ],
        )

    def _heading_currency(self, numbers: Sequence[int | None]) -> str:
        """Return the currency in the heading of an amount: `Betrag (EUR)`."""
        if self._table.header:
            for number in numbers:
                match = _IN_HEADING.search(self._table.header.cell(number))
                if match and (code := code_of(match[1], self._currency)):
                    return code
        return ""

    def _sign(self, values: Sequence[Decimal | Message | None]) -> _Signed:
        """Return the amounts, negative if paid, and whether that must be asked for."""
        known = self._in_bookings(values)
        negative = sum(value < 0 for value in known)
        if self._columns.amount is None:
            return _Signed(values, NEGATIVE_IS_PAID)
        if self._columns.type is not None and not negative:
            words = [type_word(cell) for cell in self._column(self._columns.type)]
            typed = [
                _with_type(value, word)
                for value, word in zip(values, words, strict=True)
            ]
            return _Signed(typed, NEGATIVE_IS_PAID)
        if self._chosen_sign == POSITIVE_IS_PAID:
            return _Signed([negated(value) for value in values], POSITIVE_IS_PAID)
        is_open = (
            self._chosen_sign != NEGATIVE_IS_PAID and len(known) - negative > negative
        )
        return _Signed(values, NEGATIVE_IS_PAID, is_open)

    def _in_bookings(self, values: Sequence[Decimal | Message | None]) -> list[Decimal]:
        """Return the amounts of rows that have a day, without zeros."""
        return [
            value
            for day, value in zip(self._days.values, values, strict=True)
            if isinstance(day, date) and isinstance(value, Decimal) and value
        ]

    def _row(self, number: int, *, is_below: bool) -> Row:
        record = self._table.body[number]
        day, amount = self._days.values[number], self._signed.values[number]
        place = line(record.line)
        first = record.cell(self._columns.date)
        has_day = any(map(str.isdecimal, first))
        if record.width > self._table.width or (
            isinstance(day, date) and not self._has_amount_cells(record)
        ):
            return self._odd_width(record) if has_day else _no_booking(record)
        # Without a day until it is booked.
        if not has_day and {self._state(record), casefold_key(first[:40])} & _PENDING:
            return LeftOut(place, message("not_booked"))
        if not has_day and (is_below or not self._amount_cells(record)):
            return _no_booking(record)
        if not first:
            return Unreadable(place, message("no_date"))
        if isinstance(day, Message):
            return Unreadable(place, day, first[:100])
        if isinstance(amount, Message):
            return Unreadable(place, amount, self._amount_cells(record)[:100])
        if not amount or day is None:
            return LeftOut(place, message("zero"))
        if self._state(record) in _DECLINED:
            return LeftOut(place, message("declined"))
        return self._booking(number, day, amount)

    def _booking(self, number: int, day: date, amount: Decimal) -> Booking:
        record, columns = self._table.body[number], self._columns
        merchant = limit_text(record.cell(columns.merchant))[:MAX_MERCHANT_LENGTH]
        texts = dict.fromkeys(record.cell(column) for column in columns.text)
        text = limit_text(" ".join(texts)) or merchant
        return Booking(
            day=day,
            amount=amount,
            text=text,
            merchant=merchant,
            bank_id=record.cell(columns.id)[:MAX_ID_LENGTH],
            currency=self._amounts.currencies[number],
            counterparty=number_id(record.cell(columns.counterparty)),
            is_pending=self._state(record) in _PENDING or "*pending*" in text.lower(),
            place=line(record.line),
        )

    def _state(self, record: Record) -> str:
        return casefold_key(record.cell(self._columns.status)[:40])

    def _amount_columns(self) -> list[int]:
        columns = self._columns
        numbers = (columns.amount, columns.debit, columns.credit)
        return [number for number in numbers if number is not None]

    def _amount_cells(self, record: Record) -> str:
        cells = (record.cell(number) for number in self._amount_columns())
        return " ".join(filter(None, cells))

    def _has_amount_cells(self, record: Record) -> bool:
        """Check whether a row is not cut before the amount."""
        return len(record.cells) > min(self._amount_columns())

    def _odd_width(self, record: Record) -> Unreadable:
        reason = message(
            "row_width", count=len(record.cells), expected=self._table.width
        )
        return Unreadable(line(record.line), reason)

    def _ask_decimal(self) -> Question | None:
        return decimal_question(
            self._amounts,
            [self._amount_cells(record) for record in self._body],
            self._days.values,
            lambda mark: self._read_amounts(mark).values,
            self._currency,
        )


def _account(cell: str) -> Account:
    """Return the account of a cell with its number or name, which may be empty."""
    text = cell[:_MAX_ACCOUNT_LENGTH]
    return Account(text, None) if is_number(text) else Account(bank=None, name=text)


def _no_booking(record: Record) -> LeftOut:
    return LeftOut(line(record.line), message("no_booking"))


def _difference(
    debit: Decimal | Message | None, credit: Decimal | Message | None, debit_sign: int
) -> Decimal | Message | None:
    if isinstance(debit, Message):
        return debit
    if isinstance(credit, Message):
        return credit
    if debit and credit:
        return message("debit_and_credit")
    if debit:
        return debit * debit_sign
    return debit if credit is None else credit


def _with_type(value: Decimal | Message | None, word: str) -> Decimal | Message | None:
    if not isinstance(value, Decimal):
        return value
    if word not in TYPE_WORDS:
        return message("no_type")
    return value * TYPE_WORDS[word]


def _header_hash(header: Record | None) -> str:
    if header is None:
        return ""
    text = "\n".join(casefold_key(cell) for cell in header.cells)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
