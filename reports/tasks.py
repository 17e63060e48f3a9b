"""Tasks of reports: run from SQS, or by lower layers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import email_summaries, queued
from smartbudget.core.tasks import task

if TYPE_CHECKING:
    from notifications.models import Notification, PlannedSummary
    from notifications.recipients import Recipient


@task
def start_queued_reports(*, user_id: str) -> None:
    """Start the Lambda that creates a user's queued reports; see queued.start."""
    queued.start(user_id)


@task
def write_summary(*, planned: PlannedSummary, recipient: Recipient) -> Notification:
    """Write a summary that is due; see email_summaries.write. Never queued."""
    return email_summaries.write(planned, recipient)
