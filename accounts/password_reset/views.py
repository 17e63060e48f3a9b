"""The pages to reset a forgotten password.

A GET changes nothing, since mail scanners open links too.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import link_cookie
from accounts.password_reset import services
from accounts.password_reset.forms import NewPasswordForm, RequestForm
from smartbudget.core.config import config
from smartbudget.web.client_ip import client_address
from smartbudget.web.forms import handle_form, posted


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def request_link(request: HttpRequest) -> HttpResponse:
    if not services.is_available():
        context = {"sentence": services.unavailable_sentence()}
        return render(request, "accounts/password_reset/unavailable.html", context)
    return handle_form(
        request,
        "accounts/password_reset/request.html",
        RequestForm(posted(request)),
        save=lambda data: services.request_link(
            data["username"], address=client_address(request)
        ),
        done=lambda _none: redirect("accounts:reset-sent"),
    )


@login_not_required
@require_safe
def show_sent(request: HttpRequest) -> HttpResponse:
    context = {"contact": config.support_email}
    return render(request, "accounts/password_reset/sent.html", context)


@login_not_required
@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    return link_cookie.move(token, "accounts:new-password")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_password(request: HttpRequest) -> HttpResponse:
    def done(_none: None) -> HttpResponse:
        messages.success(request, services.done_sentence())
        response = redirect("accounts:login")
        link_cookie.forget(response, "accounts:new-password")
        return response

    token = link_cookie.token_of(request)
    account = services.find(token)
    return handle_form(
        request,
        "accounts/password_reset/new_password.html",
        NewPasswordForm(posted(request)),
        save=lambda data: services.reset(token, data["new_password"]),
        done=done,
        context={"username": account.username},
    )
