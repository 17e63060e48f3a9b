"""The total spending of each of twelve months.

Why: docs/decisions.md#totals-of-closed-months-are-a-cache
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from expenses import month_totals
from expenses import queries as expenses
from expenses.month_totals import CategoryUse
from smartbudget.core import i18n
from smartbudget.core.concurrency import READS
from smartbudget.core.periods import (
    DEFAULT_CALENDAR,
    Calendar,
    Period,
    months_to,
    name_month,
    name_of,
    parse_month,
)
from smartbudget.core.text import casefold_key, validate_choice
from smartbudget.core.user import User

TREND_MONTHS = 12
TREND_BY = ("category",)


@dataclass(frozen=True)
class MonthTotal:
    """The total spent in one month of the user's calendar."""

    period: Period
    # The first day of the month it is named after; None if it has no name of its own.
    named: datetime.date | None
    spent: Decimal
    # Category as typed, spent; largest first. None if not requested.
    categories: Sequence[tuple[str, Decimal]] | None = None

    @classmethod
    def of(
        cls,
        month: Period,
        spent: Decimal,
        categories: Sequence[tuple[str, Decimal]] | None = None,
        *,
        calendar: Calendar = DEFAULT_CALENDAR,
    ) -> Self:
        """Return the total of a month of a calendar."""
        return cls(month, name_month(month, calendar), spent, categories)

    @property
    def month(self) -> str:
        """The month as `YYYY-MM`, or its first day; see `periods.month_key`."""
        return f"{self.named:%Y-%m}" if self.named else self.period.start.isoformat()

    @property
    def label(self) -> str:
        """Its name in one word, such as `Nov`."""
        return i18n.short_month(self.named or self.period.start)

    @property
    def title(self) -> str:
        """Its name and year, such as `November 2026`, or its days."""
        return i18n.month(self.named) if self.named else self.name

    @property
    def name(self) -> str:
        """Its days, or `November 2026` if they are those of the month."""
        return name_of(self.period)


@READS.limited
def trend(
    user: User, *, month: str | None = None, category: str = "", by: str = ""
) -> list[MonthTotal]:
    """Return the totals of twelve months, oldest first; see `month_totals.read_months`.

    month: the last of them, see `periods.parse_month`; None for the current one.
    category: compared by `casefold_key`; empty for all.
    by: `category` to add each month's totals by category, equal to its summary's;
    empty for none.

    Reads at most `expenses.queries.TREND_PAGES` pages of expenses. Months beyond that
    are left out, oldest first, rather than shown incomplete. The index is eventually
    consistent. Raises InvalidError.
    """
    if by:
        validate_choice(by, TREND_BY, "by")
    calendar = user.calendar
    last = user.today()
    if month:
        last = parse_month(month, calendar).start
    months = month_totals.read_months(
        user, months_to(last, TREND_MONTHS, calendar), max_pages=expenses.TREND_PAGES
    )
    key = casefold_key(category)
    return [_total(month, uses, calendar, key, by) for month, uses in months]


def _total(
    month: Period, uses: Iterable[CategoryUse], calendar: Calendar, key: str, by: str
) -> MonthTotal:
    """Return the total of a month, of one category or, with key "", of all."""
    counted = [
        use
        for use in uses
        if use.earliest and (not key or casefold_key(use.spelling) == key)
    ]
    spent = sum((use.spent for use in counted), Decimal(0))
    categories = _by_category(counted) if by else None
    return MonthTotal.of(month, spent, categories, calendar=calendar)


def _by_category(uses: Iterable[CategoryUse]) -> list[tuple[str, Decimal]]:
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    names: dict[str, str] = {}
    for use in sorted(uses, key=lambda use: use.earliest):
        key = casefold_key(use.spelling)
        totals[key] += use.spent
        names[key] = use.spelling  # the earliest of the month overwrites the others
    return expenses.largest_first(totals, names)
