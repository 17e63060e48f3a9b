"""Find the budgets that count an expense, by key and strongly consistently.

Ids of budgets for one category, or for all, follow from the expense. Those of other
budgets are in the user's directory, an item that changes in their transactions. Only
shapes that the user has are looked for, since reading a missing key costs as much.

Why: docs/decisions.md#budgets-of-an-expense-are-found-by-key
"""

import datetime
import zlib
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from pynamodb.attributes import UnicodeAttribute

from accounts import services as accounts
from budgets.models import (
    Budget,
    BudgetDirectory,
    BudgetsMeta,
    budget_id_for,
    budget_ids_for,
    id_of,
)
from smartbudget.core.categories import EVERYTHING
from smartbudget.core.dynamodb import Table, Transaction, retry_on_conflict
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import CALENDAR_PERIODS, PERIODS, Period
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

if TYPE_CHECKING:
    from budgets.updates import Posting

MAX_LISTED = 100  # budgets in a directory

Entry = dict[str, Any]

# Shapes of budgets, in `User.budget_shapes`. A budget for one category and one of
# CALENDAR_PERIODS has none: it is always looked for. Earlier versions know no other.
LISTED = "listed"  # in the directory
SHAPES = (
    *(period for period in PERIODS if period not in CALENDAR_PERIODS),
    *(f"all:{period}" for period in PERIODS),
    LISTED,
)


def shape_of(budget: Budget) -> str | None:
    """Return the shape of a budget, or None if it is always looked for."""
    if budget.is_listed:
        return LISTED
    if budget.categories.are_all:
        return f"all:{budget.period}"
    return None if budget.period in CALENDAR_PERIODS else str(budget.period)


def add_shapes(user: User, budgets: Iterable[Budget]) -> User:
    """Store the shapes of budgets in the account and its caches, before they exist.

    Usually the user has them already. They are never removed: one that no budget has
    any more costs a read unit. Returns the user with all shapes.
    """
    shapes = {shape for budget in budgets if (shape := shape_of(budget))}
    if shapes.issubset(user.budget_shapes):
        return user

    def attempt() -> User:
        account = accounts.find_account(user.user_id)
        if account is None:
            return user  # closed meanwhile
        stored = account.budget_shapes or set()
        if not shapes <= stored:
            accounts.change_account(account, {"budget_shapes": stored | shapes})
        return account.user

    return retry_on_conflict(attempt)


def budgets_for(user: User, postings: Sequence["Posting"]) -> list[Budget]:
    """Return the budgets that postings may change.

    Takes one consistent BatchGetItem, and one more if the directory has such budgets.
    """
    categories = {posting.category for posting in postings}
    ids = [*_ids_of(user, categories), *_ids_of_all(user)]
    budgets, directory = _read(user, ids)
    days = {(casefold_key(posting.category), posting.day) for posting in postings}
    listed = [
        entry["budget_id"]
        for entry in directory
        if any(_covers(entry, key) and _contains(entry, day) for key, day in days)
    ]
    return [*budgets, *_get(listed)]


def budgets_of(user: User, categories: Sequence[str]) -> list[Budget]:
    """Return the budgets for categories, without those for all, read consistently.

    Budgets for one category come first, by kind of period and in the order of the
    categories.
    """
    ids = [*_ids_of(user, categories)]
    budgets, directory = _read(user, ids)
    ordered = sorted(budgets, key=lambda budget: ids.index(budget.budget_id))
    keys = set(map(casefold_key, categories))
    listed = [
        entry["budget_id"]
        for entry in directory
        if entry["categories"] and any(_covers(entry, key) for key in keys)
    ]
    stored = {budget.budget_id: budget for budget in _get(listed)}
    return [*ordered, *(stored[id] for id in listed if id in stored)]


