"""Write the rows of an import, or undo it, up to a thousand expenses in each call.

Each transaction of expenses also notes which rows it finished. So after a crash, a
repeated call continues exactly there.

The alerts of all calls are one digest, which the last one queues. If no call follows,
the sweep does.

Why: docs/decisions.md#the-alerts-of-an-import-are-one-digest
"""

import datetime
import json
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from budgets.updates import Outcome
from expenses import refunds, side_effects, validation
from expenses.batch import MAX_EXPENSE_BYTES, Batch, Change, within_time_limit
from expenses.bulk_update import read
from expenses.imports import contents, preview, profiles, services
from expenses.imports.models import Import
from expenses.imports.preview import ImportRow
from expenses.models import Expense
from expenses.receipts import services as receipts
from notifications import digests
from smartbudget.core import dates, log
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import (
    Action,
    Transaction,
    WriteConflictError,
    conditional_write,
)
from smartbudget.core.errors import ConflictError, GoneError, InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import ngettext
from smartbudget.core.user import User

MAX_ROWS = 1000  # that one call writes or undoes
_READ = 100  # expenses of one call
# How long a digest waits for the next call.
HELD_FOR = datetime.timedelta(minutes=15)

_COMMITTING = ("preview", "committing")
_UNDOING = ("committing", "committed", "undoing", "undone")
# Of a match: what it replaces in the expense, and so what an undo restores.
_REPLACED = (
    "status",
    "merchant",
    "description",
    "date",
    "import_id",
    "source_key",
    "source_text",
    "booked_on",
    "before_import",
)


@dataclass(frozen=True)
class Progress:
    """The result of one call."""

    done: int  # rows of the import that are finished, by this call and earlier ones
    left: int  # rows that remain: another call continues
    alerts: int  # caused by this call


@dataclass(frozen=True)
class Undone(Progress):
    """The result of one call of an undo."""

    # Expenses that were changed since, and left as they are.
    changed: list[Expense] = field(default_factory=list)


@BULK_WRITES.limited
def commit(user: User, import_id: str) -> Progress:
    """Write the rows of an import; repeat it while rows are left.

    Updates budgets. The alerts of all calls are sent as one digest, after the last one
    or HELD_FOR. Safe to repeat, also after an error and by several callers at once.

    Raises NotFoundError, and ConflictError while a question or a row is undecided, or
    if the import was undone or changed meanwhile, or the user's currency was changed.
    """
    record = services.get_import(user, import_id)
    if record.state == "committed":
        return Progress(int(record.writable), 0, 0)
    stored = services.rows_of(user, record)
    _check_ready(user, record)
    rows = [row for row in stored if row.is_written]
    finished = int(record.finished, 16)
    open_rows = [row for row in rows if not _bit(row) & finished]
    # Refunds first: otherwise a budget may pass a level, fall below and pass it again.
    open_rows.sort(key=lambda row: preview.amount_paid(row) > 0)
    writing = _Writing(user, record, open_rows)
    writing.write(within_time_limit())
    writing.end()
    left = len(open_rows) - writing.count_finished(open_rows)
    if not left:
        profiles.save(user, services.profile_of(record))
    log.count("ExpensesRecorded", len(open_rows) - left)
    return Progress(len(rows) - left, left, writing.alerts)


@BULK_WRITES.limited
def undo(user: User, import_id: str, expense_ids: Collection[str] = ()) -> Undone:
    """Undo what an import wrote, for 30 days; repeat it while rows are left.

    Its expenses are deleted, and expenses that it matched get back what they were.
    Those that were changed since are left, unless they are in `expense_ids`: then they
    are moved to the trash. The same file can be imported again. Safe to repeat.

    Raises NotFoundError, ConflictError if it was not begun, and GoneError if it is too
    late.
    """
    record = services.get_import(user, import_id)
    if not record.was_begun:
        raise ConflictError(_("This import hasn't started."))
    if undo_until(record) <= dates.timestamp():
        raise GoneError(_("This can't be undone any more."))
    rows = services.written_rows(user, record)
    # Refunds last, as a budget that falls first passes no level.
    rows.sort(key=lambda row: preview.amount_paid(row) < 0)
    undoing = _Undoing(user, record, rows, {*expense_ids})
    undoing.write(within_time_limit())
    undoing.end()
    left = len(undoing.waiting) + undoing.unread
    undone = len(rows) - left - len(undoing.changed)
    return Undone(undone, left, undoing.alerts, undoing.changed)


