"""Request and response bodies of the budget API; services validate."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from budgets.models import LEVELS
from smartbudget.core.periods import PERIODS
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import (
    AmountField,
    IdField,
    MoneyField,
    TextField,
    WholeField,
    number_errors,
    one_of,
)

NOT_A_PERCENTAGE = _("Enter a whole percentage from 1 to 100.")


class BudgetInput(InputSerializer):
    """A budget."""

    category = TextField(max_length=50)
    amount = AmountField()
    alert_threshold = WholeField(
        required=False,
        min_value=1,
        max_value=100,
        help_text="Percent of the amount. Default: 80.",
        error_messages=number_errors(NOT_A_PERCENTAGE),
    )
    period = serializers.ChoiceField(
        PERIODS,
        required=False,
        help_text="Default: `monthly`.",
        error_messages=one_of(PERIODS),
    )


class StoredBudgetOutput(serializers.Serializer[Any]):
    """A budget."""

    budget_id = IdField()
    category = serializers.CharField()
    amount = MoneyField()
    alert_threshold = serializers.IntegerField()
    period = serializers.ChoiceField(PERIODS)
    created_at = serializers.DateTimeField()


class BudgetOutput(StoredBudgetOutput):
    """A budget and its state in the current period."""

    spent = MoneyField(help_text="In the current week, month or year.")
    remaining = MoneyField(help_text="Negative if over budget.")
    level = serializers.ChoiceField(
        LEVELS,
        help_text=(
            "`threshold` from `alert_threshold` percent, `exceeded` above the amount."
        ),
    )


class BudgetPage(serializers.Serializer[Any]):
    results = BudgetOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
