"""Set up and remove the second factors of an account, and replace its recovery codes.

The first factor comes with recovery codes. An app being set up is not stored until it
is confirmed: the page or program gets its secret, encrypted, and sends it back.
"""

import json
import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts import credentials, services
from accounts.factors import recovery_codes, second_step, totp
from accounts.models import Account, Passkey, Session
from accounts.step_up import services as step_up
from notifications import messages, outbox
from notifications.models import Notification
from smartbudget.core import encryption
from smartbudget.core.dynamodb import Action, Transaction, retry_on_conflict
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

EXPIRED = gettext_noop("This page has expired. Start again.")
LIFETIME_SECONDS = 1800  # of what is being set up, and of codes that are shown


@dataclass(frozen=True)
class Factors:
    """The second factors of an account, without secrets."""

    totp: bool
    recovery_codes_left: int


@dataclass(frozen=True)
class TotpSetup:
    """An authenticator app being set up, not stored yet."""

    secret: str  # in Base32
    uri: str  # otpauth://, for the app
    recovery_codes: tuple[str, ...]  # new ones; none if the account has some
    setup: str  # encrypted; `confirm_totp` and `resume_totp` take it


def list_factors(user: User) -> Factors:
    """Return the user's second factors."""
    return factors_of(services.get_account(user.user_id))


def factors_of(account: Account) -> Factors:
    """Return an account's second factors."""
    return Factors(
        totp=account.totp is not None,
        recovery_codes_left=len(account.recovery_codes or ()),
    )


def begin_totp(user: User, *, password: str | None = None) -> TotpSetup:
    """Begin to set up an authenticator app, and return its secret. Stores nothing.

    Raises as `verify` does, and ConflictError if there is one already.
    """
    account = verify(user, password)
    _require_no_totp(account)
    content = {
        "secret": totp.new_secret(),
        "codes": [] if account.recovery_codes else recovery_codes.new_codes(),
        "account": second_step.fingerprint(account),
    }
    return _to_setup(user, content, _encrypt(content, _setup_purpose(user)))


def resume_totp(user: User, setup: str) -> TotpSetup:
    """Return an authenticator app being set up, to show its page again.

    Raises GoneError if it has expired.
    """
    return _to_setup(user, _decrypt(setup, _setup_purpose(user)), setup)


def confirm_totp(
    user: User,
    *,
    setup: str,
    codes: Sequence[str],
    recovery_codes_saved: bool,
    session_key: str | None,
) -> Factors:
    """Turn on an authenticator app after two consecutive codes of it.

    codes: of two steps in a row. recovery_codes_saved: whether the user has confirmed
    saving the recovery codes. session_key: of the current session, which from now on
    has a second factor.

    A notice to the user is stored in the same transaction.

    Raises InvalidError naming `codes` or `recovery_codes_saved`, GoneError if the setup
    has expired, or the password was changed or a first factor added or removed since,
    and ConflictError if there is an app already.
    """
    content = _decrypt(setup, _setup_purpose(user))
    if not recovery_codes_saved:
        raise InvalidError(_("Save your recovery codes first."), "recovery_codes_saved")
    step = totp.find_second_step(content["secret"], codes)
    if step is None:
        raise InvalidError(
            _("Enter two codes that your app shows one after the other."), "codes"
        )
    values = {
        "totp": totp.encrypt(content["secret"], user.user_id),
        "totp_step": step,
    }
    if content["codes"]:
        hashes = recovery_codes.hashes_of(content["codes"], user.user_id)
        values["recovery_codes"] = hashes

    def attempt() -> tuple[Account, Notification]:
        account = services.get_account(user.user_id)
        if account.totp == values["totp"]:  # an earlier attempt's reply was lost
            return account, write_notice(account, "second_factor_added", factor="totp")
        _require_no_totp(account)
        if second_step.fingerprint(account) != content["account"]:
            raise GoneError(_(EXPIRED))
        transaction = Transaction()
        mark_session(account, session_key, transaction)
        notice = write_notice(account, "second_factor_added", factor="totp")
        store(account, values, notice, transaction)
        return account, notice

    account, notice = retry_on_conflict(attempt)
    outbox.enqueue(user, [notice])
    logger.info("second factor added user_id=%s factor=totp", user.user_id)
    return factors_of(account)


def remove_totp(user: User, *, password: str | None = None) -> None:
    """Remove the authenticator app; with the last factor go the recovery codes.

    A notice to the user is stored in the same transaction.

    Raises as `verify` does, and NotFoundError if there is none.
    """
    verify(user, password)

    def attempt() -> Notification:
        account = services.get_account(user.user_id)
        if account.totp is None:
            raise NotFoundError(_("No authenticator app is set up."))
        return remove(account, {"totp": None, "totp_step": None}, factor="totp")

    notice = retry_on_conflict(attempt)
    outbox.enqueue(user, [notice])
    logger.info("second factor removed user_id=%s factor=totp", user.user_id)


def remove_all(username: str) -> Account:
    """Remove all second factors and recovery codes of a user who lost them.

    For administrators. The user is notified, and logs in with the password alone.

    Raises NotFoundError, and ConflictError if there are none. Safe to repeat.
    """

    def attempt() -> tuple[Account, Notification]:
        account = services.get_account_by_username(username)
        if not second_step.is_needed(account):
            raise ConflictError(_("This account has no second factor."))
        values = {"totp": None, "totp_step": None, "passkeys": None}
        transaction = Transaction()
        for passkey_id in account.passkeys or ():
            transaction.delete(Passkey.of_id(passkey_id))
        notice = remove(account, values, transaction, factor="all")
        return account, notice

    account, notice = retry_on_conflict(attempt)
    outbox.enqueue(account.user, [notice])
    logger.info("second factors removed by staff user_id=%s", account.user_id)
    return account


