"""Request fields and response of renames and merges, of categories and merchants."""

from typing import Any

from rest_framework import serializers

from expenses.fields import Field
from expenses.renaming.services import MAX_SOURCES
from smartbudget.web.fields import BoundedListField, TextField

# Functions instead of class attributes, since `from` is a keyword.


def rename_fields(renamed: Field) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """Return the fields of a request that renames one name."""
    return {
        "from": TextField(max_length=renamed.max_length, help_text="Case is ignored."),
        "to": TextField(max_length=renamed.max_length),
    }


def merge_fields(renamed: Field) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """Return the fields of a request that merges several names into one."""
    return {
        "from": BoundedListField(
            child=TextField(max_length=renamed.max_length),
            max_length=MAX_SOURCES,
            help_text="Case is ignored.",
        ),
        "into": TextField(max_length=renamed.max_length),
    }


class RenamedOutput(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Expenses changed by this request.")
    left = serializers.BooleanField(
        help_text="True: send the same request again to continue."
    )
    alerts = serializers.IntegerField(
        help_text="Number of alerts caused. Two or more are sent in one e-mail."
    )
