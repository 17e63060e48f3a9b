"""Many expenses at once, in as few transactions as DynamoDB allows; alerts in one mail.

Every transaction holds some of the expenses, with the budgets they change and the
alerts that rise, so whatever is stored is right by itself. Those that follow do not
depend on it: what a crash left out is stored when the same is sent again.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.models import User
from budgets import services as budgets
from budgets.services import Outcome
from expenses import drafts, effects
from expenses.models import Expense
from notifications import digests
from smartbudget.core.errors import InvalidError, InvalidRowsError
from smartbudget.core.tables import LostRaceError, Writes, retry_lost_races

if TYPE_CHECKING:
    from budgets.models import Budget
    from notifications.models import Notification

MOST_ROWS = 1000


@dataclass(frozen=True)
class Recorded:
    """What a bulk write led to."""

    expenses: list[Expense]  # in the order of the rows
    alerts: int  # how many rose now, not in an earlier try


@dataclass
class _Row:
    """One expense on its way."""

    expense: Expense
    dated: bool  # whether its date was given

    @property
    def category_key(self) -> str:
        return str(self.expense.category_key)


def record_expenses(
    user: User,
    rows: Sequence[Mapping[str, object]],
    *,
    idempotency_key: str | None = None,
) -> Recorded:
    """Store new expenses, with the budgets they change and one digest of the alerts.

    rows: 1 to 1,000; each holds amount and category, and may hold description, date
    and status, as `record_expense` takes them.
    idempotency_key: makes repeating safe: the same key and rows store what is not
    stored yet, and give the expenses stored first.

    Raises InvalidError, with InvalidRowsError for what is wrong in which row; nothing
    is stored then. Raises ConflictError if the key was used for other rows. After any
    other error a part may be stored. Without a key, not idempotent: every call stores
    them all.
    """
    waiting = _draft(user, rows, idempotency_key)
    bulk = _Bulk(user, waiting)
    try:
        bulk.write()
    finally:  # what is stored is told, whatever became of the rest
        bulk.follow_up()
    return Recorded([row.expense for row in waiting], bulk.alerts)


def _draft(
    user: User, rows: Sequence[Mapping[str, object]], idempotency_key: str | None
) -> list[_Row]:
    if not 1 <= len(rows) <= MOST_ROWS:
        raise InvalidError(f"Send 1 to {MOST_ROWS:,} expenses.", "expenses")
    found = {number: drafts.find_errors(user, row) for number, row in enumerate(rows)}
    if errors := {number: error for number, error in found.items() if error}:
        raise InvalidRowsError("expenses", errors)
    return [
        _Row(
            drafts.draft(user, drafts.new_id(user, idempotency_key, number), row),
            dated=row.get("date") is not None,
        )
        for number, row in enumerate(rows)
    ]


class _Bulk:
    """One bulk write on its way through its transactions."""

    def __init__(self, user: User, rows: Sequence[_Row]) -> None:
        self.user = user
        # By category, so that a budget is in few of the transactions.
        self.waiting = sorted(rows, key=lambda row: row.category_key)
        self.budgets: defaultdict[str, list[Budget]] = defaultdict(list)
        self.outcome = Outcome()  # what is to be followed up
        self.alerts = 0
        self._begin_digest()

    def write(self) -> None:
        """Store all; see `record_expenses`."""
        self._read_budgets({row.category_key for row in self.waiting})
        while self.waiting:
            retry_lost_races(self._write_chunk)

    def follow_up(self) -> None:
        """Queue the digest of what was stored, and the recounts."""
        self.outcome.recounts = list(dict.fromkeys(self.outcome.recounts))
        budgets.follow_up(self.user, self.outcome)

    def _write_chunk(self) -> None:
        chunk = self._next_chunk()
        if not chunk:  # a lost race showed that everything is stored
            return
        writes = Writes()
        keys = {row.category_key for row in chunk}
        outcome = budgets.apply_entries(
            self.user,
            [budget for key in keys for budget in self.budgets[key]],
            effects.entries_of(row.expense for row in chunk),
            writes,
        )
        for row in chunk:
            row.expense.large_noticed = effects.notice_large(
                self.user, None, row.expense, writes, outcome
            )
            writes.put(row.expense, Expense.expense_id.does_not_exist())
        digest = None
        if outcome.alerts:
            digest = digests.gather(
                self.digest_id, outcome.alerts, self.gathered, writes
            )
        try:
            writes.commit()
        except LostRaceError as lost:
            if digest and _holds(lost.refused, digest):
                self._begin_digest()
            if any(_holds(lost.refused, row.expense) for row in chunk):
                self._take_stored()
            self._read_budgets(keys)
            raise
        del self.waiting[: len(chunk)]
        outcome.take_effect()
        self.outcome.recounts += outcome.recounts
        if digest:
            self.outcome.alerts = [digest]
            self.gathered += outcome.alerts
            self.alerts += len(outcome.alerts)

    def _next_chunk(self) -> list[_Row]:
        """Take as many rows as surely fit in one transaction with what they change."""
        items = alerts = 0
        seen = set()
        for number, row in enumerate(self.waiting):
            items += 1
            alerts += effects.is_large(self.user, row.expense)
            if row.category_key not in seen:
                seen.add(row.category_key)
                for budget in self.budgets[row.category_key]:
                    items += 1
                    alerts += budgets.alerts_left(self.user, budget)
            if items + alerts + bool(alerts) > Writes.MOST:  # one for the digest
                return self.waiting[:number]
        return list(self.waiting)

    def _read_budgets(self, category_keys: Set[str]) -> None:
        rows = [row for row in self.waiting if row.category_key in category_keys]
        entries = effects.entries_of(row.expense for row in rows)
        for key in category_keys:
            self.budgets[key] = []
        for budget in budgets.read_touched(self.user, entries):
            self.budgets[budget.category_key].append(budget)

    def _take_stored(self) -> None:
        """Find what an earlier try stored; all of it, before anything else is."""
        ids = [row.expense.expense_id for row in self.waiting]
        found = {
            expense.expense_id: expense
            for expense in Expense.batch_get(ids, consistent_read=True)
        }
        for row in self.waiting:
            if stored := found.get(row.expense.expense_id):
                drafts.refuse_other(stored, row.expense, dated=row.dated)
                row.expense = stored
        self.waiting = [
            row for row in self.waiting if row.expense.expense_id not in found
        ]

    def _begin_digest(self) -> None:
        """Begin another one: what is in the one before is being sent, or was."""
        self.digest_id = uuid.uuid4().hex
        self.gathered: list[Notification] = []


def _holds(items: Sequence[object], item: object) -> bool:
    return any(each is item for each in items)
