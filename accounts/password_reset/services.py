"""Reset forgotten passwords by a one-time link.

The request only counts attempts and queues what was typed, so that neither its response
nor its duration shows whether there is such an account. The task finds the account and
sends the link.

Why: docs/decisions.md#a-request-to-reset-a-password-reads-no-account
"""

import logging
import time
import uuid
from typing import TYPE_CHECKING

from accounts import (
    account_mail,
    credentials,
    emails,
    one_time_links,
    passwords,
    services,
    unique_names,
)
from accounts.models import Account, OneTimeLink, UniqueName
from notifications import messages, outbox
from notifications.transports import DeliveryError
from smartbudget.core import dates, i18n, log, throttling
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Action, Transaction, retry_on_conflict
from smartbudget.core.errors import (
    ConflictError,
    GoneError,
    NotFoundError,
    ThrottledError,
    UnavailableError,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.tasks import QueueError, send_task
from smartbudget.core.throttling import Limit

if TYPE_CHECKING:
    from notifications.models import Notification

logger = logging.getLogger(__name__)

TASK = "accounts.tasks.send_password_reset"
KIND = "reset"
LINK_SECONDS = 30 * 60
REQUESTS = Limit("reset-from", 20, 3600)  # by network address
LINKS = Limit("reset", 3, 3600)  # by account

_NOTICES = uuid.UUID("0c0f4a9e-52f3-5d0a-9b1e-6a7d2f6f31c4")


def is_available() -> bool:
    """Check whether links are sent by e-mail."""
    return account_mail.is_available()


def unavailable_sentence() -> str:
    """Return why no links are sent, and who helps instead."""
    contact = config.support_email or _("the people who run this site")
    sentence = _("Passwords can't be reset by e-mail here. Contact {contact}.")
    return sentence.format(contact=contact)


def request_link(identifier: str, *, address: str) -> None:
    """Queue the e-mail with a link to the account of a username or e-mail address.

    Does the same for an unknown one. address: network address to throttle by.

    Raises ConflictError where no links are sent, ThrottledError by the network address,
    and UnavailableError.
    """
    if not is_available():
        raise ConflictError(unavailable_sentence())
    log.bind_more(source=address)
    throttling.count(REQUESTS, address)
    queue_link(identifier)


def queue_link(identifier: str) -> None:
    """Queue the e-mail with a link, for a caller that limits how often.

    Raises UnavailableError.
    """
    try:
        expires_at = int(time.time()) + LINK_SECONDS
        send_task(TASK, {"identifier": identifier, "expires_at": expires_at})
    except QueueError as error:
        raise UnavailableError(
            _("We can't send e-mails right now. Please try again later.")
        ) from error


def send_link(identifier: str, *, expires_at: int) -> None:
    """Send a link to the account of a username or e-mail address, if it may get one.

    Not idempotent: each call sends a link, which replaces the one before. expires_at:
    of the request, in epoch seconds; a link that comes hours later would surprise.

    Raises DeliveryError.
    """
    if expires_at <= time.time():
        logger.info("the request for a reset link has expired")
        return
    account = _find_account(identifier)
    if account is None or not can_receive(account):
        user_id = account.user_id if account else "unknown"
        logger.info("no reset link sent user_id=%s", user_id)
        return
    try:
        throttling.count(LINKS, account.user_id)
    except ThrottledError:
        logger.info("reset links throttled user_id=%s", account.user_id)
        return
    transaction = Transaction()
    link = _add_link(account, account.email, transaction)
    transaction.commit()
    try:
        _mail(account, link)
    except DeliveryError:
        throttling.give_back(LINKS, account.user_id)
        raise


def create_link_for_staff(user_id: str) -> str:
    """Create a link for staff to hand over, and return it. It replaces an earlier one.

    The account gets a security notice.

    Raises NotFoundError, and ConflictError if the account is locked.
    """
    account = services.get_account(user_id)
    if account.locked_at:
        raise ConflictError(_("The account is locked. Unlock it first."))
    transaction = Transaction()
    link = _add_link(account, None, transaction)
    notice = _notice(account, "reset_link_created", link)
    outbox.put(notice, transaction)
    transaction.commit()
    outbox.enqueue(account.user, [notice])
    return link


def find(token: str) -> Account:
    """Return the account whose password a link resets.

    Raises GoneError for a link that was used or replaced or has expired, and for one
    whose account was locked, closed or changed since.
    """
    return _account_of(one_time_links.find(KIND, token))


def reset(token: str, new_password: str) -> None:
    """Set a new password, and end all sessions, API tokens and pending changes.

    Starts no session: a login with the new password also asks for the second factor.

    Raises GoneError as `find` does, and InvalidError naming `new_password`. Of two
    requests with one link, one succeeds.
    """
    account = find(token)
    passwords.check(
        new_password,
        username=account.username,
        email=account.email or "",
        field="new_password",
    )
    new_hash = passwords.hash_password(new_password)
    notice = _notice(account, "password_reset", new_hash)
    retry_on_conflict(lambda: _store(token, new_hash, notice))
    outbox.enqueue(account.user, [notice])
    logger.info("password reset user_id=%s", account.user_id)


def done_sentence() -> str:
    """Return what has ended with the old password, and what to do next."""
    return _(
        "Password changed. All devices have been logged out and all API tokens revoked."
        " Log in with your new password."
    )


def _find_account(identifier: str) -> Account | None:
    name = identifier.strip().casefold()
    if "@" in name:
        return services.find_account_by_email(name)
    if not name.isascii() or len(name) > services.MAX_KEY_LENGTH:
        return None
    try:
        return services.get_account_by_username(name)
    except NotFoundError:
        return None


def can_receive(account: Account) -> bool:
    """Check whether the account's address is known to be its owner's.

    An account of a version that verified no addresses keeps its own.
    """
    if account.locked_at or not account.email or account.is_bouncing:
        return False
    if account.is_verified:
        return True
    name = UniqueName.find(unique_names.email_key(account.email))
    if name is None or name.owner != account.user_id:
        return False
    return name.unverified_until is None


def _add_link(account: Account, email: str | None, transaction: Transaction) -> str:
    """Add a new link to a transaction, and return its URL. email: None for staff."""
    token = one_time_links.create(
        KIND,
        owner=account.user_id,
        email=email,
        lifetime_seconds=LINK_SECONDS,
        state=_state_of(account),
        transaction=transaction,
    )
    return f"{config.app_url}/accounts/reset/{token}"


def _mail(account: Account, link: str) -> None:
    with i18n.override(account.language):
        account_mail.send(
            account,
            subject=_("Reset your password"),
            paragraphs=[
                _(
                    "With this link you can choose a new password for your account"
                    " {username}. It works once, for 30 minutes."
                ).format(username=account.username),
                _(
                    "You didn't request this? Ignore this e-mail. Your password stays"
                    " as it is."
                ),
            ],
            link=link,
            button=_("Choose a new password"),
        )


def _account_of(link: OneTimeLink) -> Account:
    account = services.find_account(link.owner)
    if (
        account is None
        or account.locked_at
        or link.state != _state_of(account)
        or link.email not in {None, account.email}
    ):
        raise GoneError(_("This link has expired. Request a new one."))
    return account


def _state_of(account: Account) -> str:
    """Return what must still hold when a link is used: the password is the same."""
    return credentials.digest(account.password_hash or "")


def _store(token: str, new_hash: str, notice: "Notification") -> None:
    link = one_time_links.find(KIND, token)
    account = _account_of(link)
    transaction = Transaction()
    one_time_links.use(KIND, link, transaction)
    credentials.delete_all(account, transaction)
    actions: list[Action] = [
        Account.password_hash.set(new_hash),
        Account.sessions.remove(),
        Account.tokens.remove(),
        *emails.change(account, emails.cancellation(account), transaction),
    ]
    if link.email:  # the link arrived there
        actions.append(Account.email_verified_at.set(dates.timestamp()))
    transaction.update(account, actions)
    outbox.put(notice, transaction)
    transaction.commit()


def _notice(account: Account, kind: str, cause: str) -> "Notification":
    """Return a security notice. cause: differs with every event."""
    facts = {"at": dates.now(), "time_zone": account.time_zone}
    name = f"{account.user_id}|{kind}|{credentials.digest(cause)}"
    return outbox.compose(
        notification_id=uuid.uuid5(_NOTICES, name).hex,
        user_id=account.user_id,
        type=kind,
        text=messages.write(kind, facts, language=account.language),
    )
