"""Create many expenses at once; a repeated request after a crash stores the rest."""

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

MAX_ROWS = 1000


@dataclass(frozen=True)
class Recorded:
    """The result of creating many expenses."""

    expenses: list[Expense]  # in the order of the rows
    alerts: int  # caused by this call, not by an earlier attempt


@dataclass
class _Row(Change):
    """A new expense being written."""

    dated: bool = False  # whether its date was given
    was_stored: bool = False  # by an earlier attempt


@BULK_WRITES.limited
def record_expenses(
    user: User,
    rows: Sequence[Mapping[str, object]],
    *,
    idempotency_key: str | None = None,
    is_same_request: bool = False,
) -> Recorded:
    """Store new expenses, update their budgets, and send the alerts as one digest.

    rows: 1 to 1,000, each with the values of `record_expense`.
    idempotency_key: makes repeating safe: with the same key and rows, only rows that
    are not stored yet are stored, and the first expenses are returned.
    is_same_request: the caller has checked that the key belongs to this request. The
    stored expenses, which may have been edited since, are not compared with it.

    Raises InvalidError, or InvalidRowsError with all errors of each row; nothing is
    stored then. Raises ConflictError if the key was used for other rows. After any
    other error, some expenses may be stored. Not idempotent without a key: every call
    stores all rows.
    """
    new_rows = _draft(user, rows, idempotency_key)
    creation = _Creation(user, new_rows, is_same_request=is_same_request)
    creation.write()
    log.count("ExpensesRecorded", sum(not row.was_stored for row in new_rows))
    return Recorded([row.expense for row in new_rows], creation.alerts)


def _draft(
    user: User, rows: Sequence[Mapping[str, object]], idempotency_key: str | None
) -> list[_Row]:
    if not 1 <= len(rows) <= MAX_ROWS:
        raise InvalidError(
            _("Send 1 to {most} expenses.").format(most=number(MAX_ROWS)), "expenses"
        )
    new_rows, errors = [], {}
    for index, row in enumerate(rows):
        expense_id = validation.new_id(user, idempotency_key, index)
        try:
            expense = validation.new_expense(user, expense_id, row)
        except InvalidError:
            errors[index] = validation.find_errors(user, row)
        else:
            new_rows.append(_Row(None, expense, dated=row.get("date") is not None))
    if errors:
        raise InvalidRowsError("expenses", errors)
    return new_rows


class _Creation(Batch[_Row]):
    def __init__(
        self, user: User, changes: Sequence[_Row], *, is_same_request: bool
    ) -> None:
        super().__init__(user, changes)
        self.is_same_request = is_same_request

    def recover(self, chunk: Sequence[_Row], conflict: WriteConflictError) -> None:
        """Find all rows that an earlier attempt stored, before writing any others."""
        refused = {id(item) for item in conflict.refused}
        if not any(id(row.expense) in refused for row in chunk):
            return
        ids = [row.expense.expense_id for row in self.waiting]
        stored = {
            expense.expense_id: expense
            for expense in Expense.batch_get(ids, consistent_read=True)
        }
        for row in self.waiting:
            if expense := stored.get(row.expense.expense_id):
                if not self.is_same_request:
                    validation.raise_if_different(expense, row.expense, dated=row.dated)
                row.after, row.was_stored = expense, True
        self.waiting = [row for row in self.waiting if not row.was_stored]
