"""Rename or merge categories in expenses, budgets and histories.

A transaction changes as many expenses as it holds, with their histories and what they
are to budgets, so any of them may be the last one: doing it again does the rest.

Budgets are moved first, so that alerts compare with the merged budget. No record says
that a rename is under way: what still has the old name is what is left.
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

MOST = 1000  # expenses that one call changes
MOST_SOURCES = 20
SECONDS = 10  # that one call goes on for, and whatever it has begun by then


@dataclass(frozen=True)
class Renamed:
    """The result of a call; if some are left, another call continues."""

    changed: int  # expenses
    left: bool
    alerts: int  # how many rose


@BULK_WRITES.limited
def rename_categories(
    user: User, sources: Sequence[str], target: str, *, strategy: str | None = None
) -> Renamed:
    """Rename 1-20 categories, in their expenses and budgets.

    sources: compared by casefold. target: as it is to be written; what is written so
    already stays as it is. strategy: what becomes of budgets for one period, see
    `MergeStrategy`; None: those are refused.

    All expenses change, void ones and those of closed periods too. Only levels
    reached because categories became one are alerted, all in one digest. Safe to
    repeat, and meant to be while some are left, after an error too.

    Raises InvalidError; ConflictError for budgets in the way, before anything changes.
    """
    sources = check_sources(sources)
    target = validate_text(target, "into", shortest=1, longest=CATEGORY.longest)
    deadline = time.monotonic() + SECONDS

    def in_time() -> bool:
        return time.monotonic() < deadline

    found, more = _find(user, sources, target, in_time)
    renaming = _Renaming(user, found, sources, target, strategy)
    renaming.write(in_time)
    left = more or bool(renaming.waiting)
    if not left:
        merge.finish_merge(user, target)
    changed = renaming.wanted - len(renaming.waiting)
    return Renamed(changed, left, renaming.alerts)


def check_sources(sources: Sequence[str]) -> list[str]:
    """Check that 1-20 categories are named. Raises InvalidError."""
    cleaned = [
        validate_text(each, "from", shortest=1, longest=CATEGORY.longest)
        for each in sources
    ]
    if not cleaned:
        raise InvalidError(_("Choose at least one category."), "from")
    if len(cleaned) > MOST_SOURCES:
        said = _("Choose at most {most} categories.").format(most=MOST_SOURCES)
        raise InvalidError(said, "from")
    return cleaned


class _Renaming(Selected):
    def __init__(
        self,
        user: User,
        found: list[Expense],
        sources: Sequence[str],
        target: str,
        strategy: str | None,
    ) -> None:
        self.sources, self.target, self.strategy = sources, target, strategy
        self.keys = set(map(casefold_key, sources))
        super().__init__(user, found)

    def change_of(self, before: Expense) -> Change | None:
        if before.category_key not in self.keys:
            return None
        new = {"category": self.target, "category_key": casefold_key(self.target)}
        after = side_effects.changed(before, new)
        return Change(before, after) if after else None

    def begin(self) -> None:
        """Rename budgets before expenses, so alerts compare with the merged budget."""
        retry_on_conflict(self._take_over)

    def _take_over(self) -> None:
        transaction = Transaction()
        outcome = merge.merge_into(
            self.user, self.sources, self.target, self.strategy, transaction
        )
        if len(transaction):
            self.commit(transaction, outcome)


def _find(
    user: User, sources: Sequence[str], target: str, in_time: Callable[[], bool]
) -> tuple[list[Expense], bool]:
    """Return expenses to change, and whether there may be more.

    Reads the index, which lags behind writes. What it shows of an expense that
    changed since has an older version, so it is not changed before it is read again.
    """
    keys = set(map(casefold_key, sources))
    pages = Expense.by_user.query(
        user.user_id,
        filter_condition=Expense.category != target,
        scan_index_forward=False,
    ).page_iter
    raw, more = [], False
    for page in pages:
        raw += [
            each
            for each in page["Items"]
            if casefold_key(each["category"]["S"]) in keys
        ]
        more = "LastEvaluatedKey" in page
        if len(raw) >= MOST or not in_time():
            break
    more = more or len(raw) > MOST
    return [Expense.from_raw_data(each) for each in raw[:MOST]], more
