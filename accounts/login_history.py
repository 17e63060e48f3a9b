"""The history of an account's logins: the last 50 of the last year.

They are in one item, `logins#<user_id>`, in slots that are reused in turn. The
account's number of logins selects the slot, so the transaction that stores a session
also writes the login without reading the item. A full item has about 3 kB.
"""

import datetime
import time
from collections.abc import Iterator
from dataclasses import dataclass

from accounts import credentials
from accounts.models import Account, LoginHistory
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.user import User

KEPT = LoginHistory.SLOTS
LIFETIME = datetime.timedelta(days=365)

# How a login proved its user; `recovery` and `totp` come after the password.
METHODS = ("registration", "password", "totp", "recovery", "passkey")


@dataclass(frozen=True)
class PastLogin:
    """A login as its owner sees it."""

    at: str  # ISO 8601, UTC, to the second
    device: str | None  # "Firefox on Linux"; None if unknown
    method: str  # of METHODS
    is_new_device: bool


def record(
    account: Account,
    transaction: Transaction,
    *,
    device: str | None,
    method: str,
    is_new_device: bool = False,
) -> int:
    """Add a login to a transaction; return the number of logins, for the account.

    The caller stores the number in the same transaction.
    """
    number = int(account.login_count or 0)
    now = int(time.time())
    transaction.update(
        LoginHistory(user_id=_key(account.user_id)),
        [
            LoginHistory.assign(
                LoginHistory.slot(number), [now, method, int(is_new_device), device]
            ),
            LoginHistory.expires_at.set(now + int(LIFETIME.total_seconds())),
        ],
    )
    return number + 1


def list_logins(user: User) -> list[PastLogin]:
    """Return the user's last logins, newest first, with one read."""
    item = LoginHistory.find(_key(user.user_id))
    if item is None:
        return []
    oldest = (dates.now() - LIFETIME).timestamp()
    stored = [getattr(item, LoginHistory.slot(number)) for number in range(KEPT)]
    recent = [entry for entry in stored if entry and entry[0] > oldest]
    return [
        PastLogin(credentials.iso_time(at), device, method, bool(is_new))
        for at, method, is_new, device in sorted(
            recent, key=lambda entry: entry[0], reverse=True
        )
    ]


def delete_all(user_id: str) -> Iterator[int]:
    """Delete the history of an account; yield the number of items. Safe to repeat."""
    item = LoginHistory.find(_key(user_id))
    if item is not None:
        item.delete()
        yield 1


def _key(user_id: str) -> str:
    return f"logins#{user_id}"
