"""Redirect to the URL that a form or link contains."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def safe_next(request: HttpRequest, otherwise: str = "/") -> str:
    """Return the path in `next` if it is on this site, else `otherwise`."""
    target = request.POST.get("next") or request.GET.get("next") or otherwise
    safe = target.startswith("/") and url_has_allowed_host_and_scheme(
        target, allowed_hosts=None
    )
    return target if safe else otherwise