def encrypt_again(user_id: str, *, dry_run: bool = False) -> bool:
    """Encrypt an account's secret under the first key, if it is under an older one.

    For administrators, before an older key is removed. dry_run: change nothing. Returns
    whether it has such a secret. Raises DecryptionError if its key is missing. Safe to
    repeat.
    """

    def attempt() -> bool:
        account = services.get_account(user_id)
        if account.totp is None:
            return False
        secret = totp.decrypt(account.totp, user_id)
        if totp.is_under_first_key(account.totp, user_id):
            return False
        if dry_run:
            return True
        transaction = Transaction()
        action = Account.totp.set(totp.encrypt(secret, user_id))
        transaction.update(account, [action])
        transaction.commit()
        return True

    return retry_on_conflict(attempt)


def create_recovery_codes(user: User, *, password: str | None = None) -> list[str]:
    """Replace the recovery codes, and return the new ones, which are shown once.

    A notice to the user is stored in the same transaction.

    Raises as `verify` does, and ConflictError if the account has no second factor.
    """
    verify(user, password)
    codes = recovery_codes.new_codes()
    values = {"recovery_codes": recovery_codes.hashes_of(codes, user.user_id)}

    def attempt() -> Notification:
        account = services.get_account(user.user_id)
        if not second_step.is_needed(account):
            raise ConflictError(_("Set up an authenticator app first."))
        notice = write_notice(account, "recovery_codes_created")
        store(account, values, notice, Transaction())
        return notice

    notice = retry_on_conflict(attempt)
    outbox.enqueue(user, [notice])
    logger.info("recovery codes created user_id=%s", user.user_id)
    return codes


def encrypt_codes(user: User, codes: Sequence[str]) -> str:
    """Encrypt recovery codes for their page, which sends them back to download them."""
    return _encrypt({"codes": [*codes]}, _codes_purpose(user))


def decrypt_codes(user: User, encrypted: str) -> list[str]:
    """Return the codes that `encrypt_codes` was given. Raises GoneError."""
    codes: list[str] = _decrypt(encrypted, _codes_purpose(user))["codes"]
    return codes


def verify(user: User, password: str | None) -> Account:
    """Return the account. Raises as `step_up.verify` does."""
    account = services.get_account(user.user_id)
    step_up.verify(user, account, password)
    return account


def _require_no_totp(account: Account) -> None:
    if account.totp is not None:
        raise ConflictError(_("An authenticator app is already set up."))


def store(
    account: Account,
    values: dict[str, Any],
    notice: Notification,
    transaction: Transaction,
) -> None:
    """Update an account's factors, and store the notice, in one transaction."""
    actions: list[Action] = account.change(values)
    transaction.update(account, actions)
    outbox.put(notice, transaction)
    transaction.commit()


def remove(
    account: Account,
    values: dict[str, Any],
    transaction: Transaction | None = None,
    **facts: str,
) -> Notification:
    """Remove factors; with the last one go recovery codes and the marks of sessions.

    values: attributes of the account. transaction: one to add the writes to and commit.
    facts: of the notice.
    """
    transaction = transaction or Transaction()
    notice = write_notice(account, "second_factor_removed", **facts)
    left = {"totp": account.totp, "passkeys": account.passkeys} | values
    if not (left["totp"] or left["passkeys"]):
        values = {**values, "recovery_codes": None}
        for entry in credentials.live(account.sessions):
            transaction.update(
                Session.of_entry(entry),
                [Session.has_second_factor.set(False)],
                Session.user_id.exists(),
            )
    store(account, values, notice, transaction)
    return notice


def mark_session(
    account: Account, session_key: str | None, transaction: Transaction
) -> None:
    """Add to a transaction that a session has a second factor, if it still exists."""
    digest = credentials.digest(session_key) if session_key else None
    for entry in credentials.live(account.sessions):
        if credentials.id_of(entry) == digest:
            transaction.update(
                Session.of_entry(entry),
                [Session.has_second_factor.set(True)],
                Session.user_id.exists(),
            )


def write_notice(account: Account, kind: str, **facts: str) -> Notification:
    """Return a notice to the user, not stored yet."""
    return outbox.compose(
        notification_id=uuid.uuid4().hex,
        user_id=account.user_id,
        type=kind,
        text=messages.write(kind, facts, language=account.language),
    )


def _to_setup(user: User, content: dict[str, Any], setup: str) -> TotpSetup:
    secret, codes = content["secret"], tuple(content["codes"])
    return TotpSetup(secret, totp.uri(secret, user.username), codes, setup)


def _setup_purpose(user: User) -> str:
    return f"totp-setup|{user.user_id}"


def _codes_purpose(user: User) -> str:
    return f"recovery-codes|{user.user_id}"


def _encrypt(content: dict[str, Any], purpose: str) -> str:
    expires_at = int(time.time()) + LIFETIME_SECONDS
    text = json.dumps({**content, "expires_at": expires_at})
    return encryption.encrypt(text, purpose=purpose)


def _decrypt(encrypted: str, purpose: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(
            encryption.decrypt(encrypted, purpose=purpose)
        )
    except encryption.DecryptionError as error:
        raise GoneError(_(EXPIRED)) from error
    if content["expires_at"] <= time.time():
        raise GoneError(_(EXPIRED))
    return content
