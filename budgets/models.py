"""The budgets table: budgets, their directories, and results of finished periods."""

import datetime
import uuid
from decimal import Decimal
from typing import ClassVar

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from smartbudget.core.categories import Categories
from smartbudget.core.config import config
from smartbudget.core.dynamodb import MoneyAttribute, Table, VersionAttribute
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import (
    PERIOD_WORDS,
    Calendar,
    Period,
    Recurrence,
    cut_short,
    period_of,
)
from smartbudget.core.text import casefold_key, legacy_casefold_key

LEVELS = ("ok", "threshold", "exceeded")  # in rising order
OVER = 101  # as the percentage reached: above the limit, not only at it
# What a person chooses; the other attributes of a budget follow from it.
TERMS = (
    "category",
    "more_categories",
    "amount",
    "alert_threshold",
    "more_thresholds",
    "period",
    "anchor",
    "month_days",
    "only_period",
    "rollover",
    "rollover_cap",
    "note",
    "paused_at",
    "everyday",
    "keep_for_tomorrow",
)
ROLLOVERS = ("none", "surplus", "overspend", "both")

_NAMESPACE = uuid.UUID("6d0f6e0a-6f0f-5d3c-9d0a-3b8f3f3f5b11")


def id_of(
    user_id: str, period: str, categories: Categories, only_period: str | None = None
) -> str:
    """Return the derived id, which allows one budget for the same periods and expenses.

    only_period: the days of `once`.

    Keys of categories have no control characters, so that no two budgets have one id.
    """
    key = "\0" + "\0".join(sorted(categories.keys))
    if categories.is_one:
        key = categories.keys[0]
    return _id_of(user_id, period, f"{key}\n{only_period}" if only_period else key)


def budget_id_for(user_id: str, period: str, category: str) -> str:
    """Return the id of a budget for one category with a recurring period."""
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


def stored_categories(categories: Categories) -> dict[str, object]:
    """Return what a budget covers as it is stored: {attribute: value}."""
    more = None if categories.is_one else categories.to_json()
    return {"category": categories.text, "more_categories": more}


def level_name(reached: int) -> str:
    """Return the level of the percentage that was reached: one of LEVELS."""
    if reached == OVER:
        return "exceeded"
    return "threshold" if reached else "ok"


class ByUserIndex(GlobalSecondaryIndex["Budget"]):
    """One user's budgets; eventually consistent."""

    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)


# Attributes of a budget that stay when its terms change and it moves to another id.
_KEPT = ("created_at", "history_id", "results_since", "earlier_terms", "recount_from")


class BudgetsMeta:
    """Settings of the budgets table, which holds several kinds of item."""

    table_name = f"{config.resource_prefix}budgets"
    region = config.region
    host = config.aws_endpoint


