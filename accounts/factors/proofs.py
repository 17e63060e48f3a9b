"""Proofs of a second factor, which the second step of a login calls."""

from collections.abc import Callable

from accounts.models import Account
from accounts.sessions import FactorUse
from smartbudget.core.errors import AuthenticationError

# Verifies a factor of an account as it was just read, and raises WrongCodeError.
# Called again if the account was changed meanwhile.
Proof = Callable[[Account], FactorUse]


class WrongCodeError(AuthenticationError):
    """The factor is wrong or was used before; `field` names the input."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field
