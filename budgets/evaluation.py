"""The rules of budgets: levels, alerts, and what a period carries over. Pure functions.

`updates.py` applies them to stored budgets.
"""

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from budgets.models import OVER, Budget, level_name
from smartbudget.core import money
from smartbudget.core.categories import Categories
from smartbudget.core.periods import (
    DEFAULT_CALENDAR,
    Calendar,
    Period,
    cut_short,
    following,
    period_of,
)

NOTHING = Decimal(0)
ONE_DAY = datetime.timedelta(days=1)
COMING = 3  # periods of a preview: the current one and the next ones

Count = Callable[[Period], Decimal]  # returns what was spent in a period
# Returns what was spent in categories in a period.
Total = Callable[[Period, Categories], Decimal]


def reached(spent: Decimal, limit: Decimal, alert_thresholds: Sequence[int]) -> int:
    """Return the highest threshold that was reached, OVER above the limit, or 0.

    spent, limit: may be below zero, after refunds or an overspent period before. A
    limit of zero or less is reached when nothing is left of it.
    """
    if spent > limit:
        return OVER
    if limit <= 0:
        return alert_thresholds[-1] if spent == limit else 0
    passed = [
        threshold for threshold in alert_thresholds if spent * 100 >= limit * threshold
    ]
    return max(passed, default=0)


def percentage(spent: Decimal, limit: Decimal) -> Decimal:
    """Return percent spent, two decimals, never rounded up to a level not reached.

    0 while refunds exceed spending, and 100 of a limit of zero or less that is used up.
    """
    if limit <= 0:
        return Decimal("0.00" if spent < limit else "100.00")
    return money.percentage(max(spent, NOTHING), limit)


def carried_over(left: Decimal, rollover: str, cap: Decimal | None) -> Decimal:
    """Return what the next period gets of what is left; below zero if overspent.

    rollover: one of ROLLOVERS. cap: of the result, whatever its sign; None: no limit.
    """
    carried = {
        "none": NOTHING,
        "surplus": max(left, NOTHING),
        "overspend": min(left, NOTHING),
        "both": left,
    }[rollover]
    return carried if cap is None else max(min(carried, cap), -cap)


@dataclass(frozen=True)
class PeriodResult:
    """A finished period of a budget, with its terms and its total."""

    period: Period
    categories: Categories
    amount: Decimal
    spent: Decimal
    alert_thresholds: tuple[int, ...]
    carried_over: Decimal = NOTHING  # from the period before
    rollover: str = "none"  # into the next period
    rollover_cap: Decimal | None = None
    was_paused: bool = False  # at its end: nothing is carried over then

    @property
    def limit(self) -> Decimal:
        """The amount that could be spent; may be below zero."""
        return self.amount + self.carried_over

    @property
    def remaining(self) -> Decimal:
        """The amount that was left; negative if over budget."""
        return self.limit - self.spent

    @property
    def percentage(self) -> Decimal:
        """Percent spent of the limit; see `percentage`."""
        return percentage(self.spent, self.limit)

    @property
    def level(self) -> str:
        """One of LEVELS, at the end of the period."""
        return level_name(reached(self.spent, self.limit, self.alert_thresholds))

    def with_rollover_of(self, budget: Budget) -> "PeriodResult":
        """Return the result as if the budget had carried over as it does now."""
        return replace(self, rollover=budget.rollover, rollover_cap=budget.rollover_cap)

    @property
    def carries_over(self) -> Decimal:
        """The amount that the next period begins with; below zero if overspent."""
        if self.was_paused:
            return NOTHING
        return carried_over(self.remaining, self.rollover, self.rollover_cap)


