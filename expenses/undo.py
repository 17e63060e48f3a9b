"""Undo a change of several expenses, within ten minutes; see `undo_log.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from budgets.updates import Outcome
from expenses import side_effects, trash, undo_log
from expenses.batch import Batch, Change
from expenses.bulk_update import Selected, read
from expenses.models import Expense, TrashedExpense
from expenses.undo_log import Entry
from expenses.validation import attributes_of
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import Transaction, WriteConflictError
from smartbudget.core.errors import NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User


@dataclass(frozen=True)
class Undone:
    """The result of an undo, as numbers of expenses and of alerts."""

    changed: int  # restored, or given their earlier values
    unchanged: int  # as before already, such as after a repetition
    skipped: int  # changed by another request since, and left as they are
    gone: int  # deleted since
    alerts: int


@BULK_WRITES.limited
def undo(user: User, undo_id: str) -> Undone:
    """Restore what a change of several expenses replaced or deleted.

    undo_id: that of its BulkResult.

    Updates budgets, with alerts as one digest. Safe to repeat. After an error, some
    expenses may be restored. Raises NotFoundError if it is too late, also for another
    user's change.
    """
    entries = undo_log.read(user, undo_id)
    if not entries:
        raise NotFoundError(_(trash.TOO_LATE))
    if all(entry.version for entry in entries.values()):
        return _revert(user, entries)
    return _restore(user, list(entries))


def _revert(user: User, entries: Mapping[str, Entry]) -> Undone:
    reversion = _Reversion(user, entries)
    reversion.write()
    skipped = len(reversion.skipped)
    return Undone(
        reversion.changed,
        reversion.unchanged - skipped,
        skipped,
        reversion.gone,
        reversion.alerts,
    )


def _restore(user: User, expense_ids: Sequence[str]) -> Undone:
    restoration = _Restoration(user, expense_ids)
    restoration.write()
    return Undone(
        restoration.changed,
        restoration.unchanged,
        restoration.skipped,
        restoration.gone,
        restoration.alerts,
    )


class _Reversion(Selected):
    """Sets earlier values of expenses, unless they were changed since."""

    def __init__(self, user: User, entries: Mapping[str, Entry]) -> None:
        self.entries = entries
        self.skipped: set[str] = set()  # ids of expenses that were changed since
        expenses = read(user, list(entries)).values()
        super().__init__(user, expenses, gone=len(entries) - len(expenses))

    def change_of(self, before: Expense) -> Change | None:
        entry = self.entries[before.expense_id]
        if before.parts and "category" in entry.replaced:  # it was split since
            self.skipped.add(before.expense_id)
            return None
        replaced = attributes_of(entry.replaced)
        after = side_effects.changed(self.user, before, replaced)
        if after is None:
            return None
        if before.version != entry.version:
            self.skipped.add(before.expense_id)
            return None
        return Change(before, after)


@dataclass
class _Restored(Change):
    """The restoration of a deleted expense."""

    trashed: TrashedExpense

    @property
    def items(self) -> int:
        """The number of transaction items it needs by itself."""
        return 1 + trash.items_needed(self.expense)

    @property
    def max_bytes(self) -> int:
        """The most bytes of those items: those of its deletion."""
        return Change(self.expense, None).max_bytes

    def add_to(self, user: User, transaction: Transaction, outcome: Outcome) -> None:
        """Add the restoration to a transaction, with any large-expense notice."""
        side_effects.restore(user, self.trashed, self.expense, transaction, outcome)


class _Restoration(Batch[_Restored]):
    """Restores deleted expenses."""

    def __init__(self, user: User, expense_ids: Sequence[str]) -> None:
        trashed = trash.find_many(user, expense_ids)
        super().__init__(user, [_restored(one) for one in trashed.values()])
        self.changed = len(self.waiting)  # once all are written
        self.unchanged = self.skipped = self.gone = 0
        self._count_missing({*expense_ids} - trashed.keys())

    def recover(self, chunk: Sequence[_Restored], conflict: WriteConflictError) -> None:
        """Drop the expenses that exist again, or can no longer be restored."""
        ids = [change.expense.expense_id for change in chunk]
        trashed, stored = trash.find_many(self.user, ids), read(self.user, ids)
        for change in chunk:
            expense_id = change.expense.expense_id
            if expense_id in trashed and expense_id not in stored:
                change.trashed = trashed[expense_id]
                change.after = change.trashed.expense
                continue
            self.waiting = [other for other in self.waiting if other is not change]
            self.changed -= 1
            if expense_id in trashed:  # a new expense has its id
                self.skipped += 1
            else:
                self._count_missing({expense_id})

    def _count_missing(self, expense_ids: set[str]) -> None:
        existing = read(self.user, list(expense_ids))
        self.unchanged += len(existing)
        self.gone += len(expense_ids) - len(existing)


def _restored(trashed: TrashedExpense) -> _Restored:
    return _Restored(None, trashed.expense, trashed)
