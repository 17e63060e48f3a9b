"""Read the finished periods of budgets, for pages and API."""

import datetime
from collections.abc import Sequence

from budgets import results, updates
from budgets.evaluation import PeriodResult
from budgets.models import Budget
from smartbudget.core.pagination import Key, Page
from smartbudget.core.periods import Period, period_of
from smartbudget.core.user import User

RECENT = 12  # periods that a page shows of each budget


def recent_periods(user: User, budgets: Sequence[Budget]) -> results.Results:
    """Return the last RECENT finished periods of each budget, earliest first.

    Makes one BatchGetItem, or no call if there are none. A period that ended without a
    write since is missing until the daily check.
    """
    days = [_days_needed(user, budget) for budget in budgets]
    stored = results.read_within(zip(budgets, days, strict=True))
    return {budget_id: periods[-RECENT:] for budget_id, periods in stored.items()}


def _days_needed(user: User, budget: Budget) -> Period:
    """Return days that contain the last RECENT periods, which may have been shorter."""
    start = budget.current.start
    length = period_of(budget.recurrence, start, user.calendar).days
    days = min((RECENT + 1) * length, (start - datetime.date.min).days)
    return Period(start - datetime.timedelta(days), start)


def finished_periods(user: User, budgets: Sequence[Budget]) -> results.Results:
    """Return all finished periods of budgets with known results, earliest first.

    Includes those that ended since a budget's last write, whose results are not stored
    yet; each such budget takes a Query.
    """
    stored = results.read(budgets)
    return {
        budget.budget_id: [
            *stored.get(budget.budget_id, ()),
            *updates.state_of(user, budget).results,
        ]
        for budget in budgets
    }


def page_of(
    periods: Sequence[PeriodResult],
    *,
    limit: int,
    after: Key | None = None,
    backwards: bool = False,
) -> Page[PeriodResult]:
    """Return one page of finished periods, newest first.

    periods: earliest first. after: the key of the one that the page follows, or
    precedes with `backwards`.
    """
    newest = periods[::-1]
    first, last = 0, limit
    if after:
        start = datetime.date.fromisoformat(after["start"]["S"])
        newer = [result for result in newest if result.period.start > start]
        first = len([result for result in newest if result.period.start >= start])
        last = first + limit
        if backwards:
            first, last = max(0, len(newer) - limit), len(newer)
    items = [*newest[first:last]]
    return Page(
        items,
        next=_key(items[-1]) if items and last < len(newest) else None,
        previous=_key(items[0]) if items and first else None,
    )


def _key(result: PeriodResult) -> Key:
    return {"start": {"S": result.period.start.isoformat()}}
