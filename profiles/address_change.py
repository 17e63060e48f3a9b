"""Change a user's e-mail address.

With a confirmed subscription to e-mails, the address changes once the new one is
confirmed; otherwise at once.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from accounts import emails, unique_names, validators
from accounts import services as accounts
from notifications import messages, outbox, subscriptions
from notifications.recipients import NO_PENDING_CHANGE, EmailChanges, retired
from notifications.subscriptions import NO_SUBSCRIPTION, retry_if_stale
from smartbudget.core import dates, throttling
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import ConflictError, DomainError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop

if TYPE_CHECKING:
    from accounts.models import Account
    from notifications.models import Notification
    from smartbudget.core.user import User

logger = logging.getLogger(__name__)

SUBSCRIBE_AGAIN = gettext_noop(
    "Your e-mail address changed. Turn on e-mail alerts again to get them at the"
    " new one."
)


def change_email(user: User, *, password: str, email: str) -> Account:
    """Change the user's address, or request its confirmation; return the account.

    With a confirmed subscription, the new address is `pending_email` until the link
    sent to it is followed. It is reserved at once, and the old address gets a notice.
    Changing to the current address cancels a pending change. Safe to repeat.

    Raises InvalidError naming `password` or `email`, ConflictError naming `email`, or
    `password` if that has just been changed, UnavailableError and ThrottledError.
    """
    email = validators.email(email)
    account = accounts.get_account(user.user_id)
    verified_hash = account.password_hash
    accounts.verify_password(account, password, "password")
    account = subscriptions.sync_from_transport(account)
    if email not in unique_names.addresses_of(account):
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
    else:
        account = _resend_confirmation(account)
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
    if account.subscription_status == "confirmed":
        if email == account.pending_email:
            return account, []
        changes = EmailChanges(
            pending_email=email,
            pending_since=dates.timestamp(),
            pending_subscription_arn=None,
            pending_notice=notice_id,
            retired_subscriptions=retired(account, account.pending_subscription_arn),
        )
    else:
        arns = (account.subscription_arn, account.pending_subscription_arn)
        changes = EmailChanges(
            **NO_PENDING_CHANGE,
            **NO_SUBSCRIPTION,
            email=email,
            email_problem=SUBSCRIBE_AGAIN if account.subscription_arn else None,
            retired_subscriptions=retired(account, *arns),
        )
    facts = {"old": account.email, "new": email}
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


def _send_confirmation(account: Account) -> Account:
    """Send a confirmation to the pending address; cancel the change if that fails."""
    email = account.pending_email

    def drop(current: Account) -> Account:
        return drop_change(current) if current.pending_email == email else current

    try:
        return retry_if_stale(account, subscriptions.send_pending_confirmation)
    except (DomainError, BotoCoreError, ClientError, PynamoDBException):
        retry_if_stale(accounts.get_account(account.user_id), drop)
        raise


def _resend_confirmation(account: Account) -> Account:
    """Send a confirmation to the new address if one to the old address was pending."""
    if account.email_problem != SUBSCRIBE_AGAIN:
        return account
    try:
        return retry_if_stale(account, subscriptions.send_confirmation)
    except (DomainError, BotoCoreError, ClientError):
        # The address is changed anyway, and the page explains how to subscribe again.
        logger.warning("no confirmation user_id=%s", account.user_id, exc_info=True)
        return account
