"""Second factors for tests: an authenticator app, recovery codes, passkeys."""

import time

import pyotp

from accounts.factors import ceremonies, recovery_codes, totp
from accounts.models import Account, Passkey
from smartbudget.core import dates
from smartbudget.core.user import User
from tests.accounts.factors.authenticator import Authenticator
from tests.builders import account_of

STEP = totp.STEP_SECONDS


class App:
    """An authenticator app with the secret of an account."""

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)

    def code(self, seconds: int = 0) -> str:
        """Return the code of an app whose clock is `seconds` ahead."""
        return self._totp.at(time.time() + seconds)

    def wrong_code(self) -> str:
        """Return a code that is not right in any step around now."""
        right = {self.code(step * STEP) for step in range(-3, 4)}
        return min({f"{number:06}" for number in range(10)} - right)


def with_totp(user: User) -> tuple[App, list[str]]:
    """Turn on an authenticator app; return it with the recovery codes."""
    secret, codes = totp.new_secret(), recovery_codes.new_codes()
    account_of(user).update(
        [
            Account.totp.set(totp.encrypt(secret, user.user_id)),
            Account.recovery_codes.set(recovery_codes.hashes_of(codes, user.user_id)),
        ]
    )
    return App(secret), codes


def with_passkey(user: User, device: Authenticator | None = None) -> Authenticator:
    """Add a passkey to an account, and return the device that has it."""
    device = device or Authenticator()
    passkey = store_passkey(user, device)
    account = account_of(user)
    ids = {*(account.passkeys or ()), passkey.passkey_id}
    account.update([Account.passkeys.set(ids)])
    return device


def store_passkey(user: User, device: Authenticator, name: str = "Phone") -> Passkey:
    """Store a passkey of a device, and return it."""
    options = ceremonies.creation_options(user, "test", [])
    response = device.create(options)
    passkey, _challenge = ceremonies.verify_creation(response, user.user_id, name)
    passkey.created_at = dates.timestamp()
    passkey.save()
    return passkey
