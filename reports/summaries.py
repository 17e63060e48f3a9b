"""Write weekly and monthly summaries when they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts import services as accounts
from notifications import schedule
from reports import summary, summary_text

if TYPE_CHECKING:
    from notifications.models import Notification, PlannedSummary
    from notifications.recipients import Recipient


def write(planned: PlannedSummary, recipient: Recipient) -> Notification:
    """Write a summary that is due and plan the next one, in one transaction.

    Returns the notification. The caller must hold its lease. Safe to repeat.

    Raises ConflictError if the lease was lost.
    """
    kind, period = schedule.PERIODS[planned.type], schedule.period_of(planned)
    user = accounts.account_of(recipient).user
    subject, message = summary_text.summary(
        kind, summary.review(user, kind, period), language=recipient.language
    )
    return schedule.store_text(planned, recipient, subject, message)
