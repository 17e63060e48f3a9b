"""Read expenses: one, a page of a list, or the totals of a period.

Why: docs/decisions.md#history-is-read-within-a-bound-not-aggregated
"""

import datetime
import functools
import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pynamodb.expressions.condition import Condition

from expenses.models import STATUSES, Expense
from smartbudget.core import dates, money
from smartbudget.core.concurrency import READS
from smartbudget.core.errors import InvalidError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pagination import Item, Key, Page, query_page
from smartbudget.core.text import (
    casefold_key,
    search_key,
    validate_choice,
    validate_text,
)
from smartbudget.core.user import User

KEY = ("user_id", "date", "expense_id")
RECEIPTS = ("attached", "missing")
AMOUNT_SORTS = ("largest", "smallest")
SORTS = ("newest", "oldest", *AMOUNT_SORTS)
MAX_SEARCH_LENGTH = 100  # characters

# Pages of one megabyte that a trend, totals or a sort by amount read: some 60,000
# expenses.
TREND_PAGES = 20


@dataclass(frozen=True, slots=True)
class Spending:
    """An expense that counts, with what totals need."""

    day: datetime.date
    category: str  # as typed
    category_key: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Entry(Spending):
    """An expense that counts, with what a list shows."""

    description: str = ""
    expense_id: str = ""
    created_at: str = ""  # ISO 8601, UTC


def get_expense(user: User, expense_id: str) -> Expense:
    """Return one expense, read consistently.

    Raises NotFoundError, also for another user's expense.
    """
    expense = Expense.find(expense_id)
    if expense is None or expense.user_id != user.user_id:
        raise NotFoundError(_("There is no such expense."))
    return expense


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A filter of expenses. None or an empty text does not restrict the list.

    start, end: days, inclusive. category: compared by `casefold_key`. status: one of
    STATUSES. receipt: one of RECEIPTS. q: a part of the category or description,
    compared by `search_key`. min_amount, max_amount: currency units, inclusive.
    """

    start: datetime.date | None = None
    end: datetime.date | None = None
    category: str = ""
    status: str = ""
    receipt: str = ""
    q: str = ""
    min_amount: object = None
    max_amount: object = None

    def matching(self, user: User) -> Condition | None:
        """Return the condition that DynamoDB can apply. Raises InvalidError."""
        if self.status:
            validate_choice(self.status, STATUSES, "status")
        matching = _within_amounts(user, self.min_amount, self.max_amount, None)
        if self.status:
            matching &= Expense.status == self.status
        if self.receipt == "missing":
            matching &= Expense.receipt_url.does_not_exist()
        elif self.receipt:
            matching &= Expense.receipt_url.exists()
        return matching


@dataclass(frozen=True)
class Totals:
    """The number and total of the expenses that match a filter."""

    count: int = 0  # including void ones, which are listed too
    total: Decimal = Decimal(0)  # without void ones
    complete: bool = True  # False if there are more than were read

    def plus(self, items: Sequence[Item], *, complete: bool) -> "Totals":
        """Return these totals with more expenses added; `items`: DynamoDB's JSON."""
        amounts = (
            Decimal(item["amount"]["N"])
            for item in items
            if item["status"]["S"] != "void"
        )
        return Totals(self.count + len(items), sum(amounts, self.total), complete)


@dataclass(frozen=True)
class Listed(Page[Expense]):
    """One page of a list, and the totals of all its pages, or None if not read."""

    totals: Totals | None = None


@READS.limited
def list_expenses(
    user: User,
    /,
    *,
    sort: str = "newest",
    totals: bool = False,
    limit: int = 25,
    after: Key | None = None,
    backwards: bool = False,
    **filters: Any,
) -> Listed:
    """Return one page of the user's expenses, sorted by day or amount.

    filters: see Filter. sort: one of SORTS. totals: whether to read the totals of the
    whole list, with one Query per megabyte. limit: 1-100. after, backwards: see
    `query_page`.

    If many expenses are filtered out, a page may be short and still have a next one.
    The index is eventually consistent.

    Sorting by amount needs a start and an end. It reads the whole list for each page,
    so there are always totals. If they are not complete, only the newest TREND_PAGES
    megabytes are sorted. Equal amounts are sorted by day.

    Raises InvalidError.
    """
    expense_filter = Filter(**filters)
    validate_choice(sort, SORTS, "sort")
    if sort in AMOUNT_SORTS:
        return _list_by_amount(
            user, expense_filter, sort, limit=limit, after=after, backwards=backwards
        )
    page = query_page(
        Expense.by_user,
        user.user_id,
        KEY,
        limit=limit,
        after=after,
        backwards=backwards,
        newest_first=sort == "newest",
        within=between(expense_filter.start, expense_filter.end),
        matching=expense_filter.matching(user),
        keep=_predicate(expense_filter),
    )
    list_totals = _sum_up(user, expense_filter) if totals else None
    return Listed(page.items, page.next, page.previous, list_totals)


def _list_by_amount(
    user: User,
    expense_filter: Filter,
    sort: str,
    *,
    limit: int,
    after: Key | None,
    backwards: bool,
) -> Listed:
    for name, day in (("start", expense_filter.start), ("end", expense_filter.end)):
        if day is None:
            message = _("To sort by amount, choose a start and end date.")
            raise InvalidError(message, name)
    ascending = (sort == "smallest") != backwards
    nearest = heapq.nsmallest if ascending else heapq.nlargest
    position = _sort_key(after) if after else None
    totals = Totals()
    following: list[Item] = []  # those after `after`, up to one more than the page
    for items, complete in _pages(user, expense_filter, ["date", "expense_id"]):
        totals = totals.plus(items, complete=complete)
        if position:
            items = [item for item in items if _follows(item, position, ascending)]
        following = nearest(limit + 1, [*following, *items], key=_sort_key)
    shown = following[:limit]
    onward = _cursor(user, shown[-1]) if len(following) > limit else None
    back = after and (_cursor(user, shown[0]) if shown else after)
    # Only the sort keys of the whole list were read, in a third of the time.
    ids = [item["expense_id"]["S"] for item in shown]
    stored = {expense.expense_id: expense for expense in Expense.batch_get(ids, True)}
    expenses = [stored[expense_id] for expense_id in ids if expense_id in stored]
    if backwards:
        return Listed(expenses[::-1], back, onward, totals)
    return Listed(expenses, onward, back, totals)


def _sort_key(item: Item) -> tuple[Decimal, str, str]:
    """Return the key of a sort by amount, which is unique to the expense."""
    return Decimal(item["amount"]["N"]), item["date"]["S"], item["expense_id"]["S"]


def _follows(item: Item, position: tuple[Decimal, str, str], ascending: bool) -> bool:
    return _sort_key(item) > position if ascending else _sort_key(item) < position


def _cursor(user: User, item: Item) -> Key:
    """Return the cursor of an expense in a list sorted by amount."""
    position = {name: item[name] for name in ("amount", "date", "expense_id")}
    return {"user_id": {"S": user.user_id}, **position}


def _sum_up(user: User, expense_filter: Filter) -> Totals:
    totals = Totals()
    for items, complete in _pages(user, expense_filter):
        totals = totals.plus(items, complete=complete)
    return totals


def _pages(
    user: User, expense_filter: Filter, attributes: Sequence[str] = ()
) -> Iterator[tuple[list[Item], bool]]:
    """Yield pages of the expenses that match a filter, newest first.

    Each page is one Query of up to a megabyte: items in DynamoDB's JSON, and whether it
    is the last. Stops after TREND_PAGES pages. The index is eventually consistent.
    Raises InvalidError.

    attributes: those needed besides amount and status.
    """
    keep = _predicate(expense_filter)
    searched = ["category", "description"] if keep else []
    pages = Expense.by_user.query(
        user.user_id,
        between(expense_filter.start, expense_filter.end),
        filter_condition=expense_filter.matching(user),
        attributes_to_get=["amount", "status", *attributes, *searched],
        scan_index_forward=False,
    ).page_iter
    for page in itertools.islice(pages, TREND_PAGES):
        items = [*filter(keep, page["Items"])] if keep else page["Items"]
        yield items, "LastEvaluatedKey" not in page


def _predicate(expense_filter: Filter) -> Callable[[Item], bool] | None:
    """Return a function that compares an item's category and text, or None.

    DynamoDB cannot filter by these, since it compares characters exactly.
    """
    key = casefold_key(expense_filter.category)
    text = search_key(
        validate_text(expense_filter.q, "q", max_length=MAX_SEARCH_LENGTH)
    )
    if not key and not text:
        return None

    def keep(item: Item) -> bool:
        category = item["category"]["S"]
        if key and casefold_key(category) != key:
            return False
        description = item.get("description", {}).get("S", "")
        return text in search_key(category) or text in search_key(description)

    return keep