def undo_until(record: Import) -> str:
    """Return the time until which an import can be undone, ISO 8601 in UTC."""
    begun = datetime.datetime.fromisoformat(str(record.committed_at))
    return dates.timestamp(begun + services.UNDO_KEPT)


def _check_ready(user: User, record: Import) -> None:
    """Raise ConflictError unless an import can be written."""
    services.check_is_read(record)
    if record.state == "refused":
        raise ConflictError(_("The file couldn't be read."))
    if record.state not in _COMMITTING:
        raise ConflictError(_("This import was undone."))
    if record.currency not in {None, user.currency}:
        message = _(
            "Your currency has changed since this file was read. Please upload the "
            "file again."
        )
        raise ConflictError(message)
    if services.questions_of(record):
        raise ConflictError(_("Answer the question about the file first."))
    if undecided := json.loads(record.counts)["look"]:
        message = ngettext(
            "Decide what to do with {count} row first.",
            "Decide what to do with {count} rows first.",
            undecided,
        )
        raise ConflictError(message.format(count=undecided))


@dataclass
class _RowChange(Change):
    """The change of an expense by a row of an import."""

    row: ImportRow

    @property
    def items(self) -> int:
        """The number of transaction items it needs by itself."""
        return super().items + self._is_linked

    @property
    def max_bytes(self) -> int:
        """The most bytes of those items, before and after the change."""
        return super().max_bytes + self._is_linked * MAX_EXPENSE_BYTES

    @property
    def _is_linked(self) -> bool:
        return bool(self.before is None and self.after and self.after.refund_of)

    def add_to(self, user: User, transaction: Transaction, outcome: Outcome) -> None:
        """Add the change to a transaction, with the link of a refund."""
        if self.before is None and self.after:
            try:
                refunds.add_link(user, None, self.after, transaction)
            except InvalidError:  # the expense was deleted or changed since
                self.after.refund_of = None
        super().add_to(user, transaction, outcome)

    @property
    def touched(self) -> set[str]:
        """The ids of the expenses that it writes."""
        return {self.expense.expense_id, self.expense.refund_of or ""} - {""}


