"""Expenses as CSV, for spreadsheets."""

import csv
import io
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

# What spreadsheets take for the beginning of a formula; the last four are = + - @ as
# East Asian keyboards type them.
_FORMULA = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_csv(expenses: Iterable[Expense], currency: str) -> bytes:
    """Write expenses as CSV in UTF-8, one a line beneath the headings.

    What somebody typed can be no formula: an apostrophe is put before it.
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
    """Return a text as a spreadsheet takes it for one: never for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