def _within_amounts(
    user: User, low: object, high: object, matching: Condition | None
) -> Condition | None:
    if low is not None:
        low = money.parse_bound(low, user.currency, "min_amount")
        matching &= Expense.amount >= low
    if high is not None:
        high = money.parse_bound(high, user.currency, "max_amount")
        matching &= Expense.amount <= high
        if isinstance(low, Decimal) and low > high:
            raise InvalidError(_("The most is below the least."), "max_amount")
    return matching


def all_expenses(
    user: User,
    *,
    start: datetime.date | None = None,
    end: datetime.date | None = None,
) -> Iterator[Expense]:
    """Yield all of the user's expenses, newest day first, with one Query per 500.

    start, end: days, inclusive, or None for no bound.
    """
    expenses: Iterator[Expense] = Expense.by_user.query(
        user.user_id,
        between(start, end),
        scan_index_forward=False,
        page_size=500,
    )
    return expenses


def between(start: datetime.date | None, end: datetime.date | None) -> Condition:
    """Return the condition on days. Raises InvalidError if it matches no day."""
    if start and end and start > end:
        raise InvalidError(_("The end is before the start."), "end")
    first = (start or datetime.date.min).isoformat()
    last = (end or datetime.date.max).isoformat()
    return Expense.date.between(first, last)


def spending(user_id: str, period: dates.Period) -> list[Spending]:
    """Return every expense that counts in a period, with one Query per megabyte.

    The index is eventually consistent.
    """
    expenses = Expense.by_user.query(
        user_id,
        Expense.date.between(period.start.isoformat(), period.end.isoformat()),
        attributes_to_get=["date", "category", "amount", "status"],
    )
    return [
        Spending(expense.day, expense.category, expense.category_key, expense.amount)
        for expense in expenses
        if expense.counts
    ]


def first_day(user_id: str) -> datetime.date | None:
    """Return the day of the earliest expense, void or not, or None.

    Reads one item of the index.
    """
    expenses = Expense.by_user.query(user_id, limit=1, attributes_to_get=["date"])
    return next((expense.day for expense in expenses), None)


def entries(
    user_id: str, period: dates.Period, *, described: dates.Period
) -> list[Entry]:
    """Return every expense that counts in a period, by day; see `entry_pages`."""
    pages = entry_pages(user_id, period, described=described)
    return [*itertools.chain.from_iterable(pages)]


def entry_pages(
    user_id: str, period: dates.Period, *, described: dates.Period
) -> Iterator[list[Entry]]:
    """Yield every expense that counts in a period, by day; one Query per megabyte.

    described: the days whose descriptions, ids and times are needed; others get empty
    ones.

    The index is eventually consistent.
    """
    pages = Expense.by_user.query(
        user_id,
        Expense.date.between(period.start.isoformat(), period.end.isoformat()),
        attributes_to_get=[
            "date",
            "category",
            "amount",
            "status",
            "description",
            "expense_id",
            "created_at",
        ],
    ).page_iter
    # Days and categories repeat; sharing them halves the memory of a long list.
    parse_day = functools.cache(datetime.date.fromisoformat)
    category_of = functools.cache(str)

    def entry(item: Item) -> Entry:
        day, category = parse_day(item["date"]["S"]), category_of(item["category"]["S"])
        amount = Decimal(item["amount"]["N"])
        if day not in described:
            return Entry(day, category, casefold_key(category), amount)
        return Entry(
            day,
            category,
            casefold_key(category),
            amount,
            item.get("description", {}).get("S", ""),
            item["expense_id"]["S"],
            item["created_at"]["S"],
        )

    for page in pages:
        # Raw items: creating models would take a fifth of a dashboard's time.
        yield [entry(item) for item in page["Items"] if item["status"]["S"] != "void"]


def total(
    spendings: Iterable[Spending], period: dates.Period, category_key: str | None = None
) -> Decimal:
    """Return the total in a period, of one category or of all."""
    return sum(
        (
            spending.amount
            for spending in spendings
            if spending.day in period
            and (category_key is None or spending.category_key == category_key)
        ),
        Decimal(0),
    )


def largest_first(
    totals: Mapping[str, Decimal], names: Mapping[str, str]
) -> list[tuple[str, Decimal]]:
    """Return each category's name and total, largest first.

    totals, names: by `category_key`.
    """
    ordered = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(names[key], spent) for key, spent in ordered]
