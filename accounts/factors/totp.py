"""Codes of authenticator apps (TOTP, RFC 6238).

A code is accepted in its own 30 seconds and in those before and after, for clocks that
are off. The step (the number of 30 seconds since 1970) of the newest code used is
stored, so each code works once, and older ones no longer work. PyOTP is imported inside
functions: the Lambdas import this module but ship without it.
"""

import base64
import hmac
import logging
import re
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from accounts.factors.proofs import Proof, WrongCodeError
from accounts.models import Account
from accounts.sessions import FactorUse
from notifications import messages
from smartbudget.core import encryption
from smartbudget.core.errors import UnavailableError
from smartbudget.core.i18n import gettext as _

if TYPE_CHECKING:
    from pyotp import TOTP

logger = logging.getLogger(__name__)

SECRET_BYTES = 20  # 160 bits, as RFC 4226 recommends
STEP_SECONDS = 30
WINDOW = 1  # steps before and after the current one

_CODE = re.compile("[0-9]{6}")


def new_secret() -> str:
    """Return a new secret in Base32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def encrypt(secret: str, user_id: str) -> str:
    """Return the secret as it is stored in an account."""
    return encryption.encrypt(secret, purpose=f"totp|{user_id}")


def decrypt(stored: str, user_id: str) -> str:
    """Return the secret that is stored in an account. Raises DecryptionError."""
    return encryption.decrypt(stored, purpose=f"totp|{user_id}")


def is_under_first_key(stored: str, user_id: str) -> bool:
    """Check whether a stored secret needs no older key of the ring."""
    return encryption.is_under_first_key(stored, purpose=f"totp|{user_id}")


def find_step(secret: str, code: str) -> int | None:
    """Return the step of a code within the window, or None if it is wrong."""
    current, typed = int(time.time()) // STEP_SECONDS, "".join(code.split())
    if not _CODE.fullmatch(typed):
        return None
    totp = _totp(secret)
    steps = range(current - WINDOW, current + WINDOW + 1)
    return next(
        (step for step in steps if hmac.compare_digest(totp.generate_otp(step), typed)),
        None,
    )


def find_second_step(secret: str, codes: Sequence[str]) -> int | None:
    """Return the step of the second of two consecutive codes, or None.

    The second one is within the window, and the first one is that of the step before.
    """
    if len(codes) != 2:
        return None
    first, second = ("".join(code.split()) for code in codes)
    step = find_step(secret, second)
    if step is None or not hmac.compare_digest(
        _totp(secret).generate_otp(step - 1).encode(),
        first.encode("utf-8", "surrogatepass"),
    ):
        return None
    return step


def uri(secret: str, username: str) -> str:
    """Return the link that sets up an app, also as a QR code."""
    return _totp(secret).provisioning_uri(name=username, issuer_name=messages.NAME)


def prove(code: str) -> Proof:
    """Return a proof that verifies a code, or raises WrongCodeError."""

    def proof(account: Account) -> FactorUse:
        step = find_step(_secret(account), code) if account.totp else None
        if step is None or step <= (account.totp_step or 0):
            raise WrongCodeError(
                _("Wrong code, or it was used before. Enter the next one."), "code"
            )
        return FactorUse("totp", [Account.totp_step.set(step)])

    return proof


def _secret(account: Account) -> str:
    try:
        return decrypt(str(account.totp), account.user_id)
    except encryption.DecryptionError as error:
        logger.exception("totp secret not readable user_id=%s", account.user_id)
        raise UnavailableError(
            _("Codes can't be checked right now. Use a recovery code.")
        ) from error


def _totp(secret: str) -> "TOTP":
    from pyotp import TOTP

    return TOTP(secret)
