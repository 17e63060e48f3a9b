"""The total spending of each of twelve months.

Why: docs/decisions.md#history-is-read-within-a-bound-not-aggregated
"""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from expenses import queries as expenses
from expenses.models import Expense
from smartbudget.core import dates
from smartbudget.core.concurrency import READS
from smartbudget.core.pagination import Item
from smartbudget.core.text import casefold_key, validate_choice
from smartbudget.core.user import User

TREND_MONTHS = 12
TREND_BY = ("category",)


@dataclass(frozen=True)
class MonthTotal:
    """The total spent in one month."""

    start: datetime.date
    spent: Decimal
    # Category as typed, spent; largest first. None if not requested.
    categories: Sequence[tuple[str, Decimal]] | None = None

    @property
    def month(self) -> str:
        """The month as `YYYY-MM`."""
        return self.start.isoformat()[:7]


@READS.limited
def trend(
    user: User, *, month: str | None = None, category: str = "", by: str = ""
) -> list[MonthTotal]:
    """Return the totals of twelve months, oldest first, with one Query per megabyte.

    month: the last of them, `YYYY-MM`, or None for the current one.
    category: compared by `casefold_key`; empty for all.
    by: `category` to add each month's totals by category, equal to its summary's;
    empty for none.

    Reads at most `expenses.queries.TREND_PAGES` pages. Months beyond that are left out,
    oldest first, rather than shown incomplete. The index is eventually consistent.
    Raises InvalidError.
    """
    if by:
        validate_choice(by, TREND_BY, "by")
    months = _twelve_months_to(dates.parse_month(month) if month else user.today())
    first, last = months[0], dates.period_of("monthly", months[-1]).end
    key = casefold_key(category)
    pages = Expense.by_user.query(
        user.user_id,
        Expense.date.between(first.isoformat(), last.isoformat()),
        filter_condition=Expense.status != "void",
        attributes_to_get=["date", "amount", *(["category"] if key or by else [])],
        scan_index_forward=False,
    ).page_iter
    totals = {start_day.isoformat()[:7]: _Month() for start_day in months}
    cut = ""  # the month, YYYY-MM, in which reading stopped
    for number, page in enumerate(pages, start=1):
        # Raw items: creating models takes many times as long.
        for item in page["Items"]:
            if not key or casefold_key(item["category"]["S"]) == key:
                totals[item["date"]["S"][:7]].count(item)
        if number == expenses.TREND_PAGES:
            cut = page.get("LastEvaluatedKey", {}).get("date", {}).get("S", "")[:7]
            break
    return [
        MonthTotal(start, total.spent, total.categories() if by else None)
        for start, (month, total) in zip(months, totals.items(), strict=True)
        if month > cut
    ]


class _Month:
    """The running totals of one month; its expenses are read newest first."""

    def __init__(self) -> None:
        self.spent = Decimal(0)
        self._by_key: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._names: dict[str, str] = {}

    def count(self, item: Item) -> None:
        amount = Decimal(item["amount"]["N"])
        self.spent += amount
        if "category" in item:
            name = item["category"]["S"]
            key = casefold_key(name)
            self._by_key[key] += amount
            self._names[key] = name  # the earliest of the month overwrites the others

    def categories(self) -> list[tuple[str, Decimal]]:
        return expenses.largest_first(self._by_key, self._names)


def _twelve_months_to(day: datetime.date) -> list[datetime.date]:
    """Return the first days of the twelve months up to the one that contains `day`."""
    months = [day.replace(day=1)]
    while len(months) < TREND_MONTHS:
        months.append((months[-1] - datetime.timedelta(days=1)).replace(day=1))
    return months[::-1]
