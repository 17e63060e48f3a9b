"""What the links in mails do. They work for whoever has them: nobody is logged in."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from accounts import services as accounts
from notifications import confirmation, subscriptions
from smartbudget.core.errors import NotFoundError
from smartbudget.core.i18n import gettext as _

if TYPE_CHECKING:
    from smartbudget.core.user import User


def address_of(token: str) -> str:
    """Return the address that a confirmation link is about.

    Raises NotFoundError once it is expired or ended.
    """
    return confirmation.find(token).email


def confirm(token: str) -> str:
    """Take the word of a confirmation link; return the address. Safe to repeat.

    Raises NotFoundError once it is expired or ended.
    """
    record = confirmation.confirm(token)
    account = accounts.find_account(record.owner)
    if account:
        subscriptions.past_races(
            account,
            lambda found: subscriptions.replace_unconfirmed(
                found, record.user_id, record.email
            ),
        )
        subscriptions.refresh(account.user)
    return record.email


def user_of(user_id: str, key: str) -> User:
    """Return whose mails an unsubscribe link is from. Raises NotFoundError."""
    account = accounts.find_account(user_id)
    right = (account.unsubscribe_key if account else None) or ""
    if not secrets.compare_digest(right.encode(), key.encode()) or account is None:
        raise NotFoundError(_("This link is not one of ours."))
    return account.user


def unsubscribe(user_id: str, key: str) -> User:
    """End the subscription of whose mails the link is from; return who that is.

    Raises NotFoundError. Safe to repeat.
    """
    user = user_of(user_id, key)
    subscriptions.unsubscribe(user)
    return user