class _RowBatch(Batch[_RowChange]):
    """Changes by rows of an import, whose item notes the rows that are finished."""

    extra_items = 1
    held_for = HELD_FOR
    states: Sequence[str]  # in which it may run

    def __init__(
        self,
        user: User,
        record: Import,
        changes: Sequence[_RowChange],
        *,
        is_last: bool,
    ) -> None:
        """is_last: no rows are left after these."""
        super().__init__(user, changes)
        self.record, self.is_last = record, is_last
        self._noted: dict[str, Any] = {}  # by the transaction being committed
        self._dropped = 0  # bits of rows that need no write

    def add_extra(
        self, chunk: Sequence[_RowChange], transaction: Transaction, outcome: Outcome
    ) -> None:
        """Add the rows that are finished, and the digest of their alerts."""
        bits = self._dropped
        for change in chunk:
            bits |= _bit(change.row)
        self._noted = self.noted(bits, sum(_bit(change.row) for change in chunk))
        if outcome.alerts:
            self._continue_digest()
            self._noted["digest_id"] = self._digest_id
        transaction.update(self.record, self._actions(), self._unchanged())

    def _continue_digest(self) -> None:
        """Add alerts to the digest of earlier calls, unless it is sent or full."""
        digest_id = self.record.digest_id
        if digest_id in (None, self._digest_id):
            return
        digest = digests.find_open(digest_id)
        if digest and len(digest.members) < digests.MAX_ALERTS:
            self._digest_id, self._gathered = digest_id, digests.alerts_of(digest)

    @abstractmethod
    def noted(self, finished: int, written: int) -> dict[str, Any]:
        """Return the attributes of the import after rows are finished."""

    def commit(
        self, transaction: Transaction, outcome: Outcome, *, is_last: bool = False
    ) -> None:
        """Commit a transaction, and keep what it noted."""
        super().commit(transaction, outcome, is_last=is_last and self.is_last)
        self._keep()

    @property
    def is_done(self) -> bool:
        """Check whether no rows are left."""
        return self.is_last and not self.waiting

    def follow_up(self) -> None:
        """Queue the recounts, and the alerts of all calls once no rows are left."""
        if not self.is_done:
            self._outcome.alerts = []
        elif self.record.digest_id and not self._outcome.alerts:
            digest = digests.find_open(self.record.digest_id)
            self._outcome.alerts = [digest] if digest else []
        super().follow_up()

    def end(self) -> None:
        """Note rows that needed no write, and the state after the last row.

        Raises ConflictError if the import can't go on.
        """
        while not self._is_noted():
            stored = Import(self.record.expense_id)
            note = partial(stored.update, self._actions(), self._unchanged())
            if conditional_write(note):
                self._keep()
            else:  # another call was first, or this one, and its reply was lost
                self.read_record()

    def read_record(self) -> None:
        """Read the import again. Raises ConflictError if it can't go on."""
        record = services.get_import(self.user, self.record.import_id)
        if record.state not in self.states or record.revision != self.record.revision:
            raise ConflictError(_(contents.CHANGED))
        self.record = record
        self._begin_digest()  # another call may have added alerts to the stored one

    def open_rows(self, chunk: Sequence[_RowChange], finished: int) -> list[ImportRow]:
        """Drop what another call finished, and return the rest of a chunk's rows."""
        self.waiting = [
            change for change in self.waiting if not _bit(change.row) & finished
        ]
        return [change.row for change in chunk if not _bit(change.row) & finished]

    def refresh(
        self, chunk: Sequence[_RowChange], changes: Sequence[_RowChange]
    ) -> None:
        """Replace the changes of a chunk, and drop those that have none any more."""
        fresh = {change.row.number: change for change in changes}
        dropped = set()
        for change in chunk:
            if new := fresh.get(change.row.number):
                change.before, change.after = new.before, new.after
            else:
                dropped.add(change.row.number)
        self.waiting = [
            change for change in self.waiting if change.row.number not in dropped
        ]

    def _is_noted(self) -> bool:
        """Check whether the import has what is to be noted at the end of this call."""
        self._noted = self.noted(self._dropped, 0)
        if self.is_done:
            self._noted["state"] = self.states[-1]
        return all(
            getattr(self.record, name) == value for name, value in self._noted.items()
        )

    def _next_chunk(self) -> list[_RowChange]:
        """Return changes of different expenses, as a transaction requires."""
        chunk = super()._next_chunk()
        touched: set[str] = set()
        for number, change in enumerate(chunk):
            if touched & change.touched:
                return chunk[:number]
            touched |= change.touched
        return chunk

    def _actions(self) -> list[Action]:
        return [Import.assign(name, value) for name, value in self._noted.items()]

    def _unchanged(self) -> Any:
        return (
            Import.state.is_in(*self.states)
            & (Import.revision == self.record.revision)
            & (Import.finished == self.record.finished)
            & (Import.written == self.record.written)
        )

    def _keep(self) -> None:
        for name, value in self._noted.items():
            setattr(self.record, name, value)


