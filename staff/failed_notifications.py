"""List failed notifications for staff and send them again.

Staff see the type, time and reason, but not the text or the recipient's address.
"""

import functools
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pynamodb.pagination import ResultIterator

from notifications import sweep
from notifications.models import FAILED_SHARDS, Notification
from smartbudget.core import dates
from smartbudget.core.dynamodb import Action, conditional_write
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.tasks import BATCH
from smartbudget.core.user import User
from staff.users import require_staff

logger = logging.getLogger(__name__)

MAX_LISTED = 50  # notifications
RESEND_LIMIT = 100  # notifications per call
RESEND_SECONDS = 5  # per call
READ_PER_SHARD = 250
ATTRIBUTES = [  # read of each failed notification
    "notification_id",
    "user_id",
    "type",
    "status",
    "created_at",
    "updated_at",
    "attempts",
    "error",
    "unsent_since",
]


@dataclass(frozen=True)
class Failed:
    """Failed notifications, newest first.

    count: their number, or a lower bound if `more`.
    """

    items: list[Notification]
    count: int
    more: bool


@dataclass(frozen=True)
class Resent:
    """Numbers of notifications queued again, waiting for the sweep, and left.

    Those waiting are among those queued again, but were refused by SQS, which ends the
    run.
    """

    resent: int
    waiting: int
    left: int


def list_failed(staff: User) -> Failed:
    """Return the newest MAX_LISTED failed notifications, with one Query per shard.

    The index is eventually consistent: one just sent again may still be listed.

    Raises ForbiddenError.
    """
    require_staff(staff)
    failed, more = _failed()
    failed.sort(key=lambda item: item.unsent_since or "", reverse=True)
    return Failed(failed[:MAX_LISTED], len(failed), more)


def resend(staff: User, notification_ids: list[str]) -> Resent:
    """Queue failed notifications again, at most RESEND_LIMIT.

    Safe to repeat and to run concurrently: only the call that changes a notification
    from `failed` to `queued` sends it. After a crash in between, the sweep sends it.

    Raises ForbiddenError, and InvalidError for too many ids.
    """
    require_staff(staff)
    if len(notification_ids) > RESEND_LIMIT:
        raise InvalidError(
            _("Send at most {most} ids.").format(most=RESEND_LIMIT), "ids"
        )
    return _resend(staff, notification_ids, total=len(notification_ids))


def resend_all(staff: User) -> Resent:
    """Queue the failed notifications again, RESEND_LIMIT per call; see `resend`.

    Call again while some are left.
    """
    require_staff(staff)
    failed, _more = _failed()
    failed.sort(key=lambda item: item.unsent_since or "")  # oldest first
    ids = [item.notification_id for item in failed]
    return _resend(staff, ids[:RESEND_LIMIT], total=len(ids))


def _failed() -> tuple[list[Notification], bool]:
    """Return the newest failed notifications of every shard, and whether more exist."""
    failed: list[Notification] = []
    more = False
    for shard in FAILED_SHARDS:
        results: ResultIterator[Any] = Notification.unsent.query(
            shard,
            scan_index_forward=False,
            page_size=READ_PER_SHARD,
            limit=READ_PER_SHARD,
            attributes_to_get=ATTRIBUTES,
        )
        failed += results
        more = more or results.last_evaluated_key is not None
    return failed, more


def _resend(staff: User, ids: list[str], *, total: int) -> Resent:
    email_of = functools.cache(sweep.email_of)
    deadline = time.monotonic() + RESEND_SECONDS
    resent = waiting = tried = 0
    for batch in _batches(ids):
        queued = [item for item in map(_queue_again, batch) if item is not None]
        queued_ids = ",".join(item.notification_id for item in queued)
        logger.info("resent by staff user_id=%s ids=%s", staff.user_id, queued_ids)
        waiting += len(sweep.enqueue_again(queued, email_of))
        resent += len(queued)
        tried += len(batch)
        if waiting or time.monotonic() > deadline:
            break  # a user is waiting, and SQS may be down
    return Resent(resent, waiting, total - tried)


def _queue_again(notification_id: str) -> Notification | None:
    """Change a notification from `failed` to `queued`, or return None if it is not."""
    now = dates.timestamp()
    notification = Notification(notification_id)
    actions: list[Action] = [
        Notification.status.set("queued"),
        Notification.attempts.set(0),
        Notification.updated_at.set(now),
        Notification.error.remove(),
        Notification.lease_owner.remove(),
        Notification.lease_until.remove(),
        Notification.unsent_shard.set(Notification.shard_of(notification_id)),
        Notification.unsent_since.set(now),
    ]
    failed = Notification.status == "failed"
    changed = conditional_write(lambda: notification.update(actions, failed))
    return notification if changed else None


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(ids)
    while batch := list(islice(remaining, BATCH)):
        yield batch
