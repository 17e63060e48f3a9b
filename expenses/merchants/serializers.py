"""Request and response bodies of the merchant API; services validate."""

from typing import Any

from rest_framework import serializers

from expenses.fields import MERCHANT
from expenses.renaming.serializers import merge_fields, rename_fields
from smartbudget.web.base_serializers import InputSerializer, QueryInput
from smartbudget.web.fields import DayField, MoneyField, TextField


class MerchantFilter(QueryInput):
    """The query parameters of the list of merchants."""

    q = TextField(
        required=False,
        max_length=MERCHANT.max_length,
        help_text="Part of the name. Case and accents are ignored.",
    )
    start = DayField(required=False, help_text="The first day.")
    end = DayField(required=False, help_text="The last day.")


class MerchantOutput(serializers.Serializer[Any]):
    merchant = serializers.CharField(help_text="The most common spelling.")
    spellings = serializers.ListField(
        child=serializers.CharField(),
        help_text="All spellings, most common first, at most ten.",
    )
    category = serializers.CharField(
        help_text="The most common category of its expenses."
    )
    expenses = serializers.IntegerField(help_text="Including void ones.")
    spent = MoneyField(help_text="Without void expenses.")
    last_used = serializers.DateField(help_text="Date of the latest expense.")


class MerchantPage(serializers.Serializer[Any]):
    results = MerchantOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    complete = serializers.BooleanField(
        help_text="False if there are more. Narrow the dates or `q`."
    )


class RenameMerchantInput(InputSerializer):
    """A merchant's new name."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return rename_fields(MERCHANT)


class MergeMerchantsInput(InputSerializer):
    """Merchants to merge."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return merge_fields(MERCHANT)
