"""Serializer fields of the API, beyond DRF's own."""

import datetime
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from smartbudget.core import dates, text
from smartbudget.core.errors import InvalidError
from smartbudget.core.money import format_amount
from smartbudget.web.base_serializers import MOST_FAULTS
from smartbudget.web.converters import DigestConverter, ItemIdConverter

T = TypeVar("T")

_CONTROL = r"\x00-\x1f\x7f-\x9f"
_CONTROL_BUT_LINES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_VISIBLE = rf"[^\s{_CONTROL}]"

# Regular expressions for the API's description; spaces around a text are cut off.
TEXT = rf"{_VISIBLE}([^{_CONTROL}]*{_VISIBLE})?"
LINES = rf"{_VISIBLE}([^{_CONTROL_BUT_LINES}]*{_VISIBLE})?"


class TextField(serializers.CharField):
    """A text: strings only, trimmed, without control characters.

    lines: whether line breaks and tabs may stand in it. form: a regular expression of
    what services take, for the API's description; they check it themselves.
    """

    default_error_messages = {"invalid": _("Enter a text.")}

    def __init__(
        self, *, lines: bool = False, form: str | None = None, **options: Any
    ) -> None:
        self.lines = lines
        self.form = form
        super().__init__(**options)

    @property
    def pattern(self) -> str:
        """A regular expression of what may be sent, for the API's description."""
        content = self.form or (LINES if self.lines else TEXT)
        return rf"^\s*({content}){'?' if self.allow_blank else ''}\s*$"

    def run_validation(self, data: Any = empty) -> Any:
        # Spaces around it count, so that a megabyte of them is never stripped.
        if isinstance(data, str) and len(data) > (self.max_length or len(data)):
            self.fail("max_length", max_length=self.max_length)
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        longest = len(data) if isinstance(data, str) else 0
        return _shaped(text.validate_text, data, "", longest=longest, lines=self.lines)


class IdField(serializers.RegexField):
    """The id of something of ours; whether there is such a thing, services say."""

    default_error_messages = {"invalid": _("Enter an id: 32 digits and letters a-f.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(rf"^{ItemIdConverter.regex}\Z", **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class DigestField(serializers.RegexField):
    """The name of a session or token: it opens nothing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(rf"^{DigestConverter.regex}\Z", **options)


class PasswordField(serializers.CharField):
    """A password: a string, taken as it is. A new one has no control characters."""

    default_error_messages = {"invalid": _("Enter a text.")}
    NEW = rf"^[^{_CONTROL}]*$"

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, write_only=True, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


LONGEST_NUMBER = 64  # characters


@extend_schema_field(
    {
        "type": "string",
        "maxLength": LONGEST_NUMBER,
        "pattern": (r"^\s*\+?0*([1-9][0-9]{0,11}(\.[0-9]*)?|\.0*[1-9][0-9]*)\s*$"),
        "description": "With at most its currency's decimals.",
        "examples": ["12.50"],
    }
)
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    """A decimal number as a string; services check its rules.

    The schema names strings alone, which every language reads exactly and generated
    clients type well. JSON numbers are accepted too.
    """

    default_error_messages = {"invalid": _("Enter an amount as a number.")}
    TYPED = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
    NUMBER = re.compile(rf"{TYPED.pattern}([eE][+-]?[0-9]{{1,4}})?")  # JSON's

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, str | int | Decimal):
            self.fail("invalid")
        written = str(data)
        number = self.TYPED if isinstance(data, str) else self.NUMBER
        if len(written) > LONGEST_NUMBER or not number.fullmatch(written.strip()):
            self.fail("invalid")
        return Decimal(written)

    def to_representation(self, value: Decimal) -> str:
        return str(value)


@extend_schema_field(
    {
        "type": "string",
        "maxLength": LONGEST_NUMBER,
        "pattern": r"^\s*\+?0*([0-9]{1,12}(\.[0-9]*)?|\.[0-9]+)\s*$",
        "description": "With at most its currency's decimals.",
        "examples": ["12.50"],
    }
)
class BoundField(AmountField):
    """What amounts are compared with: an amount, or zero."""


@extend_schema_field(OpenApiTypes.DATE)
class DayField(serializers.Field[datetime.date, Any, str, Any]):
    """A real day, YYYY-MM-DD."""

    def to_internal_value(self, data: Any) -> datetime.date:
        return _shaped(dates.parse_day, data)

    def to_representation(self, value: datetime.date | str) -> str:
        return str(value)


class InstantField(serializers.DateTimeField):
    """An instant as RFC 3339 writes it, with its offset from UTC."""

    default_error_messages = {
        "invalid": _("Enter an instant, as in 2026-11-20T18:30:00Z.")
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
    """A whole number and nothing that merely looks like it."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool | str):
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """True or false; text that looks like it in a query only."""

    default_error_messages = {"invalid": _("Enter true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        is_of_query = isinstance(self.root.initial_data, QueryDict)
        texts = ("true", "false") if is_of_query else ()
        if not isinstance(data, bool) and data not in texts:
            self.fail("invalid")
        return data in (True, "true")


def number_said(sentence: Any) -> dict[str, Any]:
    """Return error messages with the same sentence for every error of a number."""
    return dict.fromkeys(
        ["invalid", "min_value", "max_value", "max_string_length"], sentence
    )


def one_of(choices: Iterable[str]) -> dict[str, Any]:
    """Name the choices of a ChoiceField where something else was sent."""
    said = _("Choose one of {choices}.")
    return {"invalid_choice": format_lazy(said, choices=", ".join(choices))}


def _shaped(check: Callable[..., T], *args: Any, **options: Any) -> T:
    try:
        return check(*args, **options)
    except InvalidError as error:
        raise serializers.ValidationError(str(error)) from error


class BoundedListField(serializers.ListField):
    """One or more of something; too many are refused before any is looked at.

    Of the wrong ones the first MOST_FAULTS are named: to name 20,000 took seconds.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_empty=False, min_length=1, **options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, list) and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        """Validate each; raises ValidationError with the faults of each wrong one."""
        found, faults = [], {}
        for number, entry in enumerate(data):
            try:
                found.append(self.child.run_validation(entry))
            except serializers.ValidationError as error:
                faults[number] = error.detail
                if len(faults) == MOST_FAULTS:
                    break
        if faults:
            raise serializers.ValidationError(faults)
        return found


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
