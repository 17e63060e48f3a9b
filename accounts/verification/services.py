"""Verify e-mail addresses by a link that is sent to them."""

import logging
from dataclasses import dataclass

from accounts import account_mail, emails, one_time_links
from accounts.models import Account
from accounts.verification import claims, former_addresses
from notifications import recipients, subscriptions
from notifications.recipients import EmailChanges
from notifications.status_text import reason_in_words
from notifications.transports import DeliveryError, TransportThrottledError
from smartbudget.core import dates, i18n, throttling
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Transaction, retry_on_conflict
from smartbudget.core.errors import ConflictError, GoneError, UnavailableError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

TASK = "accounts.tasks.send_verification"
KIND = "verify"
LINK_SECONDS = int(subscriptions.LINK_LIFETIME.total_seconds())


@dataclass(frozen=True)
class Request:
    """A link's request to confirm an address."""

    email: str
    username: str  # of the account that it is for


def unverified_address(account: Account) -> str | None:
    """Return the address that needs a link, or None.

    It is the new address while a change waits for a link, else the current one if it is
    not verified, or bounced since.
    """
    if account.pending_by_link:
        return account.pending_email
    if account.is_verified and not account.is_bouncing:
        return None
    return account.email or None


def send_again(user: User) -> str | None:
    """Send a new link; return its address, or None if there is nothing to verify.

    Raises ConflictError where no account mail is sent, ThrottledError, and
    UnavailableError.
    """
    if not account_mail.is_available():
        raise ConflictError(_("This site doesn't send confirmation links."))
    account = recipients.get(user.user_id, Account)
    email = unverified_address(account)
    if email:
        throttling.count(subscriptions.SUBSCRIPTIONS, user.user_id)
        send(account)
        subscriptions.retry_if_stale(account, _restart_wait)
    return email


def _restart_wait(account: Account) -> Account:
    """Restart the time until a change or subscription that waits for a link expires."""
    changes = EmailChanges()
    if account.pending_by_link:
        changes["pending_since"] = dates.timestamp()
    elif account.subscription_status == "pending" and not account.subscription_arn:
        changes["subscription_checked_at"] = dates.timestamp()
    return recipients.store(account, changes) if changes else account


def send(account: Account) -> None:
    """Send a link to the account's unverified address. It replaces an earlier one.

    Raises ThrottledError by the address, and UnavailableError if it was not sent.
    """
    try:
        send_link(account)
    except DeliveryError as error:
        logger.warning("no link sent user_id=%s", account.user_id, exc_info=True)
        sentence = _("{reason} Please try again later.")
        reason = reason_in_words(str(error))
        raise UnavailableError(sentence.format(reason=reason)) from error


def send_link(account: Account) -> None:
    """Send a link as `send` does. Raises ThrottledError and DeliveryError."""
    email = unverified_address(account)
    if email is None:
        return
    throttling.count(subscriptions.CONFIRMATIONS, email)
    token = one_time_links.create(
        KIND, owner=account.user_id, email=email, lifetime_seconds=LINK_SECONDS
    )
    try:
        _mail(account, email, f"{config.app_url}/accounts/verify/{token}")
    except TransportThrottledError:
        throttling.give_back(subscriptions.CONFIRMATIONS, email)
        raise


def _mail(account: Account, email: str, link: str) -> None:
    with i18n.override(account.language):
        account_mail.send(
            account,
            email=email,
            subject=_("Confirm your e-mail address"),
            paragraphs=[
                # Without the username, which a stranger may have chosen to be read.
                _(
                    "Please confirm that {email} is your e-mail address. The link works"
                    " for two days."
                ).format(email=email),
                _("Not your account? Ignore this e-mail."),
            ],
            link=link,
            button=_("Confirm"),
        )


def find(token: str) -> Request:
    """Return what a link confirms.

    Raises GoneError for a link that was used or replaced, has expired, or whose address
    the account no longer has.
    """
    link = one_time_links.find(KIND, token)
    return request_of(link.owner, link.email)


def request_of(user_id: str, email: str) -> Request:
    """Return what a link to an account's address confirms. Raises GoneError."""
    account = recipients.find(user_id, Account)
    if account is None or not _is_current(account, email):
        raise _outdated()
    return Request(email, account.username)


def verify(token: str) -> Request:
    """Verify the address of a link, and return what was confirmed.

    A pending change of address is completed, and a subscription that waited for the
    address is confirmed. Another account that holds the address unverified loses it.

    Raises GoneError as `find` does, and ConflictError if the address is verified for
    another account.
    """

    def attempt() -> Request:
        link = one_time_links.find(KIND, token)
        transaction = Transaction()
        one_time_links.use(KIND, link, transaction)
        return _verify(link.owner, link.email, transaction)

    return retry_on_conflict(attempt)


def verify_address(user_id: str, email: str) -> Request:
    """Verify an account's address that was proved otherwise; see `verify`.

    Safe to repeat.
    """
    return retry_on_conflict(lambda: _verify(user_id, email, Transaction()))


def _verify(user_id: str, email: str, transaction: Transaction) -> Request:
    account = recipients.find(user_id, Account)
    if account is None or not _is_current(account, email):
        raise _outdated()
    held = claims.take(email, user_id, transaction)
    emails.add(account, _changes(account, email, transaction), transaction, held)
    transaction.commit()
    former_addresses.enqueue_mails(account)
    logger.info("address verified user_id=%s", user_id)
    return Request(email, account.username)


def _is_current(account: Account, email: str) -> bool:
    return email in {account.email, account.pending_email, account.lost_email}


def _changes(account: Account, email: str, transaction: Transaction) -> EmailChanges:
    changes = subscriptions.after_verification(account, email, transaction)
    changes["email_verified_at"] = dates.timestamp()
    return changes


def _outdated() -> GoneError:
    return GoneError(_("This link is for an address that the account no longer uses."))
