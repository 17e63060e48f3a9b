"""The budgets table."""

import datetime
import uuid
from decimal import Decimal

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from smartbudget.core.config import config
from smartbudget.core.dynamodb import MoneyAttribute, Table, VersionAttribute
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import PERIOD_WORDS, Period, period_of
from smartbudget.core.text import casefold_key, legacy_casefold_key

LEVELS = ("ok", "threshold", "exceeded")  # in rising order

_NAMESPACE = uuid.UUID("6d0f6e0a-6f0f-5d3c-9d0a-3b8f3f3f5b11")


def budget_id_for(user_id: str, period: str, category: str) -> str:
    """Return the derived id, which allows one budget per user, period and category."""
    return _id_of(user_id, period, casefold_key(category))


def budget_ids_for(user_id: str, period: str, category: str) -> list[str]:
    """Return the ids a budget can have: its own, and that of earlier versions.

    Earlier versions treated some categories that look the same as different. The daily
    check moves their budgets to their own ids.
    """
    keys = dict.fromkeys([casefold_key(category), legacy_casefold_key(category)])
    return [_id_of(user_id, period, key) for key in keys]


def _id_of(user_id: str, period: str, key: str) -> str:
    return uuid.uuid5(_NAMESPACE, f"{user_id}\n{period}\n{key}").hex


def level_of(spent: Decimal, amount: Decimal, alert_threshold: int) -> str:
    """Return `exceeded` above the amount, `threshold` from its percentage, or `ok`."""
    if spent > amount:
        return "exceeded"
    if spent * 100 >= amount * alert_threshold:
        return "threshold"
    return "ok"


class ByUserIndex(GlobalSecondaryIndex["Budget"]):
    """One user's budgets; eventually consistent."""

    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)


class Budget(Table):
    """A user's budget for one category and period, with what was spent."""

    class Meta:
        table_name = f"{config.resource_prefix}budgets"
        region = config.region
        host = config.aws_endpoint

    budget_id = UnicodeAttribute(hash_key=True)  # see budget_id_for
    user_id = UnicodeAttribute()
    category = UnicodeAttribute()  # as typed
    amount = MoneyAttribute()  # Decimal, above zero, in the user's currency
    alert_threshold = NumberAttribute(default=80)  # whole percent, 1-100
    period = UnicodeAttribute(default="monthly")  # one of PERIODS
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    updated_at = UnicodeAttribute()
    period_start = UnicodeAttribute()  # YYYY-MM-DD; of the period of `spent`, `level`
    spent = MoneyAttribute()  # Decimal; changed with every expense, in its transaction
    level = UnicodeAttribute(default="ok")  # one of LEVELS
    # How often it fell to a lower level or moved, which rearms its alerts.
    rearm_count = NumberAttribute(attr_name="arming", default=0)
    # Idempotency key; None: created without one, or moved.
    made_by = UnicodeAttribute(null=True)
    # A level above `level` that the owner was notified of already, or None. Set while
    # expenses of a merged or renamed category are still being moved here.
    notified_level = UnicodeAttribute(attr_name="told", null=True)
    version = VersionAttribute()

    by_user = ByUserIndex()

    @property
    def category_key(self) -> str:
        """The key that categories are compared by."""
        return casefold_key(self.category)

    @property
    def own_id(self) -> str:
        """The id that a new budget for its category would get; see `budget_ids_for`."""
        return budget_id_for(self.user_id, self.period, self.category)

    @property
    def period_in_words(self) -> str:
        """The kind of period as users read it, such as "monthly"."""
        return _(PERIOD_WORDS[self.period])

    @property
    def current(self) -> Period:
        """The period that `spent` covers."""
        day = datetime.date.fromisoformat(self.period_start)
        return period_of(self.period, day)

    @property
    def remaining(self) -> Decimal:
        """The amount left in the period; negative if over budget."""
        return self.amount - self.spent
