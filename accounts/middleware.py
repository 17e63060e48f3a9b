"""Set `request.user` from the session cookie, and redirect to the login page."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django_htmx.http import HttpResponseClientRedirect
from pynamodb.exceptions import PynamoDBException

from accounts.factors import ceremonies
from accounts.forms import LoginForm
from accounts.session_cookie import get_user
from smartbudget.core.errors import DomainError
from smartbudget.core.user import AnonymousUser
from smartbudget.web import errors, form_drafts, rate_limit
from smartbudget.web.errors import wants_json
from smartbudget.web.forms import set_focus
from smartbudget.web.language import activate

_CSRF_CHECK = CsrfViewMiddleware(lambda request: HttpResponse())


class AuthenticationMiddleware:
    """Set `request.user`, which reads the session on first use.

    Deletes the cookie of a session that has ended, and clears the browser's cache,
    which may contain thumbnails of receipts.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.user = SimpleLazyObject(functools.partial(get_user, request))
        response = self.get_response(request)
        user = getattr(request, "session_user", None)
        has_ended = user is not None and not user.is_authenticated
        if has_ended and settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.delete_cookie(
                settings.SESSION_COOKIE_NAME, samesite=settings.SESSION_COOKIE_SAMESITE
            )
            response.headers["Clear-Site-Data"] = '"cache"'
        return response


class LoginRequiredMiddleware:
    """Count page requests, and redirect to the login page if a page requires a user.

    The API does both itself. This middleware comes before the CSRF check, which reads
    the body. For pages with `login_not_required` it does not read the session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_: object
    ) -> HttpResponse | None:
        if hasattr(view, "cls"):
            return None
        login_required = getattr(view, "login_required", True)
        try:
            user: Any = request.user if login_required else AnonymousUser()
            if user.is_authenticated:
                activate(user.language)
            rate_limit.count_page(request, user)
        except (DomainError, BotoCoreError, ClientError, PynamoDBException) as error:
            return errors.response_or_raise(request, error)
        if login_required and not user.is_authenticated:
            return _to_login(request, view)
        return None


def _to_login(request: HttpRequest, view: Callable[..., Any]) -> HttpResponse:
    """Redirect to the login page, which leads back to the current page.

    If the view keeps drafts, render it instead, with the submitted form as a draft.
    """
    if form_drafts.is_kept(request, view) and not wants_json(request):
        # The CSRF middleware runs later, and other sites must not fill in a form.
        if refused := _CSRF_CHECK.process_view(request, view, (), {}):
            return refused
        if draft := form_drafts.sign(request):
            path = request.get_full_path()
            form = LoginForm()
            set_focus(form)
            has_passkeys = ceremonies.find_relying_party() is not None
            context = {
                "form": form,
                "next": path,
                "draft": draft,
                "has_passkeys": has_passkeys,
            }
            return render(request, "accounts/login.html", context, status=401)
    target = reverse("accounts:login")
    if (return_path := _return_path(request)) not in ("", "/"):
        target += "?" + urlencode({"next": return_path})
    if request.htmx:  # else htmx would insert the login page into the current page
        return HttpResponseClientRedirect(target)
    return HttpResponseRedirect(target)


def _return_path(request: HttpRequest) -> str:
    """Return the path of the page that the browser shows, or "" if unknown."""
    if request.htmx:
        return request.htmx.current_url_abs_path or ""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    # The URL of a POST may not be that of the page with the button.
    page = urlsplit(request.headers.get("Referer", ""))
    if (page.scheme, page.netloc) != (request.scheme, request.get_host()):
        return ""
    return urlunsplit(("", "", page.path, page.query, ""))
