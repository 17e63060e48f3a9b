"""Expenses as CSV, for spreadsheets."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping

from expenses.fields import FIELDS, represent_all
from expenses.models import Expense


def _columns(*first: str) -> tuple[str, ...]:
    """Return a table's columns: fields not named come last, and move no other one."""
    return *first, *(name for name in FIELDS if name not in first)


# By the name of a value, the heading of its column: in the table of a selection, which
# people read, and in that of all expenses, which programs read as well.
SELECTION_COLUMNS = {
    name: name.capitalize()
    for name in _columns(
        "date",
        "category",
        "description",
        "amount",
        "currency",
        "status",
        "receipt",
    )
}
EXPORT_COLUMNS = {
    name: name
    for name in _columns(
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

# Where a spreadsheet may see a formula begin. A German one splits the file at
# semicolons and not at commas, quoted or not, so a formula may follow any delimiter
# that some spreadsheet uses, also with invisible characters before it. The last four
# signs are = + - @ as East Asian keyboards type them.
_FORMULA = re.compile(
    r'^(?=[\t\r\n])|(?:^|(?<=[,;|"\t\r\n]))'
    r"(?=[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])"
)


def csv_lines(
    rows: Iterable[Mapping[str, str]], columns: Mapping[str, str]
) -> Iterator[str]:
    """Yield the lines of a CSV file, the headings first.

    Typed text is never a formula: an apostrophe precedes its sign. The file begins
    with UTF-8's byte order mark, without which Excel reads it as Latin-1.
    """
    yield "\ufeff" + _csv_line(columns.values())
    for row in rows:
        yield _csv_line(plain(row[name]) for name in columns)


def selection_lines(expenses: Iterable[Expense], currency: str) -> Iterator[str]:
    """Yield the lines of a CSV file of some expenses."""
    rows = (
        {
            **represent_all(expense, currency),
            "currency": currency,
            "receipt": expense.receipt_name or "",
        }
        for expense in expenses
    )
    return csv_lines(rows, SELECTION_COLUMNS)


def plain(text: str) -> str:
    """Return a text with an apostrophe wherever a spreadsheet might see a formula."""
    return _FORMULA.sub("'", text)


def _csv_line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
