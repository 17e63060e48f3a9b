"""Delete all expenses of a closed account, and all that is stored about them."""

from collections.abc import Iterator, Sequence
from itertools import islice

from expenses.imports.models import Import, ImportSettings
from expenses.models import (
    BulkChange,
    Expense,
    History,
    MissingBooking,
    MonthTotals,
    TrashedExpense,
    Upload,
)
from smartbudget.core import files
from smartbudget.core.bulk_delete import delete_indexed, delete_objects, indexed_ids
from smartbudget.core.dynamodb import (
    Transaction,
    conditional_write,
    in_halves,
    retry_on_conflict,
)

_BATCH = Transaction.MAX_ITEMS // 2  # expenses; each is deleted with its history


def delete_all(user_id: str) -> Iterator[int]:
    """Delete all items in batches, and yield the size of each. Safe to repeat."""
    for index_key in (user_id, TrashedExpense.index_key_of(user_id)):
        item_ids = indexed_ids(Expense.by_user, index_key)
        while ids := list(islice(item_ids, _BATCH)):
            yield in_halves(ids, _delete)
    for kind in (BulkChange, Upload, MonthTotals, MissingBooking, Import):
        yield from delete_indexed(Expense.by_user, kind.index_key_of(user_id))
    settings = ImportSettings(ImportSettings.id_of(user_id))
    exists = ImportSettings.expense_id.exists()
    yield int(conditional_write(lambda: settings.delete(exists)))
    for folder in (files.RECEIPTS, files.IMPORTS):
        yield from delete_objects(f"{folder}/{user_id}/")


def _delete(ids: Sequence[str]) -> int:
    """Delete expenses, also those in the trash, together with their histories.

    A history is in no index, so one written by a concurrent edit after a separate
    deletion would never be found.
    """

    def attempt() -> None:
        transaction = Transaction()
        for item_id in ids:
            # As History, which has no version: deletes any version of the expense.
            transaction.delete(History(expense_id=item_id))
            expense_id = item_id.removeprefix(TrashedExpense.id_of(""))
            transaction.delete(History(expense_id=History.id_of(expense_id)))
        transaction.commit()

    retry_on_conflict(attempt)
    return len(ids)
