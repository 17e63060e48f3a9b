"""Compute the numbers of a report, independent of how they are drawn.

Why: docs/decisions.md#a-report-that-would-take-too-long-is-rejected
"""

import datetime
import heapq
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from budgets import queries as budgets
from budgets.queries import BudgetLine
from budgets.services import list_budgets
from expenses import queries as expenses
from expenses.queries import Entry
from reports.insights import insights
from reports.periods import ONE_DAY, ReportPeriod, too_many_expenses
from reports.trend import TREND_MONTHS
from smartbudget.core import dates, i18n
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.money import CURRENCIES, percentage
from smartbudget.core.user import User

if TYPE_CHECKING:
    from budgets.models import Budget

MAX_LARGEST = 10  # expenses in the table of the largest ones
LONGEST_MONTH = 31  # days; in a longer report budgets are added up

# Of the Lambda's 20 seconds, on one CPU as it has: 50,000 expenses are drawn in 4.5
# (benchmarks/reports.py), and a page of one megabyte, 3,000 expenses, is read in 0.1.
MAX_EXPENSES = 50_000  # listed
MAX_PAGES = 40  # read, with the period before and the twelve months

NOTHING = Decimal(0)
_MONDAY = datetime.date(2024, 1, 1)


@dataclass(frozen=True)
class CategoryLine:
    """The spending in a category, and that of the period before."""

    category: str  # as typed
    category_key: str
    spent: Decimal
    count: int
    share: Decimal  # percent of everything, two decimals
    previous: Decimal
    largest: Entry | None  # None: nothing in this period
    previous_largest: Decimal  # amount of the largest one in the period before

    @property
    def change(self) -> Decimal:
        """The difference to the period before; negative if less was spent."""
        return self.spent - self.previous


@dataclass(frozen=True)
class BudgetStanding:
    """A budget in its own period (see `dates.day_shown`), or added up over several.

    A report on more than a month adds up shorter periods: those that have begun, from
    the one of the first recorded expense on.

    periods: how many of the budget's periods have ended and lie within the report,
    without those before the first recorded expense.
    periods_kept: in how many of these the budget's current amount was not exceeded.
    """

    line: BudgetLine
    periods: int
    periods_kept: int


@dataclass(frozen=True)
class WeekdayLine:
    """One day of the week: 0 is Monday."""

    weekday: int
    spent: Decimal
    days: int  # how many of them the period has
    average: Decimal  # in the currency's decimals

    @property
    def name(self) -> str:
        """The name of the day."""
        return i18n.weekday(_MONDAY + self.weekday * ONE_DAY)


@dataclass(frozen=True)
class Report:
    """The content of a report."""

    period: ReportPeriod
    currency: str
    today: datetime.date
    since: datetime.date | None  # day of the user's earliest expense, or None
    entries: list[Entry]  # all expenses that count, by day
    total: Decimal
    previous_total: Decimal
    previous_count: int
    categories: list[CategoryLine]  # largest first, then those of the period before
    budgets: list[BudgetStanding]
    weekdays: list[WeekdayLine]  # Monday first
    largest: list[Entry]  # largest first
    average_a_day: Decimal  # over `counted_days`, in the currency's decimals
    counted_days: int  # days of the period that have begun, or have expenses
    median: Decimal | None  # in the currency's decimals; None without expenses
    busiest_day: tuple[datetime.date, Decimal] | None  # most spent, and how much
    trend: list[tuple[datetime.date, Decimal]]  # first of month, total; oldest first
    insights: list[str] = field(default_factory=list)  # sentences, or none

    @property
    def count(self) -> int:
        """The number of expenses that count."""
        return len(self.entries)

    @property
    def is_comparable(self) -> bool:
        """Check whether expenses were recorded for all of the period before."""
        return _covers(self.since, self.period.previous)

    @property
    def is_running(self) -> bool:
        """Check whether the period is not over yet."""
        return self.period.current.end > self.today

    @property
    def change(self) -> Decimal:
        """The difference to the period before; negative if less was spent."""
        return self.total - self.previous_total


