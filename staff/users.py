"""Find, lock and unlock users; staff only.

Staff see that a user exists, since when, and whether the account is locked, but not the
e-mail address or anything that the user records or receives.
"""

import logging
import re
from dataclasses import dataclass

from accounts import credentials, emails, services, sessions
from accounts.models import Account
from smartbudget.core import dates, text
from smartbudget.core.dynamodb import Action, Transaction, retry_on_conflict
from smartbudget.core.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    SecondFactorError,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

MAX_REASON_LENGTH = 200  # characters

_USER_ID = re.compile("[0-9a-f]{32}")  # longer than any username


@dataclass(frozen=True)
class UserSummary:
    """A user as staff see them. Times are ISO 8601, UTC."""

    user_id: str
    username: str
    is_staff: bool
    created_at: str
    last_login_at: str | None  # from the live sessions; None if there are none
    live_sessions: int
    subscription_status: str  # none, pending, confirmed
    locked_at: str | None  # None: not locked
    locked_reason: str | None


def require_staff(user: User) -> None:
    """Raise ForbiddenError unless the user is staff, logged in with a second factor.

    Without the factor, it is a SecondFactorError.
    """
    if not user.is_staff:
        raise ForbiddenError(_("Only staff can do this."))
    if not user.has_second_factor:
        raise SecondFactorError(
            _("Staff need two-factor login. Set it up, or log in again with it.")
        )


def set_staff(username: str, *, is_staff: bool) -> Account:
    """Grant or revoke a user's staff rights, with immediate effect on live sessions.

    Raises NotFoundError. Safe to repeat.
    """

    def attempt() -> Account:
        account = services.get_account_by_username(username)
        services.change_account(account, {"is_staff": is_staff})
        return account

    account = retry_on_conflict(attempt)
    logger.info("staff set user_id=%s is_staff=%s", account.user_id, is_staff)
    return account


def find_user(staff: User, identifier: str) -> UserSummary:
    """Find a user by the whole username, e-mail address or user_id.

    Reads by key and consistently, so a user who has just registered is found.

    Raises ForbiddenError and NotFoundError.
    """
    require_staff(staff)
    account = find_account(identifier.strip().casefold())
    if account is None:
        raise NotFoundError(_("No user has this username, e-mail address or user id."))
    return _seen_by(staff, account)


def get_user(staff: User, user_id: str) -> UserSummary:
    """Return a user's summary. Raises ForbiddenError and NotFoundError."""
    require_staff(staff)
    return _seen_by(staff, services.get_account(user_id))


def lock(staff: User, user_id: str, *, reason: str) -> UserSummary:
    """Lock an account and end its sessions and tokens, in one transaction.

    A pending change of its e-mail address is cancelled, since it may come from an
    intruder. An account that is locked already keeps its first reason. Safe to repeat
    and to run concurrently.

    Raises ForbiddenError, NotFoundError, InvalidError naming `reason`, and
    ConflictError for staff, so that a stolen staff session cannot lock out the others.
    """
    require_staff(staff)
    reason = text.validate_text(
        reason, "reason", min_length=1, max_length=MAX_REASON_LENGTH
    )

    def attempt() -> Account:
        account = services.get_account(user_id)
        if user_id == staff.user_id:
            raise ConflictError(_("You can't lock yourself."))
        if account.is_staff:
            raise ConflictError(
                _("Staff can't be locked. Run `manage.py staff remove` first.")
            )
        if not account.locked_at:
            _lock(account, reason)
        return account

    account = retry_on_conflict(attempt)
    logger.info("locked by staff user_id=%s target=%s", staff.user_id, user_id)
    return summary_of(account)


def unlock(staff: User, user_id: str) -> UserSummary:
    """Unlock an account. Safe to repeat and to run concurrently.

    Raises ForbiddenError and NotFoundError.
    """
    require_staff(staff)

    def attempt() -> Account:
        account = services.get_account(user_id)
        if account.locked_at:
            unlocked = {"locked_at": None, "locked_reason": None}
            services.change_account(account, unlocked)
        return account

    account = retry_on_conflict(attempt)
    logger.info("unlocked by staff user_id=%s target=%s", staff.user_id, user_id)
    return summary_of(account)


def find_account(identifier: str) -> Account | None:
    """Return the account with this username, address or user_id in lower case, or None.

    Reads by key and consistently.
    """
    # No username or address is longer or contains other characters.
    if not identifier.isascii() or len(identifier) > services.MAX_KEY_LENGTH:
        return None
    if _USER_ID.fullmatch(identifier):
        return services.find_account(identifier)
    if "@" in identifier:
        return services.find_account_by_email(identifier)
    try:
        return services.get_account_by_username(identifier)
    except NotFoundError:
        return None


def _lock(account: Account, reason: str) -> None:
    transaction = Transaction()
    credentials.delete_all(account, transaction)
    account.locked_at, account.locked_reason = dates.timestamp(), reason
    account.sessions = None
    actions: list[Action] = [
        Account.locked_at.set(account.locked_at),
        Account.locked_reason.set(reason),
        Account.sessions.remove(),
        Account.tokens.remove(),
        *emails.change(account, emails.cancellation(account), transaction),
    ]
    transaction.update(account, actions)
    transaction.commit()


def _seen_by(staff: User, account: Account) -> UserSummary:
    logger.info("seen by staff user_id=%s target=%s", staff.user_id, account.user_id)
    return summary_of(account)


def summary_of(account: Account) -> UserSummary:
    """Return what staff see of an account."""
    return UserSummary(
        user_id=account.user_id,
        username=account.username,
        is_staff=account.is_staff,
        created_at=account.created_at,
        last_login_at=sessions.last_login_at(account),
        live_sessions=len(credentials.live(account.sessions)),
        subscription_status=account.subscription_status,
        locked_at=account.locked_at,
        locked_reason=account.locked_reason,
    )
