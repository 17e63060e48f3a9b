"""What every API view shares: what may be sent, and how errors look."""

import datetime
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from decimal import Decimal
from typing import Any, TypeVar

from django.conf import settings
from django.http import Http404, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    NotAcceptable,
    ParseError,
)
from rest_framework.fields import MultipleChoiceField, empty
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smartbudget.core import dates, text
from smartbudget.core.errors import DomainError, InvalidError, ThrottledError
from smartbudget.web import conditions, errors, idempotency, rates
from smartbudget.web.authentication import (
    CHALLENGE,
    SessionAuthentication,
    TokenAuthentication,
    scopes_for,
)
from smartbudget.web.cursors import PAGING
from smartbudget.web.problems import PROBLEM_JSON, Problem, document

T = TypeVar("T")


class TokenScheme(OpenApiAuthenticationExtension):
    """How the schema describes tokens, and which scopes each operation wants."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token, made on the account page. Each operation"
            " names the scope that it wants; of several, any one is enough.",
        }

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        enough = scopes_for(auto_schema.view, auto_schema.method)
        return [{self.name: [scope]} for scope in enough]


class SessionScheme(OpenApiAuthenticationExtension):
    """How the schema describes sessions."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The cookie that /login and /register set. Writes need"
            " the CSRF token that they answer with, too, in X-CSRFToken.",
        }


class ContentNegotiation(DefaultContentNegotiation):
    """A `format` that there is none of is not acceptable, as with Accept."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:
        try:
            return super().filter_renderers(renderers, format)
        except Http404 as error:
            raise NotAcceptable from error


class ApiView(APIView):
    """Base of every API view: what may be asked, and what answers have in common.

    `scope` says which tokens may use it, a key of `authentication.SCOPES`; where its
    methods differ, `{method: key}`.

    Every JSON answer to GET has an ETag, and is 304 for who has it already. Where
    `takes_if_match`, a view's writes check the item with `conditions.if_match`, and
    PATCH answers as GET then would. Where `creates_items`, POST answers as GET of the
    new item's Location would.
    """

    scope: str | Mapping[str, str] = "data"
    takes_if_match = False
    creates_items = False
    content_negotiation_class = ContentNegotiation
    # What a POST derives the ids of what it makes from: the same whenever the request
    # is sent again. None: it has no Idempotency-Key.
    idempotency_key: str | None = None

    def get_authenticators(self) -> list[Any]:
        return [] if self._asks_for_options() else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        return [] if self._asks_for_options() else super().get_permissions()

    def _asks_for_options(self) -> bool:
        """What an address takes is no secret, and costs no look at who asks."""
        return getattr(self.request, "method", None) == "OPTIONS"

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
        # What a view cannot do at all is a 405, whatever its conditions.
        if request.method in {*self.allowed_methods} - {*SAFE_METHODS}:
            conditions.refuse_conditions(request, if_match_is_taken=self.takes_if_match)
        is_keyed = request.method == "POST" and idempotency.NAME in request.headers
        if is_keyed and request.user and hasattr(self, "post"):
            self.post = functools.partial(idempotency.answer_once, self, self.post)

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method == "HEAD" and response.streaming:
            response.streaming_content = ()  # what nobody gets need not be made
        if not self._is_representation(request, response):
            return response
        response.render()
        tag = response.headers["ETag"] = conditions.tag_of(response.content)
        if request.method not in SAFE_METHODS:
            return response
        if conditions.is_refused(request, tag):
            error = errors.problem_of(conditions.changed())
            refusal = ProblemResponse(error, request.method)
            return super().finalize_response(request, refusal, *args, **kwargs)
        if conditions.is_known(request, tag):
            return conditions.not_modified(response)
        return response

    def _is_representation(self, request: Request, response: HttpResponseBase) -> bool:
        """Tell whether an answer is what a GET gives, in JSON."""
        return (
            self.tagged_status(request.method) == response.status_code
            and isinstance(response, Response)
            and isinstance(response.accepted_renderer, JSONRenderer)
        )

    def tagged_status(self, method: str | None) -> int | None:
        """Return the status with which a method's answers have an ETag."""
        if method in {"GET", "HEAD"} or (method == "PATCH" and self.takes_if_match):
            return 200
        return 201 if method == "POST" and self.creates_items else None


def address_of(request: Request, name: str, *keys: str) -> str:
    """Return the whole address of something of the API's."""
    return request.build_absolute_uri(reverse(f"api:{name}", args=keys))


class ProblemResponse(Response):
    """A problem document; on the API's pages a part of the page."""

    def __init__(self, problem: Problem, method: str | None) -> None:
        super().__init__(
            document(problem, method),
            status=problem.status,
            headers=problem.headers,
        )
        if problem.status == 401:
            self.headers.setdefault("WWW-Authenticate", CHALLENGE)

    @property
    def rendered_content(self) -> Any:
        if not isinstance(self.accepted_renderer, BrowsableAPIRenderer):
            self.accepted_renderer = JSONRenderer()
            self.content_type = PROBLEM_JSON
        return super().rendered_content


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer errors by the one table; None leaves a bug to Django and the log."""
    problem = errors.problem_of(error)
    if problem is None:
        return None
    return ProblemResponse(problem, context["request"].method)


class InputSerializer(serializers.Serializer[Any]):
    """Base of what is sent in: a field that it does not have is refused by name."""

    # Sent by the browsable API's forms beside the fields.
    IGNORED = frozenset({"csrfmiddlewaretoken"})

    def run_validation(self, data: Any = empty) -> Any:
        if self.parent is None and not isinstance(data, Mapping):
            raise ParseError(_("Send a JSON object."))
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError(_("Send a JSON object."))
        known = {name for name, field in self.fields.items() if not field.read_only}
        unknown = {
            str(name): [ErrorDetail(_("Unknown field."), "unknown")]
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


class QueryInput(InputSerializer):
    """Base of the parameters of a query, and all of one that takes none.

    One that is empty or given twice is refused: read as left out, or as its last value,
    it would answer another question than the one that was meant.
    """

    IGNORED = frozenset({"format"})

    def to_internal_value(self, data: QueryDict) -> Any:
        if wrong := {name: [said] for name, said in self._wrong(data)}:
            raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)

    def _wrong(self, data: QueryDict) -> Iterator[tuple[str, Any]]:
        for name, values in data.lists():
            field = self.fields.get(name)
            if "" in values:
                yield name, _("Give it a value, or leave it out.")
            elif len(values) > 1 and not isinstance(field, MultipleChoiceField):
                yield name, _("Give it once.")


class ListQuery(QueryInput):
    """Base of the query of a list that comes in pages, and all of one without filters.

    `cursors.position` reads where the page begins.
    """

    IGNORED = QueryInput.IGNORED | {*PAGING}


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


@extend_schema_field(
    {
        "type": ["string", "number"],
        "maxLength": 64,
        "pattern": r"^\s*\+?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,4})?\s*$",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 10**12,
        "description": "With at most its currency's decimals.",
        "examples": ["12.50"],
    }
)
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
