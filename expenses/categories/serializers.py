"""Request and response bodies of the category API; services validate."""

from typing import Any

from rest_framework import serializers

from budgets.merge import MergeStrategy
from budgets.serializers import CategoriesField
from expenses.fields import CATEGORY
from expenses.renaming.serializers import merge_fields, rename_fields
from smartbudget.core.periods import PERIODS
from smartbudget.web.base_serializers import InputSerializer, QueryInput
from smartbudget.web.fields import (
    DayField,
    IdField,
    MoneyField,
    TextField,
    one_of,
)


class CategoryFilter(QueryInput):
    """The query parameters of the list of categories."""

    q = TextField(
        required=False,
        max_length=CATEGORY.max_length,
        help_text="Part of the name. Case and accents are ignored.",
    )
    start = DayField(required=False, help_text="The first day.")
    end = DayField(required=False, help_text="The last day.")


class CategoryBudgetOutput(serializers.Serializer[Any]):
    budget_id = IdField()
    categories = CategoriesField(help_text="The names of all that it covers.")
    period = serializers.ChoiceField(PERIODS)
    amount = MoneyField()


class UseOutput(serializers.Serializer[Any]):
    category = serializers.CharField(help_text="The most common spelling.")
    spellings = serializers.ListField(
        child=serializers.CharField(),
        help_text="All spellings, most common first, at most ten.",
    )
    expenses = serializers.IntegerField(help_text="Including void ones.")
    spent = MoneyField(help_text="Without void expenses.")
    last_used = serializers.DateField(
        allow_null=True, help_text="Date of the latest expense."
    )
    budgets = CategoryBudgetOutput(many=True)


class CategoryPage(serializers.Serializer[Any]):
    results = UseOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    complete = serializers.BooleanField(
        help_text="False if there are more. Narrow the dates or `q`."
    )


class _NewNameInput(InputSerializer):
    budgets = serializers.ChoiceField(
        tuple(MergeStrategy),
        required=False,
        help_text=(
            "If several budgets have the same period: `keep` the first"
            " (the new name's if it has one), or `add` the amounts"
            " together. If omitted, such a request fails with 409."
        ),
        error_messages=one_of(tuple(MergeStrategy)),
    )


class RenameInput(_NewNameInput):
    """A category's new name."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**rename_fields(CATEGORY), **super().get_fields()}


class MergeInput(_NewNameInput):
    """Categories to merge."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**merge_fields(CATEGORY), **super().get_fields()}
