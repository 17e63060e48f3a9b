"""Write budgets: with every expense, when a period begins, and after a recount.

A budget stores what was spent in its current period. Each change of an expense updates
the budgets it affects in the same transaction (`apply_postings`), so alerts need no
read of expenses, and two writers can never both see the same crossing. The rules are
in `evaluation.py`.

Why: docs/decisions.md#a-budget-carries-what-was-spent-in-its-period
"""

import contextlib
import datetime
import functools
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from budgets import evaluation, results
from budgets.alerts import add_alert
from budgets.evaluation import NOTHING, Count, PeriodResult, State
from budgets.models import OVER, TERMS, Budget, level_name
from expenses import queries as expenses
from notifications import outbox
from smartbudget.core import dates, log
from smartbudget.core.categories import Categories
from smartbudget.core.dynamodb import Transaction, size_of
from smartbudget.core.periods import Period, cut_short, period_of
from smartbudget.core.tasks import QueueError, send_tasks
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

if TYPE_CHECKING:
    from expenses.queries import Spending
    from notifications.models import Notification

_MAX_PERIODS = 54  # that begin in a year
_CHANGE_BYTES = 500  # by which an expense makes a budget longer

RECOUNT_TASK = "budgets.tasks.recount_budget"

# Seconds after which every committed expense can be read from the index. A budget that
# changed more recently is not recounted: the count might miss the newest expense.
SETTLE_SECONDS = 15
RECOUNT_SECONDS = 20  # until a recount; a little longer than SETTLE_SECONDS

# Items of a transaction that budgets and their alerts may take, so that the others
# always fit. An expense can count in over a hundred budgets.
MAX_BUDGET_ITEMS = 80

# A budget's results as they are stored, and as they are to be.
History = tuple[Sequence[PeriodResult], Sequence[PeriodResult]]


@dataclass(frozen=True)
class Posting:
    """An amount added to a day and category; negative if it is removed."""

    category: str
    day: datetime.date
    amount: Decimal


@dataclass
class Outcome:
    """Alerts, recounts and changes of a write, to be handled once it is committed."""

    alerts: "list[Notification]" = field(default_factory=list)
    recounts: list[str] = field(default_factory=list)  # budget ids
    changes: list[tuple[Budget, dict[str, object]]] = field(default_factory=list)

    def extend(self, other: "Outcome") -> None:
        """Add the outcome of another write."""
        self.alerts += other.alerts
        self.recounts += other.recounts
        self.changes += other.changes

    def apply_to_models(self) -> None:
        """Set the committed values on the budgets that were read.

        They can then be changed again without another read.
        """
        for budget, changes in self.changes:
            for name, value in changes.items():
                setattr(budget, name, value)


def apply_postings(
    user: User,
    budgets: Iterable[Budget],
    postings: Sequence[Posting],
    transaction: Transaction,
) -> Outcome:
    """Add budget changes and alerts caused by postings to a transaction.

    budgets: as read by `lookup.budgets_for` in this attempt; each write is conditional
    on the version read. Those that have no room in the transaction are recounted a
    little later instead.

    A posting after a budget's current period does not count yet. One before it causes
    no alert, and the results from its period on are counted again later. A budget whose
    period has ended begins the next one.
    """
    outcome = Outcome()
    for budget in budgets:
        matching = _covered(budget.categories, postings)
        period = current_period(user, budget)
        recount_from = _earliest_finished(budget, matching)
        if recount_from or any(
            posting.day in Period(budget.current.start, period.end)
            for posting in matching
        ):
            if len(transaction) > MAX_BUDGET_ITEMS:
                outcome.recounts.append(budget.budget_id)
                continue
            state = state_of(user, budget, matching)
            change(user, budget, state, transaction, outcome, recount_from=recount_from)
    return outcome


