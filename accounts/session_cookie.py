"""The session cookie: log a browser in and out, and find its user.

Why: docs/decisions.md#sessions-are-items-in-the-users-table
"""

import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token

from accounts import device_cookie, sessions
from accounts.sessions import Login
from smartbudget.core import log
from smartbudget.core.user import AnonymousUser, User

_KEY = re.compile(r"[A-Za-z0-9_-]{43}")


def session_key(request: HttpRequest) -> str | None:
    """Return the key in the session cookie, or None if it is missing or malformed."""
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return key if _KEY.fullmatch(key) else None


def get_user(request: HttpRequest) -> User | AnonymousUser:
    """Return the session's user, or AnonymousUser; read at most once per request."""
    if not hasattr(request, "session_user"):
        key = session_key(request)
        user = sessions.find_session(key) if key else None
        request.session_user = user or AnonymousUser()
        if user:
            log.bind_more(user_id=user.user_id)
    return request.session_user


def begin(request: HttpRequest, response: HttpResponse, login: Login) -> None:
    """Set the cookies of a new session and its device, and rotate the CSRF token.

    Ends the browser's previous session.
    """
    if old_key := session_key(request):
        sessions.log_out(old_key)
    request.session_user = request.user = login.user
    rotate_token(request)
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        login.session_key,
        max_age=settings.SESSION_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )
    if login.device_key:
        device_cookie.remember(response, login.device_key)


def end(request: HttpRequest) -> None:
    """End the browser's session; the response deletes its cookie."""
    if key := session_key(request):
        sessions.log_out(key)
    forget(request)


def forget(request: HttpRequest) -> None:
    """Delete the cookie of a session that has ended, with the response."""
    request.session_user = request.user = AnonymousUser()
