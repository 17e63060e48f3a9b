"""Addresses confirmed by a link of our own, for transports that keep no subscribers.

A record stands for one subscription, and its key for what SNS calls the ARN. Who has
the key does not have the link: that holds the token, of which the key has the hash.
"""

import hashlib
import secrets
import time

from notifications.models import OptIn
from smartbudget.core.dynamodb import Action, conditional_write
from smartbudget.core.errors import NotFoundError
from smartbudget.core.i18n import gettext as _

SECONDS = 2 * 24 * 3600  # to follow the link in, as with SNS


def begin(email: str, owner: str) -> tuple[str, str]:
    """Store that an address is to be confirmed for an account.

    Returns (key, token for the link). Every call makes a new one.
    """
    token = secrets.token_urlsafe(32)
    record = OptIn(
        user_id=_key(token),
        owner=owner,
        email=email,
        expires_at=int(time.time()) + SECONDS,
    )
    record.save()
    return record.user_id, token


def find(token: str) -> OptIn:
    """Return what a link is about. Raises NotFoundError once it is expired or ended."""
    record = _get(_key(token))
    if record is None:
        raise _dead()
    return record


def confirm(token: str) -> OptIn:
    """Confirm the address of a link, and return what it is about. Safe to repeat.

    Raises NotFoundError once it is expired or ended.
    """
    record = OptIn(_key(token))
    actions: list[Action] = [OptIn.expires_at.remove()]  # it lives until it is ended
    alive = OptIn.user_id.exists() & (
        OptIn.expires_at.does_not_exist() | (OptIn.expires_at > int(time.time()))
    )
    if not conditional_write(lambda: record.update(actions, alive)):
        raise _dead()
    return record


def status(key: str, email: str) -> str:
    """Return how far a subscription is: none, pending or confirmed."""
    record = _get(key)
    if record is None or record.email != email:
        return "none"
    return "pending" if record.expires_at else "confirmed"


def end(key: str) -> None:
    """End a subscription; its link is dead then. Safe to repeat."""
    OptIn(key).delete()


def _get(key: str) -> OptIn | None:
    record = OptIn.find(key)
    if record is None:
        return None
    # TTL deletes late, after days at worst (docs/aws.md#time-to-live).
    dead = record.expires_at is not None and record.expires_at <= time.time()
    return None if dead else record


def _dead() -> NotFoundError:
    return NotFoundError(_("This link is out of date."))


def _key(token: str) -> str:
    return f"opt-in#{hashlib.sha256(token.encode()).hexdigest()}"
