"""The summary of a month or week: amounts budgeted, spent and left."""

import datetime
import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from budgets import evaluation, results
from budgets.daily import DailyAllowance, basis, daily_allowance
from budgets.evaluation import PeriodResult
from budgets.forecast import overspend_date
from budgets.models import Budget
from budgets.queries import BudgetLine, DailyTotals, line_on, period_on
from budgets.services import list_budgets
from expenses import queries as expenses
from expenses.queries import Entry, Spending
from smartbudget.core.concurrency import READS
from smartbudget.core.periods import (
    PERIODS,
    Period,
    day_shown,
    parse_month,
    period_of,
)
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

SHORTEST_MONTH = 28  # days
LATEST = 5  # expenses that a summary shows


@dataclass(frozen=True)
class Summary:
    """The budgets and spending of a month or week."""

    shown: Period
    currency: str
    lines: list[BudgetLine]  # by category
    # Category as typed and its total in the period shown, which refunds can make
    # negative; largest first.
    categories: list[tuple[str, Decimal]]
    unbudgeted: list[tuple[str, Decimal]]  # those without a budget
    total_budget: Decimal  # limits of the monthly budgets
    total_spent: Decimal  # in the period shown, less refunds
    refunded: Decimal  # in the period shown
    previous_spent: Decimal  # in the month, or week, before
    # The latest expenses, newest first; in the current period, up to today.
    latest: list[Entry]
    names: list[str]  # categories of the budgets and of all expenses read, by name
    entries: list[Entry]  # all that were read, by day
    # What can be spent today; None if no budget decides that, and of other months.
    daily: DailyAllowance | None = None

    @property
    def total_remaining(self) -> Decimal:
        """The monthly budgets less all spending; negative if more was spent."""
        return self.total_budget - self.total_spent

    @property
    def left_to_spend(self) -> Decimal:
        """What is left in budgets that do not overlap, each in its own period."""
        return sum((line.remaining for line in _added(self.lines)), Decimal(0))

    @property
    def left_by_period(self) -> list[tuple[str, Decimal]]:
        """The sums left in budgets, by kind of period in words, such as "monthly"."""
        left: dict[str, Decimal] = {}
        lines = _added(self.lines)
        for line in sorted(lines, key=lambda line: PERIODS.index(line.period)):
            words = line.period_in_words
            left[words] = left.get(words, Decimal(0)) + line.remaining
        return [*left.items()]

    @property
    def unbudgeted_spent(self) -> Decimal:
        """The amount spent in categories that only a budget for all covers, or none."""
        return sum((spent for _, spent in self.unbudgeted), Decimal(0))


@READS.limited
def summary(user: User, month: str | None = None) -> Summary:
    """Return a month's budgets and spending, with one Query of each table.

    month: see `periods.parse_month`; None for the current one. Other budgets than
    monthly ones show the period that contains `day_shown`. In a past month, budgets
    are those of that time, which takes one more call.

    The indexes are eventually consistent. Raises InvalidError.
    """
    shown = period_of("monthly", user.today(), user.calendar)
    if month is not None:
        shown = parse_month(month, user.calendar)
    return _summary(user, "monthly", shown)


def review(user: User, kind: str, period: Period) -> Summary:
    """Return the budgets and spending of a period that is over.

    kind: `weekly` or `monthly`. Budgets show their periods as in `summary`, up to now
    if one is not over.
    """
    return _summary(user, kind, period)


