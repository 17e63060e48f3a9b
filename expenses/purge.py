"""Delete expenses in the trash for good, with their receipts.

A job of the outbox calls `purge` when the first receipt in a user's trash is no longer
kept. It is stored by the orphan check of a deleted expense's receipt, so a deletion
writes nothing for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from expenses import history, trash
from expenses.batch import within_time_limit
from expenses.models import Expense, History, TrashedExpense
from expenses.receipts import services as receipts
from notifications import jobs
from smartbudget.core import dates
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import (
    Transaction,
    conditional_write,
    in_halves,
    retry_on_conflict,
)
from smartbudget.core.user import User

MAX_PURGED = 200  # receipts of one run


@dataclass(frozen=True)
class Emptied:
    """The result of one call."""

    deleted: int  # expenses
    left: bool  # some remain: another call continues


def purge(user_id: str) -> None:
    """Delete what a user's trash no longer keeps, and plan the next run.

    Safe to repeat. What is left after MAX_PURGED waits for the sweep.
    """
    job = jobs.find(receipts.PURGE_TASK, user_id)
    if job is None:
        return
    now, purged = dates.now(), 0
    kept = []
    for trashed in trash.all_trashed(user_id):
        if not trashed.receipt_url:
            continue  # DynamoDB deletes it
        if trash.purged_at(trashed) > now:
            kept.append(trash.purged_at(trashed))
        elif purged == MAX_PURGED:
            return
        else:
            _purge(trashed)
            purged += 1
    if kept:
        jobs.postpone_until(job, min(kept))
    else:
        jobs.finish(job)


def _purge(trashed: TrashedExpense) -> None:
    expense = trashed.expense
    receipts.delete_if_orphaned(
        expense.expense_id, str(expense.receipt_url), expense.receipt_object_id
    )
    unchanged = TrashedExpense.deleted_at == trashed.deleted_at
    conditional_write(lambda: trashed.delete(unchanged))


@BULK_WRITES.limited
def empty(user: User) -> Emptied:
    """Delete all expenses in the user's trash for good. Safe to repeat.

    Their receipts are deleted within the hour. Expenses that are restored meanwhile
    are left alone. Raises UnavailableError if the queue cannot be reached.
    """
    in_time = within_time_limit()
    items, deleted = trash.all_trashed(user.user_id), 0
    while batch := [item.expense for item in islice(items, Transaction.MAX_ITEMS)]:
        deleted += in_halves(batch, partial(_empty, user))
        if not in_time():
            return Emptied(deleted, True)
    return Emptied(deleted, False)


def _empty(user: User, batch: Sequence[Expense]) -> int:
    """Delete expenses in the trash and their histories, and return their number."""
    receipts.schedule_orphan_checks(
        [
            (expense.expense_id, expense.receipt_url, expense.receipt_object_id)
            for expense in batch
            if expense.receipt_url
        ]
    )

    def attempt() -> int:
        stored = trash.find_all(user, [expense.expense_id for expense in batch])
        transaction = Transaction()
        for trashed in stored:
            unchanged = TrashedExpense.deleted_at == trashed.deleted_at
            in_trash = TrashedExpense.index_key.exists()
            transaction.delete(TrashedExpense(trashed.expense_id), unchanged & in_trash)
        if stored:
            transaction.commit()
        return len(stored)

    deleted = retry_on_conflict(attempt)
    for expense in batch:
        if history.has_changed(expense):
            _delete_history(expense)
    return deleted


def _delete_history(expense: Expense) -> None:
    """Delete a history, unless its expense was restored or a new one has its id."""
    item = History(History.id_of(expense.expense_id))
    conditional_write(lambda: item.delete(History.expires_at.exists()))
