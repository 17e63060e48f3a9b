"""Deleting all notifications of a user who goes, and what mails reached them by."""

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
    """Delete a batch at a time and yield how many were found in each; repeatable.

    Planned summaries are in no index of one's own. Their ids are derived, so all that
    there can be are deleted unseen, and none is counted as found.
    """
    yield from delete_indexed(Notification.by_user, recipient.user_id)
    for _ in delete_items(Notification, schedule.all_ids(recipient)):
        yield 0


def end_subscriptions(recipient: Recipient) -> None:
    """End all that mails reach an account by. Safe to repeat; outages are left alone.

    What was never confirmed may be left to lapse by itself, within two days.
    """
    arns = {
        recipient.subscription_arn,
        recipient.pending_subscription_arn,
        *(recipient.retired_subscriptions or ()),
    }
    for arn in filter(None, arns):
        if not subscriptions.end(arn, recipient.user_id):
            logger.info("left to lapse user_id=%s arn=%s", recipient.user_id, arn)
