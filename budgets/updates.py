"""Update budgets with every expense, and alert when they reach a level.

A budget stores what was spent in its current period. Each change of an expense updates
the budgets it affects in the same transaction (`apply_postings`), so alerts need no
read of expenses, and two writers can never both see the same crossing.

Why: docs/decisions.md#a-budget-carries-what-was-spent-in-its-period
"""

import contextlib
import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from budgets.alerts import add_alert
from budgets.models import LEVELS, Budget, budget_ids_for, level_of
from expenses import queries as expenses
from notifications import outbox
from smartbudget.core import dates, log
from smartbudget.core.dynamodb import Action, Transaction
from smartbudget.core.periods import PERIODS, Period, period_of
from smartbudget.core.tasks import QueueError, send_tasks
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

if TYPE_CHECKING:
    from notifications.models import Notification

RECOUNT_TASK = "budgets.tasks.recount_budget"

# Seconds after which every committed expense can be read from the index. A budget that
# changed more recently is not recounted: the count might miss the newest expense.
SETTLE_SECONDS = 15
RECOUNT_SECONDS = 20  # until a recount; a little longer than SETTLE_SECONDS


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

    def apply_to_models(self) -> None:
        """Set the committed values on the budgets that were read.

        They can then be changed again without another read.
        """
        for budget, changes in self.changes:
            for name, value in changes.items():
                setattr(budget, name, value)


@dataclass(frozen=True)
class State:
    """The new numbers of a budget, and the levels they are compared with."""

    period: Period
    spent: Decimal
    amount: Decimal
    alert_threshold: int
    previous_level: str
    rearm_count: int
    notified_level: str = "ok"  # see Budget.notified_level

    @property
    def level(self) -> str:
        return level_of(self.spent, self.amount, self.alert_threshold)

    @property
    def known_level(self) -> str:
        """The highest level that the owner has been notified of."""
        return max(self.previous_level, self.notified_level, key=LEVELS.index)

    @property
    def risen_to(self) -> str | None:
        """The level to send an alert for, or None if the level did not rise.

        A write that passes two levels at once causes one alert, for the higher one.
        """
        rose = LEVELS.index(self.level) > LEVELS.index(self.known_level)
        return self.level if rose else None

    @property
    def has_fallen(self) -> bool:
        return LEVELS.index(self.level) < LEVELS.index(self.previous_level)

    @property
    def next_rearm_count(self) -> int:
        """The count after this change; a fall to a lower level rearms the alerts."""
        return self.rearm_count + self.has_fallen

    @property
    def next_notified_level(self) -> str | None:
        """The notified level to store, or None once reached, or after a fall."""
        notified = LEVELS.index(self.notified_level)
        if self.has_fallen or LEVELS.index(self.level) >= notified:
            return None
        return self.notified_level

    def merged(self) -> "State":
        """Return the state for a budget that others were merged into.

        Levels that the owner was notified of cause no second alert.
        """
        return replace(
            self,
            previous_level="ok",
            notified_level=self.known_level,
            rearm_count=self.rearm_count + 1,
        )


def budgets_for(user: User, postings: Sequence[Posting]) -> list[Budget]:
    """Return the budgets that postings may change, with one consistent batch read."""
    ids = {
        budget_id
        for category in {posting.category for posting in postings}
        for period in PERIODS
        for budget_id in budget_ids_for(user.user_id, period, category)
    }
    return list(Budget.batch_get(list(ids), consistent_read=True))


def apply_postings(
    user: User,
    budgets: Iterable[Budget],
    postings: Sequence[Posting],
    transaction: Transaction,
) -> Outcome:
    """Add budget changes and alerts caused by postings to a transaction.

    budgets: as read by `budgets_for` in this attempt; each write is conditional on
    the version read.

    A posting outside a budget's current period does not count, so a back-dated expense
    in a closed period causes no alert. A budget that still stores the closed period is
    rolled over, since its total for that period would become wrong.
    """
    outcome = Outcome()
    for budget in budgets:
        key = budget.category_key
        matching = [
            posting for posting in postings if casefold_key(posting.category) == key
        ]
        periods = (budget.current, current_period(user, budget))
        if not any(posting.day in period for posting in matching for period in periods):
            continue
        state = rolled_over(user, budget, matching, outcome)
        change(user, budget, state, transaction, outcome)
    return outcome


def alert_items(user: User, budget: Budget) -> int:
    """Return how many items of a transaction the alert of one budget can need.

    Two if it can alert, since the alert may replace a lower one of the same bulk write.
    """
    is_new = current_period(user, budget) != budget.current
    return 2 if is_new or budget.level != LEVELS[-1] else 0


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


