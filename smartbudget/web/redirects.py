"""Redirects to an address that a form or link names."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def safe_next(request: HttpRequest, otherwise: str = "/") -> str:
    """Return the path on this site that `next` names, or `otherwise`."""
    target = request.POST.get("next") or request.GET.get("next") or otherwise
    safe = target.startswith("/") and url_has_allowed_host_and_scheme(
        target, allowed_hosts=None
    )
    return target if safe else otherwise
