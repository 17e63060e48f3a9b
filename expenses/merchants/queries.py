"""List the merchants of a user's expenses, with their use."""

import datetime
import itertools
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from expenses.fields import MERCHANT
from expenses.models import Expense
from expenses.parts import shares_of
from expenses.queries import between
from smartbudget.core.concurrency import READS
from smartbudget.core.pagination import Item
from smartbudget.core.text import casefold_key, search_key, validate_text
from smartbudget.core.user import User

MAX_PAGES = 20  # of one megabyte, read by one list
MAX_LISTED = 1000
MAX_SPELLINGS = 10


@dataclass
class Use:
    """The use of a merchant in expenses."""

    last_used: datetime.date  # the latest day of an expense
    expenses: int = 0  # including void ones
    spent: Decimal = Decimal(0)  # without void ones
    _spellings: Counter[str] = field(default_factory=Counter)
    _categories: Counter[str] = field(default_factory=Counter)

    def add(self, item: Item) -> None:
        """Add an expense, in DynamoDB's JSON."""
        self.expenses += 1
        if item["status"]["S"] != "void":
            self.spent += Decimal(item["amount"]["N"])
        self._spellings[item["merchant"]["S"]] += 1
        self._categories.update({share.category for share in shares_of(item)})

    @property
    def merchant(self) -> str:
        """The most frequent spelling."""
        return self.spellings[0]

    @property
    def spellings(self) -> list[str]:
        """Up to MAX_SPELLINGS spellings, the most frequent first."""
        return [name for name, _ in self._spellings.most_common(MAX_SPELLINGS)]

    @property
    def category(self) -> str:
        """The category that its expenses have most often."""
        return self._categories.most_common(1)[0][0]


@dataclass(frozen=True)
class Listing:
    """Merchants with their use, by name."""

    uses: list[Use]
    complete: bool  # False if there may be others


@READS.limited
def list_merchants(
    user: User,
    *,
    q: str = "",
    start: datetime.date | None = None,
    end: datetime.date | None = None,
) -> Listing:
    """Return merchants with their use, with one Query per megabyte of expenses.

    q: a part of the name, compared by `search_key`; empty for all. start, end: the days
    of the expenses, inclusive, or None for no bound.

    Reads at most MAX_PAGES pages, newest first. Of more than MAX_LISTED merchants, the
    most recently used ones are listed. The index is eventually consistent.

    Raises InvalidError.
    """
    text = search_key(validate_text(q, "q", max_length=MERCHANT.max_length))
    pages = Expense.by_user.query(
        user.user_id,
        between(start, end),
        filter_condition=Expense.merchant.exists(),
        attributes_to_get=[
            *("date", "merchant", "category", "amount", "status", "parts")
        ],
        scan_index_forward=False,
    ).page_iter
    uses: dict[str, Use] = {}
    complete = True
    for page in itertools.islice(pages, MAX_PAGES):
        for item in page["Items"]:
            name = item["merchant"]["S"]
            if text not in search_key(name):
                continue
            key = casefold_key(name)
            if key not in uses:
                uses[key] = Use(datetime.date.fromisoformat(item["date"]["S"]))
            uses[key].add(item)
        complete = "LastEvaluatedKey" not in page
    listed = sorted(list(uses.items())[:MAX_LISTED])
    return Listing([use for _, use in listed], complete and len(uses) <= MAX_LISTED)
