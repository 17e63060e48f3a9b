"""The base class of API views: scopes, rate limits, conditional requests, errors."""

import functools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import (
    APIException,
    NotAcceptable,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from smartbudget.core import log
from smartbudget.core.errors import DomainError
from smartbudget.core.throttling import Limit
from smartbudget.web import errors, etags, idempotency, rate_limit
from smartbudget.web.base_serializers import (
    InputSerializer,
    QueryInput,
    represent,
    represent_all,
    validate,
)
from smartbudget.web.client_ip import client_address
from smartbudget.web.fields import FlagField
from smartbudget.web.problems import CHALLENGE, PROBLEM_JSON, Problem, document

_PROBLEM = re.compile(f"^{re.escape(PROBLEM_JSON)}(?=$|[; ])", re.IGNORECASE)


# {a view's `scope`: (token scopes to read, token scopes to change)}. A token needs one
# of them. If there are none, only sessions are accepted.
SCOPES: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "data": (["read"], ["write"]),
    "reports": (["read", "reports"], ["reports"]),
    # Before `export` was a scope, `account` covered every download.
    "export": (["export", "account"], []),
    "table": (["read", "export", "account"], []),
    "account": (["account"], ["account"]),
    "any": (["read", "write", "reports", "export", "account"], []),
    "session": ([], []),
}


class ContentNegotiation(DefaultContentNegotiation):
    """DRF's content negotiation, with problem documents as JSON.

    Generated clients accept what the schema documents: only problem documents, if an
    operation's success has no body. An unknown `format` is answered with 406.
    """

    def get_accept_list(self, request: Request) -> list[str]:
        accepted = super().get_accept_list(request)
        json = JSONRenderer.media_type
        return [_PROBLEM.sub(json, media_type) for media_type in accepted]

    def filter_renderers(self, renderers: Any, format: str) -> Any:
        try:
            return super().filter_renderers(renderers, format)
        except Http404 as error:
            raise NotAcceptable from error


class QueryError(ValidationError):
    """Invalid query parameters of a write, whose other errors are of its body."""


