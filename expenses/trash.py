"""Deleted expenses, which can be restored for ten minutes.

A deletion moves the expense to an item of its own, in the transaction that lowers the
budgets; a restoration moves it back. So after a crash it is in exactly one place.
Neither lists nor totals read those items. The history stays where it is, but expires.

Expired items cannot be restored, although DynamoDB deletes them later.

Why: docs/decisions.md#a-deleted-expense-is-moved-to-a-separate-item-for-ten-minutes
"""

import datetime
from collections.abc import Sequence

from expenses import history
from expenses.models import Expense, History, TrashedExpense
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.user import User

KEPT = datetime.timedelta(minutes=10)  # for which a deletion can be undone
TOO_LATE = gettext_noop("This can't be undone any more.")

# For which the receipt is kept after that: longer than a restoration takes.
_RECEIPT_KEPT = datetime.timedelta(minutes=1)
_KEYS = ("expense_id", "user_id")


def find(user: User, expense_id: str) -> TrashedExpense | None:
    """Return a deleted expense of the user that can be restored, or None."""
    return find_many(user, [expense_id]).get(expense_id)


def find_many(user: User, expense_ids: Sequence[str]) -> dict[str, TrashedExpense]:
    """Return the deleted expenses of the user that can be restored, by expense id.

    Reads consistently, a hundred at a time.
    """
    ids = [TrashedExpense.id_of(expense_id) for expense_id in expense_ids]
    key, now = TrashedExpense.index_key_of(user.user_id), dates.now()
    return {
        trashed.expense.expense_id: trashed
        for trashed in TrashedExpense.batch_get(ids, consistent_read=True)
        if trashed.index_key == key and trashed.expires_at > now
    }


def add(expense: Expense, transaction: Transaction) -> None:
    """Add the move of an expense to the trash to the transaction that deletes it."""
    names = [name for name in Expense.get_attributes() if name not in _KEYS]
    actions = [Expense.assign(name, getattr(expense, name)) for name in names]
    transaction.update(
        TrashedExpense(TrashedExpense.id_of(expense.expense_id)),
        [
            *actions,
            TrashedExpense.index_key.set(TrashedExpense.index_key_of(expense.user_id)),
            TrashedExpense.deleted_at.set(dates.timestamp()),
            TrashedExpense.expires_at.set(dates.now() + KEPT),
        ],
    )
    history.add_deletion(expense, transaction)


def restore(
    trashed: TrashedExpense, expense: Expense, transaction: Transaction
) -> None:
    """Add the move of an expense out of the trash to a transaction.

    expense: that of `trashed`, which keeps its version. The transaction is refused if
    it is no longer in the trash, or if its id is in use again.
    """
    put_again(expense, transaction)
    # The receipt's orphan check needs to know of it; see `keeps_receipt`.
    restored = TrashedExpense(
        trashed.expense_id,
        receipt_url=trashed.receipt_url,
        deleted_at=trashed.deleted_at,
        expires_at=trashed.expires_at,
    )
    transaction.put(
        restored,
        TrashedExpense.index_key.exists()
        & (TrashedExpense.deleted_at == trashed.deleted_at)
        & (Expense.version == expense.version),
    )
    history.add_restoration(expense, transaction)


def put_again(expense: Expense, transaction: Transaction) -> None:
    """Add an expense that was deleted, with its version, to a transaction.

    The transaction is refused if its id is in use.
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


def keeps_receipt(expense_id: str, key: str) -> bool:
    """Check whether an expense with this receipt was deleted minutes ago.

    Call it if the expense does not exist. It may have been restored since: that was
    between the two reads, which the item of a restored expense shows.
    """
    trashed = TrashedExpense.find(TrashedExpense.id_of(expense_id))
    if trashed is None or trashed.receipt_url != key:
        return False
    kept_until: datetime.datetime = trashed.expires_at + _RECEIPT_KEPT
    return dates.now() < kept_until