class Budget(Table):
    """A user's budget for some categories and periods, with what was spent."""

    class Meta(BudgetsMeta):
        pass

    budget_id = UnicodeAttribute(hash_key=True)  # see own_id
    user_id = UnicodeAttribute()
    category = UnicodeAttribute()  # as typed; of several or all: Categories.text
    # What it covers if that is not one category: Categories.to_json.
    more_categories = JSONAttribute(attr_name="categories", null=True)
    amount = MoneyAttribute()  # Decimal, above zero, in the user's currency
    alert_threshold = NumberAttribute(default=80)  # whole percent, 1-100: the first
    # All thresholds, ascending, if there are several; None: `alert_threshold` alone.
    more_thresholds = JSONAttribute(attr_name="alert_thresholds", null=True)
    period = UnicodeAttribute(default="monthly")  # one of periods.PERIODS
    anchor = UnicodeAttribute(null=True)  # YYYY-MM-DD, of periods.ANCHORED
    month_days = JSONAttribute(null=True)  # of `semimonthly`; None: the 1st and 16th
    only_period = UnicodeAttribute(null=True)  # of `once`, as an ISO 8601 interval
    rollover = UnicodeAttribute(default="none")  # one of ROLLOVERS
    rollover_cap = MoneyAttribute(null=True)  # of what is carried over; None: no limit
    note = UnicodeAttribute(null=True)
    # Whether it counts for what can be spent today; None: no. See budgets.daily.
    everyday = BooleanAttribute(null=True)
    keep_for_tomorrow = BooleanAttribute(null=True)  # what is left of a day; None: no
    paused_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; None: not paused
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    updated_at = UnicodeAttribute()
    # The current period: of `spent`, `carried_over` and `level`. The version before
    # writes its first day alone; see `is_counted`.
    period_start = UnicodeAttribute()  # YYYY-MM-DD
    current_period = UnicodeAttribute(null=True)  # as an ISO 8601 interval
    # The change of calendar that the period follows already; None: none.
    calendar_change = UnicodeAttribute(null=True)  # see Calendar.change
    spent = MoneyAttribute()  # Decimal; changed with every expense, in its transaction
    # What the period before left: below zero if it was overspent. None: nothing.
    carried = MoneyAttribute(attr_name="carried_over", null=True)
    level = UnicodeAttribute(default="ok")  # one of LEVELS
    threshold_reached = NumberAttribute(null=True)  # if there are several
    # How often it fell to a lower level or moved, which rearms its alerts.
    rearm_count = NumberAttribute(attr_name="arming", default=0)
    # Idempotency key; None: created without one, or moved.
    made_by = UnicodeAttribute(null=True)
    # A level above `level` that the owner was notified of already, or None. Set while
    # expenses of a merged or renamed category are still being moved here.
    notified_level = UnicodeAttribute(attr_name="told", null=True)
    notified_threshold = NumberAttribute(null=True)  # if there are several
    # Results of finished periods; see PeriodResults.
    history_id = UnicodeAttribute(null=True)  # in their keys; stays when it moves
    results_since = UnicodeAttribute(null=True)  # YYYY-MM-DD; None: not kept yet
    # The terms in the periods before `results_since`, of a budget that is older than
    # results; None: there are no such periods.
    earlier_terms = JSONAttribute(null=True)
    # An expense of a finished period changed, and its results are to be counted again,
    # from the period of this day; None: none.
    recount_from = UnicodeAttribute(null=True)  # YYYY-MM-DD
    version = VersionAttribute()

    by_user = ByUserIndex()

    def with_terms(self, **changes: object) -> "Budget":
        """Return a new, unsaved budget with changed terms, and the id they result in.

        It has the history of this one, and nothing of its current numbers.
        """
        terms = {name: getattr(self, name) for name in TERMS} | changes
        kept = {name: getattr(self, name) for name in _KEPT}
        budget = Budget(user_id=self.user_id, **terms, **kept)
        budget.budget_id = budget.own_id
        return budget

    @property
    def categories(self) -> Categories:
        """The categories whose expenses count."""
        return Categories.from_json(self.more_categories or [self.category])

    @property
    def own_id(self) -> str:
        """The id that a new budget with its terms would get; see `id_of`."""
        return id_of(self.user_id, self.period, self.categories, self.only_period)

    @property
    def is_listed(self) -> bool:
        """Check whether it is in the user's directory; see BudgetDirectory."""
        several = not (self.categories.is_one or self.categories.are_all)
        return several or self.period == "once"

    @property
    def period_in_words(self) -> str:
        """The kind of period as users read it, such as "monthly"."""
        return _(PERIOD_WORDS[self.period])

    @property
    def recurrence(self) -> Recurrence:
        """The rule by which its periods follow each other."""
        rule = Recurrence(self.period)
        return Recurrence(
            kind=self.period,
            anchor=datetime.date.fromisoformat(self.anchor) if self.anchor else None,
            month_days=tuple(self.month_days or rule.month_days),
            only=Period.parse(self.only_period) if self.only_period else None,
        )

    @property
    def alert_thresholds(self) -> tuple[int, ...]:
        """The percentages that cause an alert, ascending."""
        return tuple(map(int, self.more_thresholds or (self.alert_threshold,)))

    @property
    def carried_over(self) -> Decimal:
        """The amount that the period before left; below zero if it was overspent."""
        return self.carried or Decimal(0)

    @property
    def limit(self) -> Decimal:
        """The amount that can be spent in the current period; may be below zero."""
        return self.amount + self.carried_over

    @property
    def current(self) -> Period:
        """The period that `spent` covers, as it was planned; see `running`."""
        if self.current_period:
            return Period.parse(self.current_period)
        start = datetime.date.fromisoformat(self.period_start)
        return period_of(self.recurrence, start)

    def running(self, calendar: Calendar) -> Period:
        """Return its current period, which a new calendar may end earlier.

        It ends as planned if that calendar was replaced on the day it was chosen.
        """
        if self.calendar_change == calendar.change:
            return self.current
        if self.calendar_change and self.calendar_change not in calendar.changes:
            planned = period_of(self.recurrence, self.current.start, calendar)
            if planned.start == self.current.start:
                return planned
        return cut_short(self.current, calendar.since, self.recurrence, calendar)

    @property
    def is_counted(self) -> bool:
        """Check whether `spent` is of the current period.

        The version before, which knows no other calendar, may have begun one of its
        own during a deploy.
        """
        return not self.current_period or self.current_period.startswith(
            self.period_start
        )

    @property
    def reached(self) -> int:
        """The highest threshold reached in the current period; OVER above the limit."""
        return self._percentage(self.level, self.threshold_reached)

    @property
    def notified(self) -> int:
        """A percentage above `reached` that the owner was notified of, or 0."""
        return self._percentage(self.notified_level or "ok", self.notified_threshold)

    def _percentage(self, level: str, threshold: float | None) -> int:
        if level == "threshold":
            return int(threshold or self.alert_thresholds[0])
        return OVER if level == "exceeded" else 0

    @property
    def remaining(self) -> Decimal:
        """The amount left in the period; negative if over budget."""
        return self.limit - self.spent


class BudgetDirectory(Table):
    """A user's budgets whose ids do not follow from an expense; see budgets.lookup.

    It has no `user_id`, so that the index of budgets does not list it.
    """

    class Meta(BudgetsMeta):
        pass

    PREFIX: ClassVar[str] = "directory#"

    budget_id = UnicodeAttribute(hash_key=True)  # `directory#<user id>`
    entries = JSONAttribute(default=list)  # see lookup._entry_of
    version = VersionAttribute()

    @classmethod
    def key(cls, user_id: str) -> str:
        """Return the hash key of a user's directory."""
        return f"{cls.PREFIX}{user_id}"


class PeriodResults(Table):
    """The results of a budget's periods that began in one year; see budgets.results.

    It has no `user_id`, so that the index of budgets does not list it.
    """

    class Meta(BudgetsMeta):
        pass

    budget_id = UnicodeAttribute(hash_key=True)  # `results#<history id>#<year>`
    results = ListAttribute(of=UnicodeAttribute, default=list)  # JSON; by start

    @classmethod
    def key(cls, history_id: str, year: int) -> str:
        """Return the hash key of a year's results."""
        return f"results#{history_id}#{year}"
