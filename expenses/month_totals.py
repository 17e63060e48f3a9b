"""Store the totals of closed months, so that history is not read for every page.

They are a cache. A read takes the stored months, counts the others from the expenses,
and stores those that are closed (`read`). A write that changes a closed month removes
its totals in its own transaction, without reading them (`invalidate`). Writes in the
current month store and remove nothing.

An outdated count is never stored:

- It is stored only if no write invalidated a month of that year since the read began:
  each one increments the year's `generation`.
- It is not stored within SETTLED_SECONDS of a write, which the index may not show yet.
- Months are stored a day after writes have begun to invalidate them, so clocks may
  differ, and the index has caught up with writes that did not.

A read or write that dies, or a lost reply, costs a recount at most.

Why: docs/decisions.md#totals-of-closed-months-are-a-cache
"""

import bisect
import datetime
import functools
import itertools
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.operand import Path

from expenses.models import Expense, MonthTotals
from expenses.parts import shares_of
from expenses.queries import between
from smartbudget.core import dates, log
from smartbudget.core.dynamodb import (
    Action,
    Transaction,
    conditional_write,
    is_outage,
)
from smartbudget.core.pagination import Item
from smartbudget.core.periods import Period, period_of
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

# A month is closed when it ended so many days ago in UTC: in every time zone, and after
# most of its late entries. Writes invalidate closed months.
CLOSED_AFTER = datetime.timedelta(days=2)
STORED_AFTER = CLOSED_AFTER + datetime.timedelta(days=1)

# Every committed write can be read from the index after this time.
SETTLED_SECONDS = 60

# Days after which a month is counted again. This corrects totals after writes that did
# not invalidate them: those of an older version while it is being replaced, and copies
# from a backup. Years differ, so that one request does not count all of them again.
KEPT_DAYS = 30
_KEPT_LESS = 10  # days

# Items are copied whole by every write to them, so a month with very many categories
# is not stored. 8 KB hold some 250.
MAX_BYTES = 8 * 1024
MAX_YEAR_BYTES = 12 * MAX_BYTES + 2 * 1024  # of the item of a year
MAX_QUERIES = 5  # of one read; beyond that, a query also reads stored months again
MAX_YEARS = 20  # stored, this one not counted; new expenses are at most 10 years old

# Deletes items that are no longer used. Longer than months are kept: while an older
# year's item exists, the totals of a later one never claim that there is none.
_EXPIRES_AFTER = datetime.timedelta(days=90)

_BEFORE = "00"  # the attribute month_00: nothing was spent before the year
_ONE_DAY = datetime.timedelta(days=1)

Change = tuple[Expense | None, Expense | None]  # before and after a write
Totals = dict[str, "Sequence[CategoryUse]"]  # of a year's months, by "00" to "12"


@dataclass(slots=True)
class CategoryUse:
    """The use of a category, as spelled, in one month."""

    spelling: str
    last_day: int  # of the month
    expenses: int = 0  # including void ones
    spent: Decimal = Decimal(0)  # without void ones
    # The position of the earliest expense that counts, among those of the month from
    # the newest to the oldest. 0 if none counts.
    earliest: int = 0

    def count(self, spent: Decimal | None, position: int, *, is_new: bool) -> None:
        """Count an expense or a part of it. Must be called with the newest first.

        spent: None if it is void. is_new: it is the first of its expense in a category.
        """
        self.expenses += is_new
        if spent is not None:
            self.spent += spent
            self.earliest = position


@dataclass(frozen=True)
class Months:
    """The use of categories in each month."""

    # By month, YYYY-MM, the newest first. Spellings are in the order of their newest
    # expenses. Months without expenses may be missing.
    uses: dict[str, list[CategoryUse]]
    cut: str  # the month in which reading stopped; "" if nothing is missing
    # By month: how often split expenses are counted in a further category.
    repeated: dict[str, int]


@dataclass(frozen=True)
class _StoredMonth:
    counted_on: str  # YYYY-MM-DD, UTC
    uses: list[CategoryUse]
    repeated: int


@dataclass(frozen=True)
class _Counted:
    """The uses of categories, by month; see `Months`."""

    uses: dict[str, list[CategoryUse]]
    cut: str
    repeated: dict[str, int]


@dataclass(frozen=True)
class _StoredYear:
    generation: int | None = None  # None: never invalidated
    invalidated_at: str | None = None  # ISO 8601, UTC
    months: dict[str, _StoredMonth] = field(default_factory=dict)  # by "00" to "12"

    def fresh_months(self, year: str) -> dict[str, _StoredMonth]:
        """Return the months that need not be counted again."""
        days = KEPT_DAYS - int(year) % _KEPT_LESS
        oldest = (dates.now().date() - datetime.timedelta(days=days)).isoformat()
        return {
            number: month
            for number, month in self.months.items()
            if month.counted_on > oldest
        }

    def is_settled(self, instant: datetime.datetime) -> bool:
        """Return whether the index shows every write that invalidated a month."""
        if self.invalidated_at is None:
            return True
        passed = instant - datetime.datetime.fromisoformat(self.invalidated_at)
        return passed >= datetime.timedelta(seconds=SETTLED_SECONDS)


