"""List expenses with the number and total of the whole list, as cheaply as possible.

A list that fits on its page needs no further read. One that is filtered by days and
category at most uses stored totals of months. Any other is read, within a bound.

Why: docs/decisions.md#totals-of-closed-months-are-a-cache
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

from expenses import month_totals, queries
from expenses.month_totals import Months
from expenses.queries import AMOUNT_SORTS, TREND_PAGES, Filter, Listed, Totals
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

_IN_MONTHS = {"start", "end", "category"}  # filters that totals of months can answer


@dataclass(frozen=True)
class ListedWithTotals(Listed):
    """One page of a list, the totals of all its pages, and the years with expenses."""

    # Newest first, whatever the filter. None if they were not read for the totals.
    years: tuple[int, ...] | None = None


def list_expenses(
    user: User, /, *, sort: str = "newest", **options: Any
) -> ListedWithTotals:
    """Return one page of the user's expenses with `totals`; see `queries`.

    The totals are not `complete` if there are more expenses than are read.
    """
    if sort in AMOUNT_SORTS or not _is_set_only(options, _IN_MONTHS):
        listed = queries.list_expenses(user, sort=sort, totals=True, **options)
        return _ended(listed)
    listed = queries.list_expenses(user, sort=sort, **options)
    years = None
    if not (listed.next or listed.previous):
        totals = Totals.of(listed.items, casefold_key(options.get("category") or ""))
        if _is_set_only(options, ()):
            years = _newest_first(expense.day.year for expense in listed.items)
    else:
        start, end = options.get("start"), options.get("end")
        months = month_totals.read(user, start, end, max_pages=TREND_PAGES)
        totals = _sum_up(months, options.get("category") or "")
        if start is None and end is None:
            years = _years_of(months)
    return _ended(replace(listed, totals=totals), years)


def years(user: User) -> tuple[int, ...]:
    """Return the years in which the user has expenses, newest first.

    From stored totals of months, which it stores if need be.
    """
    return _years_of(month_totals.read(user, None, None, max_pages=TREND_PAGES))


def _is_set_only(options: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Check whether no filter but those named is set."""
    others = {field.name for field in fields(Filter)} - {*names}
    return all(options.get(name) in (None, "") for name in others)


def _sum_up(months: Months, category: str) -> Totals:
    """Return the totals of months, of one category or "" for all."""
    key = casefold_key(category)
    uses = [
        use
        for in_month in months.uses.values()
        for use in in_month
        if not key or casefold_key(use.spelling) == key
    ]
    # Of all categories, an expense counts once, whatever its parts.
    repeated = 0 if key else sum(months.repeated.values())
    return Totals(
        sum(use.expenses for use in uses) - repeated,
        sum((use.spent for use in uses), Decimal(0)),
        complete=not months.cut,
    )


def _years_of(months: Months) -> tuple[int, ...]:
    return _newest_first(int(month[:4]) for month, uses in months.uses.items() if uses)


def _newest_first(years: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted({*years}, reverse=True))


def _ended(listed: Listed, years: tuple[int, ...] | None = None) -> ListedWithTotals:
    """Return a page with its years, and without a next page if it has the whole list.

    A page that stopped at its bound does not know whether more follows.
    """
    totals = listed.totals
    is_whole = (
        totals is not None
        and totals.complete
        and totals.count == len(listed.items)
        and not listed.previous
    )
    onward = None if is_whole else listed.next
    return ListedWithTotals(listed.items, onward, listed.previous, totals, years)
