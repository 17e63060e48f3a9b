"""Preview what expenses would do to budgets, without writing anything.

Why: docs/decisions.md#a-preview-reads-the-budgets-when-it-is-shown
"""

import datetime
from collections.abc import Iterable, Sequence
from decimal import Decimal

from budgets import evaluation, queries, results, services
from budgets.evaluation import PeriodResult
from budgets.models import OVER, Budget
from budgets.queries import BudgetLine, DailyTotals
from expenses.queries import Spending
from smartbudget.core.categories import Categories
from smartbudget.core.periods import Period
from smartbudget.core.user import User


def lines_over(user: User, added: Sequence[Spending]) -> list[BudgetLine]:
    """Return the budgets that new expenses would take over their limits.

    added: the expenses, and refunds, whose amounts are below zero.

    A line has the budget's current period with the new expenses. What they change in
    finished periods is carried over by the budget's rules. Leaves out budgets that are
    over already, and those that send no alerts: paused and past ones.

    Takes a Query of the budgets, and one of expenses if a period has ended since its
    budget was last written. If an expense is in a finished period of a budget that
    carries over, also a BatchGetItem of results: an item for each year of a budget.

    The indexes are eventually consistent. A result that waits for a recount is used as
    it is stored. If a budget's period ends before the expenses are written, the line
    may be wrong.
    """
    if not added:
        return []
    budgets = services.list_budgets(user).items
    new, counted = DailyTotals(added), queries.uncounted_totals(user, budgets)
    past = _results_changed(budgets, min(spending.day for spending in added))
    lines = (
        _line_if_over(user, budget, new, counted, past.get(budget.budget_id, ()))
        for budget in budgets
    )
    return [line for line in lines if line]


def _results_changed(
    budgets: Iterable[Budget], first: datetime.date
) -> results.Results:
    """Return the results that expenses since a day change, and those after them."""
    return results.read_within(
        (budget, Period(first, budget.current.start))
        for budget in budgets
        if budget.rollover != "none" and first < budget.current.start
    )


def _line_if_over(
    user: User,
    budget: Budget,
    new: DailyTotals,
    counted: DailyTotals,
    past: Sequence[PeriodResult],
) -> BudgetLine | None:
    """Return a budget's line with new expenses, or None if it does not go over."""
    count = counted.counter(budget.categories)
    arguments = budget, user.today(), user.calendar, count
    before = evaluation.current_state(*arguments)
    after = evaluation.current_state(
        *arguments,
        added=new.counter(budget.categories),
        carried=_carried(budget, new, past),
    )
    if after.is_silent or not before.reached < after.reached == OVER:
        return None
    result = evaluation.result_of(budget, after.period, after.spent, after.carried_over)
    return queries.line_of(budget, result)


def _carried(
    budget: Budget, new: DailyTotals, past: Sequence[PeriodResult]
) -> Decimal | None:
    """Return what a budget's stored period gets, or None for what is stored."""
    spent = {result.period: result.spent for result in past}

    def total(period: Period, categories: Categories) -> Decimal:
        return spent[period] + new.counter(categories)(period)

    changed = [
        result.period.start
        for result in past
        if new.counter(result.categories)(result.period)
    ]
    if not changed:
        return None
    counted = evaluation.chained(past, total, min(changed))
    return evaluation.carried_into(budget.current, counted)
