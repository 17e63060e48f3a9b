"""Read expenses: one, a page of a list, or the totals of a period.

Why: docs/decisions.md#history-is-read-within-a-bound
"""

import datetime
import functools
import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.indexes import Index

from expenses.models import KINDS, STATUSES, Expense, details_of
from expenses.parts import amount_in, categories_in_words, shares_of
from expenses.search import TEXT, WORDS, OutdatedTextError, TextFilter
from smartbudget.core import money
from smartbudget.core.categories import EVERYTHING, Categories
from smartbudget.core.concurrency import READS
from smartbudget.core.errors import InvalidError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pagination import Item, Key, Page, query_page
from smartbudget.core.periods import Period
from smartbudget.core.text import casefold_key, validate_choice
from smartbudget.core.user import User

Keep = Callable[[Item], bool]

KEY = ("user_id", "date", "expense_id")
RECEIPTS = ("attached", "missing")
AMOUNT_SORTS = ("largest", "smallest")
SORTS = ("newest", "oldest", *AMOUNT_SORTS)

# Pages of one megabyte that a trend, totals or a sort by amount read: some 60,000
# expenses, or 110,000 of a search.
TREND_PAGES = 20


@dataclass(frozen=True, slots=True)
class Spending:
    """An expense that counts, or a part of it, with what totals need."""

    day: datetime.date
    category: str  # as typed
    category_key: str
    amount: Decimal  # negative for a refund


@dataclass(frozen=True, slots=True)
class Entry(Spending):
    """An expense that counts, or a part of it, with what a list shows."""

    description: str = ""
    expense_id: str = ""
    created_at: str = ""  # ISO 8601, UTC
    merchant: str = ""
    note: str = ""  # of the part
    part: int = 0  # its number, or 0 for the whole expense

    @property
    def details(self) -> str:
        """The merchant, the description and the note, as lists show them."""
        return details_of(self.merchant, self.description, self.note)


