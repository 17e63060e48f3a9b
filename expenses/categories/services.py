"""Rename or merge categories in expenses, budgets and histories.

Each transaction changes some expenses, with their histories and the totals of their
budgets. So a rename can stop after any of them, and a repeated call continues it.

Budgets are renamed first, so that alerts compare with the merged budget. The progress
of a rename is not stored: expenses that still have the old name remain to be changed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from budgets import merge
from expenses import side_effects
from expenses.batch import Change
from expenses.bulk_update import Selected
from expenses.fields import CATEGORY
from expenses.models import Expense
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import Transaction, retry_on_conflict
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

    expenses, more = _find(user, sources, target, in_time)
    renaming = _Renaming(user, expenses, sources, target, strategy)
    renaming.write(in_time)
    left = more or bool(renaming.waiting)
    if not left:
        merge.finish_merge(user, target)
    changed = renaming.changed - len(renaming.waiting)
    return Renamed(changed, left, renaming.alerts)


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
        transaction = Transaction()
        outcome = merge.merge_into(
            self.user, self.sources, self.target, self.strategy, transaction
        )
        if len(transaction):
            self.commit(transaction, outcome)


def _find(
    user: User, sources: Sequence[str], target: str, in_time: Callable[[], bool]
) -> tuple[list[Expense], bool]:
    """Return expenses to rename, and whether there may be more.

    The index is eventually consistent. If it has an older version of an expense, the
    conditional write fails, and the expense is read again.
    """
    keys = set(map(casefold_key, sources))
    pages = Expense.by_user.query(
        user.user_id,
        filter_condition=Expense.category != target,
        scan_index_forward=False,
    ).page_iter
    items, more = [], False
    for page in pages:
        items += [
            item
            for item in page["Items"]
            if casefold_key(item["category"]["S"]) in keys
        ]
        more = "LastEvaluatedKey" in page
        if len(items) >= MAX_EXPENSES or not in_time():
            break
    more = more or len(items) > MAX_EXPENSES
    return [Expense.from_raw_data(item) for item in items[:MAX_EXPENSES]], more
