"""Compute the numbers of a report, independent of how they are drawn.

Why: docs/decisions.md#a-large-report-is-created-in-the-background
"""

import bisect
import datetime
import heapq
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal

from budgets import evaluation, results
from budgets import queries as budgets
from budgets.queries import BudgetLine
from budgets.services import list_budgets
from expenses import month_totals
from expenses import queries as expenses
from expenses.queries import Entry
from reports.insights import insights
from reports.periods import ONE_DAY, ReportPeriod, too_many_expenses
from reports.trend import TREND_MONTHS, MonthTotal
from smartbudget.core import dates, i18n
from smartbudget.core.money import CURRENCIES, display, percentage, write_number
from smartbudget.core.periods import (
    DEFAULT_CALENDAR,
    Calendar,
    Period,
    day_shown,
    months_in,
    months_to,
)
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

MAX_LARGEST = 10  # expenses in the table of the largest ones
# Days, if both ends are moved from weekends. In a longer report budgets are added up.
LONGEST_MONTH = 33

# A hundred thousand, and half as many before, need 120 MB (benchmarks/reports.py). A
# page of one megabyte has 3,000.
MAX_EXPENSES = 100_000  # listed
MAX_PAGES = 50  # read of expenses, and of others whose totals are not stored

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Limits:
    """The limits of what a report may read and list, and until when."""

    expenses: int
    pages: int
    deadline: float = math.inf  # by time.monotonic

    def allow(self, expenses: int, pages: int) -> bool:
        """Check whether reading may go on."""
        return (
            expenses <= self.expenses
            and pages <= self.pages
            and time.monotonic() <= self.deadline
        )


@dataclass(frozen=True)
class CategoryLine:
    """The spending in a category, and that of the period before."""

    category: str  # as typed
    category_key: str
    spent: Decimal  # negative if refunds exceed spending
    count: int
    # Percent of `Report.charted`, two decimals; 0 if refunds exceed spending.
    share: Decimal
    previous: Decimal
    largest: Entry | None  # None: nothing in this period, or only refunds
    # The amount of the largest one in the period before. In a yearly report, whose year
    # before is read as totals: of the month with the most.
    previous_largest: Decimal

    @property
    def change(self) -> Decimal:
        """The difference to the period before; negative if less was spent."""
        return self.spent - self.previous


@dataclass(frozen=True)
class BudgetStanding:
    """A budget in its own period (see `day_shown`), or added up over several.

    A report on more than a month adds up shorter periods: those that have begun, from
    the one of the first recorded expense on.

    periods: how many of the budget's periods have ended and lie within the report,
    without those before the first recorded expense.
    periods_kept: in how many of these the budget was not exceeded.
    """

    line: BudgetLine
    periods: int
    periods_kept: int


@dataclass(frozen=True)
class WeekdayLine:
    """The spending on one day of the week, without refunds."""

    weekday: int  # 0 is Monday
    spent: Decimal
    days: int  # how many of them the period has
    average: Decimal  # in the currency's decimals

    @property
    def name(self) -> str:
        """The name of the day."""
        return i18n.weekday_name(self.weekday)


@dataclass(frozen=True)
class Report:
    """The content of a report."""

    period: ReportPeriod
    currency: str
    today: datetime.date
    since: datetime.date | None  # day of the user's earliest expense, or None
    entries: list[Entry]  # all expenses that count, or their parts, by day
    total: Decimal  # of expenses less refunds; negative if refunds exceed them
    refunded: Decimal
    previous_total: Decimal
    has_previous: bool  # whether expenses of the period before count
    categories: list[CategoryLine]  # largest first, then those of the period before
    budgets: list[BudgetStanding]
    weekdays: list[WeekdayLine]  # the first day of the user's weeks first
    # Habits of spending, which have no refunds. Largest first:
    largest: list[Entry]
    average_a_day: Decimal  # over `counted_days`, in the currency's decimals
    counted_days: int  # days of the period that have begun, or have expenses
    median: Decimal | None  # in the currency's decimals; None without expenses
    busiest_day: tuple[datetime.date, Decimal] | None  # most spent, and how much
    trend: list[MonthTotal]  # oldest first
    has_signs: bool = False  # whether amounts in sentences have the currency's sign
    insights: list[str] = field(default_factory=list)  # sentences, or none

    @property
    def count(self) -> int:
        """The number of expenses and refunds that count."""
        return sum(entry.part <= 1 for entry in self.entries)

    @property
    def charted(self) -> Decimal:
        """The total of the categories where refunds do not exceed spending."""
        return _charted(self.categories)

    @property
    def credits(self) -> list[CategoryLine]:
        """The categories where refunds exceed spending, the largest refunds first."""
        return [line for line in reversed(self.categories) if line.spent < 0]

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

    def write(self, amount: Decimal) -> str:
        """Format an amount for a sentence."""
        return (display if self.has_signs else write_number)(amount, self.currency)


