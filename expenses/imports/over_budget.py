"""Find the budgets that an import would take over their limits."""

import datetime
from collections.abc import Iterable, Iterator

from budgets import preview as budgets
from budgets.queries import BudgetLine
from expenses import validation
from expenses.imports import preview
from expenses.imports.preview import ImportRow
from expenses.queries import Spending
from smartbudget.core.errors import InvalidError
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User


def lines_over(user: User, rows: Iterable[ImportRow]) -> list[BudgetLine]:
    """Return the budgets that the new rows of an import would take over their limits.

    For its reads and limits, see `budgets.preview.lines_over`. Further limits: rows
    that turn out to be stored already, rows whose matched expense is deleted before the
    import and so becomes new, and bookings that the bank moved to another day, which
    count on the old day.
    """
    new = (row for row in rows if row.decision == "new")
    return budgets.lines_over(
        user, [spending for row in new for spending in _spendings(user, row)]
    )


def _spendings(user: User, row: ImportRow) -> Iterator[Spending]:
    """Yield what a new row adds to categories."""
    # Validating 10,000 expenses would take half a second; only own exports need it.
    if row.own is None:
        category = row.category or preview.uncategorized()
        day, amount = datetime.date.fromisoformat(row.day), preview.amount_paid(row)
        yield Spending(day, category, casefold_key(category), amount)
        return
    try:
        expense = validation.new_expense(user, "", preview.values_of(user, row))
    except InvalidError:  # such as after a change of the currency
        return
    if expense.counts:
        for share in expense.shares:
            key = casefold_key(share.category)
            yield Spending(expense.day, share.category, key, share.amount)