def _covered(categories: Categories, postings: Iterable[Posting]) -> list[Posting]:
    """Return the postings that change what was spent in categories on some day."""
    totals: dict[datetime.date, Decimal] = {}
    matching = []
    for posting in postings:
        if categories.covers(casefold_key(posting.category)):
            matching.append(posting)
            totals[posting.day] = totals.get(posting.day, NOTHING) + posting.amount
    return [posting for posting in matching if totals[posting.day]]


def _earliest_finished(
    budget: Budget, postings: Iterable[Posting]
) -> datetime.date | None:
    """Return the earliest day of postings to periods with results, or None."""
    if budget.results_since is None:
        return None
    since = datetime.date.fromisoformat(budget.results_since)
    days = (
        posting.day
        for posting in postings
        if since <= posting.day < budget.current.start
    )
    return min(days, default=None)


def current_period(user: User | None, budget: Budget) -> Period:
    """Return the period that contains the user's today, or the stored one if later.

    user: None if no new period can have begun.
    """
    if user is None:
        return budget.current
    return evaluation.current_period(budget, user.today(), user.calendar)


def state_of(user: User, budget: Budget, postings: Sequence[Posting] = ()) -> State:
    """Return a budget's state in its current period with the postings added."""

    def added(period: Period) -> Decimal:
        amounts = (posting.amount for posting in postings if posting.day in period)
        return sum(amounts, NOTHING)

    return evaluation.current_state(
        budget, user.today(), user.calendar, counter(user, budget), added=added
    )


def counter(user: User, budget: Budget) -> Count:
    """Return a function that counts periods whose total a budget does not store.

    It reads the expenses once, when it is first called.
    """

    @functools.cache
    def spendings() -> "Sequence[Spending]":
        days = evaluation.uncounted(budget, user.today(), user.calendar)
        return expenses.spending(budget.user_id, days) if days else ()

    return lambda period: expenses.total(spendings(), period, budget.categories)


def items_needed(user: User, budget: Budget) -> tuple[int, int]:
    """Return how many items of a transaction a budget can need, and how many alerts.

    Two alerts if it can alert, since one may replace a lower one of the same bulk
    write. A budget that begins a new period stores the results of those that ended.
    """
    state = evaluation.current_state(
        budget, user.today(), user.calendar, lambda _period: NOTHING
    )
    years = len(results.years_of(state.results))
    return 1 + years, 2 if state.results or budget.reached != OVER else 0


def max_bytes(budget: Budget, items: int) -> int:
    """Return the most bytes of a budget, and of its results.

    items: of a transaction, as `items_needed` counts them: results are by year. The
    result of a period has less than its budget.
    """
    size = size_of(budget) + _CHANGE_BYTES
    return size + (items - 1) * _MAX_PERIODS * size


def enqueue_follow_ups(user: User, outcome: Outcome) -> None:
    """Queue the alerts and recounts of a committed write.

    Raises nothing if SQS fails: the sweep finds notifications that are still `queued`,
    and the daily check recounts every budget.
    """
    if outcome.alerts:
        outbox.enqueue(user, outcome.alerts)
    for alert in outcome.alerts:
        log.count("AlertsQueued", Level=alert.type.removeprefix("budget_"))
    if outcome.recounts:
        calls = [
            {"user_id": user.user_id, "budget_id": budget_id}
            for budget_id in outcome.recounts
        ]
        with contextlib.suppress(QueueError):  # logged where it happened
            send_tasks(RECOUNT_TASK, calls, countdown=RECOUNT_SECONDS)


