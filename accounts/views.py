"""The account pages."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import (
    account_mail,
    link_cookie,
    login_history,
    not_me,
    services,
    session_cookie,
    sessions,
    tokens,
)
from accounts.device_cookie import device_of
from accounts.factors.second_step import SecondStep
from accounts.factors.views import show_second_step
from accounts.forms import (
    METHOD_LABELS,
    LoginForm,
    PasswordForm,
    RegisterForm,
    TokenForm,
)
from accounts.login_responses import begin_session, return_fields
from accounts.sessions import Login
from accounts.step_up.views import confirmation_required
from smartbudget.core import i18n
from smartbudget.core.user import AnonymousUser
from smartbudget.web import rate_limit
from smartbudget.web.client_ip import client_address
from smartbudget.web.errors import wants_json
from smartbudget.web.forms import handle_form, posted
from smartbudget.web.language import browser_currency

View = Callable[..., HttpResponse]
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


def shared(page: View, api_view: View) -> View:
    """Return a view that serves forms with `page` and all else with `api_view`."""
    protected = csrf_protect(page)

    @csrf_exempt
    @functools.wraps(api_view)  # copies `cls` too, so that the schema lists it
    def view(request: HttpRequest) -> HttpResponse:
        is_form = request.method != "POST" or request.content_type in FORMS
        if not is_form or wants_json(request):
            return api_view(request)
        rate_limit.count_page(request, AnonymousUser())
        return protected(request)

    return view


@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    client: dict[str, Any] = {
        "address": client_address(request),
        "device": device_of(request),
    }

    def done(login: Login) -> HttpResponse:
        if account_mail.is_available():
            sentence = _("We sent a confirmation link to {email}.")
            messages.success(request, sentence.format(email=login.user.email))
        return begin_session(request, login)

    return handle_form(
        request,
        "accounts/register.html",
        RegisterForm(
            posted(request),
            initial={
                "language": i18n.current(),
                "currency": browser_currency(request),
            },
        ),
        save=lambda data: services.register(**data, **client),
        done=done,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    def save(data: dict[str, Any]) -> Login | SecondStep:
        return services.log_in(
            identifier=data["username"],
            password=data["password"],
            address=client_address(request),
            device=device_of(request),
        )

    def done(login: Login | SecondStep) -> HttpResponse:
        if isinstance(login, SecondStep):
            return show_second_step(request, login)
        return begin_session(request, login)

    return handle_form(
        request,
        "accounts/login.html",
        LoginForm(posted(request)),
        save=save,
        done=done,
        context=return_fields(request),
    )


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    session_cookie.end(request)
    return redirect("accounts:login")


@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    if not request.user.has_password:
        return redirect("accounts:set-password")

    def done(login: Login) -> HttpResponse:
        messages.success(
            request, _("Password changed. Your other devices have been logged out.")
        )
        response = redirect("profiles:profile")
        session_cookie.begin(request, response, login)
        return response

    return handle_form(
        request,
        "accounts/password.html",
        PasswordForm(posted(request)),
        save=lambda data: services.change_password(
            request.user,
            old=data["old_password"],
            new=data["new_password"],
            device=device_of(request),
        ),
        done=done,
    )


@require_safe
def list_sessions(request: HttpRequest) -> HttpResponse:
    live = sessions.list_sessions(request.user, session_cookie.session_key(request))
    others = any(not session.is_current for session in live)
    context = {
        "sessions": live,
        "others": others,
        "logins": login_history.list_logins(request.user),
        "methods": METHOD_LABELS,
    }
    return render(request, "accounts/sessions.html", context)


@require_POST
def end_session(request: HttpRequest, session_id: str) -> HttpResponse:
    sessions.end_session(request.user, session_id)
    messages.success(request, _("The device has been logged out."))
    return redirect("accounts:sessions")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    sessions.end_other_sessions(request.user, session_cookie.session_key(request))
    messages.success(request, _("Your other devices have been logged out."))
    return redirect("accounts:sessions")


@login_not_required
@require_safe
def open_not_me(request: HttpRequest, token: str) -> HttpResponse:
    return link_cookie.move(token, "accounts:not-me")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def reject_login(request: HttpRequest) -> HttpResponse:
    """Show what the link in the mail about a new device does, or do it."""
    token = link_cookie.token_of(request)
    if request.method != "POST":
        context = {"account": not_me.find(token)}
        return render(request, "accounts/not_me.html", context)
    if not_me.reject_login(token):
        response = redirect("accounts:reset-sent")
        sentence = _("All devices have been logged out and all API tokens revoked.")
    else:
        response = redirect("accounts:reset")
        sentence = _(
            "All devices have been logged out and all API tokens revoked. Reset your"
            " password now."
        )
    messages.success(request, sentence)
    link_cookie.forget(response, "accounts:not-me")
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@confirmation_required
def api_tokens(request: HttpRequest) -> HttpResponse:
    """List tokens and create one; only this response shows its secret."""

    def token_list() -> dict[str, Any]:
        return {"tokens": tokens.list_tokens(request.user), "secret": None}

    def done(created: tuple[tokens.LiveToken, str]) -> HttpResponse:
        token, secret = created
        context = {
            **token_list(),
            "form": TokenForm(user=request.user),
            "created": token,
            "secret": secret,
        }
        return render(request, "accounts/tokens.html", context)

    return handle_form(
        request,
        "accounts/tokens.html",
        TokenForm(posted(request), user=request.user),
        save=lambda data: tokens.create_token(request.user, **data),
        done=done,
        context=token_list,
        focus=False,
    )


@require_POST
def revoke_token(request: HttpRequest, token_id: str) -> HttpResponse:
    tokens.revoke_token(request.user, token_id)
    messages.success(request, _("The token has been revoked."))
    return redirect("accounts:tokens")
