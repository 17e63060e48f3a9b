"""Delete all notifications and subscriptions of a closed account."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from notifications import schedule, subscriptions
from notifications.models import Notification
from smartbudget.core.bulk_delete import delete_indexed, delete_items

if TYPE_CHECKING:
    from notifications.recipients import Recipient

logger = logging.getLogger(__name__)


def delete_all(recipient: Recipient) -> Iterator[int]:
    """Delete in batches and yield the number of items in each. Safe to repeat.

    Planned summaries are not in the user's index. Their ids are derived, so every
    possible one is deleted without a read, and counted as 0.
    """
    yield from delete_indexed(Notification.by_user, recipient.user_id)
    for _ in delete_items(Notification, schedule.all_ids(recipient)):
        yield 0


def end_subscriptions(recipient: Recipient) -> None:
    """End all subscriptions of an account. Safe to repeat; outages are not caught.

    One that was never confirmed may have to expire, within two days.
    """
    arns = {
        recipient.subscription_arn,
        recipient.pending_subscription_arn,
        *(recipient.retired_subscriptions or ()),
    }
    for arn in filter(None, arns):
        if not subscriptions.end(arn, recipient.user_id):
            logger.info("left to expire user_id=%s arn=%s", recipient.user_id, arn)
