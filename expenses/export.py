"""Expenses as CSV files, for spreadsheets and other programs."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from expenses.fields import AMOUNT, FIELDS, KIND, PARTS, REFUND_OF, represent_all
from expenses.models import Expense

# A column whose sum is the total: the amount, negative for a refund.
_SIGNED = "signed_amount"
# The number of a part, whose rows repeat the rest of the expense, and its note.
_PART, _PART_NOTE = "part", "part_note"
# Columns that are numbers, and never texts that users typed.
_NUMBERS = {AMOUNT.name, _SIGNED, _PART}


def _ordered(*names: str) -> list[str]:
    """Return column names in order, followed by all fields that are not named.

    A new field becomes the last column, so no other column moves.
    """
    fields = [name for name in FIELDS if name != PARTS.name]
    fields.insert(fields.index(KIND.name) + 1, _SIGNED)
    fields += [_PART, _PART_NOTE]
    return [*names, *(name for name in fields if name not in names)]


# {name of a value: heading}. A selection is downloaded for people; the export of all
# expenses is also for programs.
SELECTION_COLUMNS = {
    name: FIELDS[name].label if name in FIELDS else name.capitalize().replace("_", " ")
    for name in _ordered(
        "date", "category", "description", "amount", "currency", "status", "receipt"
    )
    if name != REFUND_OF.name  # an id, which users don't see
}
EXPORT_COLUMNS = {
    name: name
    for name in _ordered(
        "date",
        "amount",
        "currency",
        "category",
        "description",
        "status",
        "receipt",
        "expense_id",
        "created_at",
        "updated_at",
    )
} | {name: name for name in ("source", "external_id")}

# Positions where a spreadsheet may see the start of a formula. With German settings it
# splits the file at semicolons instead of commas, quoted or not, so a formula may
# follow any delimiter that some spreadsheet uses, also with invisible characters before
# it. The last four signs are = + - @ as East Asian keyboards type them.
# Apostrophes may precede them: a text with one must differ from one that gets one.
_BEFORE_FORMULA = (
    r"^%s(?='*[\t\r\n])"
    r'|(?:^|(?<=[,;|"\t\r\n]))%s'
    r"(?=['\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])"
)
_FORMULA = re.compile(_BEFORE_FORMULA % ("", ""))
_ESCAPED_FORMULA = re.compile(_BEFORE_FORMULA % ("'", "'"))


def csv_lines(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]
) -> Iterator[str]:
    """Yield the lines of a CSV file of expenses, starting with the headings.

    rows: values as the API represents them. columns: {name of a value: heading}. A
    split expense has a line for each part.

    Text that users typed is never a formula: an apostrophe precedes its sign. The file
    begins with a byte order mark, without which Excel reads UTF-8 as Latin-1.
    """
    yield "\ufeff" + _csv_line(columns.values())
    for row in rows:
        for part in _parts_of(row):
            sign = "-" if row["kind"] == "refund" else ""
            values = {**row, **part, _SIGNED: f"{sign}{part['amount']}"}
            yield _csv_line(_cell(name, values[name]) for name in columns)


def selection_lines(expenses: Iterable[Expense], currency: str) -> Iterator[str]:
    """Yield the lines of a CSV file of selected expenses."""
    rows = (
        {
            **represent_all(expense, currency),
            "currency": currency,
            "receipt": expense.receipt_name or "",
        }
        for expense in expenses
    )
    return csv_lines(rows, SELECTION_COLUMNS)


def without_formulas(text: str) -> str:
    """Return a text with an apostrophe wherever a spreadsheet might see a formula."""
    return _FORMULA.sub("'", text)


def with_formulas(text: str) -> str:
    """Return the text from which `without_formulas` made a text."""
    return _ESCAPED_FORMULA.sub("", text)


def _parts_of(row: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the values in which the lines of an expense differ."""
    if not row["parts"]:
        yield {"amount": row["amount"], _PART: "", _PART_NOTE: ""}
    for number, part in enumerate(row["parts"], start=1):
        yield {
            "amount": part["amount"],
            "category": part["category"],
            _PART: str(number),
            _PART_NOTE: part["note"],
        }


def _cell(name: str, value: str | None) -> str:
    text = value or ""
    return text if name in _NUMBERS else without_formulas(text)


def _csv_line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