def correct(user: User, budget: Budget, counted: Decimal) -> tuple[bool, Outcome]:
    """Write a budget's counted total if it differs, or its new period.

    counted: total spent in its current period. The write is conditional on the
    version read.

    Returns whether the total was wrong within the same period, and the outcome.
    Raises WriteConflictError.
    """
    outcome = Outcome()
    period = current_period(user, budget)
    same_period = period == budget.current
    if same_period and counted == budget.spent:
        return False, outcome
    state = State(
        period=period,
        spent=counted,
        amount=budget.amount,
        alert_threshold=int(budget.alert_threshold),
        previous_level=budget.level if same_period else "ok",
        rearm_count=int(budget.rearm_count),
        notified_level=(same_period and budget.notified_level) or "ok",
    )
    transaction = Transaction()
    change(user, budget, state, transaction, outcome)
    transaction.commit()
    return same_period, outcome


def is_settled(budget: Budget, now: datetime.datetime | None = None) -> bool:
    """Check whether the index has every expense that the budget has counted."""
    changed = datetime.datetime.fromisoformat(budget.updated_at)
    return (now or dates.now()) - changed >= datetime.timedelta(seconds=SETTLE_SECONDS)


def current_period(user: User | None, budget: Budget) -> Period:
    """Return the period that contains the user's today, or the stored one if later.

    A stored period never goes back, although clocks differ and users travel west.

    user: None if no new period can have begun.
    """
    if user is None:
        return budget.current
    today = period_of(budget.period, user.today())
    return max(today, budget.current, key=lambda period: period.start)


def spent_in(budget: Budget, period: Period) -> Decimal:
    """Return the total spent in a budget's category in a period, with one Query."""
    spendings = expenses.spending(budget.user_id, period)
    return expenses.total(spendings, period, budget.category_key)


def rolled_over(
    user: User,
    budget: Budget,
    postings: Sequence[Posting],
    outcome: Outcome,
    edited: Budget | None = None,
) -> State:
    """Return a budget's state in its current period with the postings added.

    edited: the budget with a new amount or threshold, or None.
    """
    period = current_period(user, budget)
    if period == budget.current:
        spent, previous = budget.spent, budget.level
        notified = budget.notified_level or "ok"
    else:
        # The new period may already hold expenses recorded with a future date.
        spent, previous, notified = spent_in(budget, period), "ok", "ok"
        outcome.recounts.append(budget.budget_id)
    return State(
        period=period,
        spent=spent
        + sum(posting.amount for posting in postings if posting.day in period),
        amount=(edited or budget).amount,
        alert_threshold=int((edited or budget).alert_threshold),
        previous_level=previous,
        # Never reset: a budget moved to weeks and back would reuse an alert's id.
        rearm_count=int(budget.rearm_count),
        notified_level=notified,
    )


def change(
    user: User,
    budget: Budget,
    state: State,
    transaction: Transaction,
    outcome: Outcome,
    edited: Budget | None = None,
) -> None:
    """Add a budget's new state, and an alert if its level rose, to `transaction`."""
    edited = edited or budget
    changes = {
        "category": edited.category,
        "amount": state.amount,
        "alert_threshold": state.alert_threshold,
        "period_start": state.period.start.isoformat(),
        "spent": state.spent,
        "level": state.level,
        "rearm_count": state.next_rearm_count,
        "updated_at": dates.timestamp(),
    }
    actions: list[Action] = [
        getattr(Budget, name).set(value) for name, value in changes.items()
    ]
    notified = state.next_notified_level
    if budget.notified_level != notified:
        changes["notified_level"] = notified
        actions.append(Budget.assign("notified_level", notified or None))
    transaction.update(budget, actions)
    outcome.changes.append((budget, changes))
    add_alert(user, edited, state, transaction, outcome)


def put_new(
    user: User,
    budget: Budget,
    *,
    rearm_count: int,
    transaction: Transaction,
    notified_level: str = "ok",
) -> Outcome:
    """Add a new budget to a transaction, with what was spent in its period already."""
    period = period_of(budget.period, user.today())
    state = State(
        period=period,
        spent=spent_in(budget, period),
        amount=budget.amount,
        alert_threshold=int(budget.alert_threshold),
        previous_level="ok",
        rearm_count=rearm_count,
        notified_level=notified_level,
    )
    budget.period_start = period.start.isoformat()
    budget.spent = state.spent
    budget.level = state.level
    budget.rearm_count = rearm_count
    budget.notified_level = state.next_notified_level
    budget.updated_at = dates.timestamp()
    transaction.put(budget, Budget.budget_id.does_not_exist())
    # An expense written at the same moment may not have seen the budget.
    outcome = Outcome(recounts=[budget.budget_id])
    add_alert(user, budget, state, transaction, outcome)
    return outcome