def correct(
    user: User,
    budget: Budget,
    spendings: "Sequence[Spending]",
    history: Sequence[PeriodResult] = (),
) -> tuple[bool, Outcome]:
    """Write a budget's counted total and results if they differ, or its new period.

    spendings: of the days of `to_count`.
    history: the budget's results, if it has a `recount_from`.
    The write is conditional on the version read.

    Returns whether the total was wrong within the same period, and the outcome.
    Raises WriteConflictError.
    """
    outcome, transaction = Outcome(), Transaction()
    counted = carried = None
    settled = is_settled(budget)
    if budget.recount_from and settled:
        since = datetime.date.fromisoformat(budget.recount_from)
        total = functools.partial(expenses.total, spendings)
        counted = evaluation.chained(history, total, since)
        carried = evaluation.carried_into(budget.current, counted)
    state = evaluation.current_state(
        budget,
        user.today(),
        user.calendar,
        functools.partial(expenses.total, spendings, categories=budget.categories),
        carried=carried,
        count_all=settled,
    )
    same_period = state.period == budget.current and budget.is_counted
    differs = same_period and state.spent != budget.spent
    is_changed = differs or state.carried_over != budget.carried_over
    if same_period and not is_changed and counted is None:
        return False, outcome
    change(
        user,
        budget,
        state,
        transaction,
        outcome,
        is_recounted=counted is not None,
        history=None if counted is None else (history, counted),
    )
    transaction.commit()
    return differs, outcome


def to_count(
    user: User | None, budget: Budget, history: Sequence[PeriodResult] = ()
) -> Period:
    """Return the days whose expenses `correct` counts; user: see `current_period`."""
    days = [budget.current, current_period(user, budget)]
    if budget.recount_from:
        since = datetime.date.fromisoformat(budget.recount_from)
        days += [result.period for result in history if result.period.end >= since]
    return Period.spanning(days)


def is_settled(budget: Budget, now: datetime.datetime | None = None) -> bool:
    """Check whether the index has every expense that the budget has counted."""
    changed = datetime.datetime.fromisoformat(budget.updated_at)
    return (now or dates.now()) - changed >= datetime.timedelta(seconds=SETTLE_SECONDS)


def spent_in(budget: Budget, period: Period) -> Decimal:
    """Return the total that a budget covers in a period, with one Query."""
    spendings = expenses.spending(budget.user_id, period)
    return expenses.total(spendings, period, budget.categories)


def change(
    user: User,
    budget: Budget,
    state: State,
    transaction: Transaction,
    outcome: Outcome,
    edited: Budget | None = None,
    *,
    recount_from: datetime.date | None = None,
    is_recounted: bool = False,
    history: History | None = None,
) -> None:
    """Add a budget's new state, and an alert if its level rose, to `transaction`.

    edited: the budget with new terms, or None.
    recount_from: the results from this day on are to be counted again.
    is_recounted: all of them have been.
    history: its results as they are stored and as they are to be; None: unchanged.
    """
    edited = edited or budget
    values: dict[str, object] = {name: getattr(edited, name) for name in TERMS}
    values |= numbers_of(user, state)
    values["earlier_terms"] = edited.earlier_terms
    values |= results.beginnings(budget, edited, state)
    values["recount_from"] = None if is_recounted else budget.recount_from
    if not is_recounted:
        # The index may not have had the newest expenses of periods just counted.
        days = [recount_from, *(result.period.start for result in state.results[1:])]
        values["recount_from"] = _earliest(budget.recount_from, days)
        if len(state.results) or recount_from:
            outcome.recounts.append(budget.budget_id)
    changes = {
        name: value
        for name, value in values.items()
        if value != getattr(budget, name) or name == "updated_at"
    }
    actions = [Budget.assign(name, value) for name, value in changes.items()]
    transaction.update(budget, actions)
    for name in ("history_id", "results_since"):
        setattr(edited, name, values.get(name, getattr(budget, name)))
    _store_results(edited, state.results, history, transaction)
    outcome.changes.append((budget, changes))
    add_alert(user, edited, state, transaction, outcome)


def _earliest(stored: str | None, days: Iterable[datetime.date | None]) -> str | None:
    texts = [day.isoformat() for day in days if day]
    return min([*texts, stored] if stored else texts, default=None)