def build_report(
    user: User,
    period: ReportPeriod,
    *,
    today: datetime.date,
    limits: Limits | None = None,
) -> Report:
    """Read the data of a report and compute it.

    Takes one Query for the budgets, one for the expenses of the period and the one
    before, one for the totals of other months, and one for the earliest expense. Void
    expenses are not counted. The indexes are eventually consistent.

    today: the user's local day. limits: by default those of the largest report.

    Raises TooManyExpensesError.
    """
    limits = limits or Limits(MAX_EXPENSES, MAX_PAGES)
    user_budgets = list_budgets(user).items
    day = day_shown(period.current, today)
    shown = Period(min(day, period.current.start), day)
    history = results.read(
        [budget for budget in user_budgets if shown.start < budget.current.start], shown
    )
    listed: list[Period] = [period.current]
    totalled: list[Period] = []
    (totalled if period.report_type == "yearly" else listed).append(period.previous)
    for budget in user_budgets:
        past = history.get(budget.budget_id, [])
        own, is_known = budgets.period_on(user, budget, day, past)
        if own and own.days <= LONGEST_MONTH:
            listed.append(own)
        elif own and not is_known:
            totalled.append(own)
        if day >= budget.current.start and (
            days := evaluation.uncounted(budget, user.today(), user.calendar)
        ):
            listed.append(days)
    span = Period.spanning(listed)
    entries, cut = _read(user, period, span, totalled, limits)
    since = expenses.first_day(user.user_id)
    begun = _begun(period.current, since, today)
    totals = budgets.DailyTotals(entries, span)
    standings: list[BudgetStanding] = []
    for budget in user_budgets:
        past = history.get(budget.budget_id, [])
        line = budgets.line_on(user, budget, day, totals, past)
        whole = budgets.lines_within(user, budget, period.current, totals, past)
        standings += _standing(period, line, [*whole], begun, today)
    return compute(
        period,
        user.currency,
        entries,
        standings,
        today=today,
        calendar=user.calendar,
        since=since,
        cut=cut,
    )


def _read(
    user: User,
    period: ReportPeriod,
    listed: Period,
    totalled: Sequence[Period],
    limits: Limits,
) -> tuple[list[Entry], str]:
    """Return what `compute` needs, by day, and the month where reading stopped, or "".

    listed: the days whose expenses are needed one by one.
    totalled: the years whose monthly totals are needed besides those of the trend.

    Raises TooManyExpensesError.
    """
    trend = months_to(period.current.end, TREND_MONTHS, user.calendar)
    if not user.calendar.has_gregorian_months:  # only their totals are stored
        listed = Period.spanning([listed, *totalled, *trend])
    listed = Period.spanning(months_in(listed))
    entries: list[Entry] = []
    count = pages = 0
    for page in expenses.entry_pages(user.user_id, listed, described=period.current):
        pages += 1
        count += sum(entry.day in period.current for entry in page)
        if not limits.allow(count, pages):
            raise too_many_expenses(period)
        entries += page
    needed = Period.spanning([*totalled, *trend])
    max_pages = max(limits.pages - pages, 1)
    before, cut = _totals(user, needed.start, listed.start - ONE_DAY, max_pages)
    after, cut_after = _totals(user, listed.end + ONE_DAY, needed.end, max_pages)
    cut = max(cut, cut_after)
    if totalled and Period.spanning(totalled).start.isoformat()[:7] <= cut:
        raise too_many_expenses(period)
    return [*before, *entries, *after], cut


def _totals(
    user: User, start: datetime.date, end: datetime.date, max_pages: int
) -> tuple[list[Entry], str]:
    """Return the total of each category in each month, dated the month's first day.

    start, end: the first day of a month and the last day of one. max_pages: see
    `month_totals.read`.

    Also returns the month where reading stopped, or "". Its total and those of earlier
    months are missing.
    """
    if start > end:
        return [], ""
    months = month_totals.read(user, start, end, max_pages=max_pages)
    totals = [
        Entry(
            dates.parse_month(month),
            use.spelling,
            casefold_key(use.spelling),
            use.spent,
        )
        for month, uses in sorted(months.uses.items())
        if month > months.cut
        # The spelling of the earliest expense first, which names its category.
        for use in sorted(uses, key=lambda use: -use.earliest)
        if use.earliest
    ]
    return totals, months.cut


