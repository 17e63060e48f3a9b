"""Recovery codes, for a login without the authenticator app or passkey.

Each has 80 random bits, is shown once and works once. Only SHA-256 hashes are stored:
random codes of this length cannot be found from them.
"""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Iterable

from accounts.factors.proofs import Proof, WrongCodeError
from accounts.models import Account
from accounts.sessions import FactorUse
from notifications import messages, outbox
from notifications.models import Notification
from smartbudget.core.i18n import gettext as _

COUNT = 10
BYTES = 10  # 80 bits: 16 characters in Base32
GROUP = 4  # characters between hyphens

_NOTICES = uuid.UUID("4c1f3f52-0f0e-5f3b-8f7e-3d8c54f1f0a6")


def new_codes() -> list[str]:
    """Return a set of new codes, such as `abcd-efgh-ijkl-mnop`."""
    return [_new_code() for _number in range(COUNT)]


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(BYTES)).decode("ascii").lower()
    return "-".join(text[at : at + GROUP] for at in range(0, len(text), GROUP))


def hashes_of(codes: Iterable[str], user_id: str) -> set[str]:
    """Return the hashes of an account's codes, as they are stored."""
    return {_hash(code, user_id) for code in codes}


def _hash(code: str, user_id: str) -> str:
    """Return a code's hash. Case, spaces and hyphens do not matter."""
    letters = "".join(filter(str.isalnum, code)).lower()
    content = f"{user_id}|{letters}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()


def prove(code: str) -> Proof:
    """Return a proof that uses up a recovery code, or raises WrongCodeError.

    A notice to the user is stored in the same transaction.
    """

    def proof(account: Account) -> FactorUse:
        used, unused = _hash(code, account.user_id), account.recovery_codes or set()
        if used not in unused:
            raise WrongCodeError(
                _("Wrong recovery code, or it was used before."), "recovery_code"
            )
        left = unused - {used}
        action = Account.assign("recovery_codes", left or None)
        notice = _notice(account, used, len(left))
        return FactorUse("recovery", [action], [notice], recovery_codes_left=len(left))

    return proof


def _notice(account: Account, used: str, left: int) -> Notification:
    facts = {"left": left}
    return outbox.compose(
        notification_id=uuid.uuid5(_NOTICES, used).hex,
        user_id=account.user_id,
        type="recovery_code_used",
        text=messages.write("recovery_code_used", facts, language=account.language),
    )
