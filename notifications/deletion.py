"""Deleting all notifications of a user who goes, and what mails reached them by."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from notifications import schedule, subscriptions
from notifications.models import Notification
from smartbudget.core.bulk_delete import delete_indexed, delete_items

if TYPE_CHECKING:
    from accounts.models import Account

logger = logging.getLogger(__name__)


def delete_all(account: Account) -> Iterator[int]:
    """Delete a batch at a time and yield how many were found in each; repeatable.

    Planned summaries are in no index of one's own. Their ids are derived, so all that
    there can be are deleted unseen, and none is counted as found.
    """
    yield from delete_indexed(Notification.by_user, account.user_id)
    for _ in delete_items(Notification, schedule.all_ids(account)):
        yield 0


def end_subscriptions(account: Account) -> None:
    """End all that mails reach an account by. Safe to repeat; outages are left alone.

    What was never confirmed may be left to lapse by itself, within two days.
    """
    arns = {
        account.subscription_arn,
        account.pending_subscription_arn,
        *(account.retired_subscriptions or ()),
    }
    for arn in filter(None, arns):
        if not subscriptions.end(arn, account.user_id):
            logger.info("left to lapse user_id=%s arn=%s", account.user_id, arn)