def relist(
    user: User,
    transaction: Transaction,
    *,
    removed: Iterable[Budget] = (),
    added: Iterable[Budget] = (),
) -> None:
    """Add the change of the directory to a transaction that replaces budgets.

    Must be called once for a transaction. Reads the directory if it has to change.
    Raises ConflictError if it would have more than MAX_LISTED budgets.
    """
    old = {budget.budget_id for budget in removed if budget.is_listed}
    new = {budget.budget_id: budget for budget in added if budget.is_listed}
    if not (old or new):
        return
    directory = BudgetDirectory.find(BudgetDirectory.key(user.user_id))
    stored: list[Entry] = directory.entries if directory else []
    gone = old.difference(new)
    entries = [entry for entry in stored if entry["budget_id"] not in gone]
    known = {entry["budget_id"] for entry in stored}
    entries += [
        _entry_of(new[budget_id]) for budget_id in new if budget_id not in known
    ]
    if entries == stored:
        return
    if len(entries) > max(MAX_LISTED, len(stored)):
        message = _(
            "You can have at most {number} budgets that are one-off or for several"
            " categories."
        )
        raise ConflictError(message.format(number=MAX_LISTED), "category")
    if directory:
        transaction.update(directory, [BudgetDirectory.entries.set(entries)])
    else:
        key = BudgetDirectory.key(user.user_id)
        transaction.put(BudgetDirectory(key, entries=entries))


class _StoredItem(Table):
    """An item of any kind in the budgets table."""

    class Meta(BudgetsMeta):
        pass

    budget_id = UnicodeAttribute(hash_key=True)

    # Not stored: the item as it was read.
    item: dict[str, Any]

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return an item with what was read."""
        stored = super().from_raw_data(data)
        stored.item = data
        return stored


def _read(user: User, ids: Iterable[str]) -> tuple[list[Budget], list[Entry]]:
    """Return budgets, and the entries of the directory if the user has one."""
    keys = {*ids}
    directory = BudgetDirectory.key(user.user_id)
    if LISTED in user.budget_shapes:
        keys.add(directory)
    budgets: list[Budget] = []
    entries: list[Entry] = []
    for stored in _StoredItem.batch_get(keys, consistent_read=True):
        if stored.budget_id == directory:
            entries = BudgetDirectory.from_raw_data(stored.item).entries
        else:
            budgets.append(Budget.from_raw_data(stored.item))
    return budgets, entries


def _get(ids: Collection[str]) -> list[Budget]:
    return list(Budget.batch_get(ids, consistent_read=True)) if ids else []


def _ids_of(user: User, categories: Iterable[str]) -> list[str]:
    """Return the ids of recurring budgets for one of the categories."""
    categories = list(categories)
    ids: list[str] = []
    for period in PERIODS:
        for category in categories:
            if period in CALENDAR_PERIODS:
                ids += budget_ids_for(user.user_id, period, category)
            elif period in user.budget_shapes:
                ids.append(budget_id_for(user.user_id, period, category))
    return list(dict.fromkeys(ids))


def _ids_of_all(user: User) -> list[str]:
    """Return the ids of the user's recurring budgets for all categories."""
    return [
        id_of(user.user_id, period, EVERYTHING)
        for period in PERIODS
        if f"all:{period}" in user.budget_shapes
    ]


def _entry_of(budget: Budget) -> Entry:
    """Return the entry of a budget; without categories if it is for all."""
    only = budget.recurrence.only
    return {
        "budget_id": budget.budget_id,
        "categories": [*map(_checksum, budget.categories.keys)],
        "days": only.interval if only else None,
    }


def _covers(entry: Entry, category_key: str) -> bool:
    """Check whether a budget in the directory may count expenses of a category."""
    checksums = entry["categories"]
    return not checksums or _checksum(category_key) in checksums


def _contains(entry: Entry, day: datetime.date) -> bool:
    return entry["days"] is None or day in Period.parse(entry["days"])


def _checksum(category_key: str) -> int:
    """Return a short stand-in for a key, which keeps the directory small.

    Two categories with the same one only cost a read.
    """
    return zlib.crc32(category_key.encode())
