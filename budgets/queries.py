"""Budgets with what was spent and what is left, for pages, API and reports."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from typing import Any

from budgets import evaluation
from budgets.evaluation import NOTHING, Count, PeriodResult
from budgets.models import LEVELS, Budget, level_name
from expenses import queries as expenses
from expenses.queries import Entry, Spending
from smartbudget.core import dates
from smartbudget.core.categories import Categories
from smartbudget.core.i18n import days, ngettext
from smartbudget.core.i18n import gettext as _
from smartbudget.core.money import CURRENCIES
from smartbudget.core.periods import PERIOD_WORDS, Period, name_of, period_of
from smartbudget.core.user import User

ONE_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class BudgetLine:
    """A budget with what was spent in one of its periods, or several in a row."""

    budget_id: str
    categories: Categories
    period: str  # its kind
    amount: Decimal
    alert_thresholds: tuple[int, ...]
    spent: Decimal
    within: Period
    carried_over: Decimal = NOTHING  # from the period before; below zero: overspent
    rollover: str = "none"
    rollover_cap: Decimal | None = None
    paused: bool = False
    note: str | None = None
    everyday: bool = False
    keep_for_tomorrow: bool = False
    anchor: datetime.date | None = None
    month_days: Sequence[int] | None = None
    created_at: str = ""  # of the budget; ISO 8601, UTC
    # The day on which it is projected to be overspent in this period, or None; see
    # `budgets.forecast`.
    projected_overspend_date: datetime.date | None = None
    # How many of the budget's periods `amount`, `spent` and `within` cover: more than
    # one in a report on a longer period.
    periods: int = 1

    @property
    def category(self) -> str:
        """The categories as users read them, such as "Food and Drinks"."""
        return self.categories.in_words

    @property
    def alert_threshold(self) -> int:
        """The lowest percentage that causes an alert."""
        return self.alert_thresholds[0]

    @property
    def period_in_words(self) -> str:
        """The kind of period as users read it, such as "monthly"."""
        return _(PERIOD_WORDS[self.period])

    @property
    def within_in_words(self) -> str:
        """The period or periods covered, as users read them."""
        if self.periods == 1:
            return name_of(self.within)
        template = ngettext(
            "{number} period, {days}", "{number} periods, {days}", self.periods
        )
        if self.period == "monthly":
            template = ngettext(
                "{number} month, {days}", "{number} months, {days}", self.periods
            )
        elif self.period == "weekly":
            template = ngettext(
                "{number} week, {days}", "{number} weeks, {days}", self.periods
            )
        return template.format(
            number=self.periods, days=days(self.within.start, self.within.end)
        )

    @property
    def limit(self) -> Decimal:
        """The amount that can be spent; may be below zero."""
        return self.amount + self.carried_over

    @property
    def remaining(self) -> Decimal:
        """The amount left; negative if over budget."""
        return self.limit - self.spent

    @property
    def over(self) -> Decimal:
        """The amount spent above the limit; negative while something is left."""
        return -self.remaining

    @property
    def percentage(self) -> Decimal:
        """Percent spent of the limit; see `evaluation.percentage`."""
        return evaluation.percentage(self.spent, self.limit)

    @property
    def level(self) -> str:
        """One of `budgets.models.LEVELS`."""
        return level_name(
            evaluation.reached(self.spent, self.limit, self.alert_thresholds)
        )

    def left_per_day(self, today: datetime.date, currency: str) -> Decimal | None:
        """Return what is left for each day after today, or None if that is nothing.

        Rounded down to the currency's decimals, so that the days together stay within
        the budget. Also None outside the period, and unless several days are left.
        """
        if today not in self.within or (days := self.within.days_left(today)) < 2:
            return None
        smallest = Decimal(1).scaleb(-CURRENCIES[currency])
        daily = (self.remaining / days).quantize(smallest, ROUND_DOWN)
        return daily if daily > 0 else None


def most_urgent_first(lines: Sequence[BudgetLine]) -> list[BudgetLine]:
    """Sort lines: over budget, near the limit, the rest, paused; then as they were."""
    return sorted(lines, key=lambda line: (line.paused, -LEVELS.index(line.level)))


def current_lines(user: User, budgets: Sequence[Budget]) -> list[BudgetLine]:
    """Return a line per budget for its current period, the one that contains today.

    Makes no AWS call if the budgets hold the totals of those periods. A budget whose
    period has ended does not until its next expense or the daily check; then one Query
    reads the expenses.
    """
    totals = uncounted_totals(user, budgets)
    return [current_line(user, budget, totals) for budget in budgets]


def uncounted_totals(user: User, budgets: Iterable[Budget]) -> "DailyTotals":
    """Return the totals of the days of `evaluation.uncounted`, with at most one Query.

    The index is eventually consistent.
    """
    today = user.today()
    uncounted = [
        days
        for budget in budgets
        if (days := evaluation.uncounted(budget, today, user.calendar))
    ]
    spendings: list[Entry] = []
    if uncounted:
        span = Period.spanning(uncounted)
        spendings = expenses.entries(user.user_id, span, described=span)
    return DailyTotals(spendings)


class DailyTotals:
    """Totals of each category on each day, from which many periods are added up."""

    def __init__(
        self, spendings: Iterable[Spending], within: Period | None = None
    ) -> None:
        """within: the days whose expenses were all read; None: unknown."""
        self.within = within
        self._days: dict[str, dict[datetime.date, Decimal]] = {}
        for spending in spendings:
            days = self._days.setdefault(spending.category_key, {})
            days[spending.day] = days.get(spending.day, NOTHING) + spending.amount

    def counter(self, categories: Categories) -> Count:
        """Return a function that returns what was spent in categories in a period."""
        keys = categories.keys or tuple(self._days)
        totals = [self._days[key] for key in keys if key in self._days]
        return lambda period: sum(
            (
                amount
                for days in totals
                for day, amount in days.items()
                if day in period
            ),
            NOTHING,
        )

    def has(self, period: Period) -> bool:
        """Check whether all expenses of a period were read."""
        return bool(
            self.within
            and self.within.start <= period.start
            and period.end <= self.within.end
        )


def current_line(user: User, budget: Budget, totals: DailyTotals) -> BudgetLine:
    """Return a budget's line for its current period.

    totals: of the days of `evaluation.uncounted` at least.
    """
    state = evaluation.current_state(
        budget, user.today(), user.calendar, totals.counter(budget.categories)
    )
    result = evaluation.result_of(budget, state.period, state.spent, state.carried_over)
    return line_of(budget, result)


def line_on(
    user: User,
    budget: Budget,
    day: datetime.date,
    totals: DailyTotals,
    results: Sequence[PeriodResult] = (),
) -> BudgetLine | None:
    """Return a budget's line for its period that contains a day; None: it had none.

    totals: of the period of `period_on`, unless the budget or its result has its total.
    results: the budget's, at least that of the day.
    """
    if day >= budget.current.start and budget.period != "once":
        return _line_since(user, budget, day, totals)
    result = past_result(user, budget, day, results)
    if result is None and day >= user.today() and budget.period != "once":
        # A user who travelled west may be in the day before the stored period.
        return current_line(user, budget, totals)
    if result is None:
        return None
    if result.period == budget.current:  # of `once`
        return current_line(user, budget, totals)
    if totals.has(result.period) or result not in results:
        count = totals.counter(result.categories)
        result = replace(result, spent=count(result.period))
    return line_of(budget, result)


def _line_since(
    user: User, budget: Budget, day: datetime.date, totals: DailyTotals
) -> BudgetLine:
    """Return a budget's line for a day in its stored period or a later one."""
    count, today = totals.counter(budget.categories), user.today()
    state = evaluation.current_state(budget, today, user.calendar, count)
    for result in state.results:
        if day in result.period:
            return line_of(budget, result)
    if day in state.period:
        return current_line(user, budget, totals)
    # A coming period: what will be carried into it is not known yet.
    period = evaluation.current_period(budget, day, user.calendar)
    coming = evaluation.result_of(budget, period, count(period), NOTHING)
    return line_of(budget, coming)


