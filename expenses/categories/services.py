"""Rename or merge categories in expenses, budgets and histories.

Each transaction changes some expenses, with their histories and the totals of their
budgets. So a rename can stop after any of them, and a repeated call continues it.

Budgets are renamed first, so that alerts compare with the merged budget.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from budgets import merge
from expenses import side_effects
from expenses.batch import Change, within_time_limit
from expenses.fields import CATEGORY
from expenses.models import Expense
from expenses.parts import shares_of
from expenses.renaming import services as rename
from expenses.renaming.services import Renamed, Renaming
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import retry_on_conflict
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pagination import Item
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User


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
    target = rename.check_target(CATEGORY, target)
    in_time = within_time_limit()
    matches = rename.find_matches(user, CATEGORY, sources, target, in_time, _names_of)
    renaming = _Renaming(user, matches.expenses, sources, target, strategy)
    renaming.write(in_time)
    changed = renaming.changed - len(renaming.waiting)
    if matches.more or renaming.waiting:
        return Renamed(changed, True, renaming.alerts)
    merge.finish_merge(user, target)
    previous = None
    if not matches.is_target_used:
        previous = renaming.only_name(matches.expenses, renaming.budget_names)
    return Renamed(changed, False, renaming.alerts, previous)


def check_sources(sources: Sequence[str]) -> list[str]:
    """Return 1-20 validated names of categories. Raises InvalidError."""
    return rename.check_names(
        CATEGORY,
        sources,
        none=_("Select at least one category."),
        too_many=_("Select at most {most} categories."),
    )


def _names_of(item: Item) -> list[str]:
    """Return the categories of an expense, in DynamoDB's JSON, or of its parts."""
    return [share.category for share in shares_of(item)]


class _Renaming(Renaming):
    def __init__(
        self,
        user: User,
        expenses: list[Expense],
        sources: Sequence[str],
        target: str,
        strategy: str | None,
    ) -> None:
        self.sources, self.strategy = sources, strategy
        self.budget_names: set[str] = set()  # of sources and target, as they were
        super().__init__(user, CATEGORY, expenses, sources, target)

    def change_of(self, before: Expense) -> Change | None:
        if not before.parts:
            return super().change_of(before)
        new = tuple(
            replace(part, category=self.target)
            if casefold_key(part.category) in self.keys
            else part
            for part in before.parts
        )
        after = side_effects.changed(self.user, before, {"parts": new})
        return Change(before, after) if after else None

    def old_names(self, before: Expense) -> Collection[str]:
        names = [share.category for share in before.shares]
        return [name for name in names if casefold_key(name) in self.keys]

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