@dataclass(frozen=True)
class State:
    """The new numbers of a budget, and the levels they are compared with.

    Levels are percentages of thresholds: 0 below the first one, OVER above the limit.
    """

    period: Period
    spent: Decimal
    amount: Decimal
    alert_thresholds: tuple[int, ...]
    previous: int
    rearm_count: int
    notified: int = 0  # see Budget.notified
    carried_over: Decimal = NOTHING
    is_silent: bool = False  # whether it causes no alerts
    results: tuple[PeriodResult, ...] = ()  # of the periods that ended before

    @property
    def limit(self) -> Decimal:
        return self.amount + self.carried_over

    @property
    def reached(self) -> int:
        return reached(self.spent, self.limit, self.alert_thresholds)

    @property
    def known(self) -> int:
        """The highest level that the owner has been notified of."""
        return max(self.previous, self.notified)

    @property
    def risen_to(self) -> int | None:
        """The level to send an alert for, or None if the level did not rise.

        A write that passes two levels at once causes one alert, for the higher one.
        """
        rose = self.reached > self.known and not self.is_silent
        return self.reached if rose else None

    @property
    def has_fallen(self) -> bool:
        return self.reached < self.previous

    @property
    def next_rearm_count(self) -> int:
        """The count after this change; a fall to a lower level rearms the alerts."""
        return self.rearm_count + self.has_fallen

    @property
    def next_notified(self) -> int:
        """The notified level to store: 0 once it is reached, or after a fall."""
        if self.has_fallen or self.reached >= self.notified:
            return 0
        return self.notified

    def edited(self, budget: Budget) -> "State":
        """Return the state with the amount, thresholds and pause of an edited budget.

        New thresholds below the highest that was reached cause no alert.
        """
        state = replace(
            self,
            amount=budget.amount,
            alert_thresholds=budget.alert_thresholds,
            is_silent=budget.paused_at is not None or self.is_silent,
        )
        if 0 < self.previous < OVER and state.reached < OVER:
            state = replace(state, previous=max(self.previous, state.reached))
        return state

    def within(self, period: Period, spent: Decimal) -> "State":
        """Return the state with another end of the period, which causes no alert again.

        Levels that the owner was notified of in it stay so.
        """
        return replace(
            self, period=period, spent=spent, previous=0, notified=self.known
        )

    def merged(self) -> "State":
        """Return the state for a budget that others were merged into.

        Levels that the owner was notified of cause no second alert.
        """
        return replace(
            self, previous=0, notified=self.known, rearm_count=self.rearm_count + 1
        )


def current_period(
    budget: Budget,
    today: datetime.date | None,
    calendar: Calendar = DEFAULT_CALENDAR,
) -> Period:
    """Return the period that contains a day, or the stored one if later.

    A stored period never goes back, although clocks differ and users travel west.

    today: None if no new period can have begun.
    """
    *_, last = _periods_to(budget, today, calendar)
    return last


def coming_periods(
    terms: Budget,
    stored: Budget | None,
    today: datetime.date,
    calendar: Calendar = DEFAULT_CALENDAR,
) -> list[Period]:
    """Return the current period of a budget and the next ones, COMING in all.

    terms: the budget as it is to be. stored: as it is, or None if it is new.
    """
    rule = terms.recurrence
    period = period_of(rule, today, calendar)
    if stored and "once" not in (rule.kind, stored.period):
        period = current_period(stored, today, calendar)
        if rule != stored.recurrence:
            period = cut_short(period, today, rule, calendar)
    periods = [period]
    while len(periods) < COMING and rule.kind != "once":
        periods.append(following(periods[-1], rule, calendar))
    return periods


def uncounted(
    budget: Budget, today: datetime.date, calendar: Calendar = DEFAULT_CALENDAR
) -> Period | None:
    """Return the days whose expenses `current_state` needs, or None if none."""
    stored, *later = _periods_to(budget, today, calendar)
    if budget.is_counted and stored == budget.current:
        return Period.spanning(later) if later else None
    return Period.spanning([stored, *later])