def closed_before() -> str:
    """Return the first month, YYYY-MM, that is not closed: writes are free from it."""
    return _month_of((dates.now() - CLOSED_AFTER).date())


def changed_months(changes: Iterable[Change], before: str) -> set[str]:
    """Return the closed months, YYYY-MM, whose totals are changed by changes.

    before: see `closed_before`.
    """
    return {
        expense.date[:7]
        for change in changes
        if not _is_counted_equally(*change)
        for expense in change
        if expense and expense.date[:7] < before
    }


def invalidate(
    user: User,
    changes: Iterable[Change],
    transaction: Transaction,
    before: str | None = None,
) -> None:
    """Add the removal of totals that changes of expenses make wrong to a transaction.

    changes: all that the transaction makes. before: see `closed_before`.

    Adds one item per year with a changed month that is closed; usually none.
    """
    months = sorted(changed_months(changes, before or closed_before()))
    for year, in_year in itertools.groupby(months, key=lambda month: month[:4]):
        actions: list[Action] = [
            *(_attribute(month[5:]).remove() for month in in_year),
            *_common_actions(user, year),
            MonthTotals.invalidated_at.set(dates.timestamp()),
            MonthTotals.generation.add(1),
        ]
        transaction.update(_item(user, year), actions)


def read(
    user: User,
    start: datetime.date | None,
    end: datetime.date | None,
    *,
    max_pages: int,
) -> Months:
    """Return the use of categories in a range of days, by month.

    start, end: days, inclusive, or None for no bound. max_pages: the most pages of one
    megabyte to read of the expenses that are not in stored totals, newest first.

    Makes one Query for stored totals, and usually one for the months since then. Stores
    the closed months that it counted. Indexes are eventually consistent. Raises
    InvalidError if the range is empty.
    """
    between(start, end)  # raises if empty
    asked = Period(start or datetime.date.min, end or datetime.date.max)
    began = dates.now()
    years = _stored_years(user, asked)
    stored = {
        f"{year}-{number}": month
        for year, stored_year in years.items()
        for number, month in stored_year.fresh_months(year).items()
        if number != _BEFORE and _is_within(f"{year}-{number}", [asked])
    }
    uncovered = _uncovered(_without_empty_years(asked, years), stored)
    counted = _count(user, uncovered, max_pages)
    totals = _new_totals(asked, years, stored, uncovered, counted.uses, counted.cut)
    _store(user, years, totals, counted.repeated, began)
    # A stored month is whole, even where reading stopped.
    uses = {**counted.uses, **{key: month.uses for key, month in stored.items()}}
    repeated = {key: month.repeated for key, month in stored.items()}
    return Months(
        dict(sorted(uses.items(), reverse=True)),
        counted.cut,
        {**counted.repeated, **repeated},
    )


def read_months(
    user: User, months: Sequence[Period], *, max_pages: int
) -> list[tuple[Period, Sequence[CategoryUse]]]:
    """Return the use of categories in consecutive months, oldest first.

    months: of the user's calendar, oldest first. Only Gregorian months are stored, so
    if they may be others, all are counted from the expenses. max_pages: see `read`;
    months that were not read whole are left out.
    """
    span = Period.spanning(months)
    if user.calendar.has_gregorian_months:
        gregorian = read(user, span.start, span.end, max_pages=max_pages)
        uses, cut = gregorian.uses, gregorian.cut
        keys = [_month_of(month.start) for month in months]
    else:
        keys = [month.start.isoformat() for month in months]

        def key_of(day: str) -> str:
            """Return the last of the months' first days that is not after a day."""
            return keys[bisect.bisect(keys, day) - 1]

        counted = _count(user, [span], max_pages, functools.cache(key_of))
        uses, cut = counted.uses, counted.cut
    pairs = zip(months, keys, strict=True)
    return [(month, uses.get(key, ())) for month, key in pairs if key > cut]


def _is_counted_equally(before: Expense | None, after: Expense | None) -> bool:
    names = ("date", "category", "amount", "status", "parts")
    return (
        before is not None
        and after is not None
        and all(getattr(before, name) == getattr(after, name) for name in names)
    )


