"""Changes of many expenses, in as few transactions as DynamoDB allows.

Each transaction holds some of the expenses, with the changes of their budgets and the
alerts they cause. So it is consistent even if a later one fails. All alerts together
are sent as one e-mail.

DynamoDB limits the number of items in a transaction and their bytes, so both are
counted before it is filled. A hundred expenses usually have 100 KB, but with the
longest texts one has up to MAX_EXPENSE_BYTES, and its history 400 KB.

Why: docs/decisions.md#a-bulk-is-several-independent-transactions-and-one-digest
and docs/decisions.md#transactions-are-bounded-by-bytes-too
"""

import datetime
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, TypeVar

from budgets import lookup, updates
from budgets.updates import Outcome, Posting
from expenses import history, missing_bookings, month_totals, side_effects, trash
from expenses.models import Expense
from notifications import digests
from smartbudget.core.dynamodb import (
    Transaction,
    WriteConflictError,
    retry_on_conflict,
    size_of,
)
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

if TYPE_CHECKING:
    from budgets.models import Budget
    from notifications.models import Notification


MAX_SECONDS = 10  # after which a call starts no further read or transaction
# The largest expense. A search compares its texts in a form that can be eleven times as
# long, if they are of the rarest characters.
MAX_EXPENSE_BYTES = 200 * 1024
_BOOKING_BYTES = 500  # of a missing booking, or its condition
_ALERT_BYTES = 5 * 1024
# For a digest and what `add_extra` adds, of which one may be as large as items can be.
_RESERVED_BYTES = 512 * 1024


@dataclass
class Change:
    """One expense's change; `before` is None if new, `after` is None if deleted."""

    before: Expense | None
    after: Expense | None

    @property
    def expense(self) -> Expense:
        """The expense after the change, or before it if deleted."""
        expense = self.after or self.before
        if expense is None:
            raise ValueError("a change needs an expense")
        return expense

    @property
    def postings(self) -> list[Posting]:
        """The budget postings that the change causes."""
        return side_effects.postings_between(self.before, self.after)

    @property
    def items(self) -> int:
        """The number of transaction items it needs by itself."""
        if self.before is None:
            return 1
        if self.after:
            return 2 + missing_bookings.has_changed(self.before, self.after)
        return 1 + trash.items_needed(self.before)

    @property
    def max_bytes(self) -> int:
        """The most bytes of those items, before and after the change."""
        size = max(size_of(one) for one in (self.before, self.after) if one)
        if self.before is None:
            return size + _BOOKING_BYTES
        if self.after:
            is_moved = missing_bookings.has_changed(self.before, self.after)
            moved_bytes = is_moved * _BOOKING_BYTES
            return size + history.max_bytes(self.before, 1) + moved_bytes
        return 2 * size + history.max_bytes(self.before) + _BOOKING_BYTES

    def add_to(self, user: User, transaction: Transaction, outcome: Outcome) -> None:
        """Add the change to a transaction, with any large-expense notice."""
        if self.after is None:
            side_effects.remove(self.expense, transaction)
        elif self.before is None:
            self.after.large_noticed = side_effects.add_large_expense_notice(
                user, None, self.after, transaction, outcome
            )
            transaction.put(self.after, Expense.expense_id.does_not_exist())
        else:
            side_effects.replace(user, self.before, self.after, transaction, outcome)


C = TypeVar("C", bound=Change)


