"""Expenses as CSV, for spreadsheets."""

import csv
import io
import re
from collections.abc import Iterable

from expenses.models import Expense
from smartbudget.core.money import format_amount

HEADINGS = (
    "Date",
    "Category",
    "Description",
    "Amount",
    "Currency",
    "Status",
    "Receipt",
)

# Where a spreadsheet may see a formula begin. A German one splits the file at
# semicolons and not at commas, quoted or not, so a formula may follow any delimiter
# that some spreadsheet uses, also with invisible characters before it. The last four
# signs are = + - @ as East Asian keyboards type them.
_FORMULA = re.compile(
    r'^(?=[\t\r\n])|(?:^|(?<=[,;|"\t\r\n]))'
    r"(?=[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])"
)


def write_csv(expenses: Iterable[Expense], currency: str) -> bytes:
    """Write expenses as CSV in UTF-8, one a line beneath the headings.

    What somebody typed can be no formula: an apostrophe is put before its sign.
    """
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow(HEADINGS)
    for expense in expenses:
        lines.writerow(
            [
                expense.date,
                plain(expense.category),
                plain(expense.description),
                format_amount(expense.amount, currency),
                currency,
                expense.status,
                plain(expense.receipt_name or ""),
            ]
        )
    return text.getvalue().encode("utf-8-sig")  # else Excel takes it for Latin-1


def plain(text: str) -> str:
    """Return a text with an apostrophe wherever a spreadsheet might see a formula."""
    return _FORMULA.sub("'", text)
