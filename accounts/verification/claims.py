"""Claims on addresses that are not verified, and how an account loses them.

An account keeps the address of its registration for a week; then its claim lapses, and
another registration may take the address. An account that verifies the address, by
following a link sent to it, takes it at once. The loser has no address until it enters
another one.

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
    """Return when the claim on an address registered now lapses, in epoch seconds."""
    return int(time.time()) + SECONDS


def find_lapsed(email: str) -> UniqueName | None:
    """Return the name of an address that another registration may take, or None."""
    name = UniqueName.find(unique_names.email_key(email))
    return name if name and name.has_lapsed else None


def require_available(email: str, user_id: str) -> None:
    """Raise ConflictError if another account has the address for good."""
    _find_held(email, user_id)


def take(email: str, user_id: str, transaction: Transaction) -> UniqueName | None:
    """Move a verified address away from another account, within a transaction.

    Returns the unique name with which that account holds it, or None if none does.
    Raises ConflictError if the other account has the address for good.
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
    """Return the name with which another account holds an address, or None.

    Raises ConflictError if that account has verified it or its claim never lapses.
    """
    name = UniqueName.find(unique_names.email_key(email))
    if name is None or name.owner == user_id:
        return None
    if name.unverified_until is None:
        raise emails.taken()
    return name
