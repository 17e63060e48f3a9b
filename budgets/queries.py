"""How budgets stand: what was budgeted, what was spent, what is left."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from budgets.models import Budget, level_of
from expenses import queries as expenses
from expenses.queries import Entry, Spending
from smartbudget.core import dates
from smartbudget.core.i18n import days, ngettext
from smartbudget.core.i18n import gettext as _
from smartbudget.core.money import percentage
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User


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
    created_at: str = ""  # of the budget; ISO 8601, UTC
    # The day on which it is projected to be overspent; None: in this period it is not,
    # or that is not known. See `budgets.forecast`.
    projected_overspend_date: datetime.date | None = None
    # How many of the budget's periods `amount`, `spent` and `within` are of: those that
    # a report about a longer time adds up.
    periods: int = 1

    @property
    def category_key(self) -> str:
        """The form by which categories are compared."""
        return casefold_key(self.category)

    @property
    def period_in_words(self) -> str:
        """How often it begins anew, as people read it."""
        return _(dates.PERIOD_WORDS[self.period])

    @property
    def within_in_words(self) -> str:
        """The period, or periods, that it stands in, as people read it."""
        if self.periods == 1:
            return dates.name_of(self.period, self.within)
        said = ngettext(
            "{number} month, {days}", "{number} months, {days}", self.periods
        )
        if self.period == "weekly":
            said = ngettext(
                "{number} week, {days}", "{number} weeks, {days}", self.periods
            )
        return said.format(
            number=self.periods, days=days(self.within.start, self.within.end)
        )

    @property
    def amount_each(self) -> Decimal:
        """The budget's amount for one of its periods."""
        return self.amount / self.periods

    @property
    def remaining(self) -> Decimal:
        """What is left; below zero when the budget is passed."""
        return self.amount - self.spent

    @property
    def over(self) -> Decimal:
        """By how much the budget is passed; below zero while something is left."""
        return self.spent - self.amount

    @property
    def percentage(self) -> Decimal:
        """Percent spent, two decimals, never rounded up to a level not reached."""
        return percentage(self.spent, self.amount)

    @property
    def level(self) -> str:
        """One of `budgets.models.LEVELS`."""
        return level_of(self.spent, self.amount, self.alert_threshold)


def current_lines(user: User, budgets: Sequence[Budget]) -> list[BudgetLine]:
    """Return each budget as it stands in its period that holds today.

    Makes no call where the budgets hold those periods' totals. A budget whose period
    has ended does not, until its next expense or the daily check: expenses are then
    read, with one Query.
    """
    today = user.today()
    periods = [dates.period_of(each.period, today) for each in budgets]
    ended = [
        period
        for budget, period in zip(budgets, periods, strict=True)
        if budget.current != period
    ]
    found: list[Entry] = []
    if ended:
        start, end = min(p.start for p in ended), max(p.end for p in ended)
        reach = dates.Period(start, end)
        found = expenses.entries(user.user_id, reach, described=reach)
    return lines(budgets, today, found)


def lines(
    budgets: Sequence[Budget], day: datetime.date, found: Sequence[Spending]
) -> list[BudgetLine]:
    """Tell how each budget stands in its own period that holds a day.

    found: what was spent, at least in each of those periods.
    """
    return [_line(each, dates.period_of(each.period, day), found) for each in budgets]


def summed_line(
    budget: Budget, periods: Sequence[dates.Period], found: Sequence[Spending]
) -> BudgetLine:
    """Return how a budget stands over several consecutive periods.

    found: what was spent, at least in each of them. Today's amount applies to all.
    """
    within = dates.Period(periods[0].start, periods[-1].end)
    return BudgetLine(
        budget_id=budget.budget_id,
        category=budget.category,
        period=budget.period,
        amount=budget.amount * len(periods),
        alert_threshold=int(budget.alert_threshold),
        spent=expenses.total(found, within, budget.category_key),
        within=within,
        periods=len(periods),
    )


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
        created_at=budget.created_at,
    )