def past_result(
    user: User, budget: Budget, day: datetime.date, results: Sequence[PeriodResult]
) -> PeriodResult | None:
    """Return a budget's result for a day before its stored period, or None.

    Before results were kept, it has the terms that the first one began with, and no
    total. None if there was no budget then.
    """
    for result in results:
        if day in result.period:
            return result
    if budget.period == "once":
        only = budget.current
        held = evaluation.result_of(budget, only, budget.spent, NOTHING)
        return held if day in only else None
    if budget.results_since and not budget.earlier_terms:
        return None
    terms: Mapping[str, Any] = budget.earlier_terms or {}
    period = period_of(terms.get("period", budget.recurrence), day, user.calendar)
    created = datetime.datetime.fromisoformat(budget.created_at)
    if dates.local_day(user.time_zone, created) > period.end:
        return None
    threshold = terms.get("alert_threshold", budget.alert_threshold)
    return PeriodResult(
        period=period,
        categories=Categories((terms["category"],)) if terms else budget.categories,
        amount=Decimal(terms.get("amount", budget.amount)),
        spent=NOTHING,
        alert_thresholds=(int(threshold),),
    )


def period_on(
    user: User, budget: Budget, day: datetime.date, results: Sequence[PeriodResult]
) -> tuple[Period | None, bool]:
    """Return a budget's period that contains a day, and whether its total is known.

    None: there was no budget then.
    """
    if day >= budget.current.start and budget.period != "once":
        period = evaluation.current_period(budget, day, user.calendar)
        return period, period == budget.current and budget.is_counted
    result = past_result(user, budget, day, results)
    if result is None:
        return None, True
    return result.period, result in results or result.period == budget.current