def _summary(user: User, kind: str, shown: Period) -> Summary:
    """Return the summary of a period, with each budget in its own period."""
    today = user.today()
    day = day_shown(shown, today)
    day_before = shown.start - datetime.timedelta(days=1)
    before = period_of(kind, day_before, user.calendar)
    budgets = list_budgets(user).items
    history = results.read_past(budgets, day)
    needed = [
        days
        for budget in budgets
        for days in _days_needed(user, budget, day, history.get(budget.budget_id, []))
    ]
    span = Period.spanning([before, shown, *needed])
    both = Period(before.start, shown.end)
    entries = expenses.entries(user.user_id, span, described=both)
    categories = _by_category(entry for entry in entries if entry.day in shown)
    totals = DailyTotals(entries, span)
    lines = [
        line
        for budget in budgets
        if (
            line := line_on(
                user, budget, day, totals, history.get(budget.budget_id, [])
            )
        )
    ]
    budgeted = {key for line in lines for key in line.categories.keys}
    of_category: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        of_category[entry.category_key].append(entry)
    return Summary(
        shown=shown,
        currency=user.currency,
        lines=[
            _with_forecast(line, today, span, _covered(line, of_category))
            for line in lines
        ],
        categories=categories,
        unbudgeted=[
            (name, spent)
            for name, spent in categories
            if casefold_key(name) not in budgeted
        ],
        total_budget=sum(
            (line.limit for line in _added(lines) if line.period == "monthly"),
            Decimal(0),
        ),
        total_spent=expenses.total(entries, shown),
        refunded=expenses.refunded(entry for entry in entries if entry.day in shown),
        previous_spent=expenses.total(entries, before),
        latest=_latest(
            entries, Period(before.start, today) if today in shown else shown
        ),
        names=_names(budgets, entries),
        entries=entries,
        daily=daily_allowance(basis(lines, today), entries, today, user.currency)
        if today in shown
        else None,
    )


def _added(lines: Iterable[BudgetLine]) -> list[BudgetLine]:
    """Return the lines that totals add up, so that no category is added twice.

    The monthly budget for everything, or if there is none, the recurring ones for one
    category. Paused budgets do not count.
    """
    active = [line for line in lines if not line.paused and line.period != "once"]
    overall = [
        line for line in active if line.categories.are_all and line.period == "monthly"
    ]
    return overall or [line for line in active if line.categories.is_one]


def _covered(
    line: BudgetLine, of_category: Mapping[str, Sequence[Entry]]
) -> list[Entry]:
    """Return the entries that a line counts."""
    keys = line.categories.keys or tuple(of_category)
    return [entry for key in keys for entry in of_category.get(key, ())]


def _days_needed(
    user: User, budget: Budget, day: datetime.date, history: Sequence[PeriodResult]
) -> list[Period]:
    """Return the days whose expenses a budget's line for a day needs.

    A budget stores the total of its current period, and its results have theirs, so
    those are not read unless they are short: they overlap the ends of the month, and
    the forecast needs complete weeks.
    """
    own, is_known = period_on(user, budget, day, history)
    needed = [own] if own and (not is_known or own.days < SHORTEST_MONTH) else []
    decides_today = budget.everyday or budget.categories.are_all
    if own and decides_today and day == user.today():
        needed.append(Period(day, own.end))  # what is dated later
    if day >= budget.current.start:
        days = evaluation.uncounted(budget, user.today(), user.calendar)
        needed += [days] if days else []
    return needed


def _with_forecast(
    line: BudgetLine,
    today: datetime.date,
    span: Period,
    spendings: Sequence[Spending],
) -> BudgetLine:
    """Return a line with its projected date, if all expenses of its period were read.

    spendings: what the line counts. A yearly budget has no such date, since most of
    its year is not read.
    """
    is_read = span.start <= line.within.start and line.within.end <= span.end
    is_long = line.period in ("yearly", "quarterly")
    if is_long or line.paused or today not in line.within or not is_read:
        return line
    date = overspend_date(line.limit, line.within, today, spendings)
    return replace(line, projected_overspend_date=date)


def _by_category(spendings: Iterable[Spending]) -> list[tuple[str, Decimal]]:
    """Return each category's total, largest first, named as in its first expense."""
    totals: dict[str, Decimal] = {}
    names: dict[str, str] = {}
    for spending in spendings:
        names.setdefault(spending.category_key, spending.category)
        totals[spending.category_key] = (
            totals.get(spending.category_key, Decimal(0)) + spending.amount
        )
    return expenses.largest_first(totals, names)


def _latest(entries: Iterable[Entry], days: Period) -> list[Entry]:
    within = expenses.join_parts(entry for entry in entries if entry.day in days)
    return heapq.nlargest(
        LATEST, within, key=lambda entry: (entry.day, entry.created_at)
    )


def _names(budgets: Iterable[Budget], spendings: Iterable[Spending]) -> list[str]:
    """Return each category once, spelled as in its budget or else its last expense."""
    names = {spending.category_key: spending.category for spending in spendings}
    names.update(
        (casefold_key(name), name)
        for budget in budgets
        for name in budget.categories.names
    )
    return [names[key] for key in sorted(names)]
