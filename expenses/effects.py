"""What writing expenses changes beside them: budgets, and notices of large ones."""

import uuid
from collections.abc import Iterable
from decimal import Decimal

from accounts.models import User
from budgets import services as budgets
from budgets.services import Entry, Outcome
from expenses.models import Expense
from notifications import outbox, texts
from smartbudget.core.tables import Writes
from smartbudget.core.text import fold

_NAMESPACE = uuid.UUID("3c2c9a52-3d8b-5b7e-9a55-7c7d1f9c2e02")


def touch_budgets(
    user: User, before: Expense | None, after: Expense | None, writes: Writes
) -> Outcome:
    """Add to `writes` what replacing `before` by `after` changes in budgets."""
    entries = [
        *entries_of([before] if before else [], sign=-1),
        *entries_of([after] if after else []),
    ]
    if len(entries) == 2 and _cancel_out(*entries):
        return Outcome()
    touched = budgets.read_touched(user, entries)
    return budgets.apply_entries(user, touched, entries, writes)


def entries_of(expenses: Iterable[Expense], *, sign: int = 1) -> list[Entry]:
    """Say what expenses mean to budgets; those that do not count mean nothing."""
    return [
        Entry(expense.category, expense.day, sign * expense.amount)
        for expense in expenses
        if expense.counts
    ]


def notice_large(
    user: User,
    before: Expense | None,
    after: Expense,
    writes: Writes,
    outcome: Outcome,
) -> bool:
    """Add a large-expense notice if the expense becomes one; once an expense.

    Returns whether it did.
    """
    if not is_large(user, after):
        return False
    if before and (before.large_noticed or _reaches_limit(user, before)):
        return False
    subject, message = texts.large_expense(
        amount=after.amount,
        category=after.category,
        date=after.day,
        threshold=user.large_expense_threshold or Decimal(0),
        currency=user.currency,
    )
    notification = outbox.compose(
        notification_id=uuid.uuid5(_NAMESPACE, f"large|{after.expense_id}").hex,
        user_id=user.user_id,
        type="large_expense",
        subject=subject,
        message=message,
    )
    outbox.put(notification, writes)
    outcome.alerts.append(notification)
    return True


def is_large(user: User, expense: Expense) -> bool:
    """Tell whether a new expense like this is one to give notice of.

    As with budgets, what is dated in a month that is over alerts nobody.
    """
    this_month = user.today().replace(day=1)
    return expense.day >= this_month and _reaches_limit(user, expense)


def _reaches_limit(user: User, expense: Expense) -> bool:
    limit = user.large_expense_threshold
    return limit is not None and expense.counts and expense.amount >= limit


def _cancel_out(old: Entry, new: Entry) -> bool:
    same_place = old.day == new.day and fold(old.category) == fold(new.category)
    return same_place and old.amount + new.amount == Decimal(0)
