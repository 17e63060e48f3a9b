"""What every API view shares: what may be sent, and how errors look."""

import datetime
import functools
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from decimal import Decimal
from typing import Any, TypeVar

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.views import exception_handler as drf_handler

from smartbudget.core import dates, text
from smartbudget.core.errors import DomainError, InvalidError, ThrottledError
from smartbudget.web import errors, idempotency, rates
from smartbudget.web.authentication import SessionAuthentication

T = TypeVar("T")


class SessionScheme(OpenApiAuthenticationExtension):
    """How the schema describes it."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class ApiView(APIView):
    """Base of every API view."""

    # What a POST derives the ids of what it makes from: the same whenever the request
    # is sent again. None: it has no Idempotency-Key.
    idempotency_key: str | None = None

    def perform_authentication(self, request: Request) -> None:
        """Count the request before anything refuses it."""
        try:
            super().perform_authentication(request)
        except (APIException, DomainError):
            self._count(rates.anybody_at(request))
            raise
        self._count(rates.caller_of(request))

    def _count(self, caller: str) -> None:
        if rates.limiter is None:
            return
        standing = rates.limiter.count(caller)
        self.headers.update(rates.headers(standing))
        if standing.is_over:
            message = _("Too many requests. Please wait.")
            raise ThrottledError(message, standing.reset)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        is_keyed = request.method == "POST" and idempotency.NAME in request.headers
        if is_keyed and request.user and hasattr(self, "post"):
            self.post = functools.partial(idempotency.answer_once, self, self.post)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer errors by the one table; None leaves a bug to Django and the log."""
    problem = errors.problem_of(error)
    if problem is None:
        return drf_handler(error, context)
    return Response(problem.body, status=problem.status, headers=problem.headers)


class InputSerializer(serializers.Serializer[Any]):
    """Base of what is sent in: a field that it does not have is refused by name."""

    # Sent by the browsable API's forms beside the fields.
    IGNORED = frozenset({"csrfmiddlewaretoken"})

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            if self.parent is None:
                raise ParseError(_("Send a JSON object."))
            raise serializers.ValidationError(_("Send a JSON object."))
        known = {name for name, field in self.fields.items() if not field.read_only}
        unknown = {
            str(name): [_("Unknown field.")]
            for name in data
            if name not in known and name not in self.IGNORED
        }
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not unknown or not isinstance(error.detail, MutableMapping):
                raise
            raise serializers.ValidationError({**error.detail, **unknown}) from error
        if unknown:
            raise serializers.ValidationError(unknown)
        return value


class TextField(serializers.CharField):
    """A text: strings only, trimmed, without control characters."""

    default_error_messages = {"invalid": _("Enter a text.")}

    def __init__(self, *, lines: bool = False, **options: Any) -> None:
        self.lines = lines
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        longest = len(data) if isinstance(data, str) else 0
        return _shaped(text.clean, data, "", longest=longest, lines=self.lines)


class PasswordField(serializers.CharField):
    """A password: a string, taken as it is."""

    default_error_messages = {"invalid": _("Enter a text.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, write_only=True, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


@extend_schema_field(OpenApiTypes.DECIMAL)
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    """A decimal number, as a JSON number or string; services check its rules."""

    default_error_messages = {"invalid": _("Enter an amount as a number.")}
    NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
    LONGEST = 64  # characters

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, str | int | Decimal):
            self.fail("invalid")
        written = str(data).strip()
        if len(written) > self.LONGEST or not self.NUMBER.fullmatch(written):
            self.fail("invalid")
        return Decimal(written)

    def to_representation(self, value: Decimal) -> str:
        return str(value)


@extend_schema_field(OpenApiTypes.DATE)
class DayField(serializers.Field[datetime.date, Any, str, Any]):
    """A real day, YYYY-MM-DD."""

    def to_internal_value(self, data: Any) -> datetime.date:
        return _shaped(dates.parse_day, data)

    def to_representation(self, value: datetime.date | str) -> str:
        return str(value)


class FlagField(serializers.BooleanField):
    """True or false and nothing that merely looks like it, in JSON."""

    default_error_messages = {"invalid": _("Enter true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool) and data not in ("true", "false"):
            self.fail("invalid")
        return data in (True, "true")


def one_of(choices: Iterable[str]) -> dict[str, Any]:
    """Name the choices of a ChoiceField where something else was sent."""
    said = _("Choose one of {choices}.")
    return {"invalid_choice": format_lazy(said, choices=", ".join(choices))}


def _shaped(check: Callable[..., T], *args: Any, **options: Any) -> T:
    try:
        return check(*args, **options)
    except InvalidError as error:
        raise serializers.ValidationError(str(error)) from error
