"""Filter expenses by category, merchant and text, in DynamoDB as far as it can.

An expense stores what a search compares (`Expense.index_text`). An older release may
have changed the expense since, or another folding made the text: such a text is
outdated, and the expense's own texts are compared here.

Why: docs/decisions.md#a-search-filters-in-an-index-of-texts
"""

import contextlib
import logging
from collections.abc import Iterable

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from expenses.models import FOLDING, Expense, marked_category, marked_merchant
from expenses.parts import shares_of
from smartbudget.core.dynamodb import (
    Table,
    Transaction,
    WriteConflictError,
    is_outage,
)
from smartbudget.core.pagination import Item
from smartbudget.core.text import casefold_key, search_key, validate_text

logger = logging.getLogger(__name__)

MAX_SEARCH_LENGTH = 100  # characters
MAX_STORED = 500  # texts that one search stores, a hundred per transaction

# The attributes that `require_current` reads, and those that `matches` also reads.
TEXT = ("s", "v", "version")
WORDS = ("expense_id", "category", "description", "merchant", "notes", "parts")

_COMPARED = ("merchant", "description", "notes")

_IS_CURRENT = Expense.search_text.contains(FOLDING) & (Path("v") == Path("version"))


class OutdatedTextError(Exception):
    """A text in the index of texts is missing or outdated."""


class TextFilter:
    """A filter by category, merchant and text.

    category, merchant: compared by `casefold_key`; a split expense has the categories
    of its parts. q: a part of a category, the description, merchant or notes, compared
    by `search_key`. Empty ones match every expense.

    Raises InvalidError.
    """

    def __init__(self, category: str, q: str, merchant: str = "") -> None:
        self.key = casefold_key(category)
        self.merchant_key = casefold_key(merchant)
        self.q = search_key(validate_text(q, "q", max_length=MAX_SEARCH_LENGTH))
        self.outdated: dict[str, Item] = {}  # items that `matches` saw, by id

    def __bool__(self) -> bool:
        return bool(self.key or self.merchant_key or self.q)

    @property
    def condition(self) -> Condition | None:
        """The condition for DynamoDB; it includes all outdated texts."""
        condition = None
        if self.key:
            start = search_key(self.key) + FOLDING
            in_part = Expense.search_text.contains(marked_category(self.key))
            condition &= Expense.search_text.startswith(start) | in_part
        if self.merchant_key:
            marked = marked_merchant(self.merchant_key)
            condition &= Expense.search_text.contains(marked)
        if self.q:
            condition &= Expense.search_text.contains(self.q)
        return None if condition is None else condition | ~_IS_CURRENT

    def matches(self, item: Item) -> bool:
        """Compare an item's own texts, and note an outdated text of the index."""
        if not _is_current(item):
            self.outdated[item["expense_id"]["S"]] = item
        shares = shares_of(item)
        categories = [share.category for share in shares]
        if self.key and self.key not in map(casefold_key, categories):
            return False
        texts = [item.get(name, {}).get("S", "") for name in _COMPARED]
        if self.merchant_key and casefold_key(texts[0]) != self.merchant_key:
            return False
        texts += [*categories, *(share.note for share in shares)]
        return any(self.q in search_key(text) for text in texts)

    def require_current(self, item: Item) -> bool:
        """Return True for an item that DynamoDB compared by its text.

        Raises OutdatedTextError if the text is outdated, so that this was impossible.
        """
        if not _is_current(item):
            raise OutdatedTextError
        return True

    def store_texts(self) -> None:
        """Store the texts of up to MAX_STORED of the outdated expenses.

        Each write is conditional on the version read, which it keeps. Safe to repeat:
        what is not stored, because of a conflict or outage, stays outdated.
        """
        # Without a version, there is nothing that a text could be compared with.
        items = [item for item in self.outdated.values() if "version" in item]
        items = items[:MAX_STORED]
        for first in range(0, len(items), Transaction.MAX_ITEMS):
            with contextlib.suppress(WriteConflictError):
                try:
                    _store(items[first : first + Transaction.MAX_ITEMS])
                except TransactWriteError as error:
                    if not is_outage(error):
                        raise
                    logger.warning("texts not stored", exc_info=error)
                    return


class _Text(Table):
    """The attributes of an expense that its text is stored with."""

    class Meta(Expense.Meta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)
    version = NumberAttribute()  # a VersionAttribute would count the write as an edit
    search_text = UnicodeAttribute(attr_name="s")
    search_version = NumberAttribute(attr_name="v")
    description_key = UnicodeAttribute()


def _store(items: Iterable[Item]) -> None:
    transaction = Transaction()
    for item in items:
        expense = Expense.from_raw_data(item)
        expense.index_text(expense.version)
        transaction.update(
            _Text(expense.expense_id),
            [
                _Text.search_text.set(expense.search_text),
                _Text.search_version.set(expense.search_version),
                _Text.description_key.remove(),
            ],
            _Text.version == expense.version,
        )
    transaction.commit()


def _is_current(item: Item) -> bool:
    """Check whether an item's text is of its present version and of this folding."""
    has_text = FOLDING in item.get("s", {}).get("S", "")
    return has_text and item.get("v", {}) == item.get("version")
