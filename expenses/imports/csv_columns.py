"""Decide what the columns of a CSV file contain, from their headings and cells."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from expenses.imports.bookings import Question
from expenses.imports.columns import Number, is_amount, is_day, split_number
from expenses.imports.csv_table import Record, Table
from expenses.imports.headings import plain_heading, rank
from expenses.imports.messages import FileError
from smartbudget.core.money import CURRENCIES

# Words of a column beside the amount that give its sign.
TYPE_WORDS = {
    **dict.fromkeys(("debit", "debits", "dr", "d", "db", "-", "soll", "s"), -1),
    **dict.fromkeys(
        ("lastschrift", "belastung", "abbuchung", "ausgabe", "ausgang"), -1
    ),
    **dict.fromkeys(("auszahlung", "zahlungsausgang", "withdrawal", "expense"), -1),
    **dict.fromkeys(("out", "money out", "paid out"), -1),
    **dict.fromkeys(("credit", "credits", "cr", "c", "+", "haben", "h"), 1),
    **dict.fromkeys(("gutschrift", "einnahme", "eingang", "einzahlung"), 1),
    **dict.fromkeys(("zahlungseingang", "deposit", "income"), 1),
    **dict.fromkeys(("in", "money in", "paid in"), 1),
}
# Headings of the banks of other accounts.
_BANK = re.compile("blz|bic.*|bank.*|.*bankleitzahl|swift.*|sort code")
_IBAN = re.compile("([A-Z]{2})[0-9]{2}([A-Z0-9]{4})[A-Z0-9]{7,26}")
SINGLE = ("date", "amount", "debit", "credit", "type", "merchant", "id", "currency")
OPTIONAL = ("status", "account", "value_date", "counterparty")

_SAMPLE = 200  # rows
_MIN_DIGITS = 5  # of an account's number
_MAX_UNSURE = 10  # accounts in a column that may have those of other people


@dataclass(frozen=True, slots=True)
class Columns:
    """The number of each column, from 0, or None if the file has none."""

    date: int
    amount: int | None = None
    debit: int | None = None
    credit: int | None = None
    type: int | None = None
    text: Sequence[int] = ()
    merchant: int | None = None
    id: int | None = None
    currency: int | None = None
    status: int | None = None
    account: int | None = None
    value_date: int | None = None
    counterparty: int | None = None
    question: Question | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the columns that exist. Not the amount's, while it is asked for."""
        columns = {
            name: number
            for name in (*SINGLE, *OPTIONAL)
            if (number := getattr(self, name)) is not None
        }
        if self.question:
            del columns["amount"]
        return columns | {"text": [*self.text]}


def find_columns(
    table: Table, today: date, chosen: Mapping[str, Any] | None = None
) -> Columns:
    """Return the columns of a table.

    chosen: {name: number} of columns that the user chose.

    Raises FileError if there is no column of dates or of amounts.
    """
    finder = _Finder(table, today)
    is_chosen = isinstance(chosen, Mapping) and "date" in chosen
    if chosen and is_chosen and {"amount", "debit", "credit"} & {*chosen}:
        return _chosen(chosen, table.width)
    return finder.find()


def _chosen(chosen: Mapping[str, Any], width: int) -> Columns:
    numbers = {name: chosen[name] for name in (*SINGLE, *OPTIONAL) if name in chosen}
    numbers = {
        name: _number(value, width)
        for name, value in numbers.items()
        if value not in (None, "")
    }
    text = chosen.get("text") or []
    if not isinstance(text, list | tuple):
        text = [text]
    if "amount" in numbers:
        numbers.pop("debit", None)
        numbers.pop("credit", None)
    return Columns(**numbers, text=tuple(_number(value, width) for value in text))


def _number(value: object, width: int) -> int:
    """Return the number of a column. Raises FileError."""
    if not isinstance(value, bool) and str(value).isdecimal() and len(str(value)) < 4:
        number = int(str(value))
        if number < width:
            return number
    raise FileError("no_such_column", "columns", last=width - 1)


