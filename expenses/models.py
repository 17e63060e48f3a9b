"""The expenses table."""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from expenses.parts import (
    Part,
    PartsAttribute,
    amount_in,
    are_valid,
    categories_in_words,
    signed,
)
from smartbudget.core.config import config
from smartbudget.core.dynamodb import (
    MoneyAttribute,
    OptionalTextAttribute,
    Table,
    VersionAttribute,
)
from smartbudget.core.files import receipt_extension
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.text import casefold_key, search_key

if TYPE_CHECKING:
    from notifications.models import Notification

# pending: not on a bank statement yet; void: kept, but not counted.
STATUS_WORDS = {
    "pending": gettext_noop("Pending"),
    "cleared": gettext_noop("Cleared"),
    "void": gettext_noop("Void"),
}
STATUSES = tuple(STATUS_WORDS)

KIND_WORDS = {"expense": gettext_noop("Expense"), "refund": gettext_noop("Refund")}
KINDS = tuple(KIND_WORDS)

# Separates the texts in `search_text`. No text contains this control
# character. If `search_key` or `index_text` changes, choose the next one: that outdates
# all texts, also those that an older release stores during a deployment.
FOLDING = "\x02"
# Enclose the category of a part and the merchant in `search_text`, so that a filter by
# them does not find descriptions.
PART_MARK = "\x1e"
MERCHANT_MARK = "\x1f"


def details_of(*texts: str) -> str:
    """Return the texts of an expense as one, without those that are empty."""
    return " · ".join(filter(None, texts))


def marked_merchant(merchant: str) -> str:
    """Return the part of `search_text` that every expense of a merchant has."""
    return f"{MERCHANT_MARK}{search_key(merchant)}{MERCHANT_MARK}"


def marked_category(category: str) -> str:
    """Return the part of `search_text` of every expense with such a part."""
    return f"{PART_MARK}{search_key(category)}{PART_MARK}"


class ByUserIndex(GlobalSecondaryIndex["Expense"]):
    """One user's expenses in date order; eventually consistent."""

    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)
    date = UnicodeAttribute(range_key=True)


class ByTextIndex(GlobalSecondaryIndex["Expense"]):
    """The texts, amounts and states of one user's expenses, in date order.

    Eventually consistent. A search reads all of it, so it has nothing else.
    """

    class Meta:
        index_name = "search-index"
        projection = IncludeProjection(["s", "v", "version", "amount", "status"])

    user_id = UnicodeAttribute(hash_key=True)
    date = UnicodeAttribute(range_key=True)


class ExpensesMeta:
    """Settings of the expenses table, which holds several kinds of item."""

    table_name = f"{config.resource_prefix}expenses"
    region = config.region
    host = config.aws_endpoint


