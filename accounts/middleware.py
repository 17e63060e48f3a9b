"""Who is asking: the session cookie, and which views need nobody.

Why: docs/decisions.md#sessions-are-items-in-the-users-table
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import CsrfViewMiddleware, rotate_token
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from accounts import services
from accounts.forms import LoginForm
from smartbudget.core import log
from smartbudget.core.user import User
from smartbudget.web import errors, form_drafts, rates
from smartbudget.web.language import activate_for
from smartbudget.web.requests import wants_json

_CSRF_CHECK = CsrfViewMiddleware(lambda request: HttpResponse())
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")


def session_key(request: HttpRequest) -> str | None:
    """Return the key in the browser's cookie, if it has the form of one."""
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return key if _KEY.fullmatch(key) else None


def load_user(request: HttpRequest) -> User | None:
    """Find who is signed in; asks DynamoDB at most once a request."""
    if not hasattr(request, "session_user"):
        key = session_key(request)
        request.session_user = services.find_session(key) if key else None
        if request.session_user:
            log.add(user_id=request.session_user.user_id)
    return request.session_user


def begin(request: HttpRequest, response: HttpResponse, login: services.Login) -> None:
    """Give the browser its new session's key, and a CSRF token to go with it.

    The session that the browser had until now ends.
    """
    if old_key := session_key(request):
        services.log_out(old_key)
    request.session_user = login.user
    rotate_token(request)
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        login.session_key,
        max_age=settings.SESSION_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )


def end(request: HttpRequest) -> None:
    """End the browser's session; the answer takes its cookie away."""
    if key := session_key(request):
        services.log_out(key)
    forget(request)


def forget(request: HttpRequest) -> None:
    """Take the cookie of a session that has ended away with the answer."""
    request.session_user = None


class SessionMiddleware:
    """Set `request.user` for pages that need one, and count the request.

    The API does both by itself. It comes before the CSRF check, which reads the body.

    With a session's cookie goes what the browser kept of it, such as small pictures of
    receipts. Public pages and the API's refusals cost no call to DynamoDB.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_dead = getattr(request, "session_user", request) is None
        if is_dead and settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.delete_cookie(
                settings.SESSION_COOKIE_NAME, samesite=settings.SESSION_COOKIE_SAMESITE
            )
            response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_: object
    ) -> HttpResponse | None:
        if hasattr(view, "cls"):
            return None
        is_public = not getattr(view, "login_required", True)
        try:
            if not is_public:
                request.user = load_user(request)
                activate_for(request.user)
            rates.count_page(request, request.user)
        except Exception as error:  # noqa: BLE001 - raised again unless it is known
            return errors.response_or_raise(request, error)
        if is_public or request.user:
            return None
        return _to_login(request, view)


def _to_login(request: HttpRequest, view: Callable[..., Any]) -> HttpResponse:
    """Ask to log in, and lead back afterwards; what was typed comes along."""
    if form_drafts.is_kept(request, view) and not wants_json(request):
        # This comes before the check, and no other site may fill in a form.
        if refused := _CSRF_CHECK.process_view(request, view, (), {}):
            return refused
        if draft := form_drafts.sign(request):
            here = request.get_full_path()
            context = {"form": LoginForm(), "next": here, "draft": draft}
            return render(request, "accounts/login.html", context, status=401)
    target = reverse("accounts:login")
    if (back := _way_back(request)) not in ("", "/"):
        target += "?" + urlencode({"next": back})
    if request.htmx:  # which would put the page to log in into a part of its own
        return HttpResponseClientRedirect(target)
    return HttpResponseRedirect(target)


def _way_back(request: HttpRequest) -> str:
    """Return the address of the page that somebody looks at; empty if unknown."""
    if request.htmx:
        return request.htmx.current_url_abs_path or ""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    # A button: what it does is not done by leading to its address.
    page = urlsplit(request.headers.get("Referer", ""))
    if (page.scheme, page.netloc) != (request.scheme, request.get_host()):
        return ""
    return urlunsplit(("", "", page.path, page.query, ""))
