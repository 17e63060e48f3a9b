"""The expenses table."""

import datetime

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from smartbudget.core.config import config
from smartbudget.core.tables import MoneyAttribute, Table, VersionAttribute

# pending: entered, not yet seen on a statement; void: kept, and counted nowhere.
STATUSES = ("pending", "cleared", "void")


class ByUserIndex(GlobalSecondaryIndex["Expense"]):
    """One user's ledger in date order; lags behind writes [D11]."""

    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)
    date = UnicodeAttribute(range_key=True)


class Expense(Table):
    """One payment by one user."""

    class Meta:
        table_name = f"{config.resource_prefix}expenses"
        region = config.region
        host = config.aws_endpoint

    expense_id = UnicodeAttribute(hash_key=True)  # uuid4 hex
    user_id = UnicodeAttribute()
    date = UnicodeAttribute()  # YYYY-MM-DD, the user's local day
    amount = MoneyAttribute()  # Decimal, above zero, in the user's currency
    category = UnicodeAttribute()  # as typed
    category_key = UnicodeAttribute()  # casefolded: what categories are compared by
    description = UnicodeAttribute(default="")
    receipt_url = UnicodeAttribute(null=True)  # S3 key, by the seed's name
    status = UnicodeAttribute(default="pending")  # one of STATUSES
    large_noticed = BooleanAttribute(default=False)  # its large-expense notice is out
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    updated_at = UnicodeAttribute()
    version = VersionAttribute()

    by_user = ByUserIndex()

    @property
    def day(self) -> datetime.date:
        """The user's local day on which it was paid."""
        return datetime.date.fromisoformat(self.date)

    @property
    def counts(self) -> bool:
        """Whether it counts in totals and budgets."""
        return self.status != "void"
