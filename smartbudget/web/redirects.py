"""Redirect to the URL that a form or link contains.

A link to a page that changes an item names the page it is on, and so the list's
filters, page and row:

    {{ url("budgets:edit", budget_id)|returning(here ~ "#budget-" ~ budget_id) }}
"""

from urllib.parse import quote

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def safe_next(request: HttpRequest, otherwise: str = "/") -> str:
    """Return the path in `next` if it is on this site, else `otherwise`."""
    return _safe(request.POST.get("next") or request.GET.get("next")) or otherwise


def linked_next(request: HttpRequest) -> str:
    """Return the path in the URL's `next` if it is on this site, else "".

    Unlike `safe_next`, does not parse the body, which may be invalid.
    """
    return _safe(request.GET.get("next"))


def redirect_back(request: HttpRequest, url_name: str) -> HttpResponseRedirect:
    """Redirect to `next`, by default to the page with this URL name."""
    return HttpResponseRedirect(safe_next(request, reverse(url_name)))


def returning(path: str, to: str) -> str:
    """Return a link to a page that then returns to `to`; just `path` if it is empty."""
    if not to:
        return path
    return f"{path}{'&' if '?' in path else '?'}next={quote(to, safe='/')}"


def _safe(target: str | None) -> str:
    if not (target and target.startswith("/")):
        return ""
    is_here = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if is_here else ""
