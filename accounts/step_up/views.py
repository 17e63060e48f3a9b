"""The page that confirms a session, and the decorator that redirects to it."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import session_cookie
from accounts.factors.forms import PasskeyForm
from accounts.factors.passkeys import RefusedPasskeyError
from accounts.forms import ConfirmForm
from accounts.step_up import services
from smartbudget.web.forms import handle_form, posted
from smartbudget.web.redirects import returning, safe_next

View = Callable[..., Any]


def recent_login_required(view: View) -> View:
    """Redirect to the confirmation page unless the user's login is recent.

    The confirmation leads back to the page itself, which must also answer GET.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if services.is_recent(request.user):
            return view(request, *args, **kwargs)
        return redirect(returning(reverse("accounts:confirm"), request.path))

    return wrapped


def confirmation_required(view: View) -> View:
    """Redirect as `recent_login_required` does, but only users without a password.

    For pages whose form has the password unless the user's login is recent.
    """
    confirmed = recent_login_required(view)

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        protected = view if request.user.has_password else confirmed
        return protected(request, *args, **kwargs)

    return wrapped


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    target = safe_next(request)
    if "passkey" in request.POST:
        return _confirm_with_passkey(request, target)
    return handle_form(
        request,
        "accounts/confirm.html",
        ConfirmForm(posted(request)),
        save=lambda data: services.confirm(
            request.user, session_cookie.session_key(request) or "", **data
        ),
        done=lambda _none: redirect(target),
        context=lambda: {
            "next": target,
            "has_passkeys": services.has_passkey(request.user),
        },
    )


def _confirm_with_passkey(request: HttpRequest, target: str) -> HttpResponse:
    form = PasskeyForm(request.POST)
    key = session_cookie.session_key(request) or ""
    try:
        if form.is_valid():
            services.confirm_with_passkey(request.user, key, **form.cleaned_data)
            return redirect(target)
        messages.warning(request, str(form.errors["passkey"][0]))
    except RefusedPasskeyError as error:
        messages.warning(request, str(error))
    return redirect(returning(reverse("accounts:confirm"), target))
