"""Convert errors to responses, by class, for both the API and pages.

The API returns problem documents (RFC 9457).
"""

import dataclasses
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, overload

from botocore.exceptions import BotoCoreError, ClientError
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    RawPostDataException,
    UnreadablePostError,
)
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pynamodb.exceptions import PynamoDBException
from rest_framework.exceptions import APIException

from smartbudget.core.dynamodb import is_outage
from smartbudget.core.errors import (
    AuthenticationError,
    ConflictError,
    DomainError,
    ForbiddenError,
    GoneError,
    InFlightError,
    InvalidError,
    InvalidRowsError,
    NotFoundError,
    PreconditionError,
    ReusedKeyError,
    ThrottledError,
    UnavailableError,
)
from smartbudget.core.i18n import gettext_noop
from smartbudget.web.body import JSON, sends_json
from smartbudget.web.problems import PROBLEM_JSON, Fault, Problem, document

logger = logging.getLogger(__name__)

# The errors that `problem_of` may have a problem for; any other is a bug.
KNOWN = (
    DomainError,
    APIException,
    PynamoDBException,
    BotoCoreError,
    ClientError,
    RequestDataTooBig,
    UnreadablePostError,
    RawPostDataException,
    Http404,
    PermissionDenied,
)

STATUS: dict[type[DomainError], int] = {
    InvalidError: 400,
    AuthenticationError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    GoneError: 410,
    PreconditionError: 412,
    ReusedKeyError: 422,
    ThrottledError: 429,
    UnavailableError: 503,
}

RETRY_AFTER = 5  # seconds to wait during an outage
# Seconds. Many clients sleep for Retry-After, and would hang for an hour. Longer waits
# are only in the body.
MAX_RETRY_AFTER = 60

SENTENCES = {
    400: gettext_noop("The request couldn't be understood."),
    403: gettext_noop("You aren't allowed to do this."),
    404: gettext_noop("This page doesn't exist."),
    413: gettext_noop("The request is too large."),
    415: gettext_noop("Send text as UTF-8."),
    500: gettext_noop("Something went wrong on our side."),
    503: gettext_noop(
        "The service can't be reached right now. Please try again shortly."
    ),
}
CODES = {
    400: "bad_request",
    403: "permission_denied",
    404: "not_found",
    413: "too_large",
    415: "unsupported_media_type",
    500: "server_error",
    503: "unavailable",
}


def problem_of_status(status: int) -> Problem:
    """Return the generic problem of a status."""
    wait = RETRY_AFTER if status == 503 else None
    return _waiting(Problem(status, _(SENTENCES[status]), CODES[status]), wait)


def _waiting(problem: Problem, wait: int | None) -> Problem:
    """Return a problem with the seconds to wait, or unchanged if `wait` is None."""
    if wait is None:
        return problem
    headers = {**problem.headers}
    if wait <= MAX_RETRY_AFTER:
        headers["Retry-After"] = str(wait)
    return dataclasses.replace(problem, wait=wait, headers=headers)


@overload
def problem_of(error: DomainError) -> Problem: ...


@overload
def problem_of(error: BaseException) -> Problem | None: ...


def problem_of(error: BaseException) -> Problem | None:
    """Return the problem for one of KNOWN, or None for a bug."""
    if isinstance(error, DomainError):
        return _domain_problem(error)
    if isinstance(error, APIException):
        return _drf_problem(error)
    if is_outage(error):
        return problem_of_status(503)
    if isinstance(error, RequestDataTooBig):
        return problem_of_status(413)
    # Django raises the second if the CSRF check swallowed the first.
    if isinstance(error, UnreadablePostError | RawPostDataException):
        return Problem(400, _("The request was incomplete."), "incomplete")
    if isinstance(error, Http404):
        return problem_of_status(404)
    if isinstance(error, PermissionDenied):
        return problem_of_status(403)
    return None


