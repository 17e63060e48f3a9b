"""Addresses that are not verified give way.

An account keeps the address of its registration for a week. After that, another
registration may take it. An account that proves the address, by following a link sent
to it, takes it at once. The other account then has no address until it enters one.

Why: docs/decisions.md#an-unverified-address-gives-way
"""

import logging
import time

from accounts import credentials, emails, unique_names
from accounts.models import Account, UniqueName
from notifications.recipients import EmailChanges, retired
from notifications.subscriptions import NO_SUBSCRIPTION
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.i18n import gettext_noop

logger = logging.getLogger(__name__)

SECONDS = 7 * 24 * 3600  # from the registration

LOST = gettext_noop(
    "Your e-mail address was confirmed by another account. Enter another one."
)


def expiry() -> int:
    """Return when an address that is registered now lapses, in epoch seconds."""
    return int(time.time()) + SECONDS


def find_lapsed(email: str) -> UniqueName | None:
    """Return the name of an address that another registration may take, or None."""
    name = UniqueName.find(unique_names.email_key(email))
    return name if name and name.has_lapsed else None


def require_available(email: str, user_id: str) -> None:
    """Raise ConflictError if an address is verified, or cannot lapse, for another."""
    _find_held(email, user_id)


def take(email: str, user_id: str, transaction: Transaction) -> UniqueName | None:
    """Return the name with which another account holds a proven address, or None.

    Adds that account's loss to the transaction. Raises ConflictError if the address is
    verified for the other account, or cannot lapse.
    """
    held = _find_held(email, user_id)
    if held:
        lose(held, transaction)
    return held


def lose(held: UniqueName, transaction: Transaction) -> None:
    """Add to a transaction that the owner of a name loses the address.

    The caller stores the name with its new owner.
    """
    loser = Account.find(held.owner)  # a closed one too: its deletion releases names
    if loser is None or held.user_id != unique_names.email_key(loser.email):
        return
    changes = EmailChanges(
        **NO_SUBSCRIPTION,
        email=None,
        email_verified_at=None,
        lost_email=loser.email,
        email_problem=LOST,
        retired_subscriptions=retired(loser, loser.subscription_arn),
    )
    transaction.update(loser, loser.change({**changes, "unsubscribe_key": None}))
    credentials.refresh_cached_users(loser, transaction)
    logger.info("address lost user_id=%s", loser.user_id)


def _find_held(email: str, user_id: str) -> UniqueName | None:
    name = UniqueName.find(unique_names.email_key(email))
    if name is None or name.owner == user_id:
        return None
    if name.unverified_until is None:
        raise emails.taken()
    return name