class _Writing(_RowBatch):
    """Writes the expenses of rows."""

    states = (*_COMMITTING, "committed")

    def __init__(self, user: User, record: Import, rows: Sequence[ImportRow]) -> None:
        """rows: all that are left, of which it writes MAX_ROWS."""
        self.user, self.record = user, record
        is_last = len(rows) <= MAX_ROWS
        rows = rows[:MAX_ROWS]
        matched = _read_all(user, [row.of for row in rows if row.decision == "match"])
        changes = [self._change(row, matched) for row in rows]
        needed = [change for change in changes if change]
        super().__init__(user, record, needed, is_last=is_last)
        self._drop(rows, self.waiting)

    def noted(self, finished: int, written: int) -> dict[str, Any]:
        state = self.record.state
        values = {
            "state": "committing" if state == "preview" else state,
            "finished": f"{int(self.record.finished, 16) | finished:x}",
            "written": f"{int(self.record.written, 16) | written:x}",
        }
        if self.record.committed_at is None:
            now = dates.now()
            values["committed_at"] = dates.timestamp(now)
            values["expires_at"] = now + services.UNDO_KEPT
        return values

    def count_finished(self, rows: Sequence[ImportRow]) -> int:
        """Return how many of the rows are finished."""
        finished = int(self.record.finished, 16)
        return sum(bool(_bit(row) & finished) for row in rows)

    def recover(
        self, chunk: Sequence[_RowChange], conflict: WriteConflictError
    ) -> None:
        """Drop rows that another call finished, or that are stored already."""
        self.read_record()
        rows = self.open_rows(chunk, int(self.record.finished, 16))
        stored = _read_all(self.user, [row.expense_id for row in rows])
        matched = _read_all(
            self.user, [row.of for row in rows if row.decision == "match"]
        )
        changes = [self._change(row, matched, stored) for row in rows]
        fresh = [change for change in changes if change]
        self._drop(rows, fresh)
        self.refresh(chunk, fresh)

    def _drop(self, rows: Sequence[ImportRow], changes: Sequence[_RowChange]) -> None:
        """Finish rows that need no write."""
        kept = {change.row.number for change in changes}
        for row in rows:
            if row.number not in kept:
                self._dropped |= _bit(row)

    def _change(
        self,
        row: ImportRow,
        matched: Mapping[str, Expense],
        stored: Mapping[str, Expense] | None = None,
    ) -> _RowChange | None:
        """Return the change of a row, or None if its expense is stored already."""
        if row.decision == "match":
            before = matched.get(row.of)
            if before and before.source_key == row.source_key:
                return None  # another import has it
            if before and (not before.source_key or self._is_same(before, row)):
                after = self._matched(row, before)
                return _RowChange(before, after, row) if after else None
        expense = self._new(row)
        if stored and expense.expense_id in stored:
            return None
        return _RowChange(None, expense, row)

    def _is_same(self, before: Expense, row: ImportRow) -> bool:
        """Check whether an imported expense has a key in common with a row."""
        keys = set(str(before.source_key).split(":"))
        return not keys.isdisjoint(row.source_key.split(":")) and bool(before.import_id)

    def _matched(self, row: ImportRow, before: Expense) -> Expense | None:
        """Return an expense with what the bank knows of it.

        What the user entered stays; only empty fields are filled.
        """
        given = preview.values_of(self.user, row)
        changes: dict[str, object] = {
            name: given[name]
            for name in ("merchant", "description")
            if not getattr(before, name)
        }
        if before.counts:
            changes["status"] = "cleared"
        if before.source_key:  # imported before: the bank moved it
            changes["date"] = row.day
        changes |= self._origin(row)
        replaced = {name: getattr(before, name) for name in _REPLACED}
        replaced["updated_at"] = before.updated_at
        changes["before_import"] = json.dumps(
            {"version": int(before.version) + 1, "replaced": replaced},
            ensure_ascii=False,
        )
        return side_effects.changed(self.user, before, changes)

    def _new(self, row: ImportRow) -> Expense:
        expense_id = row.expense_id
        values = preview.values_of(self.user, row)
        expense = validation.new_expense(self.user, expense_id, values)
        for name, value in self._origin(row).items():
            setattr(expense, name, value)
        if expense.kind == "refund" and row.of and row.decision == "new":
            expense.refund_of = row.of
        return expense

    def _origin(self, row: ImportRow) -> dict[str, object]:
        return {
            "import_id": self.record.import_id,
            "source_key": row.source_key,
            "source_text": row.text or None,
            "booked_on": row.day,
        }