def lines_within(
    user: User,
    budget: Budget,
    outer: Period,
    totals: DailyTotals,
    results: Sequence[PeriodResult] = (),
) -> Iterator[BudgetLine]:
    """Yield a budget's lines for its whole periods within another period."""
    day = outer.start
    while day <= outer.end:
        line = line_on(user, budget, day, totals, results)
        if line and outer.start <= line.within.start and line.within.end <= outer.end:
            yield line
        within = line.within if line else _own_period(user, budget, day)
        if within.end < day:  # of `once`
            return
        # `once` may begin later.
        day = within.end + ONE_DAY if day in within else within.start


def _own_period(user: User, budget: Budget, day: datetime.date) -> Period:
    return period_of(budget.recurrence, day, user.calendar)


def summed_line(lines: Sequence[BudgetLine]) -> BudgetLine:
    """Return one line for consecutive periods of a budget."""
    return replace(
        lines[-1],
        amount=sum((line.amount for line in lines), NOTHING),
        carried_over=lines[0].carried_over,
        spent=sum((line.spent for line in lines), NOTHING),
        within=Period(lines[0].within.start, lines[-1].within.end),
        periods=len(lines),
    )


def line_of(budget: Budget, result: PeriodResult) -> BudgetLine:
    """Return the line of a budget for one of its periods."""
    return BudgetLine(
        budget_id=budget.budget_id,
        categories=result.categories,
        period=budget.period,
        amount=result.amount,
        alert_thresholds=result.alert_thresholds,
        spent=result.spent,
        within=result.period,
        carried_over=result.carried_over,
        rollover=result.rollover,
        rollover_cap=result.rollover_cap,
        paused=result.was_paused,
        note=budget.note,
        everyday=bool(budget.everyday),
        keep_for_tomorrow=bool(budget.keep_for_tomorrow),
        anchor=budget.recurrence.anchor,
        month_days=budget.month_days,
        created_at=budget.created_at,
    )
