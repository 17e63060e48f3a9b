"""Create many expenses at once; sent again after a crash, the rest is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expenses import validation
from expenses.batch import Batch, Change
from expenses.models import Expense
from smartbudget.core import log
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import WriteConflictError
from smartbudget.core.errors import InvalidError, InvalidRowsError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import number
from smartbudget.core.user import User

MOST_ROWS = 1000


@dataclass(frozen=True)
class Recorded:
    """The result of a bulk write."""

    expenses: list[Expense]  # in the order of the rows
    alerts: int  # caused by this call, not by an earlier attempt


@dataclass
class _Row(Change):
    """One new expense being written."""

    dated: bool = False  # whether its date was given
    is_there: bool = False  # an earlier attempt stored it


@BULK_WRITES.limited
def record_expenses(
    user: User,
    rows: Sequence[Mapping[str, object]],
    *,
    idempotency_key: str | None = None,
    is_same: bool = False,
) -> Recorded:
    """Store new expenses, with the budgets they change and one digest of the alerts.

    rows: 1 to 1,000; each holds amount and category, and may hold description, date
    and status, as `record_expense` takes them.
    idempotency_key: makes repeating safe: the same key and rows store what is not
    stored yet, and give the expenses stored first.
    is_same: the key is known to be these rows' alone; they may be edited by now.

    Raises InvalidError, with InvalidRowsError for what is wrong in which row; nothing
    is stored then. Raises ConflictError if the key was used for other rows. After any
    other error a part may be stored. Without a key, not idempotent: every call stores
    them all.
    """
    waiting = _draft(user, rows, idempotency_key)
    recording = _Creation(user, waiting, is_same=is_same)
    recording.write()
    log.count("ExpensesRecorded", sum(not row.is_there for row in waiting))
    return Recorded([row.expense for row in waiting], recording.alerts)


def _draft(
    user: User, rows: Sequence[Mapping[str, object]], idempotency_key: str | None
) -> list[_Row]:
    if not 1 <= len(rows) <= MOST_ROWS:
        raise InvalidError(
            _("Send 1 to {most} expenses.").format(most=number(MOST_ROWS)), "expenses"
        )
    drafted, errors = [], {}
    for place, row in enumerate(rows):
        expense_id = validation.new_id(user, idempotency_key, place)
        try:
            expense = validation.new_expense(user, expense_id, row)
        except InvalidError:
            errors[place] = validation.find_errors(user, row)
        else:
            drafted.append(_Row(None, expense, dated=row.get("date") is not None))
    if errors:
        raise InvalidRowsError("expenses", errors)
    return drafted


class _Creation(Batch[_Row]):
    def __init__(self, user: User, changes: Sequence[_Row], *, is_same: bool) -> None:
        super().__init__(user, changes)
        self.is_same = is_same

    def recover(self, chunk: Sequence[_Row], conflict: WriteConflictError) -> None:
        """Find all rows that an earlier attempt stored, before writing any others."""
        written = [row.expense for row in chunk]
        if not any(item is each for item in conflict.refused for each in written):
            return
        ids = [row.expense.expense_id for row in self.waiting]
        found = {
            expense.expense_id: expense
            for expense in Expense.batch_get(ids, consistent_read=True)
        }
        for row in self.waiting:
            if stored := found.get(row.expense.expense_id):
                if not self.is_same:
                    validation.refuse_different(stored, row.expense, dated=row.dated)
                row.after, row.is_there = stored, True
        self.waiting = [
            row for row in self.waiting if row.expense.expense_id not in found
        ]