def _stored_years(user: User, asked: Period) -> dict[str, _StoredYear]:
    """Return the stored years of a range by year, the earliest first."""
    if _month_of(asked.start) >= _stored_before():
        return {}  # no closed month is asked for
    pages = Expense.by_user.query(
        MonthTotals.index_key_of(user.user_id),
        Expense.date.between(_year_of(asked.start), _year_of(asked.end)),
    ).page_iter
    return {
        item["date"]["S"]: _parse_year(item) for page in pages for item in page["Items"]
    }


def _parse_year(item: Item) -> _StoredYear:
    months = {
        name[-2:]: _parse_month(value["S"], item.get(f"repeated_{name[-2:]}"))
        for name, value in item.items()
        if name.startswith("month_")
    }
    generation = item.get("generation")
    return _StoredYear(
        int(generation["N"]) if generation else None,
        item.get("invalidated_at", {}).get("S"),
        months,
    )


def _parse_month(text: str, repeated: Item | None) -> _StoredMonth:
    counted_on, rows = json.loads(text)
    uses = [
        CategoryUse(spelling, last_day, expenses, Decimal(spent), earliest)
        for spelling, last_day, expenses, spent, earliest in rows
    ]
    return _StoredMonth(counted_on, uses, int(repeated["N"]) if repeated else 0)


def _write_month(uses: Iterable[CategoryUse]) -> str:
    rows = [
        [use.spelling, use.last_day, use.expenses, format(use.spent, "f"), use.earliest]
        for use in uses
    ]
    today = dates.now().date().isoformat()
    return json.dumps([today, rows], ensure_ascii=False, separators=(",", ":"))


def _without_empty_years(asked: Period, years: Mapping[str, _StoredYear]) -> Period:
    """Return a range without the years before the first that has expenses.

    A write in such a year creates its item, which is then the first.
    """
    for year, stored_year in years.items():
        if _BEFORE in stored_year.fresh_months(year):
            start = datetime.date(int(year), 1, 1)
            return Period(max(asked.start, start), asked.end)
        break
    return asked


def _uncovered(asked: Period, months: Iterable[str]) -> list[Period]:
    """Return the parts of a range that are outside some months, newest first.

    Beyond MAX_QUERIES, the last one includes all before it.
    """
    uncovered = []
    rest: Period | None = asked
    for month in sorted(months, reverse=True):
        if rest is None:
            break
        covered = _period_of(month)
        if covered.end < rest.end:
            uncovered.append(Period(covered.end + _ONE_DAY, rest.end))
        rest = (
            Period(rest.start, covered.start - _ONE_DAY)
            if covered.start > rest.start
            else None
        )
    if rest:
        uncovered.append(rest)
    if len(uncovered) > MAX_QUERIES:
        last = uncovered[MAX_QUERIES - 1]
        uncovered[MAX_QUERIES - 1 :] = [Period(asked.start, last.end)]
    return uncovered


def _count(
    user: User,
    periods: Iterable[Period],
    max_pages: int,
    key_of: Callable[[str], str] = lambda day: day[:7],
) -> _Counted:
    """Return the uses of each month with expenses, and the month where reading stopped.

    periods: newest first. key_of: returns a day's month.
    """
    uses: defaultdict[str, dict[str, CategoryUse]] = defaultdict(dict)
    repeated: defaultdict[str, int] = defaultdict(int)
    position = full_pages = 0
    cut = ""
    for page in _pages(user, periods):
        # Raw items: creating models takes many times as long.
        for item in page["Items"]:
            day, is_void = item["date"]["S"], item["status"]["S"] == "void"
            month = key_of(day)
            in_month = uses[month]
            position += 1
            keys: set[str] = set()
            for share in shares_of(item):
                spelling = share.category
                if spelling not in in_month:
                    in_month[spelling] = CategoryUse(spelling, int(day[8:]))
                is_new = casefold_key(spelling) not in keys
                spent = None if is_void else share.amount
                in_month[spelling].count(spent, position, is_new=is_new)
                keys.add(casefold_key(spelling))
            if len(keys) > 1:
                repeated[month] += len(keys) - 1
        last_key = page.get("LastEvaluatedKey")
        full_pages += last_key is not None
        if last_key and full_pages == max_pages:
            cut = key_of(last_key["date"]["S"])
            break
    in_lists = {month: list(in_month.values()) for month, in_month in uses.items()}
    return _Counted(in_lists, cut, repeated)


def _pages(user: User, periods: Iterable[Period]) -> Iterator[Item]:
    """Yield the pages of the expenses of periods, in their order and newest first."""
    for period in periods:
        yield from Expense.by_user.query(
            user.user_id,
            between(period.start, period.end),
            attributes_to_get=["date", "category", "amount", "status", "parts"],
            scan_index_forward=False,
        ).page_iter


