"""What budgets count, kept in step with every expense; what rose is alerted.

A budget carries what was spent in its current period. Whoever changes an expense
changes the budgets it touches in the same transaction (`apply_entries`), so alerts need
no reading of expenses and two writers can never both see the same crossing.

Why: docs/decisions.md#a-budget-carries-what-was-spent-in-its-period
"""

import contextlib
import datetime
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from budgets.models import LEVELS, Budget, budget_ids_for, level_of
from expenses import queries as expenses
from notifications import messages, outbox
from smartbudget.core import dates, log
from smartbudget.core.dynamodb import Action, Transaction
from smartbudget.core.tasks import QueueError, send_tasks
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

if TYPE_CHECKING:
    from notifications.models import Notification

RECOUNT_TASK = "budgets.tasks.recount_budget"

# Seconds after which every committed expense is surely in the index. A budget that
# changed more recently is not recounted, since the count might miss the newest.
SETTLED = 15
RECOUNT_IN = 20  # seconds; a little more than that

_NAMESPACE = uuid.UUID("0a2f1c52-8a5e-5b0e-8d4f-2f0a4f6f7c01")


@dataclass(frozen=True)
class Entry:
    """Money that counts on one day in one category; below zero, it no longer does."""

    category: str
    day: datetime.date
    amount: Decimal


@dataclass
class Outcome:
    """What a write leads to once it is committed; see `follow_up`."""

    alerts: "list[Notification]" = field(default_factory=list)
    recounts: list[str] = field(default_factory=list)  # budget ids
    changes: list[tuple[Budget, dict[str, object]]] = field(default_factory=list)

    def take_effect(self) -> None:
        """Bring the budgets that were read to what was committed.

        They can then be changed once more without being read again.
        """
        for budget, changes in self.changes:
            for name, value in changes.items():
                setattr(budget, name, value)


@dataclass(frozen=True)
class State:
    """What a budget is to become."""

    period: dates.Period
    spent: Decimal
    amount: Decimal
    alert_threshold: int
    was: str  # the level it rises or falls from
    arming: int
    told: str = "ok"  # see Budget.told

    @property
    def level(self) -> str:
        return level_of(self.spent, self.amount, self.alert_threshold)

    @property
    def known(self) -> str:
        """The highest level that its owner has been told of."""
        return max(self.was, self.told, key=LEVELS.index)

    @property
    def risen_to(self) -> str | None:
        """The level to alert: the highest one reached; None if it did not rise.

        A write that passes two levels at once is news of the higher one alone.
        """
        rose = LEVELS.index(self.level) > LEVELS.index(self.known)
        return self.level if rose else None

    @property
    def fell(self) -> bool:
        return LEVELS.index(self.level) < LEVELS.index(self.was)

    @property
    def armed(self) -> int:
        """Falling to a lower level arms the alerts above it once more."""
        return self.arming + self.fell

    @property
    def still_told(self) -> str | None:
        """What stays known: until the level is there, or falls by itself."""
        if self.fell or LEVELS.index(self.level) >= LEVELS.index(self.told):
            return None
        return self.told

    def carried_on(self) -> "State":
        """Return it as that of a budget which is another by now; its owner knows."""
        return replace(self, was="ok", told=self.known, arming=self.arming + 1)


def read_touched(user: User, entries: Sequence[Entry]) -> list[Budget]:
    """Read the budgets that entries may change: by key, consistent, in one call."""
    ids = {
        budget_id
        for category in {entry.category for entry in entries}
        for period in dates.PERIODS
        for budget_id in budget_ids_for(user.user_id, period, category)
    }
    return list(Budget.batch_get(list(ids), consistent_read=True))


def apply_entries(
    user: User, budgets: Iterable[Budget], entries: Sequence[Entry], writes: Transaction
) -> Outcome:
    """Add to `writes` what entries change in budgets, and the alerts of what rose.

    budgets: as read by `read_touched` in this attempt; each write is conditional on
    the version read. A day outside a budget's current period adds nothing to it, so a
    back-dated expense in a closed period alerts nobody. A budget that still holds the
    closed period moves on, since its total of that period would no longer be right.
    """
    outcome = Outcome()
    for budget in budgets:
        key = budget.category_key
        mine = [entry for entry in entries if casefold_key(entry.category) == key]
        held = (budget.current, current_period(user, budget))
        if not any(entry.day in period for entry in mine for period in held):
            continue
        state = settle(user, budget, mine, outcome)
        change(user, budget, state, writes, outcome)
    return outcome


def alert_items(user: User, budget: Budget) -> int:
    """Return how many items the alert of one change can take in a transaction.

    It is one, and the lower one that it replaces where both are of one bulk.
    """
    is_new = current_period(user, budget) != budget.current
    return 2 if is_new or budget.level != LEVELS[-1] else 0


