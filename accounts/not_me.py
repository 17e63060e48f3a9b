"""Reject a login that the owner did not make, by the link in the mail about it."""

import logging

from accounts import credentials, emails, one_time_links, services
from accounts.models import Account, OneTimeLink
from accounts.password_reset import services as password_reset
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Action, Transaction, retry_on_conflict
from smartbudget.core.errors import GoneError, UnavailableError
from smartbudget.core.i18n import gettext as _

logger = logging.getLogger(__name__)

KIND = "not-me"
LIFETIME_SECONDS = 7 * 24 * 3600


def create_link(account: Account, device_id: str) -> str | None:
    """Create a link for the mail about a login with a new device, and return its URL.

    device_id: see accounts.devices. Returns None if the account's address may be a
    stranger's.
    """
    if not password_reset.can_receive(account):
        return None
    token = one_time_links.create(
        KIND,
        owner=account.user_id,
        email=account.email,
        lifetime_seconds=LIFETIME_SECONDS,
        state=device_id,
        replaces_older=False,
    )
    return f"{config.app_url}/accounts/not-me/{token}"


def find(token: str) -> Account:
    """Return the account of a link.

    Raises GoneError for a link that was used or has expired, and for one whose account
    was locked, closed or has another address by now.
    """
    return _find(token)[1]


def reject_login(token: str) -> bool:
    """End all sessions, API tokens and pending changes, and send a reset link.

    The device of the login is no longer known. Returns False if no link is sent now,
    because e-mails cannot be sent.

    Raises GoneError as `find` does. Of two requests with one link, one succeeds.
    """
    account = retry_on_conflict(lambda: _end_access(token))
    logger.info("login rejected by its owner user_id=%s", account.user_id)
    try:
        password_reset.queue_link(account.username)
    except UnavailableError:
        return False
    return True


def _find(token: str) -> tuple[OneTimeLink, Account]:
    link = one_time_links.find(KIND, token)
    account = services.find_account(link.owner)
    if account is None or account.locked_at or account.email != link.email:
        raise GoneError(_("Your account has changed since this link was sent."))
    return link, account


def _end_access(token: str) -> Account:
    link, account = _find(token)
    transaction = Transaction()
    one_time_links.use(KIND, link, transaction)
    credentials.delete_all(account, transaction)
    known = {
        entry
        for entry in account.devices or ()
        if credentials.id_of(entry) != link.state
    }
    actions: list[Action] = [
        Account.sessions.remove(),
        Account.tokens.remove(),
        Account.assign("devices", known or None),
        *emails.change(account, emails.cancellation(account), transaction),
    ]
    transaction.update(account, actions)
    transaction.commit()
    return account
