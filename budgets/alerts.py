"""Alerts for budgets that reach their threshold or are exceeded."""

import uuid
from typing import TYPE_CHECKING

from budgets.models import level_name
from notifications import messages, outbox
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.user import User

if TYPE_CHECKING:
    from budgets.evaluation import State
    from budgets.models import Budget
    from budgets.updates import Outcome

_NAMESPACE = uuid.UUID("0a2f1c52-8a5e-5b0e-8d4f-2f0a4f6f7c01")


def add_alert(
    user: User,
    budget: "Budget",
    state: "State",
    transaction: Transaction,
    outcome: "Outcome",
) -> None:
    """Add an alert to a transaction if the budget rose to a new level."""
    reached = state.risen_to
    if reached is None:
        return
    type = f"budget_{level_name(reached)}"
    facts = {
        "category": budget.categories.text,
        "period": budget.period,
        "start": state.period.start,
        "end": state.period.end,
        "amount": state.limit,
        "carried_over": state.carried_over,
        "spent": state.spent,
        "currency": user.currency,
        "today": user.today(),
    }
    if budget.more_categories:
        facts["categories"] = budget.more_categories
    # The id is derived from what the alert concerns, so it cannot be written twice.
    # created_at distinguishes the budget from a deleted one with the same id.
    identity = (
        f"{budget.budget_id}|{budget.created_at}|{state.period.start}"
        f"|{_level_in_id(state, reached)}|{state.rearm_count}"
    )
    notification = outbox.compose(
        notification_id=uuid.uuid5(_NAMESPACE, identity).hex,
        user_id=user.user_id,
        type=type,
        text=messages.write(type, facts, language=user.language),
    )
    outbox.put(notification, transaction)
    outcome.alerts.append(notification)


def _level_in_id(state: "State", reached: int) -> str:
    """Return what distinguishes the alerts of several levels.

    The first threshold has no number, as when there was only one.
    """
    name = level_name(reached)
    is_first = reached == state.alert_thresholds[0]
    return name if is_first or name == "exceeded" else f"{name} {reached}"
