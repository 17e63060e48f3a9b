"""What the queue asks of notifications."""

from typing import Any

from notifications import delivery
from smartbudget.core.tasks import current_attempt, task


@task
def deliver_notification(*, notification_id: str, **_carried: object) -> None:
    """Send one stored notification; see delivery.deliver.

    The other fields of the message are for whoever reads the queue: what is stored is
    what is sent, and to whom.
    """
    attempt = current_attempt()
    delivery.deliver(
        notification_id,
        last_attempt=attempt.is_last,
        lease_seconds=attempt.seconds_left,
    )


@task
def take_mail_event(**event: Any) -> None:
    """Note a bounce or a complaint, as SES publishes it; see bounces.take."""
    from notifications import bounces  # with SES's code, which SNS does without

    bounces.take(event)
