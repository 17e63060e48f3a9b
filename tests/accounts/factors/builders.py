"""Second factors for tests: an authenticator app, recovery codes."""

import time

import pyotp

from accounts.factors import recovery_codes, totp
from accounts.models import Account
from smartbudget.core.user import User
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
