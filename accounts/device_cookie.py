"""The device cookie: recognize a browser that has logged in before.

See accounts.devices.
"""

import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.devices import Device
from smartbudget.web.user_agent import device_of as name_of

_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
MAX_USER_AGENT = 500  # characters


def device_of(request: HttpRequest) -> Device:
    """Return the browser or program of a request."""
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    key = cookie if _KEY.fullmatch(cookie) else None
    user_agent = request.headers.get("User-Agent", "")[:MAX_USER_AGENT]
    is_program = key is None and request.content_type == "application/json"
    return Device(
        name=name_of(request),
        key=key,
        program=(user_agent or "unknown") if is_program else None,
    )


def remember(response: HttpResponse, key: str) -> None:
    """Set the cookie of a device."""
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        key,
        max_age=settings.DEVICE_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )
