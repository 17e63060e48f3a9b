"""What the expense API takes and gives; services check the rules."""

from typing import Any

from rest_framework import serializers

from expenses.models import STATUSES
from smartbudget.web.api import AmountField, DayField, InputSerializer, TextField
from smartbudget.web.cursors import PAGING
from smartbudget.web.fields import MoneyField

NO_SUCH_STATUS = {"invalid_choice": f"Choose one of {', '.join(STATUSES)}."}


class ExpenseInput(InputSerializer):
    """An expense as its owner describes it."""

    amount = AmountField()
    category = TextField(max_length=50)
    description = TextField(
        lines=True, max_length=500, required=False, allow_blank=True
    )
    date = DayField(required=False, help_text="The caller's today, if left out.")
    status = serializers.ChoiceField(
        STATUSES, required=False, error_messages=NO_SUCH_STATUS
    )
    receipt_url = TextField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="Only null or empty.",
    )

    def validate_receipt_url(self, key: str | None) -> None:
        if key:
            raise serializers.ValidationError("receipt_url cannot be set here.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.pop("receipt_url", None)
        return attrs


class ExpenseFilter(InputSerializer):
    """The query parameters of a list, beside those of paging."""

    IGNORED = frozenset({*PAGING, "format"})

    start = DayField(required=False, help_text="The first day listed.")
    end = DayField(required=False, help_text="The last day listed.")
    category = TextField(required=False, max_length=50, help_text="In any case.")
    status = serializers.ChoiceField(
        STATUSES, required=False, error_messages=NO_SUCH_STATUS
    )


class ExpenseOutput(serializers.Serializer[Any]):
    expense_id = serializers.CharField()
    amount = MoneyField()
    category = serializers.CharField()
    description = serializers.CharField()
    date = serializers.DateField(help_text="The day it was, where the caller lives.")
    receipt_url = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(STATUSES)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ExpensePage(serializers.Serializer[Any]):
    results = ExpenseOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
