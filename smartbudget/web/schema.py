"""Add the common errors, headers and conditions of all operations to the schema.

Views only declare specific errors, as in `responses={201: ..., 409: None}`.
"""

import re
from collections.abc import Iterable, Iterator
from inspect import getdoc
from typing import Any

from drf_spectacular import openapi
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import FileField

from smartbudget.web import idempotency, pagination
from smartbudget.web.base_serializers import InputSerializer, ListQuery
from smartbudget.web.downloads import FixedFormat
from smartbudget.web.fields import TEXT, PasswordField, TextField
from smartbudget.web.problems import PROBLEM_JSON, TITLES, Fault, Problem, document

Schema = dict[str, Any]

STRING = {"type": "string"}
REQUEST_ID = "X-Request-Id"
CSRF_TOKEN = "X-CSRFToken"  # noqa: S105 - a name

PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "properties": {
        "type": {
            **STRING,
            "format": "uri-reference",
            "description": "URL of an explanation of `code`.",
        },
        "title": {**STRING, "description": "Short description of `code`."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {
            **STRING,
            "description": "What happened, as a sentence for people.",
        },
        "code": {
            **STRING,
            "description": "For programs: " + ", ".join(f"`{code}`" for code in TITLES),
        },
        "request_id": {**STRING, "description": f"Same as {REQUEST_ID}."},
        "retry_after": {
            "type": "integer",
            "minimum": 0,
            "description": "Seconds to wait before trying again.",
        },
        "second_factor": {
            "type": "array",
            "items": {"enum": ["totp", "passkey", "recovery"]},
            "description": "At login: factors, one of which is still needed.",
        },
        "ticket": {
            **STRING,
            "description": "At login: send it to `/login/second`.",
        },
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Fault"},
            "minItems": 1,
            "description": "The errors by part of the request.",
        },
    },
    "required": ["type", "title", "status", "detail", "code", "request_id"],
}
FAULT = {
    "type": "object",
    "description": "An error in one part of the request, with at most one location.",
    "properties": {
        "pointer": {
            **STRING,
            "format": "json-pointer",
            "description": (
                "JSON pointer into the body (RFC 6901). Empty: the whole body."
            ),
        },
        "parameter": {**STRING, "description": "Name of the query parameter."},
        "header": STRING,
        "detail": {**STRING, "description": "A sentence for people."},
        "code": {**STRING, "description": "For programs, such as `required`."},
    },
    "required": ["detail", "code"],
}

# Tags of operations, if not the first part of their path.
GROUPS = {
    **dict.fromkeys(["login", "logout", "register", "profile"], "account"),
    **dict.fromkeys(["password", "email", "sessions", "tokens"], "account"),
    **dict.fromkeys(["summary", "today", "trends"], "budgets"),
    "export.json": "export",
}

# Parameters of paginated lists.
PAGING = [
    OpenApiParameter(
        "cursor",
        {"type": "string", "minLength": 1, "pattern": pagination.PATTERN},
        description="The cursor from `next` or `previous`.",
    ),
    OpenApiParameter(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": pagination.MAX_PAGE_SIZE},
        description=f"Default: {pagination.PAGE_SIZE}.",
    ),
]

# Descriptions of successful responses, if the view has none.
DONE = {
    "200": "Success.",
    "201": "Created, or it already existed.",
    "202": "Accepted; it will be done shortly.",
    "204": "It is gone.",
}
# {status: (component name, description)}; the name in snake case is the example's code.
REFUSALS = {
    400: ("Invalid", "Invalid input. Nothing was changed."),
    401: ("NotAuthenticated", "Authentication is missing or invalid."),
    403: ("Forbidden", "Not permitted, or the CSRF token is missing."),
    404: ("NotFound", "Not found, or it belongs to another user."),
    406: ("NotAcceptable", "No available format matches Accept."),
    409: ("Conflict", "Conflicts with something that exists or is in progress."),
    410: ("Gone", "No longer available, such as an expired link."),
    412: ("PreconditionFailed", "The current version does not match If-Match."),
    413: ("TooLarge", "The body is too large."),
    415: ("UnsupportedMediaType", "Unsupported content type."),
    422: ("IdempotencyKeyReused", "This Idempotency-Key was used for another request."),
    429: ("Throttled", "Too many requests."),
    503: (
        "Unavailable",
        "Temporarily unavailable. The request may have taken effect.",
    ),
}
WAITS = {429, 503}  # statuses with Retry-After
_ALWAYS = (REQUEST_ID, "RateLimit", "RateLimit-Policy")  # headers of every response

