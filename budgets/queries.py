"""Budgets with what was spent and what is left, for pages, API and reports."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from budgets.models import LEVELS, Budget, level_of
from expenses import queries as expenses
from expenses.queries import Entry, Spending
from smartbudget.core.i18n import days, ngettext
from smartbudget.core.i18n import gettext as _
from smartbudget.core.money import CURRENCIES, percentage
from smartbudget.core.periods import PERIOD_WORDS, Period, name_of, period_of
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User


@dataclass(frozen=True)
class BudgetLine:
    """A budget with what was spent in one of its periods, or several in a row."""

    budget_id: str
    category: str
    period: str
    amount: Decimal
    alert_threshold: int
    spent: Decimal
    within: Period
    created_at: str = ""  # of the budget; ISO 8601, UTC
    # The day on which it is projected to be overspent in this period, or None; see
    # `budgets.forecast`.
    projected_overspend_date: datetime.date | None = None
    # How many of the budget's periods `amount`, `spent` and `within` cover: more than
    # one in a report on a longer period.
    periods: int = 1

    @property
    def category_key(self) -> str:
        """The key that categories are compared by."""
        return casefold_key(self.category)

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
            "{number} month, {days}", "{number} months, {days}", self.periods
        )
        if self.period == "weekly":
            template = ngettext(
                "{number} week, {days}", "{number} weeks, {days}", self.periods
            )
        return template.format(
            number=self.periods, days=days(self.within.start, self.within.end)
        )

    @property
    def amount_each(self) -> Decimal:
        """The budget's amount for one of its periods."""
        return self.amount / self.periods

    @property
    def remaining(self) -> Decimal:
        """The amount left; negative if over budget."""
        return self.amount - self.spent

    @property
    def over(self) -> Decimal:
        """The amount spent above the budget; negative while something is left."""
        return self.spent - self.amount

    @property
    def percentage(self) -> Decimal:
        """Percent spent, two decimals, never rounded up to a level not reached.

        0 if refunds exceed spending.
        """
        return percentage(max(self.spent, Decimal(0)), self.amount)

    @property
    def level(self) -> str:
        """One of `budgets.models.LEVELS`."""
        return level_of(self.spent, self.amount, self.alert_threshold)

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
    """Sort lines: over budget, near the limit, the rest; then as they were."""
    return sorted(lines, key=lambda line: -LEVELS.index(line.level))


def current_lines(user: User, budgets: Sequence[Budget]) -> list[BudgetLine]:
    """Return a line per budget for its current period, the one that contains today.

    Makes no AWS call if the budgets hold the totals of those periods. A budget whose
    period has ended does not until its next expense or the daily check; then one Query
    reads the expenses.
    """
    today = user.today()
    periods = [period_of(budget.period, today) for budget in budgets]
    ended = [
        period
        for budget, period in zip(budgets, periods, strict=True)
        if budget.current != period
    ]
    spendings: list[Entry] = []
    if ended:
        span = Period.spanning(ended)
        spendings = expenses.entries(user.user_id, span, described=span)
    return lines(budgets, today, spendings)


def lines(
    budgets: Sequence[Budget], day: datetime.date, spendings: Sequence[Spending]
) -> list[BudgetLine]:
    """Return a line per budget for its period that contains a day.

    spendings: what was spent, at least in each of those periods.
    """
    return [
        _line(budget, period_of(budget.period, day), spendings) for budget in budgets
    ]


def summed_line(
    budget: Budget, periods: Sequence[Period], spendings: Sequence[Spending]
) -> BudgetLine:
    """Return one line for several consecutive periods of a budget.

    spendings: what was spent, at least in each of them. Today's amount applies to all.
    """
    within = Period(periods[0].start, periods[-1].end)
    return BudgetLine(
        budget_id=budget.budget_id,
        category=budget.category,
        period=budget.period,
        amount=budget.amount * len(periods),
        alert_threshold=int(budget.alert_threshold),
        spent=expenses.total(spendings, within, budget.category_key),
        within=within,
        periods=len(periods),
    )


def _line(budget: Budget, period: Period, spendings: Sequence[Spending]) -> BudgetLine:
    if budget.current == period:
        spent = budget.spent
    else:
        spent = expenses.total(spendings, period, budget.category_key)
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