def compute(
    period: ReportPeriod,
    currency: str,
    expenses_around: Sequence[Entry],
    standings: Sequence[BudgetStanding] = (),
    *,
    today: datetime.date,
    calendar: Calendar = DEFAULT_CALENDAR,
    since: datetime.date | None,
    cut: str = "",
    has_signs: bool = False,
) -> Report:
    """Compute a report from the expenses of its period and those around it.

    expenses_around: those that count, by day: of the period, the one before, and the
    twelve months up to the period's end. Outside the period, an entry may be the total
    of a category in a month.
    standings: of the budgets.
    calendar: the user's.
    since: day of the user's earliest expense, or None.
    cut: the trend begins after this month, YYYY-MM, or has all twelve if it is "".
    has_signs: whether amounts in sentences have the currency's sign, as on pages.
    """
    is_comparable = _covers(since, period.previous)
    entries = [entry for entry in expenses_around if entry.day in period.current]
    before = [entry for entry in expenses_around if entry.day in period.previous]
    paid = [entry for entry in entries if entry.amount > 0]
    payments = expenses.join_parts(paid)
    counted = _counted_days(period.current, paid, today)
    days = (counted.end - counted.start).days + 1
    report = Report(
        period=period,
        currency=currency,
        today=today,
        since=since,
        entries=entries,
        total=_total(entries),
        refunded=expenses.refunded(entries),
        previous_total=_total(before),
        has_previous=bool(before),
        categories=_categories(entries, before if is_comparable else []),
        budgets=[*standings],
        weekdays=_weekdays(paid, counted, currency, calendar.week_start),
        largest=heapq.nsmallest(
            MAX_LARGEST, payments, key=lambda entry: (-entry.amount, entry.day)
        ),
        average_a_day=_rounded(_total(paid) / days, currency),
        counted_days=days,
        median=_median(payments, currency),
        busiest_day=_busiest_day(paid),
        trend=_trend(expenses_around, period.current.end, calendar, cut),
        has_signs=has_signs,
    )
    report.insights.extend(insights(report))
    return report


def _covers(since: datetime.date | None, period: Period) -> bool:
    """Check whether expenses were recorded from the start of a period or earlier."""
    return since is not None and since <= period.start


def _total(entries: Iterable[Entry]) -> Decimal:
    return sum((entry.amount for entry in entries), NOTHING)


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-CURRENCIES[currency]), ROUND_HALF_UP)


def _counted_days(
    period: Period, entries: Sequence[Entry], today: datetime.date
) -> Period:
    """Return a period without its coming days, unless they have expenses already."""
    last = min(period.end, max(today, period.start))
    return Period(period.start, max([last, *(entry.day for entry in entries)]))


def _categories(
    entries: Sequence[Entry], before: Sequence[Entry]
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
        paid = [entry for entry in now[key] if entry.amount > 0]
        lines.append(
            CategoryLine(
                category=name,
                category_key=key,
                spent=_total(now[key]),
                count=len(expenses.join_parts(now[key])),
                share=NOTHING,
                previous=_total(then[key]),
                largest=max(paid, key=lambda entry: entry.amount, default=None),
                previous_largest=max(
                    (entry.amount for entry in then[key] if entry.amount > 0),
                    default=NOTHING,
                ),
            )
        )
    lines.sort(key=lambda line: (-line.spent, -line.previous, line.category))
    charted = _charted(lines)
    return [
        replace(line, share=percentage(max(line.spent, NOTHING), charted))
        for line in lines
    ]


def _charted(lines: Iterable[CategoryLine]) -> Decimal:
    return sum((line.spent for line in lines if line.spent > 0), NOTHING)


def _begun(
    period: Period, since: datetime.date | None, today: datetime.date
) -> Period | None:
    """Return the days of a period from the earliest expense to today, or None."""
    first, last = max(since or datetime.date.max, period.start), min(period.end, today)
    return Period(first, last) if first <= last else None


def _standing(
    period: ReportPeriod,
    line: BudgetLine | None,
    whole: Sequence[BudgetLine],
    begun: Period | None,
    today: datetime.date,
) -> list[BudgetStanding]:
    """Return how a budget stands, or nothing if there was none then.

    line: for the day shown. whole: for its whole periods within the report.
    begun: the days of the report from the first recorded expense to today, or None.
    """
    recorded = [
        own
        for own in whole
        if begun
        and not own.paused
        and own.within.start <= begun.end
        and own.within.end >= begun.start
    ]
    if period.days > LONGEST_MONTH and recorded:
        line = budgets.summed_line(recorded)
    ended = [own for own in recorded if own.within.end <= today]
    kept = sum(own.remaining >= 0 for own in ended)
    if line is None or line.paused:
        return []
    return [BudgetStanding(line, len(ended), kept)]


def _weekdays(
    entries: Sequence[Entry], counted: Period, currency: str, first: int
) -> list[WeekdayLine]:
    spent = [NOTHING] * 7
    for entry in entries:
        spent[entry.day.weekday()] += entry.amount
    weeks, more_days = divmod((counted.end - counted.start).days + 1, 7)
    lines = []
    for weekday in (*range(first, 7), *range(first)):
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
    entries: Sequence[Entry], last_day: datetime.date, calendar: Calendar, cut: str
) -> list[MonthTotal]:
    months = [
        month
        for month in months_to(last_day, TREND_MONTHS, calendar)
        if month.start.isoformat()[:7] > cut
    ]
    starts = [month.start for month in months]
    totals = [NOTHING] * len(months)
    for entry in entries:
        place = bisect.bisect(starts, entry.day) - 1
        if place >= 0 and entry.day in months[place]:
            totals[place] += entry.amount
    return [
        MonthTotal.of(month, total, calendar=calendar)
        for month, total in zip(months, totals, strict=True)
    ]
