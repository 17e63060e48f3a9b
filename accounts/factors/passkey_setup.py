"""Add, list, rename and remove the passkeys of an account.

Adding and removing need a recent login. The first factor of an account comes
with recovery codes.
"""

import logging
from dataclasses import dataclass

from accounts import services as accounts
from accounts.factors import ceremonies, recovery_codes, second_step, services
from accounts.factors.ceremonies import Options, RefusedResponseError, Response
from accounts.models import Account, Challenge, Passkey
from notifications import outbox
from notifications.models import Notification
from smartbudget.core import dates, text
from smartbudget.core.dynamodb import (
    Action,
    Transaction,
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.errors import (
    ConflictError,
    GoneError,
    InvalidError,
    NotFoundError,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

MAX_PASSKEYS = 10  # per account; further ones are refused
MAX_NAME_LENGTH = 50  # characters

NOT_FOUND = gettext_noop("Passkey not found.")


@dataclass(frozen=True)
class AddedPasskey:
    """A new passkey, and the recovery codes of a first second factor."""

    passkey: Passkey
    recovery_codes: tuple[str, ...]  # shown once; none if the account had some


def list_passkeys(user: User) -> list[Passkey]:
    """Return the user's passkeys, newest first."""
    return passkeys_of(accounts.get_account(user.user_id))


def passkeys_of(account: Account) -> list[Passkey]:
    """Return an account's passkeys, newest first, with at most one BatchGetItem."""
    keys = [Passkey.item_key(passkey_id) for passkey_id in account.passkeys or ()]
    items = Passkey.batch_get(keys, consistent_read=True) if keys else ()
    return sorted(items, key=lambda passkey: passkey.created_at, reverse=True)


def get_passkey(user: User, passkey_id: str) -> Passkey:
    """Return one of the user's passkeys. Raises NotFoundError."""
    passkey = Passkey.find(Passkey.item_key(passkey_id))
    if passkey is None or passkey.owner != user.user_id:
        raise NotFoundError(_(NOT_FOUND))
    return passkey


def begin_adding(user: User, *, password: str | None = None) -> Options:
    """Return the options to create a passkey, for `add`.

    Raises as `services.verify` does, and ConflictError if there are too many passkeys
    or no relying party.
    """
    account = services.verify(user, password)
    _require_room(account)
    present = passkeys_of(account)
    return ceremonies.creation_options(user, _purpose(account), present)


def add(
    user: User, *, passkey: Response, name: str, session_key: str | None
) -> AddedPasskey:
    """Store the passkey that a browser created with the options of `begin_adding`.

    name: 1-50 characters. session_key: of the current session, which from now on has a
    second factor.

    A notice to the user is stored in the same transaction.

    Raises InvalidError naming `name` or `passkey`, GoneError if the options have
    expired or were used, or the password was changed or a first factor added or removed
    since, and ConflictError if there are too many passkeys or an account has this one
    already.
    """
    name = text.validate_text(name, "name", min_length=1, max_length=MAX_NAME_LENGTH)
    try:
        new, challenge = ceremonies.verify_creation(passkey, user.user_id, name)
    except RefusedResponseError as error:
        logger.info("passkey refused user_id=%s reason=%s", user.user_id, error)
        sentence = _("This passkey can't be used here. Try another one.")
        raise InvalidError(sentence, "passkey") from error
    new.created_at = dates.timestamp()
    codes = recovery_codes.new_codes()

    def attempt() -> tuple[bool, Notification]:
        account = accounts.get_account(user.user_id)
        _require_room(account)
        is_first = not account.recovery_codes
        transaction = Transaction()
        transaction.put(new, Passkey.user_id.does_not_exist())
        ceremonies.use_challenge(challenge, _purpose(account), transaction)
        services.mark_session(account, session_key, transaction)
        values: dict[str, set[str]] = {
            "passkeys": {*(account.passkeys or ()), new.passkey_id}
        }
        if is_first:
            hashes = recovery_codes.hashes_of(codes, user.user_id)
            values["recovery_codes"] = hashes
        notice = services.write_notice(
            account, "second_factor_added", factor="passkey", name=name
        )
        try:
            services.store(account, values, notice, transaction)
        except WriteConflictError as error:
            _raise_if_refused(error)
            raise
        return is_first, notice

    is_first, notice = retry_on_conflict(attempt)
    outbox.enqueue(user, [notice])
    logger.info("second factor added user_id=%s factor=passkey", user.user_id)
    return AddedPasskey(new, tuple(codes) if is_first else ())


def rename(user: User, passkey_id: str, *, name: str) -> Passkey:
    """Change a passkey's name, and return it. Safe to repeat.

    Raises InvalidError naming `name`, and NotFoundError.
    """
    name = text.validate_text(name, "name", min_length=1, max_length=MAX_NAME_LENGTH)
    passkey = get_passkey(user, passkey_id)
    is_present = Passkey.user_id.exists()  # else it would recreate a removed one
    change: list[Action] = [Passkey.name.set(name)]
    if not conditional_write(lambda: passkey.update(change, is_present)):
        raise NotFoundError(_(NOT_FOUND))
    return passkey


def remove(user: User, passkey_id: str, *, password: str | None = None) -> None:
    """Remove a passkey; with the last second factor go the recovery codes.

    A notice to the user is stored in the same transaction.

    Raises as `services.verify` does, NotFoundError, and ConflictError if it is the only
    way to log in.
    """
    services.verify(user, password)
    passkey = get_passkey(user, passkey_id)

    def attempt() -> Notification:
        account = accounts.get_account(user.user_id)
        present = account.passkeys or set()
        if passkey_id not in present:
            raise NotFoundError(_(NOT_FOUND))
        if account.password_hash is None and len(present) == 1:
            raise ConflictError(_("This is your only way to log in. Set a password."))
        transaction = Transaction()
        transaction.delete(Passkey.of_id(passkey_id))
        values = {"passkeys": present - {passkey_id} or None}
        return services.remove(
            account, values, transaction, factor="passkey", name=passkey.name
        )

    notice = retry_on_conflict(attempt)
    outbox.enqueue(user, [notice])
    logger.info("second factor removed user_id=%s factor=passkey", user.user_id)


def _require_room(account: Account) -> None:
    if len(account.passkeys or ()) >= MAX_PASSKEYS:
        sentence = _("You already have {most} passkeys. Remove one first.")
        raise ConflictError(sentence.format(most=MAX_PASSKEYS))


def _purpose(account: Account) -> str:
    """Return the purpose of a challenge to create a passkey.

    It changes with the password and the first factor, so challenges of before are
    refused.
    """
    return f"add|{account.user_id}|{second_step.fingerprint(account)}"


def _raise_if_refused(error: WriteConflictError) -> None:
    if any(isinstance(item, Challenge) for item in error.refused):
        raise GoneError(_(services.EXPIRED)) from error
    if any(isinstance(item, Passkey) for item in error.refused):
        sentence = _("This passkey is already in use.")
        raise ConflictError(sentence, "passkey") from error
