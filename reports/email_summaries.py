"""Summaries of a week or month, sent by e-mail when they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accounts import services as accounts
from notifications import messages, schedule
from reports import summary

if TYPE_CHECKING:
    from notifications.models import Notification, PlannedSummary
    from notifications.recipients import Recipient
    from reports.summary import Summary


def write(planned: PlannedSummary, recipient: Recipient) -> Notification:
    """Write a summary that is due and plan the next one, in one transaction.

    Returns the notification. The caller must hold its lease. Safe to repeat.

    Raises ConflictError if the lease was lost.
    """
    kind = schedule.PERIODS[planned.type]
    period = schedule.summarized_period(planned, recipient)
    user = accounts.account_of(recipient).user
    facts = facts_of(summary.review(user, kind, period))
    text = messages.write(planned.type, facts, language=recipient.language)
    return schedule.store_text(planned, recipient, text)


def facts_of(spending: Summary) -> dict[str, Any]:
    """Return the facts of a summary's text, with its first MAX_BUDGETS budgets.

    Paused budgets are left out. `amount` is the limit, which the version before reads.
    """
    lines = [line for line in spending.lines if not line.paused]
    return {
        "start": spending.shown.start,
        "end": spending.shown.end,
        "spent": spending.total_spent,
        "refunded": spending.refunded,
        "previous": spending.previous_spent,
        "currency": spending.currency,
        "budgets": [
            {
                "category": line.categories.text,
                "categories": line.categories.to_json(),
                "period": line.period,
                "start": line.within.start,
                "end": line.within.end,
                "amount": line.limit,
                "carried_over": line.carried_over,
                "spent": line.spent,
            }
            for line in lines[: messages.MAX_BUDGETS]
        ],
        "budgets_number": len(lines),
    }
