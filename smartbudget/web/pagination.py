"""Pagination with cursors: keys of DynamoDB, signed for one user and one list."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from django.core import signing
from django.http import HttpRequest
from rest_framework.request import Request

from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pagination import Key, Page
from smartbudget.core.user import User

SALT = "smartbudget.cursor"
PATTERN = "^[A-Za-z0-9_.-]+:[A-Za-z0-9_-]+$"  # base64, and its signature
PAGE_SIZE = 25
MAX_PAGE_SIZE = 100
PAGING = ("cursor", "page_size")  # parameters that do not filter the list


class Position(TypedDict):
    """The position of a page: keyword arguments of every list service."""

    limit: int
    after: Key | None
    backwards: bool


def encode(key: Key, user_id: str, scope: str = "", *, backwards: bool = False) -> str:
    """Sign a key for one user and one list.

    scope: identifies the list; other lists reject the cursor.
    """
    # No timestamp, so that an unchanged list has the same links and the same ETag.
    content = [user_id, scope, key, backwards]
    return signing.Signer(salt=SALT).sign_object(content, compress=True)


def decode(cursor: str, user_id: str, scope: str = "") -> tuple[Key, bool]:
    """Return a cursor's key, and whether the page precedes it.

    Raises InvalidError naming `cursor` if it is forged, or of another user or list.
    """
    try:
        signed = signing.Signer(salt=SALT)
        owner, cursor_scope, key, backwards = signed.unsign_object(cursor)
    except (signing.BadSignature, ValueError) as error:
        raise InvalidError(_("This cursor is not valid."), "cursor") from error
    # Some items of a user have a key with a prefix in the index, such as `trash#`.
    key_owner = key.get("user_id", {}).get("S", user_id).rpartition("#")[2]
    if {owner, key_owner} != {user_id} or cursor_scope != scope:
        raise InvalidError(_("This cursor is not valid."), "cursor")
    return key, backwards


def position(request: HttpRequest | Request, user: User) -> Position:
    """Parse `cursor` and `page_size` (1-100) of a request.

    Raises InvalidError naming the parameter.
    """
    parameters = request.GET
    size = parameters.get("page_size", str(PAGE_SIZE))
    if not (size.isascii() and size.isdigit() and len(size) <= 3):
        raise InvalidError(_("Enter a whole number from 1 to 100."), "page_size")
    if not 1 <= int(size) <= MAX_PAGE_SIZE:
        raise InvalidError(_("Enter a whole number from 1 to 100."), "page_size")
    after, backwards = None, False
    if (cursor := parameters.get("cursor")) is not None:
        after, backwards = decode(cursor, user.user_id, _scope(request))
    return {"limit": int(size), "after": after, "backwards": backwards}


def links(
    request: HttpRequest | Request, user: User, page: Page[Any]
) -> dict[str, str | None]:
    """Return `{"next": url, "previous": url}`; None at the list's ends."""

    def link(key: Key | None, *, backwards: bool) -> str | None:
        if key is None:
            return None
        parameters = request.GET.copy()
        parameters["cursor"] = encode(
            key, user.user_id, _scope(request), backwards=backwards
        )
        return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")

    return {
        "next": link(page.next, backwards=False),
        "previous": link(page.previous, backwards=True),
    }


def body(
    request: HttpRequest | Request,
    user: User,
    page: Page[Any],
    results: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a list's JSON: `{"results", "next", "previous"}`."""
    return {"results": results, **links(request, user, page)}


def _scope(request: HttpRequest | Request) -> str:
    # With the filters, since DynamoDB rejects a key outside of the queried range.
    filters = sorted(
        (name, value)
        for name, values in request.GET.lists()
        for value in values
        if name not in PAGING
    )
    return repr((request.path.rstrip("/"), filters))
