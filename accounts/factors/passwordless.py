"""Remove the password of an account with passkeys, and set one again.

Why: docs/decisions.md#a-passkey-is-both-factors
"""

import logging

from accounts import credentials, passwords
from accounts import services as accounts
from accounts.devices import Device
from accounts.factors import services
from accounts.models import Account
from accounts.sessions import Login
from notifications import outbox
from notifications.models import Notification
from smartbudget.core.dynamodb import Transaction, retry_on_conflict
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

logger = logging.getLogger(__name__)


def can_remove(account: Account) -> bool:
    """Check whether another way in is left if a passkey is lost."""
    passkeys = len(account.passkeys or ())
    return passkeys > 1 or bool(passkeys and account.recovery_codes)


def remove_password(user: User, *, password: str | None = None) -> None:
    """Remove the password, so that a login needs a passkey. Safe to repeat.

    A notice to the user is stored in the same transaction.

    Raises as `services.verify` does, and ConflictError without a second passkey or
    recovery codes.
    """
    services.verify(user, password)

    def attempt() -> Notification | None:
        account = accounts.get_account(user.user_id)
        if account.password_hash is None:
            return None
        if not can_remove(account):
            raise ConflictError(
                _("Add a second passkey or create recovery codes first.")
            )
        transaction = Transaction()
        actions = account.change({"password_hash": None})
        credentials.refresh_cached_users(account, transaction)
        notice = services.write_notice(account, "password_removed")
        transaction.update(account, actions)
        outbox.put(notice, transaction)
        transaction.commit()
        return notice

    if notice := retry_on_conflict(attempt):
        outbox.enqueue(user, [notice])
        logger.info("password removed user_id=%s", user.user_id)


def set_password(user: User, *, new: str, device: Device | None = None) -> Login:
    """Set the password of an account without one, as `change_password` does.

    Raises as `services.verify` does, InvalidError naming `new_password`, and
    ConflictError if there is a password already.
    """
    account = services.verify(user, None)
    if account.password_hash is not None:
        raise ConflictError(_("Your account already has a password."))
    passwords.check(
        new, username=account.username, email=account.email, field="new_password"
    )
    new_hash = passwords.hash_password(new)
    notice = accounts.password_notice(account, new_hash)
    login = retry_on_conflict(
        lambda: accounts.store_password(
            account, new_hash, notice, device, has_second_factor=user.has_second_factor
        )
    )
    outbox.enqueue(login.user, [notice])
    logger.info("password set user_id=%s", user.user_id)
    return login
