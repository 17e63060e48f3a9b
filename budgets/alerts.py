"""Alerts for budgets that reach their threshold or are exceeded."""

import uuid
from typing import TYPE_CHECKING

from notifications import messages, outbox
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.user import User

if TYPE_CHECKING:
    from budgets.models import Budget
    from budgets.updates import Outcome, State

_NAMESPACE = uuid.UUID("0a2f1c52-8a5e-5b0e-8d4f-2f0a4f6f7c01")


def add_alert(
    user: User,
    budget: "Budget",
    state: "State",
    transaction: Transaction,
    outcome: "Outcome",
) -> None:
    """Add an alert to a transaction if the budget rose to a new level."""
    level = state.risen_to
    if level is None:
        return
    type = f"budget_{level}"
    facts = {
        "category": budget.category,
        "period": budget.period,
        "start": state.period.start,
        "amount": state.amount,
        "spent": state.spent,
        "currency": user.currency,
        "today": user.today(),
    }
    # The id is derived from what the alert concerns, so it cannot be written twice.
    # created_at tells the budget from a deleted one of the same name.
    identity = (
        f"{budget.budget_id}|{budget.created_at}|{state.period.start}"
        f"|{level}|{state.rearm_count}"
    )
    notification = outbox.compose(
        notification_id=uuid.uuid5(_NAMESPACE, identity).hex,
        user_id=user.user_id,
        type=type,
        text=messages.write(type, facts, language=user.language),
    )
    notification.topic = f"{budget.budget_id}|{state.period.start}"
    outbox.put(notification, transaction)
    outcome.alerts.append(notification)
