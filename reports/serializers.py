"""What the report API takes and gives; services check the rules."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from reports.periods import FIRST_YEAR, LAST_YEAR, LONGEST, TYPES
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import DayField, FlagField, WholeField, number_said, one_of


class QuestionInput(InputSerializer):
    """What a report is to be about; without days, about now."""

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
        help_text="Of a month or a year.",
        error_messages=number_said(_("Enter a year as four digits.")),
    )
    month = WholeField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=12,
        help_text="With `year`.",
        error_messages=number_said(_("Enter a month from 1 to 12.")),
    )
    start_date = DayField(
        required=False,
        allow_null=True,
        help_text="First day of a custom report, or a day of a week.",
    )
    end_date = DayField(
        required=False,
        allow_null=True,
        help_text=f"Last day, included; {LONGEST} days at most.",
    )
    email = FlagField(required=False, help_text="Tell me by e-mail too.")


class FiledOutput(serializers.Serializer[Any]):
    report_key = serializers.CharField()
    file_name = serializers.CharField()
    report_type = serializers.ChoiceField(TYPES)
    created_at = serializers.DateTimeField()
    size_bytes = serializers.IntegerField()
    download_url = serializers.URLField(help_text="Works for as long as it is kept.")


class PeriodOutput(serializers.Serializer[Any]):
    start = serializers.DateField()
    end = serializers.DateField()


class MadeOutput(serializers.Serializer[Any]):
    report_url = serializers.URLField(help_text="Signed, for 24 hours at most.")
    report_key = serializers.CharField()
    file_name = serializers.CharField()
    report_type = serializers.ChoiceField(TYPES, source="question.report_type")
    period = PeriodOutput(source="question.period")
    download_url = serializers.URLField(help_text="Works for as long as it is kept.")


class ReportPage(serializers.Serializer[Any]):
    results = FiledOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
