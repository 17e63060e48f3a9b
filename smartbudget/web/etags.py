"""Conditional requests with entity tags (RFC 9110, section 13).

Tags are read from `request.META`, where CompressionMiddleware changes them.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from smartbudget.core.errors import InvalidError, PreconditionError

T = TypeVar("T")


def tag_of(content: bytes) -> str:
    """Return a strong entity tag of the content."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def tag_of_data(data: Mapping[str, Any]) -> str:
    """Return the tag of a response with this data."""
    return tag_of(JSONRenderer().render(data))


def if_match(
    request: Request, representation: Callable[[Request, T], Mapping[str, Any]]
) -> Callable[[T], None] | None:
    """Return the request's precondition for services, or None without If-Match.

    The precondition raises PreconditionError for an item whose tag is not in If-Match.
    representation: returns the data of GET's response, which has the tag.
    """
    if "HTTP_IF_MATCH" not in request.META:
        return None
    tags = parse_etags(request.META["HTTP_IF_MATCH"])

    def precondition(item: T) -> None:
        if tags != ["*"] and tag_of_data(representation(request, item)) not in tags:
            raise changed()

    return precondition


def changed() -> PreconditionError:
    """Return the error for an If-Match that does not match the stored item."""
    return PreconditionError(
        _("This was changed in the meantime. Get the latest version and try again.")
    )


def refuse_conditions(request: Request, *, takes_if_match: bool) -> None:
    """Raise InvalidError, naming the header, for a condition that is not supported.

    Ignoring the condition would write although it may not hold.
    """
    for name in ("If-Match", "If-None-Match"):
        is_supported = name == "If-Match" and takes_if_match
        if name in request.headers and not is_supported:
            raise InvalidError(_("This request can't be conditional."), name)
