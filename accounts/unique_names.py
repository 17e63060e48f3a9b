"""Unique names: the owners of usernames and e-mail addresses, read by key.

Why: docs/decisions.md#usernames-and-addresses-are-unique-through-separate-items
"""

from pynamodb.expressions.condition import Condition

from accounts.models import Account, UniqueName
from smartbudget.core.dynamodb import Transaction


def username_key(username: str) -> str:
    """Return the key of a username."""
    return f"username#{username}"


def email_key(email: str) -> str:
    """Return the key of an e-mail address."""
    return f"email#{email}"


def owner_of(key: str) -> str | None:
    """Return the user_id of the account that owns a name, or None."""
    name = UniqueName.find(key)
    return name.owner if name else None


def addresses_of(account: Account) -> set[str]:
    """Return the addresses reserved for an account: the current and the pending one."""
    return {account.email, *filter(None, [account.pending_email])}


def move(
    transaction: Transaction, user_id: str, *, old: set[str], new: set[str]
) -> None:
    """Add the change of an account's addresses from `old` to `new` to a transaction.

    If another account owns one of them, the transaction fails with its UniqueName among
    the refused items.
    """
    for address in new - old:
        name = UniqueName(user_id=email_key(address), owner=user_id)
        transaction.put(name, _available_to(user_id))
    for address in old - new:
        name = UniqueName(user_id=email_key(address))
        transaction.delete(name, _available_to(user_id))


def release(transaction: Transaction, account: Account) -> None:
    """Add the release of an account's unique names to a transaction."""
    username = UniqueName(user_id=username_key(account.username))
    transaction.delete(username, _available_to(account.user_id))
    move(transaction, account.user_id, old=addresses_of(account), new=set())


def _available_to(user_id: str) -> Condition:
    available: Condition = UniqueName.user_id.does_not_exist() | (
        UniqueName.owner == user_id
    )
    return available
