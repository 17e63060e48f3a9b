"""Subscriptions through SES: records of verified addresses.

A record represents a subscription, and its key corresponds to an ARN of SNS. Versions
up to 0.1 stored it before the address was confirmed, under a hash of the token in the
link. Those links still work.
"""

import hashlib
import secrets
import time

from notifications.models import OptIn
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import GoneError
from smartbudget.core.i18n import gettext as _


def create(email: str, owner: str, transaction: Transaction) -> str:
    """Add the subscription of an account's verified address to a transaction.

    Returns its key, which no earlier subscription had.
    """
    record = OptIn(user_id=_key(secrets.token_urlsafe(32)), owner=owner, email=email)
    transaction.put(record, OptIn.user_id.does_not_exist())
    return record.user_id


def find(token: str) -> OptIn:
    """Return the record of a link. Raises GoneError if it has expired or ended."""
    record = _get(_key(token))
    if record is None:
        raise GoneError(_("This link has expired. Request a new one."))
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


def _key(token: str) -> str:
    return f"opt-in#{hashlib.sha256(token.encode()).hexdigest()}"
