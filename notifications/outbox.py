"""The outbox: notifications stored with their cause, then queued for delivery.

Why: docs/decisions.md#alert-ids-are-derived-from-what-the-alert-is-about
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from notifications import unread
from notifications.messages import Text, printable, subject_line
from notifications.models import TYPES, Notification, OutboxItem
from smartbudget.core import dates, log
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.tasks import DEFAULT, QueueError, send_tasks

if TYPE_CHECKING:
    from smartbudget.core.user import User

logger = logging.getLogger(__name__)


def compose(
    *, notification_id: str, user_id: str, type: str, text: Text
) -> Notification:
    """Return a new, unsaved notification, for the caller's transaction.

    notification_id: derived from the cause, so that it is stored only once.
    type: one of TYPES. text: its subject is made acceptable to SNS.

    Raises ValueError for another type, since lists are filtered by type.
    """
    if type not in TYPES:
        raise ValueError(f"{type!r} is not among TYPES.")
    now = dates.timestamp()
    composed = Notification(
        notification_id=notification_id,
        user_id=user_id,
        type=type,
        subject=subject_line(text.subject),
        message=printable(text.message),
        status="queued",
        created_at=now,
        updated_at=now,
        unsent_shard=Notification.shard_of(notification_id),
        unsent_since=now,
    )
    if text.facts:
        composed.facts = text.facts
    if request_id := log.current_request_id():
        composed.request_id = request_id
    return composed


def put(notification: Notification, transaction: Transaction) -> None:
    """Add a new notification to a transaction; an existing one is left alone."""
    transaction.put_once(notification, Notification.notification_id.does_not_exist())
    unread.mark_changed()


def is_queued(notification_id: str) -> bool:
    """Check whether a notification is still queued. Reads consistently."""
    stored = Notification.find(notification_id)
    return stored is not None and stored.status == "queued"


def enqueue(user: "User", notifications: Sequence[Notification]) -> None:
    """Queue stored notifications of one user for delivery, ten per request.

    Raises nothing: any that SQS refuses stay `queued`, and the sweep sends them later.
    """
    calls = [to_sqs_payload(item, user.email) for item in notifications]
    try:
        send_tasks(DEFAULT, calls)
    except QueueError as error:
        logger.warning("left to the sweep count=%d", len(error.refused), exc_info=True)


def to_sqs_payload(item: OutboxItem, email: str) -> dict[str, str]:
    """Return the body of the SQS message for a notification."""
    return {
        "user_id": item.user_id,
        "user_email": email,
        "message": item.message,
        "subject": item.subject,
        "notification_type": item.type,
        "notification_id": item.notification_id,
        "timestamp": dates.timestamp(),
    }
