"""Change a user's e-mail address.

The address changes once the new one is confirmed: by our own link or, where SNS
carries the user's alerts, by SNS's own confirmation. Only where neither is possible
(SNS without a sender for account mail, and no alerts by e-mail), it changes at once.

Why: docs/decisions.md#an-unverified-address-gives-way
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from accounts import account_mail, emails, validators
from accounts import services as accounts
from accounts.step_up import services as step_up
from accounts.verification import claims
from accounts.verification import services as verification
from notifications import messages, outbox, subscriptions, transports
from notifications.recipients import NO_PENDING_CHANGE, EmailChanges, retired
from notifications.subscriptions import retry_if_stale
from smartbudget.core import dates, throttling
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import ConflictError, DomainError
from smartbudget.core.i18n import gettext as _

if TYPE_CHECKING:
    from accounts.models import Account
    from notifications.models import Notification
    from smartbudget.core.user import User

logger = logging.getLogger(__name__)


def change_email(user: User, *, email: str, password: str | None = None) -> Account:
    """Change the user's address, or request its confirmation; return the account.

    The new address is `pending_email` until the link sent to it is followed, and the
    old address gets a notice. Repeating sends another link. Changing to the current
    address cancels a pending change. Safe to repeat.

    password: needed unless the user's login is recent.

    Raises StepUpRequiredError, InvalidError naming `password` or `email`, ConflictError
    naming `email`, or `password` if that has just been changed, UnavailableError and
    ThrottledError.
    """
    email = validators.email(email)
    account = accounts.get_account(user.user_id)
    verified_hash = account.password_hash
    step_up.verify(user, account, password)
    account = subscriptions.sync_from_transport(account)
    if email not in {account.email, account.pending_email}:
        throttling.count(subscriptions.SUBSCRIPTIONS, user.user_id)
    notice_id = uuid.uuid4().hex

    def attempt(current: Account) -> tuple[Account, list[Notification]]:
        if current.password_hash != verified_hash:
            raise ConflictError(
                _("Your password was changed in the meantime."), "password"
            )
        return _change(current, email, notice_id)

    account, notices = retry_if_stale(account, attempt)
    outbox.enqueue(account.user, notices)
    if account.pending_email:
        account = _send_confirmation(account)
    return retry_if_stale(account, subscriptions.end_retired)


def cancel_change(user: User) -> Account:
    """Cancel a pending change and return the account. Safe to repeat."""
    account = retry_if_stale(accounts.get_account(user.user_id), drop_change)
    return retry_if_stale(account, subscriptions.end_retired)


def get_account(user: User) -> Account:
    """Return the account, after syncing what is pending: address or subscription."""
    account = accounts.get_account(user.user_id)
    if account.pending_email is None and account.subscription_status != "pending":
        return account
    return accounts.account_of(subscriptions.refresh(user))


def drop_change(account: Account) -> Account:
    """Delete a pending change of address, and release the new address."""
    if account.pending_email is None:
        return account
    return emails.store(account, emails.cancellation(account))


def _change(
    account: Account, email: str, notice_id: str
) -> tuple[Account, list[Notification]]:
    """Store the change and a notice to the old address; return account and notices.

    Changing to the current or the pending address stores no notice.
    """
    if email == account.email:
        return drop_change(account), []
    if email == account.pending_email:
        return account, []
    changes = _new_address(account, email, notice_id)
    facts = {"old": account.email or account.lost_email, "new": email}
    notice = outbox.compose(
        notification_id=notice_id,
        user_id=account.user_id,
        type="email_changed",
        text=messages.write("email_changed", facts, language=account.language),
    )
    transaction = Transaction()
    outbox.put(notice, transaction)
    account = emails.store(account, changes, transaction)
    logger.info("change of address stored user_id=%s", account.user_id)
    return account, [notice]


def _new_address(account: Account, email: str, notice_id: str) -> EmailChanges:
    pending = EmailChanges(
        pending_email=email,
        pending_by_link=None,
        pending_since=dates.timestamp(),
        pending_subscription_arn=None,
        pending_notice=notice_id,
        retired_subscriptions=retired(account, account.pending_subscription_arn),
    )
    if transports.sends_confirmations() and account.subscription_status != "none":
        return pending
    if account_mail.is_available():
        claims.require_available(email, account.user_id)
        return pending | EmailChanges(pending_by_link=True)
    return EmailChanges(**NO_PENDING_CHANGE, email=email, email_problem=None)


def _send_confirmation(account: Account) -> Account:
    """Send a confirmation to the pending address; cancel the change if that fails."""
    email = account.pending_email

    def drop(current: Account) -> Account:
        return drop_change(current) if current.pending_email == email else current

    try:
        if account.pending_by_link:
            verification.send(account)
            return account
        return retry_if_stale(account, subscriptions.send_pending_confirmation)
    except (DomainError, BotoCoreError, ClientError, PynamoDBException):
        retry_if_stale(accounts.get_account(account.user_id), drop)
        raise
