"""Transactions of files and programs whose expenses are not on their days.

A file finds an expense by its day. Without an item for the booking, it would add an
expense again that was deleted, or moved to a day far from the booking's. Each item
changes in the transaction that changes its expense, so it is there exactly as long as
it is needed. An expense that is near its booking has none.

Why: docs/decisions.md#duplicates-are-counted-and-expense-ids-come-from-the-booking
"""

import datetime
from collections.abc import Iterable

from expenses.models import Expense, MissingBooking
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction

# Days before and after its booking on which a file finds an expense by itself.
NEAR_DAYS = 7

# For which files and programs do not add a deleted expense again.
_KEPT = datetime.timedelta(days=400)


def is_remembered(expense: Expense) -> bool:
    """Check whether a file or a program could add the expense again."""
    return bool(expense.source_key or expense.external_id)


def has_changed(before: Expense, after: Expense) -> bool:
    """Check whether an edit needs an item of its transaction; see `add_change`."""
    return _place(before) != _place(after)


def add_change(before: Expense, after: Expense, transaction: Transaction) -> None:
    """Add to an edit that an expense leaves the days near its booking, or returns."""
    if has_changed(before, after):
        _add(after, transaction)


def add_deletion(expense: Expense, transaction: Transaction, *, is_undo: bool) -> None:
    """Add to a deletion that files and programs don't add the expense again.

    is_undo: an import is undone, so its file may add it again.
    """
    if is_remembered(expense) and not is_undo:
        booking = _booking(expense)
        booking.expires_at = dates.now() + _KEPT
        transaction.put(booking)
    elif _place(expense):
        transaction.delete(_booking(expense))


def add_restoration(expense: Expense, transaction: Transaction) -> None:
    """Add to a restoration that the expense exists again."""
    if is_remembered(expense):
        _add(expense, transaction)


def refuse_deleted(expense: Expense, transaction: Transaction) -> None:
    """Add to a transaction that a new expense was not deleted in the last 400 days.

    A refusal has a MissingBooking.
    """
    forgotten = MissingBooking.expires_at <= dates.now()
    transaction.delete(
        MissingBooking(MissingBooking.id_of(expense.expense_id)),
        MissingBooking.expense_id.does_not_exist() | forgotten,
    )


def deleted_ids(expense_ids: Iterable[str]) -> set[str]:
    """Return the ids of expenses that were deleted and may not be added again.

    Reads consistently, a hundred at a time.
    """
    ids = {MissingBooking.id_of(expense_id): expense_id for expense_id in expense_ids}
    items = MissingBooking.batch_get([*ids], consistent_read=True) if ids else ()
    now = dates.now()
    return {
        ids[item.expense_id]
        for item in items
        if item.expires_at and item.expires_at > now
    }


def _add(expense: Expense, transaction: Transaction) -> None:
    booking = _booking(expense)
    if _place(expense):
        booking.moved_to = expense.date
        transaction.put(booking)
    else:
        transaction.delete(booking)


def _place(expense: Expense) -> tuple[str, ...]:
    """Return the days and keys of an expense far from its booking, else ().

    Older imports did not store the bank's day.
    """
    if not (expense.source_key and expense.booked_on):
        return ()
    booked_on = datetime.date.fromisoformat(expense.booked_on)
    if abs((expense.day - booked_on).days) <= NEAR_DAYS:
        return ()
    return expense.booked_on, expense.source_key, expense.date


def _booking(expense: Expense) -> MissingBooking:
    return MissingBooking(
        MissingBooking.id_of(expense.expense_id),
        index_key=MissingBooking.index_key_of(expense.user_id),
        date=expense.booked_on or expense.date,
        source_key=expense.source_key or expense.expense_id,
    )
