"""Request and response bodies of the category API; services validate."""

from typing import Any

from rest_framework import serializers

from budgets.merge import MergeStrategy
from expenses.categories.services import MAX_SOURCES
from expenses.fields import CATEGORY
from smartbudget.core.dates import PERIODS
from smartbudget.web.base_serializers import InputSerializer, QueryInput
from smartbudget.web.fields import (
    BoundedListField,
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
        help_text="A part of the name, in any case and accents.",
    )
    start = DayField(
        required=False, help_text="The first day whose expenses are looked at."
    )
    end = DayField(required=False, help_text="The last one.")


class CategoryBudgetOutput(serializers.Serializer[Any]):
    budget_id = IdField()
    period = serializers.ChoiceField(PERIODS)
    amount = MoneyField()


class UseOutput(serializers.Serializer[Any]):
    category = serializers.CharField(help_text="As it is written most often.")
    spellings = serializers.ListField(
        child=serializers.CharField(),
        help_text="All ways in which it is written, most often first; ten at most.",
    )
    expenses = serializers.IntegerField(help_text="Void ones are among them.")
    spent = MoneyField(help_text="Of those that count.")
    last_used = serializers.DateField(
        allow_null=True, help_text="The latest day of an expense."
    )
    budgets = CategoryBudgetOutput(many=True)


class CategoryPage(serializers.Serializer[Any]):
    results = UseOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    complete = serializers.BooleanField(
        help_text="False: there are more than were read or fit; narrow the days, or q."
    )


class _NewNameInput(InputSerializer):
    budgets = serializers.ChoiceField(
        tuple(MergeStrategy),
        required=False,
        help_text="Where several budgets of one period become one: keep the first, "
        "that of the new name if it has one, or add their amounts up. Left out, such "
        "budgets are refused (409).",
        error_messages=one_of(tuple(MergeStrategy)),
    )


class RenameInput(_NewNameInput):
    """A category's new name."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Not class attributes, since `from` is a keyword.
        return {
            "from": TextField(max_length=CATEGORY.max_length, help_text="In any case."),
            "to": TextField(max_length=CATEGORY.max_length),
            **super().get_fields(),
        }


class MergeInput(_NewNameInput):
    """Categories that become one."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            "from": BoundedListField(
                child=TextField(max_length=CATEGORY.max_length),
                max_length=MAX_SOURCES,
                help_text="In any case.",
            ),
            "into": TextField(max_length=CATEGORY.max_length),
            **super().get_fields(),
        }


class RenamedOutput(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Expenses, by this request.")
    left = serializers.BooleanField(help_text="True: send the same again to go on.")
    alerts = serializers.IntegerField(
        help_text="How many alerts rose; two or more come as one e-mail."
    )