def _store_results(
    budget: Budget,
    finished: Sequence[PeriodResult],
    history: History | None,
    transaction: Transaction,
) -> None:
    """Add results of periods that have just finished, and those that changed."""
    if history is None:
        results.add(budget, finished, transaction)
    else:
        stored, new = history
        results.replace(budget, stored, [*new, *finished], transaction)


def numbers_of(user: User, state: State) -> dict[str, object]:
    """Return a state as it is stored in a budget: {attribute: value}."""
    several = len(state.alert_thresholds) > 1
    notified = state.next_notified
    return {
        "period_start": state.period.start.isoformat(),
        "current_period": state.period.interval,
        "calendar_change": user.calendar.change,
        "spent": state.spent,
        "carried": state.carried_over or None,
        "level": level_name(state.reached),
        "threshold_reached": state.reached if several else None,
        "rearm_count": state.next_rearm_count,
        "notified_level": level_name(notified) if notified else None,
        "notified_threshold": notified if several and notified else None,
        "updated_at": dates.timestamp(),
    }


def put_new(user: User, budget: Budget, transaction: Transaction) -> Outcome:
    """Add a new budget to a transaction, with what was spent in its period already."""
    period = period_of(budget.recurrence, user.today(), user.calendar)
    budget.history_id = uuid.uuid4().hex
    budget.results_since = results.since(budget, period)
    state = State(
        period=period,
        spent=spent_in(budget, period),
        amount=budget.amount,
        alert_thresholds=budget.alert_thresholds,
        previous=0,
        rearm_count=0,
        is_silent=evaluation.is_silent(budget, user.today()),
    )
    return _put(user, budget, state, transaction)


def edited_state(user: User, budget: Budget, edited: Budget) -> State:
    """Return a budget's state in its current period with new terms.

    With another rule of periods, the current one may end earlier.
    """
    state = state_of(user, budget)
    if edited.recurrence != budget.recurrence:
        period = cut_short(state.period, user.today(), edited.recurrence, user.calendar)
        if period != state.period:
            state = state.within(period, spent_in(budget, period))
    return state.edited(edited)


def put_moved(
    user: User,
    old: Budget,
    new: Budget,
    transaction: Transaction,
    *,
    notified: int = 0,
    state: State | None = None,
    history: History | None = None,
) -> Outcome:
    """Add the deletion of a budget, and a new one in its place, to a transaction.

    new: as `Budget.with_terms` returns it. Its period goes on; if its rule is another,
    it may end earlier. notified: see Budget.notified. state: of the old one, if it is
    known. history: see `change`.
    """
    state = state or state_of(user, old)
    period = state.period
    for name, value in results.beginnings(old, new, state).items():
        setattr(new, name, value)
    if new.recurrence != old.recurrence:
        if "once" in (old.period, new.period):
            period = period_of(new.recurrence, user.today(), user.calendar)
            state = replace(state, carried_over=NOTHING)
            if new.period != "once":
                since = results.since(new, period)
                new.results_since = min(new.results_since, since)
        else:
            period = cut_short(period, user.today(), new.recurrence, user.calendar)
    transaction.delete(old)
    _store_results(new, state.results, history, transaction)
    moved = replace(
        state,
        period=period,
        spent=spent_in(new, period),
        amount=new.amount,
        alert_thresholds=new.alert_thresholds,
        previous=0,
        # It may move back to an id that it had, under which it sent alerts.
        rearm_count=int(old.rearm_count) + 1,
        notified=notified,
        is_silent=evaluation.is_silent(new, user.today()),
    )
    return _put(user, new, moved, transaction)


def _put(user: User, budget: Budget, state: State, transaction: Transaction) -> Outcome:
    for name, value in numbers_of(user, state).items():
        setattr(budget, name, value)
    budget.rearm_count = state.rearm_count
    transaction.put(budget, Budget.budget_id.does_not_exist())
    # An expense written at the same moment may not have seen the budget.
    outcome = Outcome(recounts=[budget.budget_id])
    add_alert(user, budget, state, transaction, outcome)
    return outcome