def build_report(user: User, period: ReportPeriod, *, today: datetime.date) -> Report:
    """Read the data of a report and compute it.

    Takes one Query of each table, and one for the earliest expense. Void expenses are
    not counted. The indexes are eventually consistent.

    today: the user's local day.
    """
    user_budgets = list_budgets(user).items
    months = dates.months_to(period.current.end, TREND_MONTHS)
    day = dates.day_shown(period.current, today)
    needed = [
        period.current,
        period.previous,
        dates.Period(months[0].start, months[-1].end),
        *(dates.period_of(budget.period, day) for budget in user_budgets),
    ]
    entries = _read(user, period, dates.span(needed))
    since = expenses.first_day(user.user_id)
    begun = _begun(period.current, since, today)
    lines = [_line(budget, period, begun, day, entries) for budget in user_budgets]
    return compute(period, user.currency, entries, lines, today=today, since=since)


def _read(user: User, period: ReportPeriod, span: dates.Period) -> list[Entry]:
    """Return the expenses of a span. Raises InvalidError for too many."""
    entries: list[Entry] = []
    pages = expenses.entry_pages(user.user_id, span, described=period.current)
    for number, page in enumerate(pages, 1):
        if number > MAX_PAGES:
            message = _(
                "This period and the year before it have too many expenses for a"
                " report."
            )
            raise InvalidError(message, period.field)
        entries += page
    if sum(entry.day in period.current for entry in entries) > MAX_EXPENSES:
        raise too_many_expenses(period)
    return entries


def compute(
    period: ReportPeriod,
    currency: str,
    expenses_around: Sequence[Entry],
    lines: Sequence[BudgetLine] = (),
    *,
    today: datetime.date,
    since: datetime.date | None,
) -> Report:
    """Compute a report from the expenses of its period and those around it.

    expenses_around: those that count, by day: of the period, the one before, and the
    twelve months up to the period's end.
    lines: budgets, each for the period to show.
    since: day of the user's earliest expense, or None.
    """
    elapsed = dates.Period(period.current.start, min(period.current.end, today))
    is_comparable = _covers(since, period.previous)
    entries = [entry for entry in expenses_around if entry.day in period.current]
    before = [entry for entry in expenses_around if entry.day in period.previous]
    total = _total(entries)
    counted = _counted_days(period.current, entries, today)
    days = (counted.end - counted.start).days + 1
    report = Report(
        period=period,
        currency=currency,
        today=today,
        since=since,
        entries=entries,
        total=total,
        previous_total=_total(before),
        previous_count=len(before),
        categories=_categories(entries, before if is_comparable else [], total),
        budgets=[
            _budget_standing(line, elapsed, expenses_around, since) for line in lines
        ],
        weekdays=_weekdays(entries, counted, currency),
        largest=heapq.nsmallest(
            MAX_LARGEST, entries, key=lambda entry: (-entry.amount, entry.day)
        ),
        average_a_day=_rounded(total / days, currency),
        counted_days=days,
        median=_median(entries, currency),
        busiest_day=_busiest_day(entries),
        trend=_trend(expenses_around, period.current.end),
    )
    report.insights.extend(insights(report))
    return report


def _covers(since: datetime.date | None, period: dates.Period) -> bool:
    """Check whether expenses were recorded from the start of a period or earlier."""
    return since is not None and since <= period.start


def _total(entries: Iterable[Entry]) -> Decimal:
    return sum((entry.amount for entry in entries), NOTHING)


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-CURRENCIES[currency]), ROUND_HALF_UP)


def _counted_days(
    period: dates.Period, entries: Sequence[Entry], today: datetime.date
) -> dates.Period:
    """Return a period without its coming days, unless they have expenses already."""
    last = min(period.end, max(today, period.start))
    return dates.Period(period.start, max([last, *(entry.day for entry in entries)]))


