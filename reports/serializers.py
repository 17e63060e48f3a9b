"""Request and response bodies of the API of summary, trend and reports."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from budgets.models import LEVELS
from budgets.serializers import CategoriesField, PeriodOutput
from reports import queued
from reports.periods import FIRST_YEAR, LAST_YEAR, MAX_DAYS, TYPES
from reports.trend import TREND_BY, MonthTotal
from smartbudget.core.money import CURRENCIES
from smartbudget.core.periods import PERIODS
from smartbudget.web.base_serializers import InputSerializer, QueryInput
from smartbudget.web.fields import (
    DayField,
    FlagField,
    IdField,
    MoneyField,
    TextField,
    WholeField,
    number_errors,
    one_of,
)

MONTH = "(?!000[01]|9999)[0-9]{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?"


class QuestionInput(InputSerializer):
    """The period of a report. Default: the current one."""

    RULE = {
        "if": {
            "properties": {"report_type": {"const": "custom"}},
            "required": ["report_type"],
        },
        "then": {
            "properties": {
                "start_date": {"type": "string"},
                "end_date": {"type": "string"},
            },
            "required": ["start_date", "end_date"],
        },
    }

    report_type = serializers.ChoiceField(TYPES, error_messages=one_of(TYPES))
    year = WholeField(
        required=False,
        allow_null=True,
        min_value=FIRST_YEAR,
        max_value=LAST_YEAR,
        help_text="Of a monthly or yearly report.",
        error_messages=number_errors(_("Enter a year as four digits.")),
    )
    month = WholeField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=12,
        help_text="Requires `year`.",
        error_messages=number_errors(_("Enter a month from 1 to 12.")),
    )
    start_date = DayField(
        required=False,
        allow_null=True,
        help_text="First day of a custom report, or any day of a week.",
    )
    end_date = DayField(
        required=False,
        allow_null=True,
        help_text=f"Last day, inclusive. At most {MAX_DAYS} days.",
    )
    email = FlagField(required=False, help_text="Also send an e-mail.")


class FiledOutput(serializers.Serializer[Any]):
    report_key = serializers.CharField()
    file_name = serializers.CharField()
    report_type = serializers.ChoiceField(TYPES)
    period = PeriodOutput(
        allow_null=True, help_text="Null for reports of earlier versions."
    )
    created_at = serializers.DateTimeField()
    size_bytes = serializers.IntegerField()
    download_url = serializers.URLField(help_text="Valid while the report exists.")


class MadeOutput(serializers.Serializer[Any]):
    report_url = serializers.URLField(help_text="Signed, valid for at most 24 hours.")
    report_key = serializers.CharField()
    file_name = serializers.CharField()
    report_type = serializers.ChoiceField(TYPES, source="period.report_type")
    period = PeriodOutput(source="period.current")
    download_url = serializers.URLField(help_text="Valid while the report exists.")


class QueuedOutput(serializers.Serializer[Any]):
    """A report that is too large to wait for."""

    report_id = IdField()
    status = serializers.ChoiceField(queued.STATUSES)
    report_type = serializers.ChoiceField(TYPES)
    period = PeriodOutput(source="period.current")
    requested_at = serializers.DateTimeField()
    reason = serializers.CharField(
        allow_null=True, help_text="Why it failed; null otherwise."
    )
    download_url = serializers.URLField(
        allow_null=True,
        help_text="Valid while the report exists. Null until it is ready.",
    )


class QueuedPage(serializers.Serializer[Any]):
    results = QueuedOutput(many=True)


class ReportPage(serializers.Serializer[Any]):
    results = FiledOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class SummaryFilter(QueryInput):
    """The query parameters of the summary."""

    month = TextField(
        required=False,
        regex=MONTH,
        help_text="YYYY-MM, or any day of the month. Default: the current month.",
    )


class DaysOutput(serializers.Serializer[Any]):
    start = serializers.DateField()
    end = serializers.DateField()


class LineOutput(serializers.Serializer[Any]):
    budget_id = IdField()
    category = serializers.CharField(source="categories.text")
    categories = CategoriesField(help_text="The names, or `all`.")
    period = serializers.ChoiceField(PERIODS)
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
    alert_thresholds = serializers.ListField(child=serializers.IntegerField())
    paused = serializers.BooleanField(
        help_text="A paused budget is not part of the totals."
    )
    level = serializers.ChoiceField(LEVELS)
    start = serializers.DateField(source="within.start")
    end = serializers.DateField(source="within.end")
    passes_on = serializers.DateField(
        source="projected_overspend_date",
        allow_null=True,
        help_text=(
            "The day on which spending is projected to exceed the limit."
            " Null if not in this period or unknown. Yearly budgets have"
            " none."
        ),
    )


class ComingOutput(serializers.Serializer[Any]):
    expense_id = IdField()
    date = serializers.DateField(source="day")
    category = serializers.CharField()
    amount = MoneyField(help_text="Negative for a refund.")


class TodayOutput(serializers.Serializer[Any]):
    """What can be spent today so that the everyday budgets last until they end."""

    currency = serializers.ChoiceField(sorted(CURRENCIES))
    allowance = MoneyField(
        allow_null=True,
        help_text=(
            "What was left this morning, less expenses dated later, divided by the days"
            " left; the same all day. Null: nothing is left to divide, or there is no"
            " everyday or overall budget."
        ),
    )
    spent_today = MoneyField()
    left_today = MoneyField(
        allow_null=True,
        help_text="`allowance` less `spent_today`; negative if more was spent.",
    )
    days_left = serializers.IntegerField(
        allow_null=True, help_text="Including today, in the period that ends first."
    )
    overspent = MoneyField(
        help_text="The amount by which the budgets are already overspent."
    )
    short = MoneyField(help_text="The same once the expenses in `coming` are spent.")
    coming = ComingOutput(many=True, help_text="Expenses dated later; at most 100.")
    basis = serializers.ListField(
        child=IdField(), source="budget_ids", help_text="The ids of the budgets used."
    )


class CategoryOutput(serializers.Serializer[Any]):
    category = serializers.CharField()
    spent = MoneyField()

    def to_representation(self, instance: tuple[str, Decimal]) -> dict[str, Any]:
        category, spent = instance
        return super().to_representation({"category": category, "spent": spent})


class SummaryOutput(serializers.Serializer[Any]):
    period = DaysOutput(source="shown")
    currency = serializers.ChoiceField(sorted(CURRENCIES))
    budgets = LineOutput(many=True, source="lines")
    categories = CategoryOutput(
        many=True,
        help_text=(
            "All categories, largest first. Negative if refunds exceed spending."
        ),
    )
    unbudgeted = CategoryOutput(
        many=True,
        help_text="Those in no budget other than one for all. Largest first.",
    )
    total_budget = MoneyField(
        help_text=(
            "The limit of the monthly budget for all categories, or if there is none,"
            " the sum of the monthly budgets for one category."
        )
    )
    total_spent = MoneyField(
        help_text="All spending in the month less refunds; may be negative."
    )
    refunded = MoneyField(help_text="All refunds in the month.")
    total_remaining = MoneyField(help_text="`total_budget` minus `total_spent`.")
    left_to_spend = MoneyField(
        help_text=(
            "What remains of the monthly budget for all categories, or if there is"
            " none, the sum of what remains in recurring budgets for one category."
        )
    )
    unbudgeted_spent = MoneyField(help_text="The sum of `unbudgeted`.")
    previous_spent = MoneyField(help_text="In the whole previous month.")


class TrendFilter(QueryInput):
    """The query parameters of the trend."""

    month = TextField(
        required=False,
        regex=MONTH,
        help_text="The last month, YYYY-MM, or any day of it. Default: the current"
        " month.",
    )
    category = TextField(required=False, max_length=50, help_text="Only this category.")
    by = serializers.ChoiceField(
        TREND_BY,
        required=False,
        error_messages=one_of(TREND_BY),
        help_text="`category`: include the `categories` of each month.",
    )


class MonthOutput(serializers.Serializer[Any]):
    month = serializers.CharField(
        help_text="YYYY-MM, or its first day: a month that bridges a change of the"
        " calendar may have no name."
    )
    start = serializers.DateField(source="period.start")
    end = serializers.DateField(source="period.end")
    spent = MoneyField()
    categories = CategoryOutput(
        many=True,
        required=False,
        help_text="With `by=category`: largest first. Their sum is `spent`.",
    )

    def to_representation(self, instance: MonthTotal) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if instance.categories is None:
            del shown["categories"]
        return shown


class TrendOutput(serializers.Serializer[Any]):
    currency = serializers.ChoiceField(sorted(CURRENCIES))
    months = MonthOutput(many=True, help_text="Twelve, oldest first.")
