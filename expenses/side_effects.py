"""Side effects of writing expenses: budgets, history and notices."""

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal

from budgets import lookup, updates
from budgets.updates import Outcome, Posting
from expenses import history, missing_bookings, refunds, trash
from expenses.models import Expense, TrashedExpense
from expenses.parts import combined
from notifications import messages, outbox
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.periods import period_of
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

_NAMESPACE = uuid.UUID("3c2c9a52-3d8b-5b7e-9a55-7c7d1f9c2e02")


def update_budgets(
    user: User, before: Expense | None, after: Expense | None, transaction: Transaction
) -> Outcome:
    """Add the budget changes of replacing `before` with `after` to a transaction."""
    postings = postings_between(before, after)
    if not postings:
        return Outcome()
    budgets = lookup.budgets_for(user, postings)
    return updates.apply_postings(user, budgets, postings, transaction)


def changed(
    user: User, before: Expense, changes: Mapping[str, object]
) -> Expense | None:
    """Return a changed copy of an expense, or None if nothing changes.

    changes: attributes, or `kind`; see `refunds.signed`.

    Raises InvalidError if the parts do not fit; see `parts.combined`.
    """
    changes = refunds.signed(combined(changes, user.currency, before), before)
    if all(value == getattr(before, name) for name, value in changes.items()):
        return None
    after = Expense(**{**before.attribute_values, **changes})
    after.updated_at = dates.timestamp()
    after.index_text(before.version + 1)
    return after


def replace(
    user: User,
    before: Expense,
    after: Expense,
    transaction: Transaction,
    outcome: Outcome,
) -> None:
    """Add an expense's change, its history and any notice of it to a transaction.

    The write is conditional on the version read.
    """
    after.large_noticed = before.large_noticed or add_large_expense_notice(
        user, before, after, transaction, outcome
    )
    names = [
        name
        for name in Expense.get_attributes()
        if getattr(before, name) != getattr(after, name)
    ]
    transaction.update(
        before, [Expense.assign(name, getattr(after, name)) for name in names]
    )
    history.add_change(before, after, transaction)
    missing_bookings.add_change(before, after, transaction)


def remove(before: Expense, transaction: Transaction, *, is_undo: bool = False) -> None:
    """Add the deletion of an expense, which can be undone, to a transaction.

    is_undo: see `trash.add`.
    """
    transaction.delete(before)
    trash.add(before, transaction, is_undo=is_undo)


def restore(
    user: User,
    trashed: TrashedExpense,
    expense: Expense,
    transaction: Transaction,
    outcome: Outcome,
) -> None:
    """Add the restoration of a deleted expense, and any notice of it.

    expense: that of `trashed`.
    """
    expense.large_noticed = expense.large_noticed or add_large_expense_notice(
        user, None, expense, transaction, outcome
    )
    trash.restore(trashed, expense, transaction)


def postings_between(before: Expense | None, after: Expense | None) -> list[Posting]:
    """Return the budget postings caused by changing `before` to `after`."""
    removed = postings_for([before] if before else [], sign=-1)
    added = []
    for posting in postings_for([after] if after else []):
        same = [old for old in removed if _cancel_out(old, posting)]
        if same:
            removed.remove(same[0])
        else:
            added.append(posting)
    return [*removed, *added]


def postings_for(expenses: Iterable[Expense], *, sign: int = 1) -> list[Posting]:
    """Return the budget postings of expenses that count."""
    return [
        Posting(share.category, expense.day, sign * share.amount)
        for expense in expenses
        if expense.counts
        for share in expense.shares
    ]


def add_large_expense_notice(
    user: User,
    before: Expense | None,
    after: Expense,
    transaction: Transaction,
    outcome: Outcome,
) -> bool:
    """Add a notice if the expense becomes large, at most once per expense.

    Returns whether a notice was added.
    """
    if not is_large(user, after):
        return False
    if before and (before.large_noticed or _reaches_limit(user, before)):
        return False
    facts = {
        "amount": after.amount,
        "category": after.category_in_words,
        "date": after.day,
        "threshold": user.large_expense_threshold,
        "currency": user.currency,
    }
    notification = outbox.compose(
        notification_id=uuid.uuid5(_NAMESPACE, f"large|{after.expense_id}").hex,
        user_id=user.user_id,
        type="large_expense",
        text=messages.write("large_expense", facts, language=user.language),
    )
    outbox.put(notification, transaction)
    outcome.alerts.append(notification)
    return True


def is_large(user: User, expense: Expense) -> bool:
    """Check whether a new expense like this causes a large-expense notice.

    As with budget alerts, an expense dated in a past month causes none.
    """
    if not _reaches_limit(user, expense):
        return False
    month = period_of("monthly", user.today(), user.calendar)
    return expense.day >= month.start


def _reaches_limit(user: User, expense: Expense) -> bool:
    limit = user.large_expense_threshold
    return limit is not None and expense.counts and expense.amount >= limit


def _cancel_out(old: Posting, new: Posting) -> bool:
    same_place = old.day == new.day and casefold_key(old.category) == casefold_key(
        new.category
    )
    return same_place and old.amount + new.amount == Decimal(0)
