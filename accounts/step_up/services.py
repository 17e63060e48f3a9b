"""Step-up: require a recent login for what could hand the account to an intruder.

A login is recent for ten minutes after the session's password or passkey was verified;
confirming the session verifies one again. Changing the address or the password,
creating API tokens, changing second factors, downloading all data and deleting the
account need a recent login, or the password with the request. API tokens cannot step
up.

Why: docs/decisions.md#dangerous-actions-need-a-recent-login
"""

import logging
import time

from accounts import credentials, services
from accounts.factors import ceremonies, passkeys, second_step
from accounts.factors.ceremonies import Options, Response
from accounts.models import Account, Session
from smartbudget.core.dynamodb import (
    Action,
    Transaction,
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.errors import AuthenticationError, ForbiddenError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 600


class StepUpRequiredError(ForbiddenError):
    """The session's login is not recent."""

    code = "step_up_required"


def is_recent(user: User) -> bool:
    """Check whether a password or passkey was verified recently in the user's session.

    False for API tokens, and for sessions that were begun before this was stored.
    """
    at = user.authenticated_at
    return at is not None and time.time() - at < WINDOW_SECONDS


def require(user: User) -> None:
    """Raise StepUpRequiredError unless the user's login is recent."""
    if not is_recent(user):
        raise StepUpRequiredError(_("Confirm that it's you first."))


def verify(user: User, account: Account, password: str | None) -> None:
    """Verify a password, or require a recent login if there is none.

    password: a wrong one is refused even if the login is recent. An account with a
    second factor needs a session with one, too.

    Raises InvalidError naming `password`, ThrottledError, StepUpRequiredError and
    ForbiddenError.
    """
    second_step.require(user, account)
    if password is None:
        require(user)
    else:
        services.verify_password(account, password, "password")


def confirm(user: User, session_key: str, *, password: str) -> None:
    """Confirm a session with its user's password. Safe to repeat.

    Raises InvalidError naming `password`, ThrottledError, AuthenticationError if the
    session has ended, and ForbiddenError as `verify` does.
    """
    account = services.get_account(user.user_id)
    second_step.require(user, account)
    services.verify_password(account, password, "password")
    record(session_key)
    logger.info("stepped up user_id=%s", user.user_id)


def passkey_options(user: User) -> Options:
    """Return the options for `confirm_with_passkey`. Raises ConflictError if none."""
    return ceremonies.request_options(_purpose(user))


def confirm_with_passkey(user: User, session_key: str, *, passkey: Response) -> None:
    """Confirm a session with a passkey of its user, in one transaction.

    passkey: the browser's response with the options of `passkey_options`. From then on,
    the session has a second factor.

    Raises RefusedPasskeyError, and AuthenticationError if the session has ended.
    """

    def attempt() -> None:
        account = services.get_account(user.user_id)
        transaction = Transaction()
        passkeys.verify(account, passkey, _purpose(user), transaction)
        session = Session(user_id=Session.item_key(credentials.digest(session_key)))
        actions: list[Action] = [
            Session.authenticated_at.set(int(time.time())),
            Session.has_second_factor.set(True),
        ]
        transaction.update(session, actions, Session.owner == user.user_id)
        try:
            transaction.commit()
        except WriteConflictError as error:
            passkeys.raise_if_refused(error)
            if session in error.refused:
                raise AuthenticationError(_("You have been logged out.")) from error
            raise

    retry_on_conflict(attempt)
    logger.info("stepped up with a passkey user_id=%s", user.user_id)


def has_passkey(user: User) -> bool:
    """Check whether the user has a passkey that browsers can use here."""
    if ceremonies.find_relying_party() is None:
        return False
    return bool(services.get_account(user.user_id).passkeys)


def _purpose(user: User) -> str:
    return f"step-up|{user.user_id}"


def record(session_key: str) -> None:
    """Store that the user of a session has just been authenticated.

    Raises AuthenticationError if the session has ended.
    """
    session = Session(user_id=Session.item_key(credentials.digest(session_key)))
    now = Session.authenticated_at.set(int(time.time()))
    # Without the condition, it would create a session without an owner.
    is_live = Session.owner.exists()
    if not conditional_write(lambda: session.update([now], is_live)):
        raise AuthenticationError(_("You have been logged out."))
