"""The addresses that an account had in the last seven days.

Each gets a mail about the change. One that was verified gets a link in it that puts it
back, see `undo`; another one may be a stranger's. They are a list, oldest first:
undoing a change also undoes those after it, so that an intruder who changes the address
twice cannot undo the second change to keep the account. An address that an undo
replaces gets no link: the two mailboxes would undo each other.
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
    is_verified: bool  # whether its mail names the account and the new address
    may_undo: bool  # whether its mail has a link
    is_sent: bool  # whether its mail was sent


def with_current(account: Account) -> list[FormerAddress]:
    """Return the former addresses after the current one is replaced."""
    start = dates.now() - LIFETIME
    earlier = [
        former
        for former in account.former_addresses or []
        if datetime.datetime.fromisoformat(former["changed_at"]) > start
    ]
    current = _current(account, may_undo=account.is_verified)
    return [*earlier, current][:MAX_ADDRESSES]


def after_undo(account: Account, index: int) -> list[FormerAddress]:
    """Return the former addresses after the one at an index is put back."""
    earlier = (account.former_addresses or [])[:index]
    if not account.email:  # another account has proved it
        return earlier
    return [*earlier, _current(account, may_undo=False)]


def _current(account: Account, *, may_undo: bool) -> FormerAddress:
    return FormerAddress(
        change_id=uuid.uuid4().hex,
        email=account.email,
        changed_at=dates.timestamp(),
        is_verified=account.is_verified,
        may_undo=may_undo,
        is_sent=False,
    )


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
