"""The unsubscribe links in e-mails, which work without a login."""

from __future__ import annotations

import secrets

from notifications import recipients, subscriptions
from notifications.recipients import Recipient
from smartbudget.core.errors import NotFoundError
from smartbudget.core.i18n import gettext as _


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
