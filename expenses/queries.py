"""Read expenses: one, a page of a list, or the totals of a range of days.

Why: docs/decisions.md#history-is-read-within-a-bound-not-aggregated
"""

import datetime
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
LONGEST_SEARCH = 100  # characters

# Megabytes that a trend, totals or an order by amount read: some 60,000 expenses.
TREND_PAGES = 20


@dataclass(frozen=True, slots=True)
class Spending:
    """One expense that counts, as totals need it."""

    day: datetime.date
    category: str  # as typed
    category_key: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Entry(Spending):
    """One expense that counts, as a list of them shows it."""

    description: str
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
    """A filter of expenses.

    start, end: days, both included; None: no bound. category: compared by
    `casefold_key`; empty: all. status: empty: all. receipt: one of RECEIPTS; empty:
    all. q: a part of the category or description, compared by `search_key`; empty: all.
    min_amount, max_amount: currency units, both included; None: no bound.
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
    """Count and total of the expenses of a filter."""

    count: int = 0  # void ones too, since they are listed as well
    total: Decimal = Decimal(0)  # of those that count
    complete: bool = True  # False: there are more than were read

    def plus(self, items: Sequence[Item], *, complete: bool) -> "Totals":
        """Return these totals with more expenses, as DynamoDB writes them."""
        amounts = (
            Decimal(each["amount"]["N"])
            for each in items
            if each["status"]["S"] != "void"
        )
        return Totals(self.count + len(items), sum(amounts, self.total), complete)


@dataclass(frozen=True)
class Listed(Page[Expense]):
    """One page of a list, and the totals of all its pages; None: not read."""

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
    **chosen: Any,
) -> Listed:
    """Read one page of the user's expenses, by day or amount; see `query_page`.

    chosen: see Filter. sort: one of SORTS. totals: whether to read those of the whole
    list, with one Query a megabyte. limit: 1-100. after, backwards: see `query_page`.

    Where many expenses are filtered out, a page may be short and have a next one.
    A new expense shows up here a moment after it is stored: the index lags.

    By amount a list needs a start and an end. It is read whole for each page, so it
    has totals in any case; where they are not complete, just what they are of is
    sorted: the newest TREND_PAGES megabytes. Equal amounts are by day then.

    Raises InvalidError.
    """
    wanted = Filter(**chosen)
    validate_choice(sort, SORTS, "sort")
    if sort in AMOUNT_SORTS:
        return _list_by_amount(
            user, wanted, sort, limit=limit, after=after, backwards=backwards
        )
    page = query_page(
        Expense.by_user,
        user.user_id,
        KEY,
        limit=limit,
        after=after,
        backwards=backwards,
        newest_first=sort == "newest",
        within=between(wanted.start, wanted.end),
        matching=wanted.matching(user),
        keep=_keeper(wanted.category, wanted.q),
    )
    found = _sum_up(user, wanted) if totals else None
    return Listed(page.items, page.next, page.previous, found)


def _list_by_amount(
    user: User,
    wanted: Filter,
    sort: str,
    *,
    limit: int,
    after: Key | None,
    backwards: bool,
) -> Listed:
    for name, day in (("start", wanted.start), ("end", wanted.end)):
        if day is None:
            said = _("To sort by amount, choose a start and end date.")
            raise InvalidError(said, name)
    rising = (sort == "smallest") != backwards
    nearest = heapq.nsmallest if rising else heapq.nlargest
    position = _rank(after) if after else None
    totals = Totals()
    ahead: list[Item] = []  # what follows `after`, one more than the page holds
    for items, complete in _pages(user, wanted, ["date", "expense_id"]):
        totals = totals.plus(items, complete=complete)
        if position:
            items = [each for each in items if _follows(each, position, rising)]
        ahead = nearest(limit + 1, [*ahead, *items], key=_rank)
    shown = ahead[:limit]
    onward = _place(user, shown[-1]) if len(ahead) > limit else None
    back = after and (_place(user, shown[0]) if shown else after)
    # Reading all attributes of everything that is sorted would take three times as
    # long as what it is sorted by.
    ids = [each["expense_id"]["S"] for each in shown]
    whole = {each.expense_id: each for each in Expense.batch_get(ids, True)}
    found = [whole[each] for each in ids if each in whole]
    if backwards:
        return Listed(found[::-1], back, onward, totals)
    return Listed(found, onward, back, totals)


def _rank(item: Item) -> tuple[Decimal, str, str]:
    """Return what an order by amount compares; no two expenses have the same."""
    return Decimal(item["amount"]["N"]), item["date"]["S"], item["expense_id"]["S"]


def _follows(item: Item, position: tuple[Decimal, str, str], rising: bool) -> bool:
    return _rank(item) > position if rising else _rank(item) < position


def _place(user: User, item: Item) -> Key:
    """Return where an expense is in an order by amount, as cursors hold it."""
    place = {name: item[name] for name in ("amount", "date", "expense_id")}
    return {"user_id": {"S": user.user_id}, **place}


def _sum_up(user: User, wanted: Filter) -> Totals:
    totals = Totals()
    for items, complete in _pages(user, wanted):
        totals = totals.plus(items, complete=complete)
    return totals


def _pages(
    user: User, wanted: Filter, attributes: Sequence[str] = ()
) -> Iterator[tuple[list[Item], bool]]:
    """Read the expenses of a filter, newest first, with one Query a megabyte.

    attributes: those needed beside amount and status. Yields items as DynamoDB writes
    them, and whether they are the last; stops after TREND_PAGES megabytes. Reads the
    index, which lags behind writes by a moment. Raises InvalidError.
    """
    keep = _keeper(wanted.category, wanted.q)
    searched = ["category", "description"] if keep else []
    pages = Expense.by_user.query(
        user.user_id,
        between(wanted.start, wanted.end),
        filter_condition=wanted.matching(user),
        attributes_to_get=["amount", "status", *attributes, *searched],
        scan_index_forward=False,
    ).page_iter
    for page in itertools.islice(pages, TREND_PAGES):
        items = [*filter(keep, page["Items"])] if keep else page["Items"]
        yield items, "LastEvaluatedKey" not in page


def _keeper(category: str, q: str) -> Callable[[Item], bool] | None:
    """Return a function that checks an item's category and searched words, or None.

    DynamoDB cannot filter by these, since it compares by character.
    """
    key = casefold_key(category)
    words = search_key(validate_text(q, "q", longest=LONGEST_SEARCH))
    if not key and not words:
        return None

    def keep(item: Item) -> bool:
        written = item["category"]["S"]
        if key and casefold_key(written) != key:
            return False
        description = item.get("description", {}).get("S", "")
        return words in search_key(written) or words in search_key(description)

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
    """Read all of the user's expenses, newest day first, a page of them at a time.

    start, end: days, both included; None: no bound.
    """
    found: Iterator[Expense] = Expense.by_user.query(
        user.user_id,
        between(start, end),
        scan_index_forward=False,
        page_size=500,
    )
    return found


def between(start: datetime.date | None, end: datetime.date | None) -> Condition:
    """Return the condition on days; raises InvalidError where no day can be in it."""
    if start and end and start > end:
        raise InvalidError(_("The end is before the start."), "end")
    first = (start or datetime.date.min).isoformat()
    last = (end or datetime.date.max).isoformat()
    return Expense.date.between(first, last)


def spending(user_id: str, period: dates.Period) -> list[Spending]:
    """Return every expense that counts in a period, with one Query per megabyte.

    The index is eventually consistent.
    """
    found = Expense.by_user.query(
        user_id,
        Expense.date.between(period.start.isoformat(), period.end.isoformat()),
        attributes_to_get=["date", "category", "amount", "status"],
    )
    return [
        Spending(expense.day, expense.category, expense.category_key, expense.amount)
        for expense in found
        if expense.counts
    ]


def first_day(user_id: str) -> datetime.date | None:
    """Return the day of the earliest expense, void or not, or None.

    Reads one item of the index.
    """
    found = Expense.by_user.query(user_id, limit=1, attributes_to_get=["date"])
    return next((each.day for each in found), None)


def entries(
    user_id: str, period: dates.Period, *, described: dates.Period
) -> list[Entry]:
    """Read every expense that counts in a period, by day, with one Query a megabyte.

    described: the days whose descriptions are wanted; others have an empty one.
    Reads the index, which lags behind writes by a moment.
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
    # As DynamoDB writes them: models would be a fifth of a dashboard's time.
    return [
        Entry(
            day := datetime.date.fromisoformat(item["date"]["S"]),
            item["category"]["S"],
            casefold_key(item["category"]["S"]),
            Decimal(item["amount"]["N"]),
            item.get("description", {}).get("S", "") if day in described else "",
            item["expense_id"]["S"],
            item["created_at"]["S"],
        )
        for page in pages
        for item in page["Items"]
        if item["status"]["S"] != "void"
    ]


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
    """Return each category's name and total, the largest first.

    totals, names: by `category_key`.
    """
    ordered = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(names[key], spent) for key, spent in ordered]