class _Undoing(_RowBatch):
    """Undoes what rows wrote."""

    states = _UNDOING

    def __init__(
        self,
        user: User,
        record: Import,
        rows: Sequence[ImportRow],
        confirmed: Collection[str],
    ) -> None:
        self.user, self.record, self.confirmed = user, record, confirmed
        self.changed: list[Expense] = []  # since, and not confirmed
        self.unread = 0  # rows that this call does not get to
        self._scheduled: set[str] = set()  # keys of receipts
        changes, gone = self._changes(rows)
        super().__init__(user, record, changes, is_last=not self.unread)
        self._dropped = gone

    def noted(self, finished: int, written: int) -> dict[str, Any]:
        state = self.record.state
        return {
            "state": state if state == "undone" else "undoing",
            "written": f"{int(self.record.written, 16) & ~finished:x}",
        }

    def prepare(self, chunk: Sequence[_RowChange]) -> None:
        """Schedule orphan checks for the receipts of expenses being deleted."""
        checks = [
            (one.expense_id, one.receipt_url, one.receipt_object_id)
            for one in (change.before for change in chunk if change.after is None)
            if one and one.receipt_url not in {None, *self._scheduled}
        ]
        receipts.schedule_orphan_checks(checks)
        self._scheduled.update(key for _expense_id, key, _mark in checks)

    def recover(
        self, chunk: Sequence[_RowChange], conflict: WriteConflictError
    ) -> None:
        """Read the import and the expenses again."""
        self.read_record()
        changes, gone = self._changes(
            self.open_rows(chunk, ~int(self.record.written, 16))
        )
        self._dropped |= gone
        self.refresh(chunk, changes)

    def _changes(self, rows: Sequence[ImportRow]) -> tuple[list[_RowChange], int]:
        """Return up to MAX_ROWS changes, and the bits of rows that need none."""
        changes: list[_RowChange] = []
        gone = 0
        for start in range(0, len(rows), _READ):
            if len(changes) >= MAX_ROWS:
                self.unread = len(rows) - start
                break
            some = rows[start : start + _READ]
            expenses = self._written_by(some)
            for row in some:
                expense = expenses.get(row.number)
                if expense is None:
                    gone |= _bit(row)
                elif self._may_undo(expense):
                    after = self._restored(expense)
                    changes.append(_Undo(expense, after, row))
                elif expense.expense_id not in {one.expense_id for one in self.changed}:
                    self.changed.append(expense)
        return changes, gone

    def _written_by(self, rows: Sequence[ImportRow]) -> dict[int, Expense]:
        """Return the expenses that rows wrote, and that exist, by row number."""
        ids = [row.expense_id for row in rows] + [row.of for row in rows if row.of]
        expenses = _read_all(self.user, ids)
        written: dict[int, Expense] = {}
        for row in rows:
            for expense_id in (row.expense_id, row.of):
                expense = expenses.get(expense_id)
                if (
                    expense
                    and expense.import_id == self.record.import_id
                    and expense.source_key == row.source_key
                ):
                    written[row.number] = expense
        return written

    def _may_undo(self, expense: Expense) -> bool:
        if expense.expense_id in self.confirmed:
            return True
        return bool(expense.version == _version_of(expense))

    def _restored(self, expense: Expense) -> Expense | None:
        """Return a matched expense as it was, or None for one to delete."""
        if not expense.before_import:
            return None
        replaced = dict(json.loads(expense.before_import)["replaced"])
        updated_at = replaced.pop("updated_at")
        after = side_effects.changed(self.user, expense, replaced)
        if after and expense.version == _version_of(expense):
            after.updated_at = updated_at
        return after


@dataclass
class _Undo(_RowChange):
    """The undo of a row."""

    @property
    def items(self) -> int:
        """The number of transaction items it needs by itself."""
        return 1 if self._is_exact else super().items

    @property
    def _is_exact(self) -> bool:
        """Check whether the expense is unchanged, so that the file has all of it."""
        before = self.before
        return self.after is None and before is not None and before.version == 1

    def add_to(self, user: User, transaction: Transaction, outcome: Outcome) -> None:
        """Add the undo to a transaction; only a changed expense goes to the trash."""
        if self.before is None:
            raise ValueError("an undo needs an expense")
        if self._is_exact:
            transaction.delete(self.before)
        elif self.after is None:
            side_effects.remove(self.before, transaction, is_undo=True)
        else:
            super().add_to(user, transaction, outcome)


def _version_of(expense: Expense) -> int:
    """Return the version that an import wrote."""
    if not expense.before_import:
        return 1
    version: int = json.loads(expense.before_import)["version"]
    return version


def _bit(row: ImportRow) -> int:
    return 1 << row.number


def _read_all(user: User, expense_ids: Sequence[str]) -> dict[str, Expense]:
    """Return the user's expenses with some ids, by id, a hundred at a time."""
    ids = list(dict.fromkeys(filter(None, expense_ids)))
    expenses: dict[str, Expense] = {}
    for start in range(0, len(ids), _READ):
        expenses |= read(user, ids[start : start + _READ])
    return expenses
