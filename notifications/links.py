"""The links in e-mails, which work without a login."""

from __future__ import annotations

import secrets

from notifications import confirmation, recipients, subscriptions
from notifications.recipients import Recipient
from smartbudget.core.errors import NotFoundError
from smartbudget.core.i18n import gettext as _


def email_of(token: str) -> str:
    """Return the e-mail address of a confirmation link.

    Raises NotFoundError if the link has expired or ended.
    """
    return confirmation.find(token).email


def confirm(token: str) -> str:
    """Confirm the address of a link, and return it. Safe to repeat.

    Raises NotFoundError if the link has expired or ended.
    """
    record = confirmation.confirm(token)
    recipient = recipients.find(record.owner, Recipient)
    if recipient:
        subscriptions.retry_if_stale(
            recipient,
            lambda current: subscriptions.replace_unconfirmed(
                current, record.user_id, record.email
            ),
        )
        subscriptions.refresh(recipient)
    return record.email


def recipient_of(user_id: str, key: str) -> Recipient:
    """Return the recipient of an unsubscribe link. Raises NotFoundError."""
    recipient = recipients.find(user_id, Recipient)
    stored_key = (recipient.unsubscribe_key if recipient else None) or ""
    is_valid = secrets.compare_digest(stored_key.encode(), key.encode())
    if recipient is None or not is_valid:
        raise NotFoundError(_("This link isn't valid."))
    return recipient


def unsubscribe(user_id: str, key: str) -> Recipient:
    """End the subscription of a link's recipient; return the recipient.

    Raises NotFoundError. Safe to repeat.
    """
    return subscriptions.unsubscribe(recipient_of(user_id, key))
