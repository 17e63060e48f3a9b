"""Tasks of notifications, run from SQS."""

import logging
from typing import Any

from notifications import delivery, recipients
from notifications.recipients import Recipient
from smartbudget.core.errors import NotFoundError
from smartbudget.core.tasks import current_attempt, task

logger = logging.getLogger(__name__)


@task
def deliver_notification(
    *, notification_id: str, user_id: str = "", **_unused: object
) -> None:
    """Send one stored notification; see delivery.deliver.

    The other fields of the message only help people who read the queue: text and
    recipient come from the stored item. An item deleted with its account is no error.
    """
    attempt = current_attempt()
    try:
        delivery.deliver(
            notification_id,
            last_attempt=attempt.is_last,
            lease_seconds=attempt.seconds_left,
        )
    except NotFoundError:
        if not user_id or recipients.find(user_id, Recipient):
            raise
        logger.info("deleted with its account notification_id=%s", notification_id)


@task
def take_mail_event(**event: Any) -> None:
    """Process a bounce or a complaint of SES; see bounces.process."""
    # Imported here, since SNS does not need the code for SES.
    from notifications import bounces

    bounces.process(event)
