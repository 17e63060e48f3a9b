"""What an error looks like from outside: decided by class, once, for API and pages."""

import dataclasses
import logging
import math
from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import (
    HttpRequest,
    HttpResponse,
    JsonResponse,
    RawPostDataException,
    UnreadablePostError,
)
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from smartbudget.core.errors import (
    AuthenticationError,
    ConflictError,
    DomainError,
    ForbiddenError,
    InFlightError,
    InvalidError,
    InvalidRowsError,
    NotFoundError,
    ReusedKeyError,
    ThrottledError,
    UnavailableError,
)
from smartbudget.core.language import mark
from smartbudget.core.tables import is_outage
from smartbudget.web.requests import wants_json

logger = logging.getLogger(__name__)

STATUS: dict[type[DomainError], int] = {
    InvalidError: 400,
    AuthenticationError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    ReusedKeyError: 422,
    ThrottledError: 429,
    UnavailableError: 503,
}

RETRY_AFTER = 5  # seconds; how long outages are asked to be waited out

SENTENCES = {
    400: mark("The request could not be understood."),
    403: mark("You may not do this."),
    404: mark("There is nothing at this address."),
    413: mark("The request is too large."),
    500: mark("Something went wrong on our side. Nothing more was done."),
    503: mark("The service cannot be reached just now. Please try again shortly."),
}


@dataclasses.dataclass(frozen=True)
class Problem:
    """An error as an answer: status, what is said of which field, headers."""

    status: int
    sentence: str
    field: str | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    rows: dict[int, dict[str, list[str]]] | None = None  # of `field`, from 0

    @property
    def body(self) -> dict[str, Any]:
        """`{field: [sentence]}`, or `{"detail": sentence}` where no field is.

        Where rows of the field are wrong: `{field: {row: {its field: [sentence]}}}`.
        """
        if not self.field:
            return self.plain
        return {self.field: self.rows or [self.sentence]}

    @property
    def plain(self) -> dict[str, Any]:
        """`{"detail": sentence}`."""
        return {"detail": self.sentence}


def problem_of(error: BaseException) -> Problem | None:
    """Describe a domain error, an outage or a huge body; None for anything else."""
    if isinstance(error, DomainError):
        headers = {}
        if isinstance(error, ThrottledError | InFlightError):
            headers["Retry-After"] = str(error.retry_after)
        if isinstance(error, UnavailableError):
            headers["Retry-After"] = str(RETRY_AFTER)
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        field = getattr(error, "field", None)
        rows = error.rows if isinstance(error, InvalidRowsError) else None
        return Problem(status, str(error), field, headers, rows)
    if is_outage(error):
        return Problem(503, _(SENTENCES[503]), None, {"Retry-After": str(RETRY_AFTER)})
    if isinstance(error, RequestDataTooBig):
        return Problem(413, _(SENTENCES[413]))
    # The second where the CSRF check met the first and said nothing of it.
    if isinstance(error, UnreadablePostError | RawPostDataException):
        return Problem(400, _("The request did not arrive whole."))
    return None


def response_of(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Answer with a problem: JSON where JSON is wanted, else a page."""
    if wants_json(request):
        return JsonResponse(
            problem.body, status=problem.status, headers=problem.headers
        )
    return HttpResponse(
        _page(request, problem), status=problem.status, headers=problem.headers
    )


def response_or_raise(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer with what is known of an error; raise it again if nothing is."""
    problem = problem_of(error)
    if problem is None:
        raise error
    return response_of(request, problem)


def _page(request: HttpRequest, problem: Problem) -> str:
    wait = problem.headers.get("Retry-After")
    context = {
        "status": problem.status,
        "sentence": problem.sentence,
        "wait": wait and in_words(int(wait)),
        "user": _user_of(request, problem),
    }
    names = [f"errors/{problem.status}.html", "errors/error.html"]
    return render_to_string(names, context, request)


def in_words(seconds: int) -> str:
    """Write a time to wait: `40 seconds`, from two minutes on `3 minutes`."""
    if seconds < 120:
        said = ngettext("{count} second", "{count} seconds", seconds)
        return said.format(count=seconds)
    return _("{count} minutes").format(count=math.ceil(seconds / 60))


def _user_of(request: HttpRequest, problem: Problem) -> Any:
    """Find whose menu the page has, where no view was reached that asked."""
    from smartbudget.web import sessions  # it answers with errors too

    user = getattr(request, "user", None)
    if user or problem.status >= 500:  # AWS may be what is down
        return user
    try:
        return sessions.load_user(request)
    except Exception:
        logger.exception("an error page has no menu")
        return None


class ErrorMiddleware:
    """Turn the errors of page views into pages; the API has its own handler."""

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
    """Answer what Django refused: a wrong host, a body that is no form."""
    return response_of(
        request, problem_of(exception) or Problem(400, _(SENTENCES[400]))
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer PermissionDenied."""
    return response_of(request, Problem(403, _(SENTENCES[403])))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that does not exist."""
    return response_of(request, Problem(404, _(SENTENCES[404])))


def too_large(request: HttpRequest) -> HttpResponse:
    """Answer a body over the limit."""
    return response_of(request, Problem(413, _(SENTENCES[413])))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a bug; its traceback is in the log."""
    return response_of(request, Problem(500, _(SENTENCES[500])))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without its token: stale, or sent by another site."""
    sentence = _("This form is out of date. Go back, reload the page and try again.")
    return response_of(request, Problem(403, sentence))
