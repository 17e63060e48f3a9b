"""Change a user's e-mail address, once the new one is confirmed.

Without a confirmed subscription to e-mails, the address changes at once.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from accounts import emails, unique_names, validators
from accounts import services as accounts
from notifications import messages, outbox, subscriptions
from notifications.recipients import NO_CHANGE, EmailChanges, retired
from notifications.subscriptions import NO_SUBSCRIPTION, past_races
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

NOT_ASKED_AGAIN = gettext_noop(
    "Your address changed. Subscribe again to get e-mails at the new one."
)


def change_email(user: User, *, password: str, email: str) -> Account:
    """Change the user's address, or request its confirmation; return the account.

    With a confirmed subscription, the address stays until the link sent to the new one
    is followed (`pending_email`). The new address is reserved at once, and the old one
    gets a notice. Changing to the current address cancels a pending change.

    Raises InvalidError naming `password` or `email`, ConflictError naming `email`, or
    `password` if that has just been changed, UnavailableError and ThrottledError. Safe
    to repeat.
    """
    email = validators.email(email)
    account = accounts.get_account(user.user_id)
    verified = account.password_hash
    accounts.verify_password(account, password, "password")
    account = subscriptions.sync_from_transport(account)
    if email not in unique_names.addresses_of(account):
        throttling.count(subscriptions.SUBSCRIPTIONS, user.user_id)
    notice_id = uuid.uuid4().hex

    def attempt(found: Account) -> tuple[Account, list[Notification]]:
        if found.password_hash != verified:
            raise ConflictError(_("The password was changed meanwhile."), "password")
        return _change(found, email, notice_id)

    account, notices = past_races(account, attempt)
    outbox.enqueue(account.user, notices)
    account = _ask_new(account) if account.pending_email else _ask_again(account)
    return past_races(account, subscriptions.end_retired)


def cancel_change(user: User) -> Account:
    """Cancel a pending change and return the account. Safe to repeat."""
    account = past_races(accounts.get_account(user.user_id), drop_change)
    return past_races(account, subscriptions.end_retired)


def get_account(user: User) -> Account:
    """Return the account; complete a pending change that was confirmed meanwhile."""
    account = accounts.get_account(user.user_id)
    if account.pending_email is None:
        return account
    return accounts.account_of(subscriptions.refresh(user))


def drop_change(account: Account) -> Account:
    """Remove a pending change of address, and release the new address."""
    if account.pending_email is None:
        return account
    return emails.store(account, emails.cancellation(account))


def _change(
    account: Account, email: str, notice_id: str
) -> tuple[Account, list[Notification]]:
    """Store the change and the notice to the old address; return account and notices.

    Changing to the current or the pending address writes no notice.
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
            **NO_CHANGE,
            **NO_SUBSCRIPTION,
            email=email,
            email_problem=NOT_ASKED_AGAIN if account.subscription_arn else None,
            retired_subscriptions=retired(account, *arns),
        )
    subject, message = messages.email_changed(
        old=account.email, new=email, language=account.language
    )
    notice = outbox.compose(
        notification_id=notice_id,
        user_id=account.user_id,
        type="email_changed",
        subject=subject,
        message=message,
    )
    writes = Transaction()
    outbox.put(notice, writes)
    account = emails.store(account, changes, writes)
    logger.info("change of address stored user_id=%s", account.user_id)
    return account, [notice]


def _ask_new(account: Account) -> Account:
    """Send the link to the new address; cancel the change if that fails."""
    asked_for = account.pending_email

    def take_back(found: Account) -> Account:
        ours = found.pending_email == asked_for
        return drop_change(found) if ours else found

    try:
        return past_races(account, subscriptions.ask_new_address)
    except Exception:
        past_races(accounts.get_account(account.user_id), take_back)
        raise


def _ask_again(account: Account) -> Account:
    """Send a confirmation to the new address if the old one's was pending."""
    if account.email_problem != NOT_ASKED_AGAIN:
        return account
    try:
        return past_races(account, subscriptions.send_confirmation)
    except (DomainError, BotoCoreError, ClientError):
        # The address is changed anyway, and the page explains how to subscribe again.
        logger.warning("not asked again user_id=%s", account.user_id, exc_info=True)
        return account
