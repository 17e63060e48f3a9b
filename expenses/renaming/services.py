"""Rename categories or merchants in expenses.

The progress of a rename is not stored: expenses that still have the old name remain to
be changed, so a repeated call continues, also after a crash.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from expenses import side_effects
from expenses.batch import Change
from expenses.bulk_update import Selected
from expenses.fields import Field
from expenses.models import Expense
from expenses.validation import attributes_of
from smartbudget.core.errors import InvalidError
from smartbudget.core.pagination import Item
from smartbudget.core.text import casefold_key, validate_text
from smartbudget.core.user import User

MAX_EXPENSES = 1000  # expenses that one call changes
MAX_SOURCES = 20


@dataclass(frozen=True)
class Renamed:
    """The result of one call."""

    changed: int  # expenses
    left: bool  # some expenses remain: another call continues
    alerts: int  # caused by this call
    # The old name, if renaming back undoes this call; otherwise None, such as after a
    # merge.
    previous: str | None = field(default=None, compare=False)


def check_target(renamed: Field, target: str) -> str:
    """Return the validated new name. Raises InvalidError."""
    return validate_text(target, "into", min_length=1, max_length=renamed.max_length)


def check_names(
    renamed: Field, sources: Sequence[str], *, none: str, too_many: str
) -> list[str]:
    """Return 1 to MAX_SOURCES validated old names.

    none, too_many: messages of the InvalidError that another number raises; `{most}` in
    `too_many` stands for MAX_SOURCES.
    """
    names = [
        validate_text(source, "from", min_length=1, max_length=renamed.max_length)
        for source in sources
    ]
    if not names:
        raise InvalidError(none, "from")
    if len(names) > MAX_SOURCES:
        raise InvalidError(too_many.format(most=MAX_SOURCES), "from")
    return names


class Renaming(Selected):
    """Changes the names of expenses that have one of several in a field."""

    def __init__(
        self,
        user: User,
        renamed: Field,
        expenses: Sequence[Expense],
        sources: Sequence[str],
        target: str,
    ) -> None:
        self.renamed, self.target = renamed, target
        self.keys = set(map(casefold_key, sources))
        super().__init__(user, expenses)

    def change_of(self, before: Expense) -> Change | None:
        name = getattr(before, self.renamed.name)
        if casefold_key(name) not in self.keys:
            return None
        new = attributes_of({self.renamed.name: self.target})
        after = side_effects.changed(self.user, before, new)
        return Change(before, after) if after else None

    def old_names(self, before: Expense) -> Collection[str]:
        """Return the names of an expense that are renamed."""
        return [getattr(before, self.renamed.name)]

    def only_name(
        self, expenses: Sequence[Expense], others: Collection[str] = ()
    ) -> str | None:
        """Return the name that all of these expenses and the others had, or None.

        None also if it is not that of a source, or the new name.
        """
        names = {*others, *(name for one in expenses for name in self.old_names(one))}
        name = names.pop() if len(names) == 1 else self.target
        is_source = casefold_key(name) in self.keys
        return name if is_source and name != self.target else None


@dataclass(frozen=True)
class Matches:
    """The expenses to rename."""

    expenses: list[Expense]
    more: bool  # there may be others
    is_target_used: bool  # others had the new name already


def find_matches(
    user: User,
    renamed: Field,
    sources: Sequence[str],
    target: str,
    in_time: Callable[[], bool],
    names_of: Callable[[Item], Collection[str]] | None = None,
) -> Matches:
    """Return up to MAX_EXPENSES expenses to rename, newest first.

    names_of: returns the names of an expense, in DynamoDB's JSON. By default, that of
    the field.

    The index is eventually consistent. If it has an older version of an expense, the
    conditional write fails, and the expense is read again.
    """
    keys = set(map(casefold_key, sources))
    target_key = casefold_key(target)
    pages = Expense.by_user.query(
        user.user_id,
        # Also true of an expense without the attribute.
        filter_condition=getattr(Expense, renamed.name) != target,
        scan_index_forward=False,
    ).page_iter
    items, more, is_target_used = [], False, False
    for page in pages:
        # DynamoDB counts the expenses that the filter leaves out.
        is_target_used |= page["ScannedCount"] > page["Count"]
        for item in page["Items"]:
            names = names_of(item) if names_of else [_name_of(item, renamed)]
            old = [name for name in names if casefold_key(name) in keys]
            if any(name != target for name in old):
                items.append(item)
            kept = [name for name in names if name not in old]
            is_target_used |= target_key in map(casefold_key, kept)
        more = "LastEvaluatedKey" in page
        if len(items) >= MAX_EXPENSES or not in_time():
            break
    more = more or len(items) > MAX_EXPENSES
    expenses = [Expense.from_raw_data(item) for item in items[:MAX_EXPENSES]]
    return Matches(expenses, more, is_target_used)


def _name_of(item: Item, renamed: Field) -> str:
    return str(item.get(renamed.name, {}).get("S", ""))