class ApiView(APIView):
    """Base class of every API view.

    `scope` is a key of `SCOPES`, or `{method: key}` if methods differ.

    `methods_without_body` are those whose success has no body (204, 302), so any
    `Accept` is accepted.

    `query` is the serializer of GET's parameters, by default without any;
    `query_params` has their values.

    Every JSON response to GET has an ETag, and is 304 if it matches If-None-Match. With
    `takes_if_match`, a view's writes check the item with `etags.if_match`, and PATCH
    returns what GET would. With `creates_items`, POST returns what GET of the new
    item's Location would.
    """

    scope: str | Mapping[str, str] = "data"
    query: type[QueryInput] = QueryInput
    takes_if_match = False
    creates_items = False
    # Whether responses contain secrets, so they are not stored for Idempotency-Keys.
    holds_secret = False
    own_limit: Limit | None = None  # in addition to the limit of the whole API
    # Methods that return a stored item. A token without read scope gets no body.
    shows_item: frozenset[str] = frozenset({"PATCH"})
    hidden_statuses: frozenset[int] = frozenset({200, 201})  # of those responses
    methods_without_body: Collection[str] = ()
    content_negotiation_class = ContentNegotiation
    # The seed for ids of items that a POST creates, the same in every attempt; None if
    # the request has no Idempotency-Key.
    idempotency_key: str | None = None
    post: Any  # only in views that have one

    def get_authenticators(self) -> list[Any]:
        return [] if self._is_options() else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        return [] if self._is_options() else super().get_permissions()

    def _is_options(self) -> bool:
        """Check for OPTIONS, which needs no authentication."""
        return getattr(self.request, "method", None) == "OPTIONS"

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        method = "GET" if request.method == "HEAD" else request.method
        force = force or method in self.methods_without_body
        return super().perform_content_negotiation(request, force)

    def perform_authentication(self, request: Request) -> None:
        """Authenticate, and count the request before it may be refused."""
        try:
            super().perform_authentication(request)
        except (APIException, DomainError):
            log.bind_more(source=client_address(request._request))
            self._count(rate_limit.address_key(request))
            raise
        self._count(rate_limit.caller_key(request))

    def _count(self, caller: str) -> None:
        if rate_limit.limiter is None:
            return
        usage = rate_limit.limiter.count(caller)
        self.headers.update(rate_limit.headers(usage, self.own_limit))
        rate_limit.require_within(usage, self.request._request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in {"GET", "HEAD"} & {*self.allowed_methods}:
            self.query_params = validate(self.query, request.query_params)
        # A method that the view does not have is a 405, whatever its conditions.
        if request.method in {*self.allowed_methods} - {*SAFE_METHODS}:
            if request.headers.get("Content-Encoding", "identity") != "identity":
                message = _("Send the body without a Content-Encoding.")
                raise UnsupportedMediaType("", message)
            etags.refuse_conditions(request, takes_if_match=self.takes_if_match)
        is_keyed = request.method == "POST" and idempotency.NAME in request.headers
        if is_keyed and request.user.is_authenticated and hasattr(self, "post"):
            self.post = functools.partial(idempotency.respond_once, self, self.post)

    def parse(
        self, serializer: type[InputSerializer], *, partial: bool = False
    ) -> dict[str, Any]:
        """Return the validated values of the body. Raises DRF's ValidationError.

        partial: allow required fields to be missing, as in PATCH.
        """
        return validate(serializer, self.request.data, partial=partial)

    def parse_query(self, serializer: type[QueryInput]) -> dict[str, Any]:
        """Return the validated query parameters of a write. Raises QueryError."""
        try:
            return validate(serializer, self.request.query_params)
        except ValidationError as error:
            raise QueryError(error.detail) from error

    def represent(
        self,
        serializer: type[Serializer[Any]],
        item: object,
        context: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the response that represents an item.

        context: values that the serializer's fields need, such as the currency.
        """
        return Response(represent(serializer, item, context))

    def represent_all(
        self, serializer: type[Serializer[Any]], items: Iterable[object]
    ) -> Response:
        """Return the response that represents a list of items."""
        return Response(represent_all(serializer, items))

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        if self._hides_item(request, response):
            response = _without_item(response)
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method == "HEAD" and response.streaming:
            response.streaming_content = ()  # HEAD sends no body
        if not self._is_representation(request, response):
            return response
        response.render()
        tag = response.headers["ETag"] = etags.tag_of(response.content)
        # Only the client may cache it, and must revalidate it each time.
        response.headers["Cache-Control"] = "private, no-cache"
        if request.method not in SAFE_METHODS:
            return response
        conditional = get_conditional_response(request, etag=tag, response=response)
        if conditional.status_code == HTTPStatus.PRECONDITION_FAILED:
            error = errors.problem_of(etags.changed())
            refusal = ProblemResponse(error, request.method)
            return super().finalize_response(request, refusal, *args, **kwargs)
        return conditional

    def scopes_for(self, method: str) -> Sequence[str]:
        """Return the scopes of a method; a token needs one of them."""
        method = "GET" if method == "HEAD" else method
        scope = self.scope if isinstance(self.scope, str) else self.scope[method]
        reading, changing = SCOPES[scope]
        return reading if method in SAFE_METHODS else changing

    def _hides_item(self, request: Request, response: HttpResponseBase) -> bool:
        """Check whether a response has an item that the token may not read."""
        return (
            response.status_code in self.hidden_statuses
            and self.hides_items(request.method)
            and request.auth is not None
            and not request.auth.scopes.intersection(self.scopes_for("GET"))
        )

    def hides_items(self, method: str | None) -> bool:
        """Check whether some tokens may use a method but not read its response."""
        if method not in self.shows_item or "GET" not in self.allowed_methods:
            return False
        reading, changing = self.scopes_for("GET"), self.scopes_for(method)
        return not set(changing) <= set(reading)

    def _is_representation(self, request: Request, response: HttpResponseBase) -> bool:
        """Check whether a response has the JSON that GET returns."""
        return (
            self.tagged_status(request.method) == response.status_code
            and isinstance(response, Response)
            and not isinstance(response, Preview)
            and isinstance(response.accepted_renderer, JSONRenderer)
        )

    def tagged_status(self, method: str | None) -> int | None:
        """Return the status of a method's responses that have an ETag, or None."""
        if method in {"GET", "HEAD"} or (method == "PATCH" and self.takes_if_match):
            return 200
        return 201 if method == "POST" and self.creates_items else None


def _without_item(response: HttpResponseBase) -> Response:
    """Return the response without the item, for a token that may not read."""
    if response.status_code == 201:
        return Response(status=201, headers={"Location": response.headers["Location"]})
    return Response(status=204)


def url_of(request: Request, name: str, *keys: str) -> str:
    """Return the absolute URL of an API view."""
    return request.build_absolute_uri(reverse(f"api:{name}", args=keys))


class DryRun(QueryInput):
    """Query parameters of a change that can be previewed."""

    dry_run = FlagField(
        default=False, help_text="Preview the change without storing it."
    )


class Preview(Response):
    """What a change would lead to. It has no ETag, since nothing has that version."""


class ProblemResponse(Response):
    """A problem document, as JSON or within a page of the browsable API."""

    accepted_renderer: Any

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
    """Return the response for an error, or None for a bug, which Django logs."""
    problem = errors.problem_of(error)
    if problem is None:
        return None
    method = "GET" if isinstance(error, QueryError) else context["request"].method
    return ProblemResponse(problem, method)