def _categories(
    entries: Sequence[Entry], before: Sequence[Entry], total: Decimal
) -> list[CategoryLine]:
    now: dict[str, list[Entry]] = defaultdict(list)
    then: dict[str, list[Entry]] = defaultdict(list)
    names: dict[str, str] = {}
    for group, group_entries in ((now, entries), (then, before)):
        for entry in group_entries:
            group[entry.category_key].append(entry)
            names.setdefault(entry.category_key, entry.category)
    lines = []
    for key, name in names.items():
        spent = _total(now[key])
        lines.append(
            CategoryLine(
                category=name,
                category_key=key,
                spent=spent,
                count=len(now[key]),
                share=percentage(spent, total),
                previous=_total(then[key]),
                largest=max(now[key], key=lambda entry: entry.amount, default=None),
                previous_largest=max(
                    (entry.amount for entry in then[key]), default=NOTHING
                ),
            )
        )
    return sorted(lines, key=lambda line: (-line.spent, -line.previous, line.category))


def _begun(
    period: dates.Period, since: datetime.date | None, today: datetime.date
) -> dates.Period | None:
    """Return the days of a period from the earliest expense to today, or None."""
    first, last = max(since or datetime.date.max, period.start), min(period.end, today)
    return dates.Period(first, last) if first <= last else None


def _line(
    budget: "Budget",
    period: ReportPeriod,
    begun: dates.Period | None,
    day: datetime.date,
    entries: Sequence[Entry],
) -> BudgetLine:
    """Return a budget's line for the day shown, or for all periods in a long report.

    begun: the days of the report from the first recorded expense to today, or None.
    """
    if period.days > LONGEST_MONTH and begun:
        periods = [
            own
            for own in dates.periods_within(budget.period, period.current)
            if own.start <= begun.end and own.end >= begun.start
        ]
        if periods:
            return budgets.summed_line(budget, periods, entries)
    (line,) = budgets.lines([budget], day, entries)
    return line


def _budget_standing(
    line: BudgetLine,
    period: dates.Period,
    entries: Sequence[Entry],
    since: datetime.date | None,
) -> BudgetStanding:
    """Count the whole periods of a budget, and those in which it was kept."""
    totals = {
        own: NOTHING
        for own in dates.periods_within(line.period, period)
        if since and own.end >= since
    }
    for entry in entries if totals else ():
        if entry.category_key == line.category_key and entry.day in period:
            own = dates.period_of(line.period, entry.day)
            if own in totals:
                totals[own] += entry.amount
    kept = sum(amount <= line.amount_each for amount in totals.values())
    return BudgetStanding(line, periods=len(totals), periods_kept=kept)


def _weekdays(
    entries: Sequence[Entry], counted: dates.Period, currency: str
) -> list[WeekdayLine]:
    spent = [NOTHING] * 7
    for entry in entries:
        spent[entry.day.weekday()] += entry.amount
    weeks, more_days = divmod((counted.end - counted.start).days + 1, 7)
    lines = []
    for weekday in range(7):
        extra = (weekday - counted.start.weekday()) % 7 < more_days
        days = weeks + extra
        average = _rounded(spent[weekday] / days, currency) if days else NOTHING
        lines.append(WeekdayLine(weekday, spent[weekday], days, average))
    return lines


def _median(entries: Sequence[Entry], currency: str) -> Decimal | None:
    if not entries:
        return None
    return _rounded(statistics.median([entry.amount for entry in entries]), currency)


def _busiest_day(entries: Sequence[Entry]) -> tuple[datetime.date, Decimal] | None:
    spent: dict[datetime.date, Decimal] = {}
    for entry in entries:
        spent[entry.day] = spent.get(entry.day, NOTHING) + entry.amount
    # Of equal days the earliest, since entries are sorted by day.
    return max(spent.items(), key=lambda pair: pair[1], default=None)


def _trend(
    entries: Sequence[Entry], last_day: datetime.date
) -> list[tuple[datetime.date, Decimal]]:
    totals = {month.start: NOTHING for month in dates.months_to(last_day, TREND_MONTHS)}
    for entry in entries:
        first = entry.day.replace(day=1)
        if first in totals:
            totals[first] += entry.amount
    return list(totals.items())