HEADERS = {
    REQUEST_ID: {
        "description": "The id of the request: as sent, or generated.",
        "schema": STRING,
        "required": True,
    },
    "ETag": {
        "description": (
            "Version of this representation, for If-Match and If-None-Match."
        ),
        "schema": STRING,
    },
    "Location": {
        "description": "URL of the created or requested resource.",
        "schema": {**STRING, "format": "uri"},
        "required": True,
    },
    idempotency.REPLAYED: {
        "description": "`true` if this is a repetition of the first response.",
        "schema": {"const": "true"},
    },
    "RateLimit": {
        "description": "Requests left (`r`) for the next `t` seconds.",
        "schema": STRING,
    },
    "RateLimit-Policy": {
        "description": "The limits: `q` requests in `w` seconds.",
        "schema": STRING,
    },
    "Retry-After": {
        "description": "Seconds to wait before trying again, if a minute or less.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "schema": STRING,
        "required": True,
    },
}
PARAMETERS = {
    REQUEST_ID: {
        "description": "An id for this request: 1-64 of A-Z a-z 0-9 . _ -",
        "schema": STRING,
    },
    "If-Match": {
        "description": "Write only if the current ETag is one of these. `*`: always.",
        "schema": STRING,
    },
    "If-None-Match": {
        "description": "Respond with the body only if its ETag is not one of these.",
        "schema": STRING,
    },
    CSRF_TOKEN: {
        "description": (
            "With a session: the token from /login or /register."
            " Ignored with an API token."
        ),
        "schema": STRING,
    },
    idempotency.NAME: {
        "description": (
            "For 24 hours, the same request with the same key returns the first"
            " response, with `Idempotency-Replayed: true`. A different request"
            " returns 422; the same request while the first one is processed"
            " returns 409."
        ),
        "schema": {**STRING, "minLength": 1, "maxLength": 255, "pattern": f"^{TEXT}$"},
    },
}


