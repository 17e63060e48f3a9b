"""Delete all expenses of a closed account, with histories, receipts and uploads."""

from collections.abc import Iterator
from itertools import islice

from expenses.models import Expense, History, Upload
from smartbudget.core import files
from smartbudget.core.bulk_delete import delete_indexed, delete_objects, indexed_ids
from smartbudget.core.dynamodb import Transaction, retry_on_conflict

_AT_ONCE = Transaction.MOST // 2  # each expense with its history


def delete_all(user_id: str) -> Iterator[int]:
    """Delete a batch at a time and yield how many each held. Safe to repeat."""
    found = indexed_ids(Expense.by_user, user_id)
    while ids := list(islice(found, _AT_ONCE)):
        _delete(ids)
        yield len(ids)
    yield from delete_indexed(Expense.by_user, Upload.index_key_of(user_id))
    yield from delete_objects(f"{files.RECEIPTS}/{user_id}/")


def _delete(ids: list[str]) -> None:
    """Delete expenses together with their histories.

    A history is in no index: one that a change under way leaves would never be found.
    """

    def attempt() -> None:
        transaction = Transaction()
        for expense_id in ids:
            # By key alone, whatever its version: which is History's way.
            transaction.delete(History(expense_id=expense_id))
            transaction.delete(History(expense_id=History.id_of(expense_id)))
        transaction.commit()

    retry_on_conflict(attempt)