def get_expense(user: User, expense_id: str) -> Expense:
    """Return one expense, read consistently.

    Raises NotFoundError, also for another user's expense.
    """
    expense = Expense.find(expense_id)
    if expense is None or expense.user_id != user.user_id:
        raise NotFoundError(_("Expense not found."))
    return expense


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A filter of expenses. None or an empty text does not restrict the list.

    start, end: days, inclusive. category, merchant: compared by `casefold_key`. status:
    one of STATUSES. kind: one of KINDS. receipt: one of RECEIPTS. q: a part of the
    category, description, merchant or notes, compared by `search_key`. min_amount,
    max_amount: currency units, inclusive, of expenses and refunds alike; with a
    category, of what a split expense has in it.
    """

    start: datetime.date | None = None
    end: datetime.date | None = None
    category: str = ""
    merchant: str = ""
    status: str = ""
    kind: str = ""
    receipt: str = ""
    q: str = ""
    min_amount: object = None
    max_amount: object = None

    @property
    def is_in_texts(self) -> bool:
        """Check whether the index of texts has what the filter needs."""
        return not (self.category or self.merchant or self.receipt)

    def require_days(self) -> None:
        """Raise InvalidError without a start or end, which sorts by amount need."""
        for name in ("start", "end"):
            if getattr(self, name) is None:
                message = _("To sort by amount, choose a start and end date.")
                raise InvalidError(message, name)

    def matching(self, user: User) -> Condition | None:
        """Return the condition on all but days and texts. Raises InvalidError."""
        if self.status:
            validate_choice(self.status, STATUSES, "status")
        if self.kind:
            validate_choice(self.kind, KINDS, "kind")
        matching = self._amounts(user)
        if self.status:
            matching &= Expense.status == self.status
        if self.kind:
            is_refund = Expense.amount < Decimal(0)
            matching &= is_refund if self.kind == "refund" else ~is_refund
        if self.receipt == "missing":
            matching &= Expense.receipt_url.does_not_exist()
        elif self.receipt:
            matching &= Expense.receipt_url.exists()
        return matching

    def _amounts(self, user: User) -> Condition | None:
        """Return the condition on amounts. Those of parts are compared later."""
        low, high = self.bounds(user)
        matching = None
        if low is not None:
            matching &= (Expense.amount >= low) | (Expense.amount <= -low)
        if high is not None:
            matching &= Expense.amount.between(-high, high)
        if matching is not None and self.category:
            matching |= Expense.parts.exists()
        return matching

    def bounds(self, user: User) -> tuple[Decimal | None, Decimal | None]:
        """Return the smallest and the largest amount. Raises InvalidError."""
        low, high = (
            None if value is None else money.parse_bound(value, user.currency, name)
            for name, value in (
                ("min_amount", self.min_amount),
                ("max_amount", self.max_amount),
            )
        )
        if low is not None and high is not None and low > high:
            raise InvalidError(_("The maximum is less than the minimum."), "max_amount")
        return low, high


@dataclass(frozen=True)
class Totals:
    """The number and total of the expenses that match a filter."""

    count: int = 0  # including void ones, which are listed too
    total: Decimal = Decimal(0)  # without void ones
    complete: bool = True  # False if there are more than were read

    @classmethod
    def of(cls, expenses: Sequence[Expense], category_key: str = "") -> "Totals":
        """Return the totals of a list that was read whole.

        category_key: that of the filter; of a split expense, only such parts count.
        """
        amounts = (
            expense.amount_in(category_key) for expense in expenses if expense.counts
        )
        return cls(len(expenses), sum(amounts, Decimal(0)))

    def plus(
        self, items: Sequence[Item], category_key: str = "", *, complete: bool
    ) -> "Totals":
        """Return these totals with more expenses added; `items`: DynamoDB's JSON."""
        amounts = (
            amount_of(item, category_key)
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
    The index is eventually consistent. See `search` for how texts are compared, and
    stored where an older release left them out.

    Sorting by amount needs a start and an end. It reads the whole list for each page,
    so there are always totals. If they are not complete, only the newest TREND_PAGES
    megabytes are sorted. Equal amounts are sorted by day.

    Raises InvalidError.
    """
    expense_filter = Filter(**filters)
    validate_choice(sort, SORTS, "sort")
    if sort in AMOUNT_SORTS:
        expense_filter.require_days()
    text = TextFilter(
        expense_filter.category, expense_filter.q, expense_filter.merchant
    )
    matching = expense_filter.matching(user)
    if (condition := text.condition) is not None:
        matching &= condition
    within = between(expense_filter.start, expense_filter.end)

    def read(index: Index[Expense], keep: Keep) -> Listed:
        kept = keep if text else None
        source = _Source(user, index, within, matching, kept, text.key)
        if sort in AMOUNT_SORTS:
            return _list_by_amount(source, sort, limit, after, backwards)
        return _list_by_day(source, sort, limit, after, backwards, totals)

    if (text.q or sort in AMOUNT_SORTS) and expense_filter.is_in_texts:
        with suppress(OutdatedTextError):
            return read(Expense.by_text, text.require_current)
    low, high = expense_filter.bounds(user)

    def matches(item: Item) -> bool:
        if not text.matches(item):
            return False
        amount = abs(amount_of(item, text.key))
        return (low is None or low <= amount) and (high is None or amount <= high)

    listed = read(Expense.by_user, matches)
    text.store_texts()
    return listed


@dataclass(frozen=True)
class _Source:
    """The index that a list is read from, and the conditions on its expenses."""

    user: User
    index: Index[Expense]
    within: Condition  # on the days
    matching: Condition | None  # applied by DynamoDB
    keep: Keep | None  # applied here
    category_key: str = ""  # of the filter

    def pages(self, *attributes: str) -> Iterator[tuple[list[Item], bool]]:
        """Yield pages of the list, newest first.

        Each page is one Query of up to a megabyte: items in DynamoDB's JSON, and
        whether it is the last. Stops after TREND_PAGES pages. The index is eventually
        consistent.

        attributes: those needed besides amount and status.
        """
        names = {"amount", "status", *attributes}
        if self.keep:
            names.update(WORDS if self.has_all else (), TEXT)
        pages = self.index.query(
            self.user.user_id,
            self.within,
            filter_condition=self.matching,
            attributes_to_get=sorted(names),
            scan_index_forward=False,
        ).page_iter
        for page in itertools.islice(pages, TREND_PAGES):
            items = [item for item in page["Items"] if not self.keep or self.keep(item)]
            yield items, "LastEvaluatedKey" not in page

    @property
    def has_all(self) -> bool:
        """Check whether the index has all attributes of an expense."""
        return self.index is Expense.by_user


def _list_by_day(
    source: _Source,
    sort: str,
    limit: int,
    after: Key | None,
    backwards: bool,
    totals: bool,
) -> Listed:
    page = query_page(
        source.index,
        source.user.user_id,
        KEY,
        limit=limit,
        after=after,
        backwards=backwards,
        newest_first=sort == "newest",
        within=source.within,
        matching=source.matching,
        keep=source.keep,
    )
    list_totals = None
    if totals:
        is_whole = not (page.next or page.previous)
        list_totals = (
            Totals.of(page.items, source.category_key) if is_whole else _sum_up(source)
        )
    expenses = page.items
    if not source.has_all:
        expenses = _stored([expense.expense_id for expense in expenses])
    return Listed(expenses, page.next, page.previous, list_totals)


def _list_by_amount(
    source: _Source, sort: str, limit: int, after: Key | None, backwards: bool
) -> Listed:
    ascending = (sort == "smallest") != backwards
    nearest = heapq.nsmallest if ascending else heapq.nlargest
    position = _sort_key(after) if after else None
    totals = Totals()
    following: list[Item] = []  # those after `after`, up to one more than the page
    for items, complete in source.pages("date", "expense_id"):
        items = [_in_category(item, source.category_key) for item in items]
        totals = totals.plus(items, complete=complete)
        if position:
            items = [item for item in items if _follows(item, position, ascending)]
        following = nearest(limit + 1, [*following, *items], key=_sort_key)
    shown = following[:limit]
    onward = _cursor(source.user, shown[-1]) if len(following) > limit else None
    back = after and (_cursor(source.user, shown[0]) if shown else after)
    # Only the sort keys of the whole list were read, in a third of the time.
    expenses = _stored([item["expense_id"]["S"] for item in shown])
    if backwards:
        return Listed(expenses[::-1], back, onward, totals)
    return Listed(expenses, onward, back, totals)


def _stored(expense_ids: Sequence[str]) -> list[Expense]:
    """Return expenses in the order of their ids, without those deleted meanwhile."""
    expenses = Expense.batch_get(expense_ids)
    stored = {expense.expense_id: expense for expense in expenses}
    return [stored[expense_id] for expense_id in expense_ids if expense_id in stored]


def _sort_key(item: Item) -> tuple[Decimal, str, str]:
    """Return the key of a sort by amount, which is unique to the expense.

    Amounts are as users see them: those of refunds without their sign.
    """
    amount = abs(Decimal(item["amount"]["N"]))
    return amount, item["date"]["S"], item["expense_id"]["S"]


def _follows(item: Item, position: tuple[Decimal, str, str], ascending: bool) -> bool:
    return _sort_key(item) > position if ascending else _sort_key(item) < position


def _cursor(user: User, item: Item) -> Key:
    """Return the cursor of an expense in a list sorted by amount."""
    position = {name: item[name] for name in ("amount", "date", "expense_id")}
    return {"user_id": {"S": user.user_id}, **position}


def _sum_up(source: _Source) -> Totals:
    totals = Totals()
    for items, complete in source.pages():
        totals = totals.plus(items, source.category_key, complete=complete)
    return totals


def amount_of(item: Item, category_key: str = "") -> Decimal:
    """Return the amount of an expense in DynamoDB's JSON, or its part in a category."""
    if category_key and "parts" in item:
        return amount_in(shares_of(item), category_key)
    return Decimal(item["amount"]["N"])


def _in_category(item: Item, category_key: str) -> Item:
    """Return an expense in DynamoDB's JSON with its amount in a category."""
    if not (category_key and "parts" in item):
        return item
    return {**item, "amount": {"N": str(amount_of(item, category_key))}}


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
        raise InvalidError(_("The end date is before the start date."), "end")
    first = (start or datetime.date.min).isoformat()
    last = (end or datetime.date.max).isoformat()
    return Expense.date.between(first, last)


def spending(user_id: str, period: Period) -> list[Spending]:
    """Return every expense that counts in a period, with one Query per megabyte.

    The index is eventually consistent.
    """
    expenses = Expense.by_user.query(
        user_id,
        Expense.date.between(period.start.isoformat(), period.end.isoformat()),
        attributes_to_get=["date", "category", "amount", "status", "parts"],
    )
    return [
        Spending(
            expense.day, share.category, casefold_key(share.category), share.amount
        )
        for expense in expenses
        if expense.counts
        for share in expense.shares
    ]


def first_day(user_id: str) -> datetime.date | None:
    """Return the day of the earliest expense, void or not, or None.

    Reads one item of the index.
    """
    expenses = Expense.by_user.query(user_id, limit=1, attributes_to_get=["date"])
    return next((expense.day for expense in expenses), None)


def entries(user_id: str, period: Period, *, described: Period) -> list[Entry]:
    """Return every expense that counts in a period, by day; see `entry_pages`."""
    pages = entry_pages(user_id, period, described=described)
    return [*itertools.chain.from_iterable(pages)]


def entry_pages(
    user_id: str, period: Period, *, described: Period
) -> Iterator[list[Entry]]:
    """Yield every expense that counts in a period, by day; one Query per megabyte.

    described: the days whose texts, ids and times are needed; others get empty ones.

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
            "merchant",
            "parts",
        ],
    ).page_iter
    # Days and categories repeat; sharing them halves the memory of a long list.
    parse_day = functools.cache(datetime.date.fromisoformat)
    category_of = functools.cache(str)

    def entries_of(item: Item) -> Iterator[Entry]:
        day = parse_day(item["date"]["S"])
        shares = shares_of(item)
        for number, share in enumerate(shares, start=1):
            category = category_of(share.category)
            key = casefold_key(category)
            if day not in described:
                yield Entry(day, category, key, share.amount)
                continue
            yield Entry(
                day,
                category,
                key,
                share.amount,
                item.get("description", {}).get("S", ""),
                item["expense_id"]["S"],
                item["created_at"]["S"],
                item.get("merchant", {}).get("S", ""),
                share.note,
                number if len(shares) > 1 else 0,
            )

    for page in pages:
        # Raw items: creating models would take a fifth of a dashboard's time.
        yield [
            entry
            for item in page["Items"]
            if item["status"]["S"] != "void"
            for entry in entries_of(item)
        ]


def join_parts(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries, with the parts of each split expense joined into one."""
    joined: dict[str | int, list[Entry]] = {}
    for position, entry in enumerate(entries):
        key = entry.expense_id if entry.part else position
        joined.setdefault(key, []).append(entry)
    return [parts[0] if len(parts) == 1 else _whole(parts) for parts in joined.values()]


def _whole(parts: Sequence[Entry]) -> Entry:
    return replace(
        parts[0],
        category=categories_in_words(parts),
        category_key="",
        amount=sum((part.amount for part in parts), Decimal(0)),
        note="",
        part=0,
    )


def total(
    spendings: Iterable[Spending],
    period: Period,
    categories: Categories = EVERYTHING,
) -> Decimal:
    """Return the total of some categories in a period."""
    return sum(
        (
            spending.amount
            for spending in spendings
            if spending.day in period and categories.covers(spending.category_key)
        ),
        Decimal(0),
    )


def refunded(spendings: Iterable[Spending]) -> Decimal:
    """Return the total of the refunds, as a positive amount."""
    return sum(
        (-spending.amount for spending in spendings if spending.amount < 0), Decimal(0)
    )


def largest_first(
    totals: Mapping[str, Decimal], names: Mapping[str, str]
) -> list[tuple[str, Decimal]]:
    """Return each category's name and total, largest first.

    totals, names: by `category_key`.
    """
    ordered = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(names[key], spent) for key, spent in ordered]
