"""Serializer fields, stricter than DRF's."""

import datetime
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from smartbudget.core import dates, text
from smartbudget.core.errors import InvalidError
from smartbudget.core.money import format_amount
from smartbudget.web.base_serializers import MAX_FAULTS, QueryInput
from smartbudget.web.converters import DigestConverter, ItemIdConverter

T = TypeVar("T")

_CONTROL = r"\x00-\x1f\x7f-\x9f"
_CONTROL_BUT_LINES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_VISIBLE = rf"[^\s{_CONTROL}]"

# Regular expressions for the schema, of a text without the spaces around it.
TEXT = rf"{_VISIBLE}([^{_CONTROL}]*{_VISIBLE})?"
LINES = rf"{_VISIBLE}([^{_CONTROL_BUT_LINES}]*{_VISIBLE})?"


class TextField(serializers.CharField):
    """A text: strings only, trimmed, without control characters.

    lines: allow line breaks and tabs. regex: a regular expression of valid texts, only
    for the schema; services check it themselves.
    """

    default_error_messages = {"invalid": _("Enter some text.")}

    def __init__(
        self, *, lines: bool = False, regex: str | None = None, **options: Any
    ) -> None:
        self.lines = lines
        self.regex = regex
        super().__init__(**options)

    @property
    def pattern(self) -> str:
        """The regular expression of valid input, for the schema."""
        content = self.regex or (LINES if self.lines else TEXT)
        return rf"^\s*({content}){'?' if self.allow_blank else ''}\s*$"

    def run_validation(self, data: Any = empty) -> Any:
        # Before trimming, so that a megabyte of spaces is rejected at once.
        if isinstance(data, str) and len(data) > (self.max_length or len(data)):
            self.fail("max_length", max_length=self.max_length)
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        max_length = len(data) if isinstance(data, str) else 0
        return _validated(
            text.validate_text, data, "", max_length=max_length, lines=self.lines
        )


class IdField(serializers.RegexField):
    """The id of an item; services check whether the item exists."""

    default_error_messages = {"invalid": _("Enter an id of 32 hexadecimal digits.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(rf"^{ItemIdConverter.regex}\Z", **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class DigestField(serializers.RegexField):
    """The id of a session or token, which is not its secret."""

    def __init__(self, **options: Any) -> None:
        super().__init__(rf"^{DigestConverter.regex}\Z", **options)


class PasswordField(serializers.CharField):
    """A password: a string, not trimmed. A new one has no control characters."""

    default_error_messages = {"invalid": _("Enter some text.")}
    NEW = rf"^[^{_CONTROL}]*$"

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, write_only=True, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


MAX_NUMBER_LENGTH = 64  # characters


@extend_schema_field(
    {
        "type": "string",
        "maxLength": MAX_NUMBER_LENGTH,
        "pattern": (r"^\s*\+?0*([1-9][0-9]{0,11}(\.[0-9]*)?|\.0*[1-9][0-9]*)\s*$"),
        "description": "Can have as many decimals as the currency.",
        "examples": ["12.50"],
    }
)
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    """A decimal number as a string; services check its value.

    JSON numbers are accepted too. The schema only has strings, which every language
    reads exactly and generated clients handle well.
    """

    default_error_messages = {"invalid": _("Enter an amount as a number.")}
    TYPED = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
    NUMBER = re.compile(rf"{TYPED.pattern}([eE][+-]?[0-9]{{1,4}})?")  # JSON's

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, str | int | Decimal):
            self.fail("invalid")
        text = str(data)
        number = self.TYPED if isinstance(data, str) else self.NUMBER
        if len(text) > MAX_NUMBER_LENGTH or not number.fullmatch(text.strip()):
            self.fail("invalid")
        return Decimal(text)

    def to_representation(self, value: Decimal) -> str:
        return str(value)


@extend_schema_field(
    {
        "type": "string",
        "maxLength": MAX_NUMBER_LENGTH,
        "pattern": r"^\s*\+?0*([0-9]{1,12}(\.[0-9]*)?|\.[0-9]+)\s*$",
        "description": "Can have as many decimals as the currency.",
        "examples": ["12.50"],
    }
)
class BoundField(AmountField):
    """The minimum or maximum of a filter: an amount or zero."""


@extend_schema_field(OpenApiTypes.DATE)
class DayField(serializers.Field[datetime.date, Any, str, Any]):
    """A day of the calendar, YYYY-MM-DD."""

    def to_internal_value(self, data: Any) -> datetime.date:
        return _validated(dates.parse_day, data)

    def to_representation(self, value: datetime.date | str) -> str:
        return str(value)


class InstantField(serializers.DateTimeField):
    """An instant in RFC 3339, with its offset from UTC."""

    default_error_messages = {
        "invalid": _("Enter a date and time, such as 2026-11-20T18:30:00Z.")
    }
    INSTANT = re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
        r"(Z|[+-][0-9]{2}:[0-9]{2})",
        re.IGNORECASE,
    )

    def to_internal_value(self, data: Any) -> datetime.datetime:
        if not isinstance(data, str) or not self.INSTANT.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data.upper())


class WholeField(serializers.IntegerField):
    """A whole number; no strings or booleans."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool | str):
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """True or false; as a string only in a query."""

    default_error_messages = {"invalid": _("Enter true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        is_in_query = isinstance(self.root, QueryInput)
        texts = ("true", "false") if is_in_query else ()
        if not isinstance(data, bool) and data not in texts:
            self.fail("invalid")
        return data in (True, "true")


def number_errors(sentence: Any) -> dict[str, Any]:
    """Return the error messages of a number field, all with the same sentence."""
    return dict.fromkeys(
        ["invalid", "min_value", "max_value", "max_string_length"], sentence
    )


def one_of(choices: Iterable[str]) -> dict[str, Any]:
    """Return the error messages of a ChoiceField, which list the choices."""
    message = _("Choose one of {choices}.")
    return {"invalid_choice": format_lazy(message, choices=", ".join(choices))}


def _validated(check: Callable[..., T], *args: Any, **options: Any) -> T:
    """Call a function of the services, converting InvalidError to ValidationError."""
    try:
        return check(*args, **options)
    except InvalidError as error:
        raise serializers.ValidationError(str(error)) from error


class BoundedListField(serializers.ListField):
    """A list; one that is too long is rejected before validation.

    It may not be empty, unless `min_length` is 0.

    Reports errors of the first MAX_FAULTS invalid entries: 20,000 would take seconds.
    """

    def __init__(self, *, min_length: int = 1, **options: Any) -> None:
        bounds = {"min_length": min_length} if min_length else {}
        super().__init__(allow_empty=not min_length, **bounds, **options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, list) and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        """Validate all entries. Raises ValidationError with {number: errors}."""
        values, errors = [], {}
        for number, entry in enumerate(data):
            try:
                values.append(self.child.run_validation(entry))
            except serializers.ValidationError as error:
                errors[number] = error.detail
                if len(errors) == MAX_FAULTS:
                    break
        if errors:
            raise serializers.ValidationError(errors)
        return values


@extend_schema_field(
    {
        "type": "string",
        "format": "decimal",
        "pattern": r"^-?\d+(\.\d+)?$",
        "examples": ["12.50"],
    }
)
class MoneyField(serializers.Field[Decimal, Any, str, Any]):
    """An amount as a string, with the decimals of the context's `currency`."""

    def __init__(self, **options: Any) -> None:
        # drf-spectacular takes a read-only field as always present.
        super().__init__(read_only=options.get("required", True), **options)

    def to_representation(self, value: Decimal) -> str:
        return format_amount(value, self.context["currency"])
