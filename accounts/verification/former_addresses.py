"""The verified addresses that an account had in the last seven days.

Each gets a mail with a link that puts it back, see `undo`. They are a list, oldest
first: undoing a change also undoes those after it, so that an intruder who changes the
address twice cannot undo the second change to keep the account.
"""

import datetime
import logging
import uuid
from typing import TypedDict

from accounts.models import Account
from smartbudget.core import dates
from smartbudget.core.tasks import QueueError, send_task

logger = logging.getLogger(__name__)

TASK = "accounts.tasks.send_address_changed"
LIFETIME = datetime.timedelta(days=7)
# Later ones are not added: the oldest are the owner's, if an intruder makes many.
MAX_ADDRESSES = 10


class FormerAddress(TypedDict):
    """An address that an account had, and when it lost it."""

    change_id: str  # uuid4 hex
    email: str
    changed_at: str  # ISO 8601, UTC
    is_verified: bool
    is_sent: bool  # whether its mail was sent


def with_current(account: Account) -> list[FormerAddress]:
    """Return the former addresses after the current one is replaced."""
    now = dates.now()
    earlier = [
        former
        for former in account.former_addresses or []
        if datetime.datetime.fromisoformat(former["changed_at"]) > now - LIFETIME
    ]
    current = FormerAddress(
        change_id=uuid.uuid4().hex,
        email=account.email,
        changed_at=dates.timestamp(now),
        is_verified=account.is_verified,
        is_sent=False,
    )
    return [*earlier, current][:MAX_ADDRESSES]


def enqueue_mails(account: Account) -> None:
    """Queue the mails to former addresses, after the change was committed.

    Raises nothing: the sweep queues the job of the change if SQS cannot be reached.
    """
    if all(former["is_sent"] for former in account.former_addresses or []):
        return
    try:
        send_task(TASK, {"user_id": account.user_id})
    except QueueError:
        logger.warning("left to the sweep user_id=%s", account.user_id, exc_info=True)
