"""Change or delete all expenses that match a filter, up to a thousand in each call.

The progress is not stored: expenses that still match and lack the new values remain to
be changed, so a repeated call continues, also after a crash.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from expenses import queries, validation
from expenses.batch import within_time_limit
from expenses.bulk_update import (
    BulkResult,
    Deletion,
    Update,
    changed,
    keeps_categories,
)
from expenses.models import Expense
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.pagination import Key
from smartbudget.core.user import User

MAX_EXPENSES = 1000  # that one call changes
_PAGE = 100


@dataclass(frozen=True)
class MatchingResult:
    """The result of one call."""

    result: BulkResult  # its undo_id undoes this call
    left: bool  # some expenses remain: another call continues


@BULK_WRITES.limited
def change_matching(
    user: User,
    filters: Mapping[str, Any],
    *,
    category: str | None = None,
    status: str | None = None,
) -> MatchingResult:
    """Set the category or status of all expenses that match a filter.

    filters: see `queries.Filter`. Otherwise as `bulk_update.change_expenses`.
    """
    given = {"category": category, "status": status}
    given = {name: value for name, value in given.items() if value is not None}
    changes = validation.validate(user, given)
    in_time = within_time_limit()
    split = 0

    def needs_change(expense: Expense) -> bool:
        nonlocal split
        needed = changed(user, expense, changes) is not None
        split += not needed and keeps_categories(expense, changes)
        return needed

    ids, more = _find(user, filters, needs_change, in_time)
    done = _write(Update(user, ids, changes), more, in_time)
    return replace(done, result=replace(done.result, split=done.result.split + split))


@BULK_WRITES.limited
def delete_matching(user: User, filters: Mapping[str, Any]) -> MatchingResult:
    """Delete all expenses that match a filter; see `bulk_update.delete_expenses`."""
    in_time = within_time_limit()
    ids, more = _find(user, filters, lambda expense: True, in_time)
    return _write(Deletion(user, ids), more, in_time)


def _find(
    user: User,
    filters: Mapping[str, Any],
    needs_change: Callable[[Expense], bool],
    in_time: Callable[[], bool],
) -> tuple[list[str], bool]:
    """Return the ids of expenses to change, and whether there may be more."""
    ids: list[str] = []
    after: Key | None = None
    while len(ids) < MAX_EXPENSES and in_time():
        page = queries.list_expenses(user, limit=_PAGE, after=after, **filters)
        ids += [e.expense_id for e in page.items if needs_change(e)]
        after = page.next
        if after is None:
            break
    more = after is not None or len(ids) > MAX_EXPENSES
    return ids[:MAX_EXPENSES], more


def _write(
    selected: Update | Deletion, more: bool, in_time: Callable[[], bool]
) -> MatchingResult:
    selected.write(in_time)
    waiting = len(selected.waiting)
    result = selected.result()
    result = replace(result, changed=result.changed - waiting)
    return MatchingResult(result, more or waiting > 0)
