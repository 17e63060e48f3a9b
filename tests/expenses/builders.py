"""Builders, strategies and readers for tests of many expenses at once."""

import datetime
from decimal import Decimal

from hypothesis import strategies as st

from budgets import services as budgets
from expenses.models import Expense
from smartbudget.core.periods import CALENDAR_PERIODS
from smartbudget.core.user import User
from tests.money_builders import ALICE, TODAY, make_budget, make_expense

states = st.sampled_from(["pending", "cleared", "void"])
names = st.sampled_from(["Groceries", "GROCERIES", "Rent", "Bus"])
amounts = st.integers(1, 4_000).map(lambda cents: Decimal(cents) / 100)
days = st.sampled_from(
    [TODAY + datetime.timedelta(days=days) for days in (-40, -10, -2, 0, 5, 30)]
)
kinds = st.sampled_from(["expense", "expense", "refund"])
rows = st.fixed_dictionaries(
    {
        "amount": amounts,
        "kind": kinds,
        "category": names,
        "date": days,
        "status": states,
    }
)
limits = st.lists(amounts, min_size=3, max_size=3)


def make_expenses(
    count: int, category: str = "Groceries", user: User = ALICE, **fields
) -> list[str]:
    """Record `count` expenses; return their ids."""
    return [
        make_expense(user, category=category, **fields).expense_id for _ in range(count)
    ]


def stored() -> list[Expense]:
    """Return all users' expenses, without the other items in the table."""
    return [item for item in Expense.scan() if "#" not in item.expense_id]


def make_budgets(user: User, limits: list[Decimal], threshold: int) -> None:
    """Create a budget of each period, and one of another category."""
    for period, limit in zip(CALENDAR_PERIODS, limits, strict=True):
        make_budget(user, amount=limit * 9, alert_threshold=threshold, period=period)
    make_budget(user, category="Rent", amount=limits[0])


def totals_and_levels(user: User) -> list[tuple[str, str, Decimal, str]]:
    """Return the totals and levels of the user's budgets."""
    return sorted(
        (budget.category, budget.period, budget.spent, budget.level)
        for budget in budgets.list_budgets(user).items
    )