def follow_up(user: User, outcome: Outcome) -> None:
    """Queue what a committed write leads to.

    Never raises for SQS: notifications stay `queued` for the sweep, and the daily
    check recounts every budget.
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
            send_tasks(RECOUNT_TASK, calls, countdown=RECOUNT_IN)


def correct(user: User, budget: Budget, counted: Decimal) -> tuple[bool, Outcome]:
    """Write a budget's counted total where it differs, or its new period.

    counted: what its current period holds. Conditional on the version read.

    Returns whether it differed within a period, and what to follow up.
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
        was=budget.level if same_period else "ok",
        arming=int(budget.arming),
        told=(same_period and budget.told) or "ok",
    )
    writes = Transaction()
    change(user, budget, state, writes, outcome)
    writes.commit()
    return same_period, outcome


def is_settled(budget: Budget, now: datetime.datetime | None = None) -> bool:
    """Tell whether the index surely holds all that the budget has counted."""
    changed = datetime.datetime.fromisoformat(budget.updated_at)
    return (now or dates.now()) - changed >= datetime.timedelta(seconds=SETTLED)


def current_period(user: User | None, budget: Budget) -> dates.Period:
    """Find the period of the user's today, or a later one the budget is in already.

    Clocks differ a little and people travel west; a period once begun is not undone.
    user: None where it is known that no new period can have begun.
    """
    if user is None:
        return budget.current
    today = dates.period_of(budget.period, user.today())
    return max(today, budget.current, key=lambda period: period.start)


def count(budget: Budget, period: dates.Period) -> Decimal:
    found = expenses.spending(budget.user_id, period)
    return expenses.total(found, period, budget.category_key)


def settle(
    user: User,
    budget: Budget,
    entries: Sequence[Entry],
    outcome: Outcome,
    wanted: Budget | None = None,
) -> State:
    """Bring a budget to its current period and add the entries that fall in it.

    wanted: carries a new amount and threshold.
    """
    period = current_period(user, budget)
    if period == budget.current:
        spent, was, told = budget.spent, budget.level, budget.told or "ok"
    else:
        # Future-dated expenses may be waiting in the period that begins.
        spent, was, told = count(budget, period), "ok", "ok"
        outcome.recounts.append(budget.budget_id)
    return State(
        period=period,
        spent=spent + sum(entry.amount for entry in entries if entry.day in period),
        amount=(wanted or budget).amount,
        alert_threshold=int((wanted or budget).alert_threshold),
        was=was,
        # Never starts anew: a budget moved to weeks and back would reuse an id.
        arming=int(budget.arming),
        told=told,
    )


def change(
    user: User,
    budget: Budget,
    state: State,
    writes: Transaction,
    outcome: Outcome,
    wanted: Budget | None = None,
) -> None:
    """Add a budget's change and the alerts of what rose to `writes`."""
    wanted = wanted or budget
    changes = {
        "category": wanted.category,
        "amount": state.amount,
        "alert_threshold": state.alert_threshold,
        "period_start": state.period.start.isoformat(),
        "spent": state.spent,
        "level": state.level,
        "arming": state.armed,
        "updated_at": dates.timestamp(),
    }
    actions: list[Action] = [
        getattr(Budget, name).set(value) for name, value in changes.items()
    ]
    if budget.told != state.still_told:
        changes["told"] = state.still_told
        actions.append(_assign_told(state.still_told))
    writes.update(budget, actions)
    outcome.changes.append((budget, changes))
    _alert(user, wanted, state, writes, outcome)


def put_counted(
    user: User, budget: Budget, *, arming: int, writes: Transaction, told: str = "ok"
) -> Outcome:
    """Add a new budget, with what its period holds already, to `writes`."""
    period = dates.period_of(budget.period, user.today())
    state = State(
        period=period,
        spent=count(budget, period),
        amount=budget.amount,
        alert_threshold=int(budget.alert_threshold),
        was="ok",
        arming=arming,
        told=told,
    )
    budget.period_start = period.start.isoformat()
    budget.spent = state.spent
    budget.level = state.level
    budget.arming = arming
    budget.told = state.still_told
    budget.updated_at = dates.timestamp()
    writes.put(budget, Budget.budget_id.does_not_exist())
    # An expense in flight at this moment may not have seen the budget.
    outcome = Outcome(recounts=[budget.budget_id])
    _alert(user, budget, state, writes, outcome)
    return outcome


def _assign_told(told: str | None) -> Action:
    action: Action = Budget.told.set(told) if told else Budget.told.remove()
    return action


def _alert(
    user: User, budget: Budget, state: State, writes: Transaction, outcome: Outcome
) -> None:
    level = state.risen_to
    if level is None:
        return
    subject, message = messages.budget_alert(
        level,
        category=budget.category,
        period=state.period,
        period_kind=budget.period,
        amount=state.amount,
        spent=state.spent,
        currency=user.currency,
        language=user.language,
        today=user.today(),
    )
    # Made of what the alert is about, so that writing it twice is impossible.
    # created_at tells a budget from one of the same name deleted before.
    about = (
        f"{budget.budget_id}|{budget.created_at}|{state.period.start}"
        f"|{level}|{state.arming}"
    )
    notification = outbox.compose(
        notification_id=uuid.uuid5(_NAMESPACE, about).hex,
        user_id=user.user_id,
        type=f"budget_{level}",
        subject=subject,
        message=message,
    )
    notification.topic = f"{budget.budget_id}|{state.period.start}"
    outbox.put(notification, writes)
    outcome.alerts.append(notification)
