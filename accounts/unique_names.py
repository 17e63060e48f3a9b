"""Unique names: the owners of usernames and e-mail addresses, read by key or searched.

Why: docs/decisions.md#usernames-and-addresses-are-unique-through-separate-items
"""

from pynamodb.expressions.condition import Condition

from accounts.models import Account, UniqueName
from smartbudget.core.dynamodb import Action, Transaction, conditional_write
from smartbudget.core.pagination import Page, query_page


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
    """Return the addresses reserved for an account: the current and the pending one.

    A pending address that is confirmed by our own link is not reserved.
    """
    pending = None if account.pending_by_link else account.pending_email
    return {*filter(None, [account.email, pending])}


def move(
    transaction: Transaction,
    user_id: str,
    *,
    old: set[str],
    new: set[str],
    held: UniqueName | None = None,
) -> None:
    """Add the change of an account's addresses from `old` to `new` to a transaction.

    held: name of another account that loses its address (see `verification.claims`). If
    another account owns one of the addresses otherwise, the transaction fails with its
    UniqueName among the refused items.
    """
    for address in new - old:
        name = UniqueName.new("email", address, user_id)
        if held and held.user_id == name.user_id:
            transaction.put(name, unchanged(held))
        else:
            transaction.put(name, _available_to(user_id))
    for address in old - new:
        name = UniqueName(user_id=email_key(address))
        transaction.delete(name, _available_to(user_id))


def keep(transaction: Transaction, account: Account) -> None:
    """Add to a transaction that the account's address is verified and never lapses."""
    name = UniqueName(user_id=email_key(account.email))
    actions: list[Action] = [
        UniqueName.owner.set(account.user_id),
        UniqueName.unverified_until.remove(),
    ]
    transaction.update(name, actions, _available_to(account.user_id))


def release(transaction: Transaction, account: Account) -> None:
    """Add the release of an account's unique names to a transaction."""
    username = UniqueName(user_id=username_key(account.username))
    transaction.delete(username, _available_to(account.user_id))
    move(transaction, account.user_id, old=addresses_of(account), new=set())


def unchanged(name: UniqueName) -> Condition:
    """Return the condition that an unverified name is as it was read."""
    condition: Condition = (UniqueName.owner == name.owner) & (
        UniqueName.unverified_until == name.unverified_until
    )
    return condition


def search(
    kind: str, *, prefix: str = "", part: str = "", after: str = "", limit: int
) -> Page[UniqueName]:
    """Return names that begin with `prefix` and contain `part`, in alphabetical order.

    kind: username or email. after: the name that the page follows; it begins with
    `prefix`, but need not exist. With a `part`, a page covers some 100,000 names, as
    `query_page` does. Reads an index, which lags.
    """
    key = {"kind": {"S": kind}, "user_id": {"S": f"{kind}#{after}"}}
    return query_page(
        UniqueName.by_name,
        kind,
        ("kind", "user_id"),
        limit=limit,
        after=key if after else None,
        newest_first=False,
        within=UniqueName.user_id.startswith(f"{kind}#{prefix}"),
        matching=UniqueName.name.contains(part) if part else None,
    )


def index_older_names() -> int:
    """Index the names that versions up to 0.1 stored, and return their number.

    Scans the users table. Safe to repeat, and to run while the application runs.
    """
    is_older = UniqueName.name.does_not_exist() & (
        UniqueName.user_id.startswith("username#")
        | UniqueName.user_id.startswith("email#")
    )
    return sum(_index(name) for name in UniqueName.scan(is_older))


def _index(unique: UniqueName) -> bool:
    """Index a name, unless it was released or indexed since it was read."""
    kind, _, name = unique.user_id.partition("#")
    actions: list[Action] = [UniqueName.kind.set(kind), UniqueName.name.set(name)]
    is_unchanged = (UniqueName.owner == unique.owner) & (
        UniqueName.name.does_not_exist()
    )
    return conditional_write(lambda: unique.update(actions, condition=is_unchanged))


def _available_to(user_id: str) -> Condition:
    available: Condition = UniqueName.user_id.does_not_exist() | (
        UniqueName.owner == user_id
    )
    return available