class Expense(Table):
    """One payment of one user, or a refund."""

    class Meta(ExpensesMeta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)  # uuid4 hex
    user_id = UnicodeAttribute()
    date = UnicodeAttribute()  # YYYY-MM-DD, the user's local day
    # Decimal, not zero, in the user's currency. Negative: a refund, which users see as
    # a positive amount and a kind; see `refunds.py`.
    amount = MoneyAttribute()
    category = UnicodeAttribute()  # as typed; empty if it is split into parts
    parts = PartsAttribute()  # see `parts.py`
    # The key that categories are compared by. Derived from `category` on every read:
    # versions up to 0.1 stored another form, and filter by it.
    category_key = UnicodeAttribute()
    description = UnicodeAttribute(default="")
    description_key = UnicodeAttribute(null=True)  # written by versions up to 0.1
    merchant = OptionalTextAttribute()  # who was paid, as typed
    notes = OptionalTextAttribute()  # of several lines
    # See `index_text`; with short names, since a search reads them of every expense.
    search_text = UnicodeAttribute(attr_name="s", null=True)
    search_version = NumberAttribute(attr_name="v", null=True)
    receipt_url = UnicodeAttribute(null=True)  # S3 key; named as in the API
    receipt_sha256 = UnicodeAttribute(null=True)  # of the stored file, hexadecimal
    receipt_type = UnicodeAttribute(null=True)  # content type, such as image/png
    receipt_size = NumberAttribute(null=True)  # bytes
    receipt_name = UnicodeAttribute(null=True)  # file name of a download
    # Distinguishes objects written under one key.
    receipt_object_id = UnicodeAttribute(attr_name="receipt_mark", null=True)
    status = UnicodeAttribute(default="pending")  # one of STATUSES
    refund_of = UnicodeAttribute(null=True)  # expense_id of the refunded expense
    refunds = UnicodeSetAttribute(null=True)  # see `refunds.py`
    large_noticed = BooleanAttribute(default=False)  # large-expense notice was written
    # Of an imported expense; see `imports/`. They stay as they are when it is edited.
    import_id = UnicodeAttribute(null=True)
    source_key = UnicodeAttribute(null=True)  # see `imports/decisions.py`
    source_text = UnicodeAttribute(null=True)  # in the bank's words
    booked_on = UnicodeAttribute(null=True)  # YYYY-MM-DD, the day in the bank's file
    before_import = UnicodeAttribute(null=True)  # JSON, what an import replaced
    # Of an expense that a program added; see `external_ids.py`. They never change.
    source = UnicodeAttribute(null=True)
    external_id = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    updated_at = UnicodeAttribute()
    version = VersionAttribute()

    by_user = ByUserIndex()
    by_text = ByTextIndex()

    # The alerts that the last write of this expense caused; not stored.
    alerts: "Sequence[Notification]" = ()
    # Whether an earlier call had stored this new expense; not stored.
    was_stored = False

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return the expense of an item in DynamoDB's JSON, which may be partial."""
        expense = super().from_raw_data(data)
        values = expense.attribute_values
        if "category" in values:
            values["category_key"] = casefold_key(values["category"])
        if parts := values.get("parts"):
            amount = values.get("amount", Decimal(0))
            if not are_valid(parts, values.get("category", ""), amount):
                values["parts"] = ()
        return expense

    def index_text(self, version: int) -> None:
        """Set the text that searches compare, without saving it.

        version: that of the expense with this text. An older release that edits the
        expense changes its version alone, which shows that the text is outdated.
        """
        texts = [search_key(self.category), search_key(self.description)]
        if self.merchant:
            texts.append(marked_merchant(self.merchant))
        if self.notes:
            texts.append(search_key(self.notes))
        for part in self.parts:
            texts += [marked_category(part.category), search_key(part.note)]
        self.search_text = FOLDING.join(texts)
        self.search_version = version
        self.description_key = None

    def set_receipt(self, changes: Mapping[str, object]) -> None:
        """Set the receipt's attributes without saving them."""
        for name, value in changes.items():
            setattr(self, name, value)

    @property
    def receipt_extension(self) -> str | None:
        """The receipt's file extension without the dot, or None."""
        return receipt_extension(self.receipt_url) if self.receipt_url else None

    @property
    def has_picture(self) -> bool:
        """Check whether the receipt is a picture."""
        return bool(self.receipt_type and self.receipt_type.startswith("image/"))

    @property
    def day(self) -> datetime.date:
        """The user's local day on which it was paid."""
        return datetime.date.fromisoformat(self.date)

    @property
    def details(self) -> str:
        """The merchant and the description, as lists show them."""
        return details_of(self.merchant, self.description)

    @property
    def shares(self) -> Sequence[Part]:
        """The amounts it adds to categories: its parts, or one for the whole expense.

        Amounts have the sign of the stored amount.
        """
        if self.parts:
            return signed(self.parts, self.amount)
        return (Part(self.category, self.amount),)

    def amount_in(self, category_key: str) -> Decimal:
        """Return the stored amount in a category, or all of it if the key is empty."""
        return amount_in(self.shares, category_key) if category_key else self.amount

    @property
    def category_in_words(self) -> str:
        """The category, or those of its parts."""
        return categories_in_words(self.parts) if self.parts else self.category

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return "refund" if self.amount < 0 else "expense"

    @property
    def status_in_words(self) -> str:
        """The status as users read it."""
        return _(STATUS_WORDS[self.status])

    @property
    def counts(self) -> bool:
        """Check whether the expense counts in totals and budgets."""
        return self.status != "void"


class History(Table):
    """The last changes of one expense, in slots that `history.py` reads and writes.

    Stored in the expenses table but never listed with them: without a user_id, it is in
    no index.
    """

    class Meta(ExpensesMeta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)  # see id_of
    expires_at = TTLAttribute(null=True)  # None unless the expense is deleted

    @staticmethod
    def id_of(expense_id: str) -> str:
        """Return the id of an expense's history."""
        return f"history#{expense_id}"


class TrashIndex(GlobalSecondaryIndex["TrashedExpense"]):
    """One user's deleted expenses in the order of their days; eventually consistent."""

    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)
    date = UnicodeAttribute(range_key=True)


class TrashedExpense(Table):
    """A deleted expense, as long as it can be restored: see `trash.py`.

    Stored in the expenses table but never listed with them: in the indexes, it has a
    separate key. It has all attributes of the expense. Once restored, it only has those
    below, and is in no index.
    """

    class Meta(ExpensesMeta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)  # see id_of
    # The key of the indexes, beside the expense's day. None once restored.
    index_key = UnicodeAttribute(attr_name="user_id", null=True)
    receipt_url = UnicodeAttribute(null=True)
    deleted_at = UnicodeAttribute()  # ISO 8601, UTC
    expires_at = TTLAttribute()  # later than it can be restored

    by_user = TrashIndex()

    item: Mapping[str, Any]  # in DynamoDB's JSON; not stored

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return the model of an item in DynamoDB's JSON."""
        item = {**data}
        trashed = super().from_raw_data(data)
        trashed.item = item
        return trashed

    @staticmethod
    def id_of(expense_id: str) -> str:
        """Return the id of a deleted expense's item."""
        return f"trash#{expense_id}"

    @staticmethod
    def index_key_of(user_id: str) -> str:
        """Return the index key of one user's deleted expenses."""
        return f"trash#{user_id}"

    # `query_page` reads the keys of the index by these names.

    @property
    def user_id(self) -> str | None:
        """The index key; see `index_key`."""
        return self.index_key

    @property
    def date(self) -> str:
        """The expense's day, YYYY-MM-DD."""
        return str(self.item["date"]["S"])

    @property
    def expense(self) -> Expense:
        """The expense as it was."""
        keys = {
            "expense_id": {"S": self.expense_id.removeprefix("trash#")},
            "user_id": {"S": str(self.index_key).removeprefix("trash#")},
        }
        return Expense.from_raw_data({**self.item, **keys})


