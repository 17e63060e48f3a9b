"""Claims: who a username or an e-mail address belongs to, read by key.

Why: docs/decisions.md#usernames-and-addresses-are-unique-through-items-of-their-own
"""

from accounts.models import Account, Claim
from smartbudget.core.dynamodb import Transaction


def username_key(username: str) -> str:
    """Return the key of the claim on a username."""
    return f"username#{username}"


def email_key(email: str) -> str:
    """Return the key of the claim on an e-mail address."""
    return f"email#{email}"


def owner_of(claim_key: str) -> str | None:
    """Return the user_id that a claim belongs to; None if it is nobody's."""
    try:
        return Claim.get(claim_key, consistent_read=True).owner
    except Claim.DoesNotExist:
        return None


def addresses_of(account: Account) -> set[str]:
    """Return the addresses that nobody else may have: the present and the next one."""
    return {account.email, *filter(None, [account.pending_email])}


def move(writes: Transaction, user_id: str, *, old: set[str], new: set[str]) -> None:
    """Add to a transaction that these addresses are an account's, no longer those.

    An address of somebody else's refuses the transaction, naming its Claim.
    """
    ours = Claim.user_id.does_not_exist() | (Claim.owner == user_id)
    for address in new - old:
        writes.put(Claim(user_id=email_key(address), owner=user_id), ours)
    for address in old - new:
        writes.delete(Claim(user_id=email_key(address)), ours)


def release(writes: Transaction, account: Account) -> None:
    """Add to a transaction that an account's names are anybody's again."""
    ours = Claim.user_id.does_not_exist() | (Claim.owner == account.user_id)
    writes.delete(Claim(user_id=username_key(account.username)), ours)
    move(writes, account.user_id, old=addresses_of(account), new=set())
