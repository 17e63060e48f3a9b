"""Update or delete expenses that are selected in a list."""

import re
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from budgets.updates import Outcome
from expenses import side_effects, validation
from expenses.batch import Batch, Change
from expenses.models import Expense
from expenses.receipts import services as receipts
from expenses.undo_log import UndoLog
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import Transaction, WriteConflictError
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

MAX_SELECTED = 100  # expenses; the largest page of a list

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class BulkResult:
    """The result for a selection, as numbers of expenses and of alerts."""

    changed: int  # or deleted
    unchanged: int  # already had these values
    gone: int  # deleted meanwhile, or another user's
    alerts: int
    # For `undo.undo`, for ten minutes; None if nothing changed.
    undo_id: str | None = field(default=None, compare=False)
    split: int = 0  # left alone, as a split expense has no category of its own


def read_expenses(user: User, expense_ids: Sequence[str]) -> list[Expense]:
    """Return 1-100 expenses, newest day first, read consistently.

    Deleted expenses and those of other users are left out. Raises InvalidError.
    """
    expenses = list(read(user, check_ids(expense_ids)).values())
    expenses.sort(key=lambda expense: (expense.date, expense.created_at))
    return expenses[::-1]


@BULK_WRITES.limited
def change_expenses(
    user: User,
    expense_ids: Sequence[str],
    *,
    category: str | None = None,
    status: str | None = None,
) -> BulkResult:
    """Set the category or status of 1-100 expenses, or both.

    Split expenses keep the categories of their parts, and are counted as `split`.
    Updates budgets and histories; alerts are sent as one digest. `undo.undo` undoes
    it. Raises InvalidError. After any other error, some expenses may be changed. Safe
    to repeat.
    """
    given = {"category": category, "status": status}
    given = {name: value for name, value in given.items() if value is not None}
    return _run(Update(user, check_ids(expense_ids), validation.validate(user, given)))


@BULK_WRITES.limited
def delete_expenses(user: User, expense_ids: Sequence[str]) -> BulkResult:
    """Delete 1-100 expenses; budgets no longer count them.

    `undo.undo` restores them; later, `restore_expense` does one by one. Raises
    InvalidError. After any other error, some expenses may be deleted. Safe to repeat.
    """
    return _run(Deletion(user, check_ids(expense_ids)))


def check_ids(expense_ids: Sequence[str]) -> list[str]:
    """Return 1-100 ids without duplicates. Raises InvalidError."""
    ids = list(dict.fromkeys(expense_ids))
    if not ids:
        raise InvalidError(_("Select at least one expense."), "expense_ids")
    if len(ids) > MAX_SELECTED:
        raise InvalidError(
            _("Select at most {most} expenses.").format(most=MAX_SELECTED),
            "expense_ids",
        )
    return ids


class Selected(Batch[Change]):
    """Changes of expenses that were read; they are reread after a write conflict."""

    def __init__(
        self, user: User, expenses: Collection[Expense], gone: int = 0
    ) -> None:
        self.gone, self.user = gone, user
        changes = [self.change_of(expense) for expense in expenses]
        super().__init__(user, [change for change in changes if change])
        self.unchanged = len(expenses) - len(self.waiting)
        self.changed = len(self.waiting)  # once all are written

    @abstractmethod
    def change_of(self, before: Expense) -> Change | None:
        """Return the change to make to an expense, or None."""

    def recover(self, chunk: Sequence[Change], conflict: WriteConflictError) -> None:
        """Read the expenses again, since they or their budgets were changed."""
        ids = [change.expense.expense_id for change in chunk]
        stored = read(self.user, ids)
        for change in chunk:
            before = stored.get(change.expense.expense_id)
            new = self.change_of(before) if before else None
            if new:
                change.before, change.after = new.before, new.after
                continue
            self.waiting = [other for other in self.waiting if other is not change]
            self.changed -= 1
            self.unchanged += before is not None
            self.gone += before is None


class _ByIds(Selected):
    """Changes of expenses given by their ids, which can be undone."""

    extra_items = UndoLog.ITEMS

    def __init__(self, user: User, expense_ids: Sequence[str]) -> None:
        self.undo_log = UndoLog(user)
        self.split: set[str] = set()  # ids of split expenses that were not changed
        expenses = read(user, expense_ids).values()
        super().__init__(user, expenses, gone=len(expense_ids) - len(expenses))

    def add_extra(
        self, chunk: Sequence[Change], transaction: Transaction, outcome: Outcome
    ) -> None:
        """Add what the changes replace, so that they can be undone."""
        self.undo_log.add(chunk, transaction)

    def result(self) -> BulkResult:
        """Return the result, once all changes are written."""
        undo_id = self.undo_log.undo_id if self.changed else None
        split = len(self.split)
        return BulkResult(
            self.changed,
            self.unchanged - split,
            self.gone,
            self.alerts,
            undo_id,
            split,
        )


class Update(_ByIds):
    """Sets values of expenses."""

    def __init__(
        self, user: User, expense_ids: Sequence[str], changes: Mapping[str, object]
    ) -> None:
        self.changes = changes
        super().__init__(user, expense_ids)

    def change_of(self, before: Expense) -> Change | None:
        after = changed(self.user, before, self.changes)
        if after is None and keeps_categories(before, self.changes):
            self.split.add(before.expense_id)
        return Change(before, after) if after else None


class Deletion(_ByIds):
    """Deletes expenses."""

    def __init__(self, user: User, expense_ids: Sequence[str]) -> None:
        self.scheduled: set[str] = set()  # keys of receipts
        super().__init__(user, expense_ids)

    def change_of(self, before: Expense) -> Change | None:
        return Change(before, None)

    def prepare(self, chunk: Sequence[Change]) -> None:
        """Schedule orphan checks for the receipts of the expenses being deleted."""
        checks = [
            (expense.expense_id, expense.receipt_url, expense.receipt_object_id)
            for expense in (change.before for change in chunk)
            if expense and expense.receipt_url not in {None, *self.scheduled}
        ]
        receipts.schedule_orphan_checks(checks)
        self.scheduled.update(key for _, key, _ in checks)


def keeps_categories(before: Expense, changes: Mapping[str, object]) -> bool:
    """Check whether a new category is not set, since the expense is split."""
    return bool(before.parts) and "category" in changes


def changed(
    user: User, before: Expense, changes: Mapping[str, object]
) -> Expense | None:
    """Return a changed copy of an expense, or None if nothing changes.

    A split expense keeps the categories of its parts.
    """
    if keeps_categories(before, changes):
        changes = {
            name: value
            for name, value in changes.items()
            if name not in ("category", "category_key")
        }
    return side_effects.changed(user, before, changes)


def _run(selected: _ByIds) -> BulkResult:
    selected.write()
    return selected.result()


def read(user: User, expense_ids: Sequence[str]) -> dict[str, Expense]:
    """Return the user's expenses with some ids, by id, read consistently."""
    ids = [expense_id for expense_id in expense_ids if _ID.fullmatch(expense_id)]
    expenses = Expense.batch_get(ids, consistent_read=True) if ids else ()
    return {
        expense.expense_id: expense
        for expense in expenses
        if expense.user_id == user.user_id
    }