class MissingBooking(Table):
    """A booking of a file or a program whose expense was deleted, or is far from it.

    Stored in the expenses table but never listed with them: in the indexes, it has a
    separate key. See `missing_bookings.py`.
    """

    class Meta(ExpensesMeta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)  # see id_of
    # The keys of the indexes. The day is the bank's, which the next file has too.
    index_key = UnicodeAttribute(attr_name="user_id")
    date = UnicodeAttribute()
    # Of an imported expense. Otherwise its id, which is no key of any file.
    source_key = UnicodeAttribute()
    moved_to = UnicodeAttribute(null=True)  # the expense's day; None if it was deleted
    expires_at = TTLAttribute(null=True)  # only if it was deleted

    @staticmethod
    def id_of(expense_id: str) -> str:
        """Return the id of the item of an expense's booking."""
        return f"gone#{expense_id}"

    @staticmethod
    def index_key_of(user_id: str) -> str:
        """Return the index key of one user's items."""
        return f"gone#{user_id}"


class BulkChange(Table):
    """The values that a change of several expenses replaced, kept to undo it.

    Stored in the expenses table but never listed with them: in the indexes, it has a
    separate key. See `undo.py`.
    """

    class Meta(ExpensesMeta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)  # see id_of
    # The keys of the indexes: see index_key_of, and a day in UTC.
    index_key = UnicodeAttribute(attr_name="user_id")
    changed_on = UnicodeAttribute(attr_name="date")
    entries = UnicodeSetAttribute()  # JSON; see `undo_log.Entry`
    expires_at = TTLAttribute()

    @staticmethod
    def id_of(undo_id: str) -> str:
        """Return the id of the item that undoes a change."""
        return f"undo#{undo_id}"

    @staticmethod
    def index_key_of(user_id: str) -> str:
        """Return the index key of one user's changes."""
        return f"undo#{user_id}"


class Upload(Table):
    """A direct upload: announced, then checked, then the receipt of one expense.

    Stored in the expenses table but never listed with them: in the index, it has a
    separate key. It exists as long as its object, so that the object has one owner.
    """

    class Meta(ExpensesMeta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)  # upload#<key>
    owner_id = UnicodeAttribute()
    # Keys of the index: see index_key_of, and a day in UTC. None in older items.
    index_key = UnicodeAttribute(attr_name="user_id", null=True)
    announced_on = UnicodeAttribute(attr_name="date", null=True)
    content_type = UnicodeAttribute()
    size_bytes = NumberAttribute()  # as announced; once checked, of the stored file
    sha256 = UnicodeAttribute()  # likewise, hexadecimal
    file_name = UnicodeAttribute()
    is_confirmed = BooleanAttribute(default=False)
    attached_to = UnicodeAttribute(null=True)  # expense_id
    expires_at = TTLAttribute(null=True)  # None once attached

    @staticmethod
    def index_key_of(user_id: str) -> str:
        """Return the index key of one user's uploads."""
        return f"uploads#{user_id}"

    @property
    def key(self) -> str:
        """The S3 key of the uploaded object."""
        return str(self.expense_id).removeprefix("upload#")


class MonthTotals(Table):
    """The totals of one user's closed months of one year: see `month_totals.py`.

    Stored in the expenses table but never listed with them: in the indexes, it has a
    separate key. Each month is in an attribute of its own, month_01 to month_12.
    """

    class Meta(ExpensesMeta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)  # see id_of
    # The keys of the indexes: see index_key_of, and YYYY.
    index_key = UnicodeAttribute(attr_name="user_id")
    year = UnicodeAttribute(attr_name="date")
    # Incremented by each write that invalidates a month; None before the first.
    generation = NumberAttribute(null=True)
    invalidated_at = UnicodeAttribute(null=True)  # ISO 8601, UTC: the last such write
    expires_at = TTLAttribute()

    @staticmethod
    def id_of(user_id: str, year: str) -> str:
        """Return the id of the totals of a year."""
        return f"totals#{user_id}#{year}"

    @staticmethod
    def index_key_of(user_id: str) -> str:
        """Return the index key of one user's totals."""
        return f"totals#{user_id}"