def current_state(
    budget: Budget,
    today: datetime.date | None,
    calendar: Calendar,
    count: Count,
    *,
    added: Count = lambda _period: NOTHING,
    carried: Decimal | None = None,
    count_all: bool = False,
) -> State:
    """Return a budget's state in the period of `current_period`.

    count: called for periods of which the budget does not have the total, or for all
    of them if `count_all`.
    added: returns what is added in a period, and not counted yet.
    carried: replaces what the stored period got from the one before.
    """
    stored, *later = _periods_to(budget, today, calendar)
    has_total = budget.is_counted and stored == budget.current and not count_all
    spent = (budget.spent if has_total else count(stored)) + added(stored)
    carried = budget.carried_over if carried is None else carried
    results: list[PeriodResult] = []
    period = stored
    for next_period in later:
        result = result_of(budget, period, spent, carried)
        results.append(result)
        period, carried = next_period, result.carries_over
        # It may already hold expenses recorded with a future date.
        spent = count(period) + added(period)
    state = State(
        period=period,
        spent=spent,
        amount=budget.amount,
        alert_thresholds=budget.alert_thresholds,
        previous=0 if results else budget.reached,
        # Never reset: a budget moved to weeks and back would reuse an alert's id.
        rearm_count=int(budget.rearm_count),
        notified=0 if results else budget.notified,
        carried_over=carried,
        is_silent=is_silent(budget, today),
        results=tuple(results),
    )
    is_same = results or stored == budget.current
    return state if is_same else state.within(stored, spent)


def is_silent(budget: Budget, today: datetime.date | None) -> bool:
    """Check whether a budget causes no alerts: it is paused, or was for days past."""
    if budget.paused_at:
        return True
    only = budget.recurrence.only
    return bool(only and today and today > only.end)


def result_of(
    budget: Budget, period: Period, spent: Decimal, carried: Decimal
) -> PeriodResult:
    """Return the result of a period that ends with the budget as it is."""
    return PeriodResult(
        period=period,
        categories=budget.categories,
        amount=budget.amount,
        spent=spent,
        alert_thresholds=budget.alert_thresholds,
        carried_over=carried,
        rollover=budget.rollover,
        rollover_cap=budget.rollover_cap,
        was_paused=budget.paused_at is not None,
    )


def chained(
    results: Sequence[PeriodResult], total: Total, start: datetime.date
) -> list[PeriodResult]:
    """Return results, counted again from the period of a day on.

    What each carries over is added to the one after it; amounts and categories stay as
    they were.
    """
    counted: list[PeriodResult] = []
    for result in results:
        if result.period.end < start:
            counted.append(result)
            continue
        carried = carried_into(result.period, counted)
        if carried is not None:
            result = replace(result, carried_over=carried)
        spent = total(result.period, result.categories)
        counted.append(replace(result, spent=spent))
    return counted


def merged(
    results: Sequence[PeriodResult], others: Sequence[PeriodResult]
) -> list[PeriodResult]:
    """Return the results of a budget that others were merged into.

    others: their results, which are added to those of the same periods.
    """
    added = []
    for result in results:
        same = [result, *(other for other in others if other.period == result.period)]
        added.append(
            replace(
                result,
                amount=sum((part.amount for part in same), NOTHING),
                spent=sum((part.spent for part in same), NOTHING),
                carried_over=sum((part.carried_over for part in same), NOTHING),
            )
        )
    spent = {result.period: result.spent for result in added}
    return chained(added, lambda period, _: spent[period], datetime.date.min)


def carried_into(period: Period, results: Sequence[PeriodResult]) -> Decimal | None:
    """Return what the last result carries over into a period, if that follows it.

    It does not if the budget was a one-off one before or since.
    """
    if results and results[-1].period.end + ONE_DAY == period.start:
        return results[-1].carries_over
    return None


def _periods_to(
    budget: Budget, today: datetime.date | None, calendar: Calendar
) -> Iterator[Period]:
    """Yield a budget's stored period, and those after it up to the one of a day."""
    period = budget.running(calendar)
    yield period
    while today and today > period.end and budget.period != "once":
        period = following(period, budget.recurrence, calendar)
        yield period
