"""Problem documents (RFC 9457): what an error looks like to programs."""

import dataclasses
from http import HTTPStatus
from typing import Any

from smartbudget.core import log

PROBLEM_JSON = "application/problem+json"

# What each code means, whatever happened; /api/docs/errors lists them.
TITLES = {
    "invalid": "Something that was sent breaks a rule.",
    "bad_request": "The request makes no sense as a whole.",
    "incomplete": "The body ended before it was all there.",
    "parse_error": "The body cannot be read.",
    "not_authenticated": "It is not known who asks.",
    "authentication_failed": "The proof of who asks is not valid.",
    "forbidden": "Who asks may not do this.",
    "insufficient_scope": "The API token lacks the scope that this needs.",
    "permission_denied": "The request lacks the permission that it needs.",
    "not_found": "There is no such thing, or it is somebody else's.",
    "method_not_allowed": "This address does not take this method.",
    "not_acceptable": "There is no answer in the form that is asked for.",
    "conflict": "Something that is there already is in the way.",
    "in_flight": "The same request is being answered just now.",
    "idempotency_key_reused": "The Idempotency-Key was used for another request.",
    "precondition_failed": "What is stored is not what If-Match names.",
    "too_large": "The body is larger than this address takes.",
    "unsupported_media_type": "This address does not take such a body.",
    "throttled": "Too much was asked for in too short a time.",
    "server_error": "Something is wrong on our side.",
    "unavailable": "It cannot be done just now; try again shortly.",
}

# Faults of these are of a header, not of the body.
HEADERS = frozenset({"Idempotency-Key", "If-Match", "If-None-Match"})


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong with one part of what was sent."""

    sentence: str
    path: tuple[str | int, ...]  # as in ("expenses", 3, "amount"); empty: all of it
    code: str = "invalid"


@dataclasses.dataclass(frozen=True)
class Problem:
    """An error as an answer: status, what is said of which part, headers."""

    status: int
    sentence: str
    code: str
    faults: tuple[Fault, ...] = ()
    headers: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def field(self) -> str | int | None:
        """The first input at fault, where there is one."""
        return next((fault.path[0] for fault in self.faults if fault.path), None)


def document(problem: Problem, method: str | None) -> dict[str, Any]:
    """Write a problem as RFC 9457 has it.

    method: of the request; where it is one without a body, faults are of parameters.
    """
    known = problem.code in TITLES
    body: dict[str, Any] = {
        "type": f"/api/docs/errors#{problem.code}" if known else "about:blank",
        "title": TITLES.get(problem.code, HTTPStatus(problem.status).phrase),
        "status": problem.status,
        "detail": problem.sentence,
        "code": problem.code,
        "request_id": log.request_id.get(),
    }
    if problem.faults:
        body["errors"] = [
            {**_place(fault, method), "detail": fault.sentence, "code": fault.code}
            for fault in problem.faults
        ]
    return body


def _place(fault: Fault, method: str | None) -> dict[str, str]:
    """Say where a fault is: a header, a parameter, or a JSON Pointer (RFC 6901)."""
    if fault.path and fault.path[0] in HEADERS:
        return {"header": str(fault.path[0])}
    if method in {"GET", "HEAD"}:
        return {"parameter": str(fault.path[0])} if fault.path else {}
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in fault.path]
    return {"pointer": "".join(f"/{step}" for step in steps)}
