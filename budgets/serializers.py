"""What the budget API takes and gives; services check the rules."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from budgets.models import LEVELS
from smartbudget.core.dates import PERIODS
from smartbudget.web.api import (
    AmountField,
    InputSerializer,
    QueryInput,
    TextField,
    one_of,
)
from smartbudget.web.fields import MoneyField

NOT_A_PERCENTAGE = _("Enter a whole percentage from 1 to 100.")


class BudgetInput(InputSerializer):
    """A budget as its owner sets it."""

    category = TextField(max_length=50)
    amount = AmountField()
    alert_threshold = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=100,
        help_text="Percent of the amount; 80 if not given.",
        error_messages=dict.fromkeys(
            ["invalid", "min_value", "max_value", "max_string_length"],
            NOT_A_PERCENTAGE,
        ),
    )
    period = serializers.ChoiceField(
        PERIODS,
        required=False,
        help_text="`monthly` if not given.",
        error_messages=one_of(PERIODS),
    )


class BudgetOutput(serializers.Serializer[Any]):
    budget_id = serializers.CharField()
    category = serializers.CharField()
    amount = MoneyField()
    alert_threshold = serializers.IntegerField()
    period = serializers.ChoiceField(PERIODS)
    created_at = serializers.DateTimeField()


class BudgetPage(serializers.Serializer[Any]):
    results = BudgetOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


@extend_schema_field(
    {"type": "string", "pattern": r"^\d{4}-\d{2}$", "examples": ["2026-11"]}
)
class MonthField(TextField):
    """A month, YYYY-MM; services check that it is one."""


class SummaryFilter(QueryInput):
    """What is summed up."""

    month = MonthField(required=False, help_text="YYYY-MM; this one if not given.")


class DaysOutput(serializers.Serializer[Any]):
    start = serializers.DateField()
    end = serializers.DateField()


class LineOutput(serializers.Serializer[Any]):
    budget_id = serializers.CharField()
    category = serializers.CharField()
    period = serializers.ChoiceField(PERIODS)
    amount = MoneyField()
    spent = MoneyField()
    remaining = MoneyField(help_text="Below zero when the budget is passed.")
    percentage = serializers.DecimalField(max_digits=None, decimal_places=2)
    level = serializers.ChoiceField(LEVELS)
    start = serializers.DateField(source="within.start")
    end = serializers.DateField(source="within.end")


class CategoryOutput(serializers.Serializer[Any]):
    category = serializers.CharField()
    spent = MoneyField()

    def to_representation(self, instance: tuple[str, Decimal]) -> dict[str, Any]:
        category, spent = instance
        return super().to_representation({"category": category, "spent": spent})


class SummaryOutput(serializers.Serializer[Any]):
    period = DaysOutput(source="shown")
    currency = serializers.CharField()
    budgets = LineOutput(many=True, source="lines")
    categories = CategoryOutput(many=True, help_text="All of them, largest first.")
    unbudgeted = CategoryOutput(many=True, help_text="Largest first.")
    total_budget = MoneyField(help_text="Of the monthly budgets.")
    total_spent = MoneyField(help_text="Of all spending in the month.")
    total_remaining = MoneyField()
    previous_spent = MoneyField(help_text="In the whole month before.")


class TrendFilter(QueryInput):
    """What is added up."""

    month = MonthField(
        required=False, help_text="The last month, YYYY-MM; this one if not given."
    )
    category = TextField(
        required=False, max_length=50, help_text="Of this category only."
    )


class MonthOutput(serializers.Serializer[Any]):
    month = serializers.CharField(help_text="YYYY-MM")
    spent = MoneyField()


class TrendOutput(serializers.Serializer[Any]):
    currency = serializers.CharField()
    months = MonthOutput(many=True, help_text="Twelve, oldest first.")
