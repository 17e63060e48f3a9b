"""Context processors for all templates."""

from typing import Any

from django.http import HttpRequest

from smartbudget.core.user import AnonymousUser


def user(request: HttpRequest) -> dict[str, Any]:
    """Return the user for the menu, or AnonymousUser if the session was not read.

    Public pages do not read the session.
    """
    return {"user": getattr(request, "session_user", AnonymousUser())}


def section(request: HttpRequest) -> dict[str, Any]:
    """Return the current section of the site, or None outside of any."""
    match = request.resolver_match
    if match is None:
        return {"section": None}
    # URL names without a namespace: "staff", "staff-users", ...
    return {"section": match.namespace or (match.url_name or "").partition("-")[0]}
