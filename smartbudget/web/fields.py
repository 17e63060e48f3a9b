"""What API answers are made of, beyond DRF's own fields."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from smartbudget.core.money import format_amount


@extend_schema_field(
    {
        "type": "string",
        "format": "decimal",
        "pattern": r"^-?\d+(\.\d+)?$",
        "examples": ["12.50"],
    }
)
class MoneyField(serializers.Field[Decimal, Any, str, Any]):
    """An amount as a string, in the decimals of the context's `currency`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: Decimal) -> str:
        return format_amount(value, self.context["currency"])
