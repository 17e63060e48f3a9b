"""Request and response bodies of the budget API; services validate."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from budgets.models import LEVELS, ROLLOVERS
from budgets.terms import MAX_CATEGORIES, MAX_NOTE, MAX_THRESHOLDS
from smartbudget.core.categories import ALL, Categories
from smartbudget.core.periods import PERIODS
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import (
    AmountField,
    BoundedListField,
    DayField,
    FlagField,
    IdField,
    MoneyField,
    TextField,
    WholeField,
    number_errors,
    one_of,
)

NOT_A_PERCENTAGE = _("Enter a whole percentage from 1 to 100.")


class MonthDayField(WholeField):
    """A day of the month, 1 to 31; each month without a 31st has a last day instead."""

    def __init__(self, **options: Any) -> None:
        message = _("Enter a day of the month from 1 to 31.")
        errors = number_errors(message)
        super().__init__(min_value=1, max_value=31, error_messages=errors, **options)


@extend_schema_field(
    {
        "oneOf": [
            {
                "type": "array",
                "items": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 50,
                    "pattern": TextField().pattern,
                },
                "minItems": 1,
                "maxItems": MAX_CATEGORIES,
            },
            {"type": "string", "enum": [ALL]},
        ]
    }
)
class CategoriesField(serializers.Field[Any, Any, Any, Any]):
    """The names of categories, or `all`."""

    names = BoundedListField(child=TextField(max_length=50), max_length=MAX_CATEGORIES)

    def to_internal_value(self, data: Any) -> Any:
        return ALL if data == ALL else self.names.run_validation(data)

    def to_representation(self, value: Categories) -> str | list[str]:
        return value.to_json()


class RolloverInput(InputSerializer):
    """The rule by which amounts are carried over at the end of a period."""

    mode = serializers.ChoiceField(
        ROLLOVERS,
        error_messages=one_of(ROLLOVERS),
        help_text=(
            "`surplus`: what is left is added to the next period; `overspend`: what was"
            " overspent is taken from it; `both`; or `none`."
        ),
    )
    cap = AmountField(
        required=False, allow_null=True, help_text="The most that is carried over."
    )
    from_last_period = FlagField(
        required=False,
        help_text="Also carry over from the last period to the current one.",
    )


class BudgetInput(InputSerializer):
    """A budget."""

    category = TextField(
        required=False, max_length=50, help_text="One category, or `categories`."
    )
    categories = CategoriesField(
        required=False,
        help_text=(
            "Up to 20 categories whose expenses count, or `all`: every expense counts."
        ),
    )
    amount = AmountField()
    alert_threshold = WholeField(
        required=False,
        min_value=1,
        max_value=100,
        help_text="Percent of the limit. Default: 80.",
        error_messages=number_errors(NOT_A_PERCENTAGE),
    )
    alert_thresholds = BoundedListField(
        child=WholeField(
            min_value=1,
            max_value=100,
            error_messages=number_errors(NOT_A_PERCENTAGE),
        ),
        required=False,
        max_length=MAX_THRESHOLDS,
        help_text="Ascending; each causes an alert. Default: `alert_threshold` alone.",
    )
    period = serializers.ChoiceField(
        PERIODS,
        required=False,
        help_text="Default: `monthly`.",
        error_messages=one_of(PERIODS),
    )
    anchor = DayField(
        required=False,
        help_text=(
            "The first day of a period, past or future, of `biweekly` and `four_weekly`"
            " budgets, which need one."
        ),
    )
    month_days = BoundedListField(
        child=MonthDayField(),
        required=False,
        max_length=2,
        help_text="The days on which `semimonthly` periods begin. Default: 1 and 16.",
    )
    start = DayField(required=False, help_text="The first day of a `once` budget.")
    end = DayField(required=False, help_text="Its last day, at most 366 days in all.")
    rollover = RolloverInput(required=False)
    paused = FlagField(
        required=False,
        help_text=(
            "A paused budget still counts expenses, but causes no alerts and carries"
            " nothing over."
        ),
    )
    note = TextField(required=False, max_length=MAX_NOTE)
    everyday = FlagField(
        required=False,
        help_text="Whether it counts for what can be spent today; see `/api/today`.",
    )
    keep_for_tomorrow = FlagField(
        required=False,
        help_text=(
            "Whether what is left of a day is kept for the next one, instead of being"
            " spread over the days left."
        ),
    )


class RolloverOutput(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(ROLLOVERS, source="rollover")
    cap = MoneyField(source="rollover_cap", allow_null=True)


class StoredBudgetOutput(serializers.Serializer[Any]):
    """A budget."""

    budget_id = IdField()
    category = serializers.CharField(
        source="categories.text",
        help_text="The category; several, separated by commas; `*` for all.",
    )
    categories = CategoriesField(help_text="The names, or `all`.")
    amount = MoneyField()
    alert_threshold = serializers.IntegerField()
    alert_thresholds = serializers.ListField(child=serializers.IntegerField())
    period = serializers.ChoiceField(PERIODS)
    anchor = serializers.DateField(allow_null=True)
    month_days = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True
    )
    start = serializers.DateField(allow_null=True, help_text="Of a `once` budget.")
    end = serializers.DateField(allow_null=True)
    rollover = RolloverOutput(source="*")
    paused = serializers.BooleanField()
    note = serializers.CharField(allow_null=True)
    everyday = serializers.BooleanField()
    keep_for_tomorrow = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class BudgetOutput(StoredBudgetOutput):
    """A budget and its state in the current period."""

    start = serializers.DateField(source="within.start")
    end = serializers.DateField(source="within.end")
    carried_over = MoneyField(
        help_text="From the period before; negative if that was overspent."
    )
    limit = MoneyField(help_text="`amount` and `carried_over` together.")
    spent = MoneyField(help_text="In the current period, from `start` to `end`.")
    remaining = MoneyField(help_text="`limit` less `spent`; negative if over budget.")
    level = serializers.ChoiceField(
        LEVELS,
        help_text=(
            "`threshold` from `alert_threshold` percent, `exceeded` above the limit."
        ),
    )


class PeriodOutput(serializers.Serializer[Any]):
    start = serializers.DateField()
    end = serializers.DateField()


class BudgetPreview(BudgetOutput):
    """A budget as it would be stored."""

    periods = PeriodOutput(many=True, help_text="The current one and the next two.")


class EditedBudgetOutput(BudgetOutput):
    """A budget and its state in the current period, stored or previewed."""

    periods = PeriodOutput(
        many=True,
        required=False,
        help_text="Only with `dry_run`: the current period and the next two.",
    )


class BudgetPeriodOutput(serializers.Serializer[Any]):
    """A finished period of a budget, with the terms it had."""

    start = serializers.DateField(source="period.start")
    end = serializers.DateField(source="period.end")
    category = serializers.CharField(source="categories.text")
    categories = CategoriesField(help_text="The names, or `all`.")
    amount = MoneyField()
    carried_over = MoneyField(
        help_text="From the period before; negative if that was overspent."
    )
    limit = MoneyField(help_text="`amount` and `carried_over` together.")
    spent = MoneyField()
    remaining = MoneyField(help_text="`limit` less `spent`; negative if over budget.")
    percentage = serializers.DecimalField(
        max_digits=None, decimal_places=2, help_text="Percent of the limit spent."
    )
    level = serializers.ChoiceField(LEVELS, help_text="At the end of the period.")
    alert_thresholds = serializers.ListField(child=serializers.IntegerField())
    rollover = RolloverOutput(source="*", help_text="Into the next period.")
    was_paused = serializers.BooleanField(
        help_text="At the end of the period; then nothing was carried over."
    )


class BudgetPeriodPage(serializers.Serializer[Any]):
    results = BudgetPeriodOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class BudgetPage(serializers.Serializer[Any]):
    results = BudgetOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
