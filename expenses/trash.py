"""Deleted expenses, which can be restored for 30 days.

A deletion moves the expense to an item of its own, in the transaction that lowers the
budgets; a restoration moves it back. So after a crash it is in exactly one place.
Neither lists nor totals read those items. The history stays where it is, but expires.

After 30 days, `purge.py` deletes the receipts. Items that can no longer be restored are
deleted by DynamoDB, or with their receipts.

Why: docs/decisions.md#a-deleted-expense-is-moved-to-a-separate-item-for-30-days
"""

import datetime
from collections.abc import Iterator, Sequence

from expenses import history, missing_bookings
from expenses.models import Expense, History, TrashedExpense
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.pagination import Key, Page, query_page
from smartbudget.core.user import User

KEPT = datetime.timedelta(days=30)  # in which a deletion can be undone
TOO_LATE = gettext_noop("This can't be undone any more.")

# How long the receipt is kept after that: longer than a restoration takes.
_RECEIPT_KEPT = datetime.timedelta(minutes=1)
# When DynamoDB deletes an item: after the purge, which needs its key.
_EXPIRES_AFTER = KEPT + datetime.timedelta(days=14)
# How long the item of a restored expense is kept: longer than an orphan check takes.
_RESTORED_KEPT = datetime.timedelta(days=1)
_KEYS = ("expense_id", "user_id")


def find(user: User, expense_id: str) -> TrashedExpense | None:
    """Return a deleted expense of the user that can be restored, or None."""
    return find_many(user, [expense_id]).get(expense_id)


def find_many(user: User, expense_ids: Sequence[str]) -> dict[str, TrashedExpense]:
    """Return the deleted expenses of the user that can be restored, by expense id.

    Reads consistently, a hundred at a time.
    """
    now = dates.now()
    return {
        trashed.expense.expense_id: trashed
        for trashed in find_all(user, expense_ids)
        if restorable_until(trashed) > now
    }


def find_all(user: User, expense_ids: Sequence[str]) -> list[TrashedExpense]:
    """Return the expenses in the user's trash, also those that can't be restored.

    Reads consistently, a hundred at a time.
    """
    ids = [TrashedExpense.id_of(expense_id) for expense_id in expense_ids]
    key = TrashedExpense.index_key_of(user.user_id)
    items = TrashedExpense.batch_get(ids, consistent_read=True) if ids else ()
    return [trashed for trashed in items if trashed.index_key == key]


def list_trash(
    user: User,
    *,
    limit: int = 25,
    after: Key | None = None,
    backwards: bool = False,
) -> Page[TrashedExpense]:
    """Return one page of the user's deleted expenses, newest day first.

    limit, after, backwards: see `query_page`. The index is eventually consistent.
    """
    since = dates.timestamp(dates.now() - KEPT)
    return query_page(
        TrashedExpense.by_user,
        TrashedExpense.index_key_of(user.user_id),
        ("user_id", "date", "expense_id"),
        limit=limit,
        after=after,
        backwards=backwards,
        matching=TrashedExpense.deleted_at > since,
    )


def has_any(user: User) -> bool:
    """Check whether the user has a deleted expense that can be restored."""
    now = dates.now()
    return any(restorable_until(one) > now for one in all_trashed(user.user_id))


def all_trashed(user_id: str) -> Iterator[TrashedExpense]:
    """Yield all items of a user's trash, also those that can't be restored any more."""
    items: Iterator[TrashedExpense] = TrashedExpense.by_user.query(
        TrashedExpense.index_key_of(user_id), page_size=500
    )
    return items


def restorable_until(trashed: TrashedExpense) -> datetime.datetime:
    """Return the time until which an expense can be restored, aware UTC."""
    return datetime.datetime.fromisoformat(trashed.deleted_at) + KEPT


def purged_at(trashed: TrashedExpense) -> datetime.datetime:
    """Return the time from which its receipt can be deleted, aware UTC."""
    return restorable_until(trashed) + _RECEIPT_KEPT


def add(expense: Expense, transaction: Transaction, *, is_undo: bool = False) -> None:
    """Add the move of an expense to the trash to the transaction that deletes it.

    is_undo: an import is undone, so its file may add the expense again.
    """
    names = [name for name in Expense.get_attributes() if name not in _KEYS]
    actions = [Expense.assign(name, getattr(expense, name)) for name in names]
    transaction.update(
        TrashedExpense(TrashedExpense.id_of(expense.expense_id)),
        [
            *actions,
            TrashedExpense.index_key.set(TrashedExpense.index_key_of(expense.user_id)),
            TrashedExpense.deleted_at.set(dates.timestamp()),
            TrashedExpense.expires_at.set(dates.now() + _EXPIRES_AFTER),
        ],
    )
    history.add_deletion(expense, transaction)
    missing_bookings.add_deletion(expense, transaction, is_undo=is_undo)


def restore(
    trashed: TrashedExpense, expense: Expense, transaction: Transaction
) -> None:
    """Add the move of an expense out of the trash to a transaction.

    expense: that of `trashed`, which keeps its version. The transaction is refused if
    it is no longer in the trash, or if its id is in use again.
    """
    put_restored(expense, transaction)
    # The receipt's orphan check needs to know of it; see `receipt_kept_until`.
    restored = TrashedExpense(
        trashed.expense_id,
        receipt_url=trashed.receipt_url,
        deleted_at=trashed.deleted_at,
        expires_at=dates.now() + _RESTORED_KEPT,
    )
    transaction.put(
        restored,
        TrashedExpense.index_key.exists()
        & (TrashedExpense.deleted_at == trashed.deleted_at)
        & (Expense.version == expense.version),
    )
    history.add_restoration(expense, transaction)
    missing_bookings.add_restoration(expense, transaction)


def put_restored(expense: Expense, transaction: Transaction) -> None:
    """Add the write of a restored expense, with its version, to a transaction.

    The transaction fails if its id is in use.
    """
    values = {
        name: value
        for name, value in expense.attribute_values.items()
        if name != "expense_id" and value is not None
    }
    # As History, which has no version to increment.
    transaction.update(
        History(expense.expense_id),
        [Expense.assign(name, value) for name, value in values.items()],
        Expense.expense_id.does_not_exist(),
    )


def receipt_kept_until(expense_id: str, key: str) -> datetime.datetime | None:
    """Return the time until which a deleted receipt is kept, aware UTC, or None.

    key: of the receipt. Call it after a read found no such expense: one that was
    restored between the two reads still has an item in the trash.
    """
    trashed = TrashedExpense.find(TrashedExpense.id_of(expense_id))
    if trashed is None or trashed.receipt_url != key:
        return None
    until = purged_at(trashed)
    return until if dates.now() < until else None


def items_needed(expense: Expense) -> int:
    """Return how many items of a transaction move an expense to or from the trash.

    Without the expense itself.
    """
    is_remembered = missing_bookings.is_remembered(expense)
    return 1 + history.has_changed(expense) + is_remembered