class AutoSchema(openapi.AutoSchema):
    """The schema of an operation, with its errors, headers and conditions."""

    def get_operation(self, *args: Any) -> Schema | None:
        operation: Schema | None = super().get_operation(*args)
        if operation is None:
            return None
        body = operation.get("requestBody")
        if body and getattr(self.get_request_serializer(), "RULE", None):
            body["required"] = True
        responses = operation["responses"]
        tagged = self._tagged(responses)
        if tagged and self.method == "GET":
            responses["304"] = {"description": "Not modified."}
        if self.view.hides_items(self.method) and "200" in responses:
            responses["204"] = {"description": "Success. The token has no read scope."}
        for status, response in responses.items():
            response["description"] = response.get("description") or DONE[status]
            response["headers"] = _headers(self._headers_of(status, operation, tagged))
        declared = {int(status) for status in responses if status >= "400"}
        for code in declared.union(self._refusals(operation)):
            responses[str(code)] = _ref("responses", REFUSALS[code][0])
        operation["responses"] = dict(sorted(responses.items()))
        operation.setdefault("parameters", []).extend(
            _ref("parameters", name) for name in self._sent_headers(operation, tagged)
        )
        return operation

    def _map_serializer_field(self, field: Any, direction: str, *args: Any) -> Any:
        schema = super()._map_serializer_field(field, direction, *args)
        if isinstance(field, TextField) and direction == "request":
            schema["pattern"] = field.pattern
        if isinstance(field, FileField) and direction == "request":
            schema["minLength"] = 1
        if isinstance(field, PasswordField) and field.min_length:
            schema["pattern"] = field.NEW
        return schema

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        super()._insert_field_validators(field, schema)
        if isinstance(field, TextField) and "oneOf" in schema:
            # drf-spectacular adds an alternative for "", which our pattern includes.
            text_schema, _empty = schema.pop("oneOf")
            schema.update(text_schema)

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Schema:
        schema: Schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, InputSerializer) and direction == "request":
            schema["additionalProperties"] = False
            schema.update(serializer.RULE)
        if getdoc(type(serializer)) == getdoc(InputSerializer):
            schema.pop("description", None)  # inherited, and only for developers
        return schema

    def get_tags(self) -> list[str]:
        (tag,) = super().get_tags()
        return [GROUPS.get(tag, tag)]

    def get_summary(self) -> str:
        """Return the first line of the view's docstring."""
        return str(super().get_description()).partition("\n")[0]

    def get_description(self) -> str:
        """Return the view's docstring without its first line."""
        return str(super().get_description()).partition("\n")[2].strip()

    def get_override_parameters(self) -> list[Any]:
        if self.method != "GET":
            return []
        query = self.view.query
        own = [query] if query().fields else []
        return [*own, *(PAGING if issubclass(query, ListQuery) else [])]

    def get_request_serializer(self) -> Any:
        """Return None for a DELETE, unless its view declares a body."""
        return None if self.method == "DELETE" else super().get_request_serializer()

    def _get_request_body(self, direction: str = "request") -> Schema | None:
        if self.method != "DELETE" or self.get_request_serializer() is None:
            return super()._get_request_body(direction)
        self.method = "POST"  # drf-spectacular ignores the body of a DELETE
        try:
            return super()._get_request_body(direction)
        finally:
            self.method = "DELETE"

    def _tagged(self, responses: Schema) -> str | None:
        """Return the status of the response that has an ETag, or None."""
        status = str(self.view.tagged_status(self.method))
        content = responses.get(status, {}).get("content", {})
        is_json = "application/json" in content and not self._is_download()
        return status if is_json else None

    def _refusals(self, operation: Schema) -> Iterator[int]:
        """Yield the error statuses that any operation of this kind may have."""
        yield from (400, 429, 503)
        if not self._is_download() and not self._is_without_body():
            yield 406
        is_open = {} in operation.get("security", [])
        if not is_open:
            yield 401
        if not is_open or self.method != "GET":
            yield 403
        if "{" in self.path:
            yield 404
        if self.method != "GET":
            yield from (413, 415)
        if self.view.takes_if_match and self.method != "GET":
            yield 412
        if self._is_keyed(operation):
            yield from (409, 422)

    def _is_download(self) -> bool:
        return issubclass(self.view.content_negotiation_class, FixedFormat)

    def _is_without_body(self) -> bool:
        return self.method in self.view.methods_without_body

    def _is_keyed(self, operation: Schema) -> bool:
        """Check whether the operation accepts an Idempotency-Key."""
        return self.method == "POST" and {} not in operation.get("security", [])

    def _headers_of(
        self, status: str, operation: Schema, tagged: str | None
    ) -> Iterator[str]:
        if status == "200" and "302" in operation["responses"]:
            return  # after the redirect, S3 responds
        yield from _ALWAYS
        # 202 instead of 201: what will be created has an address already.
        is_deferred = status == "202" and "201" in operation["responses"]
        if status in {"201", "302"} or is_deferred:
            yield "Location"
        if status in {tagged, "304"}:
            yield "ETag"
        if self._is_keyed(operation):
            yield idempotency.REPLAYED

    def _sent_headers(self, operation: Schema, tagged: str | None) -> Iterator[str]:
        yield REQUEST_ID
        if self.method != "GET" and {"session": []} in operation.get("security", []):
            yield CSRF_TOKEN
        if self._is_keyed(operation):
            yield idempotency.NAME
        if tagged and self.method == "GET":
            yield "If-None-Match"
        if self.view.takes_if_match and self.method != "GET":
            yield "If-Match"


def _headers(names: Iterable[str]) -> Schema:
    return {name: _ref("headers", name) for name in names}


def add_components(result: Schema, **_: Any) -> Schema:
    """Add the components that operations refer to; a drf-spectacular hook."""
    components = result["components"]
    components["schemas"].update(Problem=PROBLEM, Fault=FAULT)
    components["headers"] = HEADERS
    components["parameters"] = {
        name: {"name": name, "in": "header", **parameter}
        for name, parameter in PARAMETERS.items()
    }
    components["responses"] = {
        name: _refusal(status, name, meaning)
        for status, (name, meaning) in REFUSALS.items()
    }
    return result


def _refusal(status: int, name: str, meaning: str) -> Schema:
    names = [*_ALWAYS]
    if status in WAITS:
        names.append("Retry-After")
    if status == 401:
        names.append("WWW-Authenticate")
    schema = _ref("schemas", "Problem")
    example = _example(status, name, meaning)
    return {
        "description": meaning,
        "headers": _headers(names),
        "content": {PROBLEM_JSON: {"schema": schema, "example": example}},
    }


def _example(status: int, name: str, meaning: str) -> Schema:
    code = re.sub("(?<!^)(?=[A-Z])", "_", name).lower()
    problem = Problem(status, meaning, code)
    if status == 400:
        fault = Fault("Amount must be above zero.", ("amount",))
        problem = Problem(status, fault.sentence, code, (fault,))
    request_id = "8f14e45fceea4671b0d5a1c2d3e4f506"
    return {**document(problem, "POST"), "request_id": request_id}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
