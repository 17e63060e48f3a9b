"""Create many expenses at once; a repeated request after a crash stores the rest."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from budgets.updates import Outcome
from expenses import external_ids, missing_bookings, validation
from expenses.batch import Batch, Change
from expenses.models import Expense, MissingBooking
from smartbudget.core import log
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import Transaction, WriteConflictError
from smartbudget.core.errors import InvalidError, InvalidRowsError, errors_of
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import number
from smartbudget.core.user import User

MAX_ROWS = 1000


@dataclass(frozen=True)
class KnownRow:
    """A row whose external id shows that its expense was added before."""

    row: int  # from 0
    expense_id: str


@dataclass(frozen=True)
class Recorded:
    """The result of creating many expenses; each row is in one of the lists."""

    # In the order of the rows; of an earlier attempt if they have no external id.
    expenses: list[Expense]
    alerts: int  # caused by this call, not by an earlier attempt
    duplicates: Sequence[KnownRow] = ()  # stored, by an earlier call or row
    deleted: Sequence[KnownRow] = ()  # deleted by the user, and not added again


@dataclass
class _Row(Change):
    """A new expense being written."""

    dated: bool = False  # whether its date was given
    was_stored: bool = False  # by an earlier attempt, or with its external id
    was_deleted: bool = False  # with its external id

    @property
    def items(self) -> int:
        """The number of transaction items it needs by itself."""
        return super().items + bool(self.expense.external_id)

    def add_to(self, user: User, transaction: Transaction, outcome: Outcome) -> None:
        """Add the new expense to a transaction, unless it was deleted before."""
        super().add_to(user, transaction, outcome)
        if self.expense.external_id:
            missing_bookings.refuse_deleted(self.expense, transaction)


@BULK_WRITES.limited
def record_expenses(
    user: User,
    rows: Sequence[Mapping[str, object]],
    *,
    idempotency_key: str | None = None,
    is_same_request: bool = False,
) -> Recorded:
    """Store new expenses, update their budgets, and send the alerts as one digest.

    rows: 1 to 1,000, each with the values of `record_expense`. Of those with the same
    external id, source and amount, the first is new.
    idempotency_key: makes repeating safe: with the same key and rows, only rows that
    are not stored yet are stored, and the first expenses are returned.
    is_same_request: the caller has checked that the key belongs to this request. The
    stored expenses, which may have been edited since, are not compared with it.

    Raises InvalidError, or InvalidRowsError with all errors of each row; nothing is
    stored then. Raises ConflictError if the key was used for other rows. After any
    other error, some expenses may be stored. Not idempotent without a key: every call
    stores all rows without an external id.
    """
    new_rows = _draft(user, rows, idempotency_key)
    first = {row.expense.expense_id: row for row in reversed(new_rows)}
    unique = [row for row in new_rows if first[row.expense.expense_id] is row]
    creation = _Creation(user, unique, is_same_request=is_same_request)
    creation.write()
    known = [row.was_stored or row.was_deleted for row in unique]
    log.count("ExpensesRecorded", known.count(False))
    return _result(new_rows, first, creation.alerts)


def _result(rows: Sequence[_Row], first: Mapping[str, _Row], alerts: int) -> Recorded:
    """Return the result of all rows.

    first: of each expense id, the row that was written.
    """
    expenses, duplicates, deleted = [], [], []
    for index, row in enumerate(rows):
        written = first[row.expense.expense_id]
        known = KnownRow(index, written.expense.expense_id)
        if written.was_deleted:
            deleted.append(known)
        elif row is not written or (written.was_stored and row.expense.external_id):
            duplicates.append(known)
        else:
            expenses.append(row.expense)
    return Recorded(expenses, alerts, duplicates, deleted)


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
        values = {**row}
        names = values.pop("source", None), values.pop("external_id", None)
        try:
            external = external_ids.validate(*names)
            expense = validation.new_expense(user, expense_id, values)
            external_ids.identify(user, expense, *external)
        except InvalidError:
            errors[index] = validation.find_errors(user, values) | errors_of(
                [functools.partial(external_ids.validate, *names)]
            )
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
        """Find all rows that are stored or were deleted, before writing any others."""
        refused = {id(item) for item in conflict.refused}
        is_deleted = any(isinstance(item, MissingBooking) for item in conflict.refused)
        if not is_deleted and not any(id(row.expense) in refused for row in chunk):
            return
        ids = [row.expense.expense_id for row in self.waiting]
        stored = {
            expense.expense_id: expense
            for expense in Expense.batch_get(ids, consistent_read=True)
        }
        deleted = missing_bookings.deleted_ids(
            row.expense.expense_id
            for row in self.waiting
            if row.expense.external_id and row.expense.expense_id not in stored
        )
        for row in self.waiting:
            if expense := stored.get(row.expense.expense_id):
                if not (self.is_same_request or row.expense.external_id):
                    validation.raise_if_different(expense, row.expense, dated=row.dated)
                row.after, row.was_stored = expense, True
            row.was_deleted = row.expense.expense_id in deleted
        self.waiting = [
            row for row in self.waiting if not (row.was_stored or row.was_deleted)
        ]
