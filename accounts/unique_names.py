"""Unique names: which account has a username or e-mail address, read by key.

Why: docs/decisions.md#usernames-and-addresses-are-unique-through-items-of-their-own
"""

from accounts.models import Account, UniqueName
from smartbudget.core.dynamodb import Transaction


def username_key(username: str) -> str:
    """Return the key of a username."""
    return f"username#{username}"


def email_key(email: str) -> str:
    """Return the key of an e-mail address."""
    return f"email#{email}"


def owner_of(key: str) -> str | None:
    """Return the user_id of the account that has a name, or None."""
    name = UniqueName.find(key)
    return name.owner if name else None


def addresses_of(account: Account) -> set[str]:
    """Return the addresses reserved for an account: the current and the pending one."""
    return {account.email, *filter(None, [account.pending_email])}


def move(writes: Transaction, user_id: str, *, old: set[str], new: set[str]) -> None:
    """Add the change of an account's addresses from `old` to `new` to a transaction.

    Another account's address makes the transaction fail, naming its UniqueName.
    """
    ours = UniqueName.user_id.does_not_exist() | (UniqueName.owner == user_id)
    for address in new - old:
        writes.put(UniqueName(user_id=email_key(address), owner=user_id), ours)
    for address in old - new:
        writes.delete(UniqueName(user_id=email_key(address)), ours)


def release(writes: Transaction, account: Account) -> None:
    """Add the release of an account's unique names to a transaction."""
    ours = UniqueName.user_id.does_not_exist() | (UniqueName.owner == account.user_id)
    writes.delete(UniqueName(user_id=username_key(account.username)), ours)
    move(writes, account.user_id, old=addresses_of(account), new=set())
