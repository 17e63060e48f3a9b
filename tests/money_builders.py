"""Builders for expenses and budgets: sensible defaults, on one fixed day."""

import datetime
from decimal import Decimal

import time_machine

from budgets import services as budgets
from budgets.lookup import SHAPES
from budgets.models import Budget
from expenses import services as expenses
from expenses.models import Expense
from notifications.models import Notification
from smartbudget.core.user import User

NOON = datetime.datetime(2026, 3, 18, 12, tzinfo=datetime.UTC)  # a Wednesday
TODAY = NOON.date()

# Without accounts, so they have all shapes of budgets from the beginning.
ALICE = User(
    user_id="alice",
    username="alice",
    email="alice@example.com",
    budget_shapes=SHAPES,
)
BOB = User(user_id="bob", username="bob", email="bob@example.com", budget_shapes=SHAPES)


def make_expense(user: User = ALICE, **fields) -> Expense:
    fields = {"amount": "10.00", "category": "Groceries", **fields}
    return expenses.record_expense(user, **fields)


def make_budget(user: User = ALICE, **fields) -> Budget:
    fields = {"amount": "100.00", "category": "Groceries", **fields}
    return budgets.create_budget(user, **fields)


def make_budget_last_month(user: User = ALICE, **fields) -> Budget:
    """Return a budget whose month has ended; the next expense begins the new one."""
    with time_machine.travel(NOON - datetime.timedelta(days=31), tick=True):
        return make_budget(user, **fields)


def make_earlier_budget(user: User = ALICE, **fields) -> Budget:
    """Return a budget that is older than all days, from a version without results."""
    budget = make_budget(user, **fields)
    Budget(budget.budget_id).update(
        [
            Budget.created_at.set("2000-01-01T00:00:00+00:00"),
            Budget.current_period.remove(),
            Budget.results_since.remove(),
        ],
        add_version_condition=False,
    )
    return Budget.get(budget.budget_id)


def spent(budget: Budget) -> Decimal:
    return Budget.get(budget.budget_id).spent


def alerts(user: User = ALICE) -> list[str]:
    """Types of the user's notifications, oldest first."""
    notifications = Notification.by_user.query(user.user_id)
    return [
        notification.type
        for notification in sorted(
            notifications, key=lambda notification: notification.created_at
        )
    ]
