"""The total spending of each of twelve months.

Why: docs/decisions.md#totals-of-closed-months-are-a-cache
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from expenses import month_totals
from expenses import queries as expenses
from expenses.month_totals import CategoryUse, Months
from smartbudget.core import dates
from smartbudget.core.concurrency import READS
from smartbudget.core.periods import months_to
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
    """Return the totals of twelve months, oldest first; see `month_totals.read`.

    month: the last of them, `YYYY-MM`, or None for the current one.
    category: compared by `casefold_key`; empty for all.
    by: `category` to add each month's totals by category, equal to its summary's;
    empty for none.

    Reads at most `expenses.queries.TREND_PAGES` pages of expenses. Months beyond that
    are left out, oldest first, rather than shown incomplete. The index is eventually
    consistent. Raises InvalidError.
    """
    if by:
        validate_choice(by, TREND_BY, "by")
    last = dates.parse_month(month) if month else user.today()
    shown = months_to(last, TREND_MONTHS)
    months = month_totals.read(
        user, shown[0].start, shown[-1].end, max_pages=expenses.TREND_PAGES
    )
    key = casefold_key(category)
    totals = [_total(shown_month.start, months, key, by) for shown_month in shown]
    return [total for total in totals if total.month > months.cut]


def _total(start: datetime.date, months: Months, key: str, by: str) -> MonthTotal:
    """Return the total of a month, of one category or, with key "", of all."""
    counted = [
        use
        for use in months.uses.get(start.isoformat()[:7], ())
        if use.earliest and (not key or casefold_key(use.spelling) == key)
    ]
    spent = sum((use.spent for use in counted), Decimal(0))
    return MonthTotal(start, spent, _by_category(counted) if by else None)


def _by_category(uses: Iterable[CategoryUse]) -> list[tuple[str, Decimal]]:
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    names: dict[str, str] = {}
    for use in sorted(uses, key=lambda use: use.earliest):
        key = casefold_key(use.spelling)
        totals[key] += use.spent
        names[key] = use.spelling  # the earliest of the month overwrites the others
    return expenses.largest_first(totals, names)
