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
            "description": "Where `code` is explained.",
        },
        "title": {**STRING, "description": "What `code` means, whatever happened."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {**STRING, "description": "What happened, in a sentence for people."},
        "code": {
            **STRING,
            "description": "For programs: " + ", ".join(f"`{code}`" for code in TITLES),
        },
        "request_id": {**STRING, "description": f"As in {REQUEST_ID}."},
        "retry_after": {
            "type": "integer",
            "minimum": 0,
            "description": "In how many seconds to try again, however many.",
        },
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Fault"},
            "minItems": 1,
            "description": "What is wrong with which part of the request.",
        },
    },
    "required": ["type", "title", "status", "detail", "code", "request_id"],
}
FAULT = {
    "type": "object",
    "description": "What is wrong with one part; at most one of the places is there.",
    "properties": {
        "pointer": {
            **STRING,
            "format": "json-pointer",
            "description": "Into the body (RFC 6901); empty: all of it.",
        },
        "parameter": {**STRING, "description": "Of the query."},
        "header": STRING,
        "detail": {**STRING, "description": "A sentence for people."},
        "code": {**STRING, "description": "For programs, as in `required`."},
    },
    "required": ["detail", "code"],
}

# Tags of operations, if not the first part of their path.
GROUPS = {
    **dict.fromkeys(["login", "logout", "register", "profile"], "account"),
    **dict.fromkeys(["password", "email", "sessions", "tokens"], "account"),
    **dict.fromkeys(["summary", "trends"], "budgets"),
    "export.json": "export",
}

# Parameters of paginated lists.
PAGING = [
    OpenApiParameter(
        "cursor",
        {"type": "string", "minLength": 1, "pattern": pagination.PATTERN},
        description="As `next` or `previous` has it.",
    ),
    OpenApiParameter(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": pagination.MAX_PAGE_SIZE},
        description=f"{pagination.PAGE_SIZE} if not given.",
    ),
]

# Descriptions of successful responses, if the view has none.
DONE = {
    "200": "As asked.",
    "201": "It was made, or was there already.",
    "202": "It will be done.",
    "204": "It is gone.",
}
# {status: (component name, description)}; the name in snake case is the example's code.
REFUSALS = {
    400: ("Invalid", "Something that was sent is wrong; nothing was changed."),
    401: ("NotAuthenticated", "It is not known who asks, or the proof is wrong."),
    403: ("Forbidden", "Who asks may not do this, or the CSRF token is missing."),
    404: ("NotFound", "There is no such thing, or it is somebody else's."),
    406: ("NotAcceptable", "There is no answer of a type in Accept."),
    409: ("Conflict", "Something is in the way, or the same is being done just now."),
    412: ("PreconditionFailed", "It is not, or no more, what If-Match names."),
    413: ("TooLarge", "The body is too large."),
    415: ("UnsupportedMediaType", "This type of body is not taken."),
    422: ("IdempotencyKeyReused", "The Idempotency-Key was used for another request."),
    429: ("Throttled", "Too much in too short a time."),
    503: ("Unavailable", "It could not be done just now, or not for certain."),
}
WAITS = {429, 503}  # statuses with Retry-After
_ALWAYS = (REQUEST_ID, "RateLimit", "RateLimit-Policy")  # headers of every response

HEADERS = {
    REQUEST_ID: {
        "description": "The request's name, as it was sent or as it was given one.",
        "schema": STRING,
        "required": True,
    },
    "ETag": {
        "description": "Names this representation, for If-Match and If-None-Match.",
        "schema": STRING,
    },
    "Location": {
        "description": "Where to find what was made or asked for.",
        "schema": {**STRING, "format": "uri"},
        "required": True,
    },
    idempotency.REPLAYED: {
        "description": "There where this is the first answer again.",
        "schema": {"const": "true"},
    },
    "RateLimit": {
        "description": "What is left of the limit, as `r`, for `t` seconds.",
        "schema": STRING,
    },
    "RateLimit-Policy": {
        "description": "The limits: `q` requests in `w` seconds.",
        "schema": STRING,
    },
    "Retry-After": {
        "description": "In how many seconds to try again, if in a minute or less.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {
        "description": "How to say who asks.",
        "schema": STRING,
        "required": True,
    },
}
PARAMETERS = {
    REQUEST_ID: {
        "description": "What to call this request, in 1-64 of A-Z a-z 0-9 . _ -",
        "schema": STRING,
    },
    "If-Match": {
        "description": "Change it only if its ETag is among these; `*`: in any case.",
        "schema": STRING,
    },
    "If-None-Match": {
        "description": "Send it only if its ETag is not among these.",
        "schema": STRING,
    },
    CSRF_TOKEN: {
        "description": "With a session: the token that /login and /register answer"
        " with. With an API token it is not looked at.",
        "schema": STRING,
    },
    idempotency.NAME: {
        "description": (
            "For 24 hours the same request under the same key gets the first answer,"
            " with `Idempotency-Replayed: true`; another request gets 422, the same"
            " one while it is being answered 409."
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
            responses["304"] = {"description": "Nothing else than If-None-Match names."}
        if self.view.hides_items(self.method) and "200" in responses:
            responses["204"] = {"description": "Done; the token may not read."}
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
        if status in {"201", "302"}:
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
