"""The type of a proof: a function that verifies a second factor of an account."""

from collections.abc import Callable

from accounts.models import Account
from accounts.sessions import FactorUse
from smartbudget.core.errors import AuthenticationError

# Takes an account as just read, and raises WrongCodeError. The second step of a login
# calls it again if the account was changed meanwhile.
Proof = Callable[[Account], FactorUse]


class WrongCodeError(AuthenticationError):
    """The factor is wrong or was used before; `field` names the input."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field