def _new_totals(
    asked: Period,
    years: Mapping[str, _StoredYear],
    stored: Collection[str],
    periods: Sequence[Period],
    counted: Mapping[str, Sequence[CategoryUse]],
    cut: str,
) -> dict[str, Totals]:
    """Return the totals to store by year: closed months that were counted whole.

    years, stored: what is stored, and the months of it that were used. periods,
    counted, cut: what was counted, and the month where that stopped.
    """

    def is_storable(month: str) -> bool:
        is_new = month not in stored and _is_within(month, periods)
        return is_new and cut < month < _stored_before()

    this_year = dates.now().year
    found = min([this_year - 1, *map(int, years), *(int(m[:4]) for m in counted)])
    first = max(found, this_year - MAX_YEARS)
    totals: dict[str, Totals] = {}
    for year in range(first, this_year + 1):
        months = [f"{year:04d}-{number:02d}" for number in range(1, 13)]
        totals[f"{year:04d}"] = {
            month[5:]: counted.get(month, ()) for month in months if is_storable(month)
        }
    is_all_before = periods and periods[-1].start == datetime.date.min and not cut
    if is_all_before and found == first <= asked.end.year:
        totals[f"{first:04d}"][_BEFORE] = ()
    return totals


def _store(
    user: User,
    years: Mapping[str, _StoredYear],
    totals: Mapping[str, Totals],
    repeated: Mapping[str, int],
    began: datetime.datetime,
) -> None:
    """Store totals, unless a write invalidated the year since, or just before.

    repeated: see `Months`. began: when the read of `years` began. An outage is logged,
    since the totals are only a cache.
    """
    try:
        for year, of_year in totals.items():
            known = years.get(year, _StoredYear())
            if known.is_settled(began):
                _store_year(user, year, known, of_year, repeated)
    except PynamoDBException as error:
        if not is_outage(error):
            raise
        logger.warning("month totals not stored user_id=%s", user.user_id)


def _store_year(
    user: User,
    year: str,
    known: _StoredYear,
    totals: Totals,
    repeated: Mapping[str, int],
) -> None:
    texts = {number: _write_month(uses) for number, uses in totals.items()}
    actions: list[Action] = [
        _attribute(number).set(text)
        for number, text in texts.items()
        if len(text.encode()) <= MAX_BYTES
    ]
    if not actions:
        return
    for number in texts:
        attribute = Path(f"repeated_{number}")
        times = repeated.get(f"{year}-{number}")
        actions.append(attribute.set(times) if times else attribute.remove())
    actions += _common_actions(user, year)
    condition = (
        MonthTotals.generation.does_not_exist()
        if known.generation is None
        else MonthTotals.generation == known.generation
    )
    item = _item(user, year)
    if conditional_write(lambda: item.update(actions, condition)):
        _report_differences(user, year, known, totals)


def _report_differences(
    user: User, year: str, known: _StoredYear, totals: Totals
) -> None:
    """Log the months whose previous totals, which no write invalidated, were wrong."""
    wrong = [
        f"{year}-{number}"
        for number, month in known.months.items()
        if number in totals and _amounts(month.uses) != _amounts(totals[number])
    ]
    if wrong:
        logger.warning(
            "month totals were wrong user_id=%s months=%s",
            user.user_id,
            ",".join(sorted(wrong)),
        )
        log.count("MonthTotalsCorrected", len(wrong))


def _amounts(uses: Iterable[CategoryUse]) -> dict[str, tuple[int, Decimal, int]]:
    return {use.spelling: (use.expenses, use.spent, use.last_day) for use in uses}


def _item(user: User, year: str) -> MonthTotals:
    return MonthTotals(expense_id=MonthTotals.id_of(user.user_id, year))


def _attribute(number: str) -> Path:
    return Path(f"month_{number}")


def _common_actions(user: User, year: str) -> list[Action]:
    return [
        MonthTotals.index_key.set(MonthTotals.index_key_of(user.user_id)),
        MonthTotals.year.set(year),
        MonthTotals.expires_at.set(dates.now() + _EXPIRES_AFTER),
    ]


def _stored_before() -> str:
    """Return the first month, YYYY-MM, that is not stored."""
    return _month_of((dates.now() - STORED_AFTER).date())


def _is_within(month: str, periods: Iterable[Period]) -> bool:
    """Return whether one of the periods contains a whole month."""
    whole = _period_of(month)
    return any(
        period.start <= whole.start and whole.end <= period.end for period in periods
    )


@functools.lru_cache(maxsize=1024)  # a list with totals asks for hundreds
def _period_of(month: str) -> Period:
    return period_of("monthly", datetime.date.fromisoformat(f"{month}-01"))


def _month_of(day: datetime.date) -> str:
    return day.isoformat()[:7]


def _year_of(day: datetime.date) -> str:
    return day.isoformat()[:4]
