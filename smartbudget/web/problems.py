"""Problem documents (RFC 9457), the error responses of the API."""

import dataclasses
from http import HTTPStatus
from typing import Any

from smartbudget.core import log
from smartbudget.core.config import config
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop

PROBLEM_JSON = "application/problem+json"
CHALLENGE = 'Bearer realm="api"'  # WWW-Authenticate of a 401 without a token
EXPLAINED_AT = f"{config.app_url}/api/docs/errors"

# {code: its general meaning}; /api/docs/errors lists them.
TITLES = {
    "invalid": gettext_noop("Some input is invalid."),
    "bad_request": gettext_noop("Malformed request."),
    "incomplete": gettext_noop("The request body is incomplete."),
    "parse_error": gettext_noop("The request body could not be parsed."),
    "not_authenticated": gettext_noop("Authentication required."),
    "second_factor_required": gettext_noop("A second factor is required."),
    "authentication_failed": gettext_noop("Invalid credentials."),
    "forbidden": gettext_noop("Not permitted."),
    "step_up_required": gettext_noop("A recent login is required."),
    "insufficient_scope": gettext_noop("The API token lacks a required scope."),
    "permission_denied": gettext_noop("Permission denied."),
    "not_found": gettext_noop("Not found."),
    "method_not_allowed": gettext_noop("Method not allowed."),
    "not_acceptable": gettext_noop("No available format matches the Accept header."),
    "conflict": gettext_noop("Conflicts with something that already exists."),
    "deleted": gettext_noop("Deleted before; not added again."),
    "gone": gettext_noop("No longer available."),
    "in_flight": gettext_noop("The same request is still being processed."),
    "idempotency_key_reused": gettext_noop(
        "This Idempotency-Key was used for another request."
    ),
    "secret_not_kept": gettext_noop("Already done; the secret is shown only once."),
    "precondition_failed": gettext_noop("The stored version does not match If-Match."),
    "too_large": gettext_noop("The request body is too large."),
    "unsupported_media_type": gettext_noop("Unsupported content type."),
    "throttled": gettext_noop("Too many requests."),
    "server_error": gettext_noop("Internal server error."),
    "unavailable": gettext_noop("Temporarily unavailable."),
}

# Names in `Fault.path` of headers; all others are in the body or query.
HEADERS = frozenset({"Idempotency-Key", "If-Match", "If-None-Match"})


@dataclasses.dataclass(frozen=True)
class Fault:
    """An error in one part of a request."""

    sentence: str
    path: tuple[str | int, ...]  # such as ("expenses", 3, "amount"); empty: the whole
    code: str = "invalid"


@dataclasses.dataclass(frozen=True)
class Problem:
    """An error response: status, sentence, code, faults of single parts, headers."""

    status: int
    sentence: str
    code: str
    faults: tuple[Fault, ...] = ()
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    wait: int | None = None  # seconds until a retry; None if retrying does not help
    # Further members of the document, for programs.
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def field(self) -> str | int | None:
        """The first invalid input, or None."""
        return next((fault.path[0] for fault in self.faults if fault.path), None)


def document(problem: Problem, method: str | None) -> dict[str, Any]:
    """Return a problem document as RFC 9457 defines it.

    method: of the request; for GET and HEAD, faults are of query parameters.
    """
    known = problem.code in TITLES
    body: dict[str, Any] = {
        "type": f"{EXPLAINED_AT}#{problem.code}" if known else "about:blank",
        "title": _(TITLES[problem.code])
        if known
        else HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.sentence,
        "code": problem.code,
        "request_id": log.current_request_id(),
    }
    if problem.wait is not None:
        body["retry_after"] = problem.wait
    if problem.faults:
        body["errors"] = [
            {**_place(fault, method), "detail": fault.sentence, "code": fault.code}
            for fault in problem.faults
        ]
    return body | problem.extra


def _place(fault: Fault, method: str | None) -> dict[str, str]:
    """Return a fault's location: a header, a parameter or a JSON Pointer (RFC 6901)."""
    if fault.path and fault.path[0] in HEADERS:
        return {"header": str(fault.path[0])}
    if method in {"GET", "HEAD"}:
        return {"parameter": str(fault.path[0])} if fault.path else {}
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in fault.path]
    return {"pointer": "".join(f"/{step}" for step in steps)}
