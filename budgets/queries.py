"""The summary: what was budgeted, what was spent, what is left."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from accounts.models import User
from budgets.models import Budget, level_of
from budgets.services import list_budgets
from expenses import queries as expenses
from expenses.queries import Spending
from smartbudget.core import dates
from smartbudget.core.text import fold

_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True)
class BudgetLine:
    """How one budget stands in one of its periods."""

    budget_id: str
    category: str
    period: str
    amount: Decimal
    alert_threshold: int
    spent: Decimal
    within: dates.Period

    @property
    def category_key(self) -> str:
        """The form by which categories are compared."""
        return fold(self.category)

    @property
    def remaining(self) -> Decimal:
        """What is left; below zero when the budget is passed."""
        return self.amount - self.spent

    @property
    def percentage(self) -> Decimal:
        """Percent spent, two decimals, never rounded up to a level not reached."""
        return (self.spent * 100 / self.amount).quantize(_HUNDREDTH, ROUND_DOWN)

    @property
    def level(self) -> str:
        """One of `budgets.models.LEVELS`."""
        return level_of(self.spent, self.amount, self.alert_threshold)


@dataclass(frozen=True)
class Summary:
    """One month, or week: budgets against spending."""

    shown: dates.Period
    currency: str
    lines: list[BudgetLine]  # by category
    unbudgeted: list[tuple[str, Decimal]]  # category as typed, spent; largest first
    total_budget: Decimal  # of the monthly budgets
    total_spent: Decimal  # of everything in what is shown
    previous_spent: Decimal  # of everything in the month, or week, before

    @property
    def total_remaining(self) -> Decimal:
        """What is left of the monthly budgets; below zero when passed."""
        return self.total_budget - self.total_spent


def summary(user: User, month: str | None = None) -> Summary:
    """Put budgets beside what was spent, with one Query of each table.

    month: `YYYY-MM`; None: the current one, with each budget in its own current
    period. With a month, weekly and yearly budgets show the period that holds its last
    day, and today's budgets apply.

    Reads the indexes, which lag behind writes by a moment [D11]. Raises InvalidError.
    """
    today = user.today()
    if month is None:
        shown = dates.period_of("monthly", today)
        day = today
    else:
        shown = dates.period_of("monthly", dates.parse_month(month))
        day = shown.end
    return _summary(user, "monthly", shown, day)


def review(user: User, kind: str, period: dates.Period) -> Summary:
    """Put budgets beside what was spent in a period that is over.

    kind: `weekly` or `monthly`. Each budget shows its own period that holds the last
    day; one that still runs is told so far. Reads as `summary` does.
    """
    return _summary(user, kind, period, period.end)


def _summary(user: User, kind: str, shown: dates.Period, day: datetime.date) -> Summary:
    """Sum up a period of a kind, with each budget in its own that holds a day."""
    before = dates.period_of(kind, shown.start - datetime.timedelta(days=1))
    budgets = list_budgets(user).items
    periods = {kind: dates.period_of(kind, day) for kind in dates.PERIODS}
    # A budget carries the total of its current period: a year need not be read.
    counted = [each for each in budgets if each.current == periods[each.period]]
    to_count = [each for each in budgets if each not in counted]
    needed = [before, shown, *(periods[each.period] for each in to_count)]
    found = expenses.spending(
        user.user_id,
        dates.Period(
            min(each.start for each in needed), max(each.end for each in needed)
        ),
    )
    return Summary(
        shown=shown,
        currency=user.currency,
        lines=[_line(each, periods[each.period], found) for each in budgets],
        unbudgeted=_unbudgeted(budgets, found, shown),
        total_budget=sum(
            (each.amount for each in budgets if each.period == "monthly"), Decimal(0)
        ),
        total_spent=expenses.total(found, shown),
        previous_spent=expenses.total(found, before),
    )


def lines(
    budgets: Sequence[Budget], day: datetime.date, found: Sequence[Spending]
) -> list[BudgetLine]:
    """Tell how each budget stands in its own period that holds a day.

    found: what was spent, at least in each of those periods.
    """
    return [_line(each, dates.period_of(each.period, day), found) for each in budgets]


def _line(
    budget: Budget, period: dates.Period, found: Sequence[Spending]
) -> BudgetLine:
    if budget.current == period:
        spent = budget.spent
    else:
        spent = expenses.total(found, period, budget.category_key)
    return BudgetLine(
        budget_id=budget.budget_id,
        category=budget.category,
        period=budget.period,
        amount=budget.amount,
        alert_threshold=int(budget.alert_threshold),
        spent=spent,
        within=period,
    )


def _unbudgeted(
    budgets: list[Budget], found: list[Spending], month: dates.Period
) -> list[tuple[str, Decimal]]:
    """Add up spending in categories that no budget is about."""
    budgeted = {each.category_key for each in budgets}
    totals: dict[str, Decimal] = {}
    names: dict[str, str] = {}
    for each in found:
        if each.day in month and each.category_key not in budgeted:
            names.setdefault(each.category_key, each.category)
            totals[each.category_key] = (
                totals.get(each.category_key, Decimal(0)) + each.amount
            )
    ordered = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(names[key], spent) for key, spent in ordered]