class Batch(ABC, Generic[C]):
    """Changes being written in several transactions."""

    extra_items = 0  # that `add_extra` adds to each transaction
    # For how long the digest waits after a transaction that others follow.
    held_for: datetime.timedelta | None = None

    def __init__(self, user: User, changes: Sequence[C]) -> None:
        self.user = user
        self.waiting = sorted(changes, key=_sort_key)
        self.alerts = 0  # caused by committed transactions
        self._budgets: dict[str, Budget] = {}  # by id
        self._outcome = Outcome()  # of all committed transactions
        self._gathered: list[Notification] = []  # those in the digest, as stored
        # Read once: every transaction must have the number of items that was planned.
        self._closed_before = month_totals.closed_before()
        self._begin_digest()

    def write(self, keep_going: Callable[[], bool] = lambda: True) -> None:
        """Store all changes, then queue the alerts and the recounts.

        keep_going: called after each transaction; False stops, and the remaining
        changes stay in `waiting`.

        After an error some changes may be stored; their alerts are still sent.
        """
        try:
            self.begin()
            self._read_budgets(_postings(self.waiting))
            while self.waiting:
                retry_on_conflict(self._write_chunk)
                if not keep_going():
                    break
        finally:
            self.follow_up()

    def follow_up(self) -> None:
        """Queue the alerts and the recounts of committed transactions."""
        self._outcome.recounts = list(dict.fromkeys(self._outcome.recounts))
        updates.enqueue_follow_ups(self.user, self._outcome)

    def begin(self) -> None:
        """Run once before the changes are written. May use `commit`."""

    def prepare(self, chunk: Sequence[C]) -> None:
        """Run before each transaction. Must be safe to repeat."""

    def add_extra(
        self, chunk: Sequence[C], transaction: Transaction, outcome: Outcome
    ) -> None:
        """Add `extra_items` further items to a transaction of changes."""

    @abstractmethod
    def recover(self, chunk: Sequence[C], conflict: WriteConflictError) -> None:
        """Update the changes of a conflicting transaction to what is stored now.

        Changes that are no longer needed are removed from `waiting`.
        """

    def _write_chunk(self) -> None:
        chunk = self._next_chunk()
        if not chunk:  # a write conflict showed that nothing is left to do
            return
        self.prepare(chunk)
        transaction = Transaction()
        postings = _postings(chunk)
        keys = _category_keys(postings)
        outcome = updates.apply_postings(
            self.user,
            self._budgets_of(keys),
            postings,
            transaction,
        )
        for change in chunk:
            change.add_to(self.user, transaction, outcome)
        month_totals.invalidate(
            self.user, _pairs(chunk), transaction, self._closed_before
        )
        self.add_extra(chunk, transaction, outcome)
        try:
            self.commit(transaction, outcome, is_last=len(chunk) == len(self.waiting))
        except WriteConflictError as conflict:
            self.recover(chunk, conflict)
            keys |= _category_keys(_postings(chunk))
            self._read_budgets(
                [
                    posting
                    for posting in _postings(self.waiting)
                    if casefold_key(posting.category) in keys
                ]
            )
            raise
        del self.waiting[: len(chunk)]

    def commit(
        self, transaction: Transaction, outcome: Outcome, *, is_last: bool = False
    ) -> None:
        """Commit a transaction and its digest. Raises WriteConflictError.

        is_last: no transaction follows. If it causes the only alert, there is no
        digest: a digest of one would be listed beside its alert, with the same text.
        """
        digest = None
        gathered = self._gathered
        is_only = is_last and len(outcome.alerts) == 1 and not gathered
        if outcome.alerts and not is_only:
            digest, gathered = digests.put(
                self.user,
                self._digest_id,
                outcome.alerts,
                gathered,
                transaction,
                held_for=None if is_last else self.held_for,
            )
        try:
            transaction.commit()
        except WriteConflictError as conflict:
            if any(item is digest for item in conflict.refused):
                self._begin_digest()
            # An alert refused here may already have been sent separately.
            refused = {id(item) for item in conflict.refused}
            self._gathered = [
                alert for alert in self._gathered if id(alert) not in refused
            ]
            raise
        outcome.apply_to_models()
        self._outcome.recounts += outcome.recounts
        if digest:
            self._outcome.alerts = [digest]
            self.alerts += len(gathered) - len(self._gathered)
            self._gathered = gathered
        elif is_only:
            self._outcome.alerts = outcome.alerts
            self.alerts += 1

    def _next_chunk(self) -> list[C]:
        """Return as many of the waiting changes as fit in one transaction."""
        items = alerts = 0
        size = _RESERVED_BYTES
        seen: set[str] = set()
        counted: set[str] = set()
        years: set[str] = set()
        for number, change in enumerate(self.waiting):
            items += change.items
            size += change.max_bytes
            if change.after:
                alerts += side_effects.is_large(self.user, change.after)
            keys = _category_keys(change.postings) - seen
            seen |= keys
            for budget in self._budgets_of(keys):
                if budget.budget_id not in counted:
                    counted.add(budget.budget_id)
                    writes, possible = updates.items_needed(self.user, budget)
                    items += writes
                    size += updates.max_bytes(budget, writes)
                    alerts += possible
            months = month_totals.changed_months(_pairs([change]), self._closed_before)
            years |= {month[:4] for month in months}
            # The totals of each year are an item, and the digest, if any, is one.
            needed = items + len(years) + alerts + bool(alerts) + self.extra_items
            needed_bytes = size + len(years) * month_totals.MAX_YEAR_BYTES
            needed_bytes += alerts * _ALERT_BYTES
            if needed > Transaction.MAX_ITEMS or needed_bytes > Transaction.MAX_BYTES:
                # Of a single change, `apply_postings` leaves out what has no room.
                return self.waiting[: max(number, 1)]
        return list(self.waiting)

    def _read_budgets(self, postings: Sequence[Posting]) -> None:
        """Read the budgets that count the postings' categories again."""
        for budget in self._budgets_of(_category_keys(postings)):
            del self._budgets[budget.budget_id]
        if postings:
            budgets = lookup.budgets_for(self.user, postings)
            self._budgets |= {budget.budget_id: budget for budget in budgets}

    def _budgets_of(self, keys: Collection[str]) -> "list[Budget]":
        """Return the budgets read that count expenses of one of the categories."""
        return [
            budget
            for budget in self._budgets.values()
            if any(map(budget.categories.covers, keys))
        ]

    def _begin_digest(self) -> None:
        """Start a new digest, since the previous one is being sent or was sent."""
        self._digest_id = uuid.uuid4().hex
        self._gathered = []


def within_time_limit() -> Callable[[], bool]:
    """Return a function that is True until MAX_SECONDS have passed."""
    deadline = time.monotonic() + MAX_SECONDS
    return lambda: time.monotonic() < deadline


def _postings(changes: Iterable[Change]) -> list[Posting]:
    return [posting for change in changes for posting in change.postings]


def _category_keys(postings: Iterable[Posting]) -> set[str]:
    """Return the keys of the categories of postings."""
    return {casefold_key(posting.category) for posting in postings}


def _sort_key(change: Change) -> tuple[bool, str, bool]:
    """Return the key that sorts changes before they are written.

    What lowers totals comes before what raises them: otherwise one of the first
    transactions could cause an alert that refunds in the last ones make wrong, also of
    a budget for several categories. Then by category, so that a budget is in few of the
    transactions. Changes stay in the order of their days, so that the totals of few
    years are in a transaction.
    """
    category_key = str((change.before or change.expense).category_key)
    added = sum((posting.amount for posting in change.postings), Decimal(0))
    return added > 0, category_key, change.expense.amount > 0


def _pairs(changes: Iterable[Change]) -> list[month_totals.Change]:
    return [(change.before, change.after) for change in changes]
