"""Context processors for all templates."""

from typing import Any

from django.http import HttpRequest
from django.template.backends.utils import csrf_input
from django.utils.functional import SimpleLazyObject

from smartbudget.core import i18n
from smartbudget.core.user import AnonymousUser
from smartbudget.web.redirects import linked_next


def csrf(request: HttpRequest) -> dict[str, Any]:
    """Return the field with the CSRF token, the same for all forms of a page.

    Django's own `csrf_input` masks the token anew in each form.
    """
    return {"csrf_input": SimpleLazyObject(lambda: csrf_input(request))}


def language(request: HttpRequest) -> dict[str, Any]:
    """Return the language of the page."""
    return {"language": i18n.current()}


def return_to(request: HttpRequest) -> dict[str, Any]:
    """Return the path of the page that this one returns to, or ""."""
    return {"return_to": linked_next(request)}


def theme(request: HttpRequest) -> dict[str, Any]:
    """Return the theme chosen on an earlier page, or None to follow the system."""
    chosen = request.COOKIES.get("theme")
    return {"theme": chosen if chosen in {"light", "dark"} else None}


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
