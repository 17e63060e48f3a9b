"""Log in with a passkey, alone or as the second step, and verify one for a step-up.

A device uses a passkey only after it has verified its user, by a fingerprint, face or
PIN. So a login with a passkey alone has two factors.

Why: docs/decisions.md#a-passkey-is-both-factors
"""

import logging

from accounts import sessions
from accounts.devices import Device
from accounts.factors import ceremonies
from accounts.factors.ceremonies import (
    Assertion,
    Options,
    RefusedResponseError,
    Response,
)
from accounts.factors.proofs import Proof, WrongCodeError
from accounts.models import Account, Challenge, Passkey
from accounts.sessions import FactorUse, Login
from notifications import recipients
from smartbudget.core import dates, log, throttling
from smartbudget.core.config import config
from smartbudget.core.dynamodb import (
    Transaction,
    WriteConflictError,
    retry_on_conflict,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.throttling import Limit

logger = logging.getLogger(__name__)

LOGIN = "login"  # purpose of challenges for a login and for its second step
LOGINS = Limit("passkey-from", config.login_address_limit, 900)

# The same for every failure, so that it does not reveal which passkeys exist.
REFUSAL = gettext_noop(
    "Your passkey wasn't accepted. Try again, or log in another way."
)


class RefusedPasskeyError(WrongCodeError):
    """No passkey of the account made the response, or its challenge was used."""

    def __init__(self) -> None:
        super().__init__(_(REFUSAL), "passkey")


def login_options() -> Options:
    """Return the options to log in with a passkey. Raises ConflictError if none can."""
    return ceremonies.request_options(LOGIN)


def log_in(response: Response, *, address: str, device: Device | None = None) -> Login:
    """Start a session for the owner of the passkey that made a response.

    address: network address to throttle by. device: the browser or program.

    Raises RefusedPasskeyError, the same for an unknown passkey, ThrottledError, and
    AuthenticationError if the account is locked.
    """
    log.bind_more(source=address)
    throttling.count(LOGINS, address)

    def attempt() -> Login:
        assertion = _parse(response)
        passkey = Passkey.find(Passkey.item_key(assertion.passkey_id))
        account = recipients.find(passkey.owner, Account) if passkey else None
        if passkey is None or account is None:
            logger.info("login failed, unknown passkey")
            raise RefusedPasskeyError
        transaction = Transaction()
        _use(account, passkey, assertion, LOGIN, transaction)
        factor = FactorUse("passkey", [], transaction=transaction)
        try:
            return sessions.store_session(
                account, device, [(LOGINS, address)], factor=factor
            )
        except WriteConflictError as error:
            raise_if_refused(error)
            raise

    login = retry_on_conflict(attempt)
    logger.info("login with a passkey user_id=%s", login.user.user_id)
    return login


def prove(response: Response) -> Proof:
    """Return a proof that verifies a passkey, or raises RefusedPasskeyError."""

    def proof(account: Account) -> FactorUse:
        transaction = Transaction()
        verify(account, response, LOGIN, transaction)
        return FactorUse("passkey", [], transaction=transaction)

    return proof


def verify(
    account: Account, response: Response, purpose: str, transaction: Transaction
) -> None:
    """Verify a passkey of an account, and add its use to a transaction.

    purpose: that of the challenge, see `ceremonies.request_options`. If the transaction
    fails with a WriteConflictError, pass it to `raise_if_refused`.

    Raises RefusedPasskeyError.
    """
    assertion = _parse(response)
    passkey = Passkey.find(Passkey.item_key(assertion.passkey_id))
    if passkey is None:
        raise RefusedPasskeyError
    _use(account, passkey, assertion, purpose, transaction)


def raise_if_refused(error: WriteConflictError) -> None:
    """Raise RefusedPasskeyError if a challenge was used, or a passkey removed."""
    if any(isinstance(item, Challenge | Passkey) for item in error.refused):
        raise RefusedPasskeyError from error


def _parse(response: Response) -> Assertion:
    try:
        return ceremonies.parse_assertion(response)
    except RefusedResponseError as error:
        logger.info("passkey refused reason=%s", error)
        raise RefusedPasskeyError from error


def _use(
    account: Account,
    passkey: Passkey,
    assertion: Assertion,
    purpose: str,
    transaction: Transaction,
) -> None:
    is_own = passkey.owner == account.user_id
    if not (is_own and passkey.passkey_id in (account.passkeys or ())):
        raise RefusedPasskeyError
    try:
        verified = ceremonies.verify_assertion(assertion, passkey)
    except RefusedResponseError as error:
        logger.info("passkey refused user_id=%s reason=%s", account.user_id, error)
        raise RefusedPasskeyError from error
    count = verified.sign_count
    if (count or passkey.sign_count) and count <= passkey.sign_count:
        # A sign of a copied passkey; but synced ones may count per device.
        logger.warning("passkey's sign count went back user_id=%s", account.user_id)
    ceremonies.use_challenge(assertion.challenge, purpose, transaction)
    transaction.update(
        passkey,
        [
            Passkey.sign_count.set(count),
            Passkey.is_synced.set(verified.is_synced),
            Passkey.last_used_at.set(dates.timestamp()),
        ],
        Passkey.user_id.exists(),
    )
