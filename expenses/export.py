"""Expenses as CSV files, for spreadsheets and other programs."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping

from expenses.fields import FIELDS, represent_all
from expenses.models import Expense


def _ordered(*names: str) -> list[str]:
    """Return column names in order, followed by all fields that are not named.

    A new field becomes the last column, so no other column moves.
    """
    return [*names, *(name for name in FIELDS if name not in names)]


# {name of a value: heading}. A selection is downloaded for people; the export of all
# expenses is also for programs.
SELECTION_COLUMNS = {
    name: FIELDS[name].label if name in FIELDS else name.capitalize()
    for name in _ordered(
        "date", "category", "description", "amount", "currency", "status", "receipt"
    )
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
}

# Positions where a spreadsheet may see the start of a formula. With German settings it
# splits the file at semicolons instead of commas, quoted or not, so a formula may
# follow any delimiter that some spreadsheet uses, also with invisible characters before
# it. The last four signs are = + - @ as East Asian keyboards type them.
_FORMULA = re.compile(
    r'^(?=[\t\r\n])|(?:^|(?<=[,;|"\t\r\n]))'
    r"(?=[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])"
)


def csv_lines(
    rows: Iterable[Mapping[str, str]], columns: Mapping[str, str]
) -> Iterator[str]:
    """Yield the lines of a CSV file, starting with the headings.

    columns: {name of a value: heading}.

    Text that users typed is never a formula: an apostrophe precedes its sign. The file
    begins with a byte order mark, without which Excel reads UTF-8 as Latin-1.
    """
    yield "\ufeff" + _csv_line(columns.values())
    for row in rows:
        yield _csv_line(without_formulas(row[name]) for name in columns)


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


def _csv_line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
