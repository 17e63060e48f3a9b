"""List the categories of a user's expenses and budgets, with their use."""

import datetime
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from budgets import services as budgets
from expenses import month_totals
from expenses.fields import CATEGORY
from expenses.month_totals import CategoryUse, Months
from smartbudget.core.concurrency import READS
from smartbudget.core.text import casefold_key, search_key, validate_text
from smartbudget.core.user import User

if TYPE_CHECKING:
    from budgets.models import Budget

MAX_PAGES = 20  # of one megabyte, read by one list: some 60,000 expenses
MAX_LISTED = 1000
MAX_SPELLINGS = 10


@dataclass
class Use:
    """The use of a category in expenses and budgets."""

    key: str  # see `casefold_key`
    expenses: int = 0  # including void ones
    spent: Decimal = Decimal(0)  # without void ones
    last_used: datetime.date | None = None  # the latest day of an expense
    budgets: "list[Budget]" = field(default_factory=list)
    _spellings: Counter[str] = field(default_factory=Counter)

    def add(self, month: str, use: CategoryUse) -> None:
        """Add the use in a month, YYYY-MM. Must be called with the newest first."""
        self.expenses += use.expenses
        self.spent += use.spent
        self.last_used = self.last_used or datetime.date.fromisoformat(
            f"{month}-{use.last_day:02d}"
        )
        self._spellings[use.spelling] += use.expenses

    @property
    def category(self) -> str:
        """The most frequent spelling in expenses, or else that of its budget."""
        return self.spellings[0]

    @property
    def spellings(self) -> list[str]:
        """Up to MAX_SPELLINGS spellings, the most frequent first."""
        names = [name for name, _ in self._spellings.most_common()]
        names += [
            name
            for budget in self.budgets
            for name in budget.categories.names
            if casefold_key(name) == self.key
        ]
        return list(dict.fromkeys(names))[:MAX_SPELLINGS]


@dataclass(frozen=True)
class Listing:
    """Categories with their use, by name."""

    uses: list[Use]
    complete: bool  # False if there may be others


@READS.limited
def list_categories(
    user: User,
    *,
    q: str = "",
    start: datetime.date | None = None,
    end: datetime.date | None = None,
) -> Listing:
    """Return categories with their use; see `month_totals.read`. One Query of budgets.

    q: a part of the name, compared by `search_key`; empty for all. start, end: the days
    of the expenses, inclusive, or None for no bound. Budgets are always included.

    Reads at most MAX_PAGES pages of expenses, newest first, beside those in stored
    totals. Of more than MAX_LISTED categories, the most recently used ones are listed.
    The indexes are eventually consistent.

    Raises InvalidError.
    """
    text = search_key(validate_text(q, "q", max_length=CATEGORY.max_length))
    months = month_totals.read(user, start, end, max_pages=MAX_PAGES)
    uses = _uses(months, text)
    for budget in budgets.list_budgets(user).items:
        for name in budget.categories.names:
            if text in search_key(name):
                key = casefold_key(name)
                uses.setdefault(key, Use(key)).budgets.append(budget)
    listed = list(uses.values())[:MAX_LISTED]
    ordered = sorted(listed, key=lambda use: use.key)
    return Listing(ordered, not months.cut and len(uses) <= MAX_LISTED)


def _uses(months: Months, text: str) -> dict[str, Use]:
    """Return the use of each category with a text in its name, last used first."""
    uses: dict[str, Use] = {}
    for month, in_month in months.uses.items():
        for category_use in in_month:
            if text not in search_key(category_use.spelling):
                continue
            key = casefold_key(category_use.spelling)
            if key not in uses:
                uses[key] = Use(key)
            uses[key].add(month, category_use)
    return uses
