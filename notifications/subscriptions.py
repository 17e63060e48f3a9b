"""Who gets e-mails: each user's one confirmed address."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from accounts import services as accounts
from notifications import transports
from notifications.transports import Subscription

if TYPE_CHECKING:
    from accounts.models import Account, User

logger = logging.getLogger(__name__)

STATES = ("none", "pending", "confirmed")


def subscribe(user: User) -> Subscription:
    """Have a confirmation sent to the user; return (status, ARN).

    Safe to repeat: who is subscribed, or still to confirm, stays so.

    Raises InvalidError for an address that takes no mail, UnavailableError when
    the topic has no room.
    """
    account = accounts.get_account(user.user_id)
    status, arn = check_email_subscription(account)
    if status != "none":
        return status, arn
    found = transports.chosen().subscribe(account.email, account.user_id)
    return _store(account, *found)


def subscription_status(user: User) -> Subscription:
    """Return (status, ARN): `none`, `pending` or `confirmed`.

    Where it cannot be looked up it is what was last known.
    """
    account = accounts.get_account(user.user_id)
    try:
        return check_email_subscription(account)
    except (BotoCoreError, ClientError):
        logger.warning("no look-up user_id=%s", user.user_id, exc_info=True)
        return account.subscription_status, account.subscription_arn


def unsubscribe(user: User) -> Subscription:
    """End the user's subscription; safe to repeat."""
    account = accounts.get_account(user.user_id)
    if account.subscription_arn:
        transports.chosen().unsubscribe(account.subscription_arn)
    return _store(account, "none", None)


def check_email_subscription(account: Account) -> Subscription:
    """Return (status, ARN) of an account; only a `pending` one is looked up afresh."""
    status, arn = account.subscription_status, get_user_subscription_arn(account)
    if status != "pending" or arn is None:
        return status, arn
    found = transports.chosen().look_up(arn, account.email)
    if found == "pending":
        return status, arn
    return _store(account, found, arn)


def get_user_subscription_arn(account: Account) -> str | None:
    """Return the ARN stored with the account; the topic is never searched [S9]."""
    return account.subscription_arn


def _store(account: Account, status: str, arn: str | None) -> Subscription:
    arn = None if status == "none" else arn
    accounts.set_subscription(account.user_id, arn=arn, status=status)
    return status, arn