class _Finder:
    """Assigns the columns of a table, each once."""

    def __init__(self, table: Table, today: date) -> None:
        self._today = today
        self._headings = table.header.cells if table.header else []
        self._width = table.width
        self._preamble = table.preamble
        self._rows = table.body[:_SAMPLE]
        self._used: set[int] = set()

    def find(self) -> Columns:
        day = self._take("date", self._has_days)
        if day is None:
            day = self._take("value_date", self._has_days)
        if day is None:
            day = next(filter(self._is_days, self._free()), None)
        if day is None:
            raise FileError("no_dates", "columns")
        self._used.add(day)
        names = self._optional(day)
        kind = next(filter(self._is_type, self._free()), None)
        amounts = self._amounts()
        self._used.update(number for number in amounts.values() if number is not None)
        question = None
        if not amounts:
            choices = self._numeric()
            if not choices:
                raise FileError("no_amounts", "columns")
            amounts = {"amount": choices[0]}
            question = self._ask_amount(choices) if len(choices) > 1 else None
            self._used.add(choices[0])
        merchant = self._take("merchant", self._is_text)
        # Signs in the amounts win, and texts stay the same with and without them.
        if kind in self._used or self._has_signs(amounts.get("amount")):
            kind = None
        return Columns(
            date=day,
            **names,
            **amounts,
            type=kind,
            merchant=merchant,
            text=self._texts(),
            question=question,
        )

    def _optional(self, day: int) -> dict[str, int | None]:
        """Assign the columns that a file may have besides."""
        return {
            "value_date": self._take("value_date", self._has_days),
            "currency": self._take("currency", self._is_currencies),
            "id": self._take("id", self._is_ids),
            "status": self._take("status", self._is_text),
            "account": self._own_account(day),
            "counterparty": self._take("counterparty", self._is_counterparty),
        }

    def _own_account(self, day: int) -> int | None:
        """Assign the column of the user's account, or of several accounts.

        Some banks give such a heading to the account of who was paid. That column is
        used for nothing.

        Why: docs/decisions.md#a-column-of-accounts-may-have-those-of-other-people
        """
        number = self._take("account", lambda number: True)
        if number is None or self._rank(number, "account") == 0:
            return number
        is_single = len({*self._cells(number)} - {""}) <= 1
        return number if is_single or self._are_own(number, day) else None

    def _are_own(self, number: int, day: int) -> bool:
        """Check whether several accounts in a column are the user's.

        Each booking has one of a few accounts at one bank, and none is above them.
        """
        above = (cell for row in self._preamble for cell in row.cells)
        if any(rank(cell, "account") is not None for cell in above):
            return False
        bookings = [row for row in self._rows if is_day(row.cell(day), self._today)]
        accounts = {row.cell(number) for row in bookings}
        banks = {match.groups() for match in map(_iban, accounts) if match}
        has_other_banks = any(
            _BANK.fullmatch(plain_heading(heading))
            and len({*self._cells(column)} - {""}) > 1
            for column, heading in enumerate(self._headings)
        )
        is_few = "" not in accounts and len(accounts) <= _MAX_UNSURE
        return is_few and len(banks) <= 1 and not has_other_banks

    def _amounts(self) -> dict[str, int | None]:
        """Return the columns of amounts by their headings: one, or debit and credit."""
        debit = self._best("debit", self._may_be_amounts)
        credit = self._best("credit", self._may_be_amounts)
        if debit is not None and credit is not None:
            return {"debit": debit, "credit": credit}
        amount = self._best("amount", self._has_amounts)
        if amount is None:
            return {}
        return {"amount": amount}

    def _numeric(self) -> list[int]:
        """Return the columns that may be the amount; with a mark or sign, if any."""
        numbers = [
            number
            for number in self._free()
            if self._is_amounts(number)
            and (not self._headings or not self._is_named(number, "other"))
        ]
        marked = [
            number
            for number in numbers
            if any(set(cell) & {".", ",", "-"} for cell in self._cells(number))
        ]
        return marked or numbers

    def _ask_amount(self, choices: Sequence[int]) -> Question:
        examples = {
            str(number): ", ".join([*filter(None, self._cells(number))][:3])
            for number in choices
        }
        return Question("columns.amount", tuple(examples), examples)

    def _texts(self) -> tuple[int, ...]:
        named = [number for number in self._free() if self._is_named(number, "text")]
        return tuple(
            named
            or (
                number
                for number in self._free()
                if self._is_text(number) and not self._is_named(number, "other")
            )
        )

    def _take(self, meaning: str, fits: Callable[[int], bool]) -> int | None:
        number = self._best(meaning, fits)
        if number is not None:
            self._used.add(number)
        return number

    def _best(self, meaning: str, fits: Callable[[int], bool]) -> int | None:
        """Return the free column whose heading has a meaning best, if its cells fit."""
        ranks = {
            number: place
            for number in self._free()
            if (place := self._rank(number, meaning)) is not None and fits(number)
        }
        return min(ranks, key=lambda number: (ranks[number], number), default=None)

    def _rank(self, number: int, meaning: str) -> int | None:
        if number >= len(self._headings):
            return None
        return rank(self._headings[number], meaning)

    def _is_named(self, number: int, meaning: str) -> bool:
        return self._rank(number, meaning) is not None

    def _free(self) -> list[int]:
        return [number for number in range(self._width) if number not in self._used]

    def _cells(self, number: int) -> list[str]:
        return [row.cell(number) for row in self._rows]

    def _share(self, number: int, fits: Callable[[str], bool]) -> float:
        """Return the share of a column's cells that fit, 0 if all are empty."""
        cells = [cell for cell in self._cells(number) if cell]
        return sum(map(fits, cells)) / len(cells) if cells else 0

    def _is_days(self, number: int) -> bool:
        return self._share(number, lambda cell: is_day(cell, self._today)) > 0.5

    def _is_amounts(self, number: int) -> bool:
        return self._share(number, is_amount) > 0.5 and not self._is_days(number)

    def _has_days(self, number: int) -> bool:
        return any(is_day(cell, self._today) for cell in self._cells(number))

    def _has_amounts(self, number: int) -> bool:
        return any(map(is_amount, self._cells(number))) and not self._is_days(number)

    def _has_signs(self, number: int | None) -> bool:
        """Check whether a column has negative amounts; True if there is no column."""
        if number is None:
            return True
        numbers = (split_number(cell, "") for cell in self._cells(number))
        return any(isinstance(value, Number) and value.sign < 0 for value in numbers)

    def _may_be_amounts(self, number: int) -> bool:
        return self._has_amounts(number) or not any(self._cells(number))

    def _is_currencies(self, number: int) -> bool:
        return self._share(number, lambda cell: cell.upper() in CURRENCIES) > 0.5

    def _is_ids(self, number: int) -> bool:
        """Check whether a column has ids of bookings, not of an account."""
        cells = [cell for cell in self._cells(number) if cell]
        return len({*cells}) * 2 > len(cells) and (
            len(cells) > 1 or len(self._rows) == 1
        )

    def _is_counterparty(self, number: int) -> bool:
        """Check whether a column has accounts, which are not all the user's own.

        The heading says so, or they are different ones.
        """
        cells = {cell for cell in self._cells(number) if cell}
        is_named = self._rank(number, "counterparty") == 0
        return (is_named or len(cells) > 1) and self._share(number, is_number) > 0.5

    def _is_text(self, number: int) -> bool:
        return self._share(
            number, lambda cell: any(map(str.isalpha, cell))
        ) > 0.5 and not self._is_days(number)

    def _is_type(self, number: int) -> bool:
        words = {type_word(cell) for cell in self._cells(number) if cell}
        return bool(words) and words <= TYPE_WORDS.keys()


def _iban(cell: str) -> re.Match[str] | None:
    return _IBAN.fullmatch("".join(cell.split()).upper())


def is_number(cell: str) -> bool:
    """Check whether a cell has the number of an account."""
    return sum(map(str.isdigit, cell)) >= _MIN_DIGITS


def type_word(cell: str) -> str:
    """Return a cell of a type column as in TYPE_WORDS."""
    return " ".join(cell[:40].casefold().strip(".").split())


def currency_of(record: Record, column: int | None) -> str:
    """Return the code in a row's column of currencies, in upper case."""
    code = record.cell(column).upper()
    return code if len(code) <= 10 else ""
