"""Rename or merge categories in expenses, budgets and histories.

Each transaction changes some expenses, with their histories and the totals of their
budgets. So a rename can stop after any of them, and a repeated call continues it.

Budgets are renamed first, so that alerts compare with the merged budget. The progress
of a rename is not stored: expenses that still have the old name remain to be changed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from budgets import merge
from expenses import side_effects
from expenses.batch import Change
from expenses.bulk_update import Selected
from expenses.fields import CATEGORY
from expenses.models import Expense
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import retry_on_conflict
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.text import casefold_key, validate_text
from smartbudget.core.user import User

MAX_EXPENSES = 1000  # expenses that one call changes
MAX_SOURCES = 20
MAX_SECONDS = 10  # after which a call starts no further transaction


@dataclass(frozen=True)
class Renamed:
    """The result of one call."""

    changed: int  # expenses
    left: bool  # some expenses remain: another call continues
    alerts: int  # caused by this call
    # The old name, if renaming the category back undoes this call; otherwise None, such
    # as after a merge.
    previous: str | None = field(default=None, compare=False)


@BULK_WRITES.limited
def rename_categories(
    user: User, sources: Sequence[str], target: str, *, strategy: str | None = None
) -> Renamed:
    """Rename 1-20 categories, in their expenses and budgets.

    sources: compared by `casefold_key`. target: the new name; expenses that have it
    exactly are not changed. strategy: how several budgets of one period are merged, or
    None to reject them.

    Renames all expenses, including void ones and those of closed periods. Only levels
    reached because of the merge cause alerts, which are sent as one digest. Safe to
    repeat, also after an error; repeat it while expenses are left.

    Raises InvalidError, and ConflictError for conflicting budgets, before any change.
    """
    sources = check_sources(sources)
    target = validate_text(target, "into", min_length=1, max_length=CATEGORY.max_length)
    deadline = time.monotonic() + MAX_SECONDS

    def in_time() -> bool:
        return time.monotonic() < deadline

    found = _find(user, sources, target, in_time)
    renaming = _Renaming(user, found.expenses, sources, target, strategy)
    renaming.write(in_time)
    changed = renaming.changed - len(renaming.waiting)
    if found.more or renaming.waiting:
        return Renamed(changed, True, renaming.alerts)
    merge.finish_merge(user, target)
    previous = None if found.is_target_used else renaming.only_name(found.expenses)
    return Renamed(changed, False, renaming.alerts, previous)


def check_sources(sources: Sequence[str]) -> list[str]:
    """Return 1-20 validated names of categories. Raises InvalidError."""
    names = [
        validate_text(source, "from", min_length=1, max_length=CATEGORY.max_length)
        for source in sources
    ]
    if not names:
        raise InvalidError(_("Select at least one category."), "from")
    if len(names) > MAX_SOURCES:
        message = _("Select at most {most} categories.").format(most=MAX_SOURCES)
        raise InvalidError(message, "from")
    return names


class _Renaming(Selected):
    def __init__(
        self,
        user: User,
        expenses: list[Expense],
        sources: Sequence[str],
        target: str,
        strategy: str | None,
    ) -> None:
        self.sources, self.target, self.strategy = sources, target, strategy
        self.keys = set(map(casefold_key, sources))
        self.budget_names: set[str] = set()  # of sources and target, as they were
        super().__init__(user, expenses)

    def change_of(self, before: Expense) -> Change | None:
        if before.category_key not in self.keys:
            return None
        new = {"category": self.target, "category_key": casefold_key(self.target)}
        after = side_effects.changed(before, new)
        return Change(before, after) if after else None

    def begin(self) -> None:
        """Rename budgets before expenses, so alerts compare with the merged budget."""
        retry_on_conflict(self._rename_budgets)

    def _rename_budgets(self) -> None:
        plan = merge.plan(self.user, self.sources, self.target, self.strategy)
        self.user = plan.user
        # A repeated attempt may find some that are renamed already.
        self.budget_names = self.budget_names or plan.names
        for transaction, outcome in plan.transactions():
            self.commit(transaction, outcome)

    def only_name(self, expenses: Sequence[Expense]) -> str | None:
        """Return the name that all of these expenses and the budgets had, or None.

        None also if it is not that of a source, or the new name.
        """
        names = self.budget_names | {expense.category for expense in expenses}
        name = names.pop() if len(names) == 1 else self.target
        is_source = casefold_key(name) in self.keys
        return name if is_source and name != self.target else None


@dataclass(frozen=True)
class _Found:
    """The expenses to rename."""

    expenses: list[Expense]
    more: bool  # there may be others
    is_target_used: bool  # others had the new name already


def _find(
    user: User, sources: Sequence[str], target: str, in_time: Callable[[], bool]
) -> _Found:
    """Return expenses to rename.

    The index is eventually consistent. If it has an older version of an expense, the
    conditional write fails, and the expense is read again.
    """
    keys = set(map(casefold_key, sources))
    target_key = casefold_key(target)
    pages = Expense.by_user.query(
        user.user_id,
        filter_condition=Expense.category != target,
        scan_index_forward=False,
    ).page_iter
    items, more, is_target_used = [], False, False
    for page in pages:
        # DynamoDB counts the expenses that the filter leaves out.
        is_target_used |= page["ScannedCount"] > page["Count"]
        for item in page["Items"]:
            key = casefold_key(item["category"]["S"])
            if key in keys:
                items.append(item)
            else:
                is_target_used |= key == target_key
        more = "LastEvaluatedKey" in page
        if len(items) >= MAX_EXPENSES or not in_time():
            break
    more = more or len(items) > MAX_EXPENSES
    expenses = [Expense.from_raw_data(item) for item in items[:MAX_EXPENSES]]
    return _Found(expenses, more, is_target_used)
