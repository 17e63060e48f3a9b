"""Confirm addresses by a link, for transports that store no subscriptions.

A record represents a subscription, and its key corresponds to an ARN of SNS. The key is
a hash of the token in the link, so the link cannot be derived from it.
"""

import hashlib
import secrets
import time

from notifications.models import OptIn
from smartbudget.core.dynamodb import Action, conditional_write
from smartbudget.core.errors import NotFoundError
from smartbudget.core.i18n import gettext as _

LINK_SECONDS = 2 * 24 * 3600  # until the link expires, as with SNS


def begin(email: str, owner: str) -> tuple[str, str]:
    """Store an unconfirmed subscription of an address for an account.

    Returns (key, token for the link). Every call creates a new record.
    """
    token = secrets.token_urlsafe(32)
    record = OptIn(
        user_id=_key(token),
        owner=owner,
        email=email,
        expires_at=int(time.time()) + LINK_SECONDS,
    )
    record.save()
    return record.user_id, token


def find(token: str) -> OptIn:
    """Return the record of a link. Raises NotFoundError if it has expired or ended."""
    record = _get(_key(token))
    if record is None:
        raise _expired()
    return record


def confirm(token: str) -> OptIn:
    """Confirm the address of a link, and return its record. Safe to repeat.

    Raises NotFoundError if the link has expired or ended.
    """
    record = OptIn(_key(token))
    actions: list[Action] = [OptIn.expires_at.remove()]
    is_live = OptIn.user_id.exists() & (
        OptIn.expires_at.does_not_exist() | (OptIn.expires_at > int(time.time()))
    )
    if not conditional_write(lambda: record.update(actions, is_live)):
        raise _expired()
    return record


def status(key: str, email: str) -> str:
    """Return the status of a subscription: none, pending or confirmed."""
    record = _get(key)
    if record is None or record.email != email:
        return "none"
    return "pending" if record.expires_at else "confirmed"


def end(key: str) -> None:
    """End a subscription and its link. Safe to repeat."""
    OptIn(key).delete()


def _get(key: str) -> OptIn | None:
    record = OptIn.find(key)
    if record is None:
        return None
    # TTL may delete an item days late (docs/aws.md#time-to-live).
    is_expired = record.expires_at is not None and record.expires_at <= time.time()
    return None if is_expired else record


def _expired() -> NotFoundError:
    return NotFoundError(_("This link has expired."))


def _key(token: str) -> str:
    return f"opt-in#{hashlib.sha256(token.encode()).hexdigest()}"