def _domain_problem(error: DomainError) -> Problem:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    wait = None
    if isinstance(error, ThrottledError | InFlightError):
        wait = error.retry_after
    if isinstance(error, UnavailableError):
        wait = RETRY_AFTER
    field = getattr(error, "field", None)
    faults: tuple[Fault, ...] = ()
    if field:
        faults = (Fault(str(error), (field,), error.code),)
    if isinstance(error, InvalidRowsError):
        faults = tuple(_faults({field: error.rows}))
    return _waiting(Problem(status, str(error), error.code, faults), wait)


def _drf_problem(error: APIException) -> Problem:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(error.wait))
    if not isinstance(error.detail, list | dict):
        code = error.detail.code
        return Problem(error.status_code, str(error.detail), code, headers=headers)
    faults = tuple(_faults(error.detail))
    sentence = faults[0].sentence
    if len(faults) > 1:
        message = _("The request has {count} errors.")
        sentence = message.format(count=len(faults))
    return Problem(error.status_code, sentence, error.default_code, faults, headers)


def _faults(detail: Any, path: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Flatten the detail of DRF's errors, which is nested by field and row."""
    if isinstance(detail, Mapping):
        # NON_FIELD_ERRORS_KEY is None.
        for name, inner in detail.items():
            yield from _faults(inner, path if name is None else (*path, name))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            is_sentence = isinstance(inner, str)
            yield from _faults(inner, path if is_sentence else (*path, number))
    else:
        yield Fault(str(detail), path, getattr(detail, "code", "invalid"))


def response_of(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return the response for a problem: JSON if preferred, else a page."""
    if wants_json(request):
        return JsonResponse(
            document(problem, request.method),
            status=problem.status,
            headers=problem.headers,
            content_type=PROBLEM_JSON,
        )
    return HttpResponse(
        _page(request, problem), status=problem.status, headers=problem.headers
    )


def response_or_raise(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the response for an error, or re-raise it if it is a bug."""
    problem = problem_of(error)
    if problem is None:
        raise error
    return response_of(request, problem)


def _page(request: HttpRequest, problem: Problem) -> str:
    _read_user(request, problem)
    context = {
        "status": problem.status,
        "sentence": problem.sentence,
        "wait": problem.wait and format_wait(problem.wait),
    }
    names = [f"errors/{problem.status}.html", "errors/error.html"]
    return render_to_string(names, context, request)


def format_wait(seconds: int) -> str:
    """Format a time to wait: `40 seconds`, or `3 minutes` from two minutes on."""
    if seconds < 120:
        message = ngettext("{count} second", "{count} seconds", seconds)
        return message.format(count=seconds)
    return _("{count} minutes").format(count=math.ceil(seconds / 60))


def _read_user(request: HttpRequest, problem: Problem) -> None:
    """Read the user for the error page's menu, unless it is known.

    After a 429 or 5xx, makes no AWS call: the page has a menu if the user was read
    before.
    """
    if problem.status == 429 or problem.status >= 500:
        return
    try:
        request.user.is_authenticated  # noqa: B018 - reads the session
    except KNOWN:
        logger.exception("an error page has no menu")


class ErrorMiddleware:
    """Convert errors of page views to pages; the API has its own handler."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponse | None:
        problem = problem_of(error)
        return response_of(request, problem) if problem else None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to a request that Django refused: a wrong host, a malformed form."""
    return response_of(request, problem_of(exception) or problem_of_status(400))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to PermissionDenied."""
    return response_of(request, problem_of_status(403))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to an unknown URL."""
    return response_of(request, problem_of_status(404))


def too_large(request: HttpRequest) -> HttpResponse:
    """Respond to a body over the limit."""
    return response_of(request, problem_of_status(413))


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond to a bug, which Django logs with its traceback."""
    return response_of(request, problem_of_status(500))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Respond to a form without a valid token: outdated, or sent by another site."""
    sentence = _("This form is out of date. Go back, reload the page and try again.")
    return response_of(request, Problem(403, sentence, CODES[403]))


def wants_json(request: HttpRequest) -> bool:
    """Check whether to respond with JSON: for the API, or if sent or preferred."""
    return (
        request.path_info == "/api"
        or request.path_info.startswith("/api/")
        or sends_json(request)
        or request.get_preferred_type(["text/html", JSON, PROBLEM_JSON])
        in {JSON, PROBLEM_JSON}
    )
