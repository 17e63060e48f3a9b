"""The pages that verify an address, or undo its change.

A GET changes nothing, since mail scanners open links too.
"""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import link_cookie
from accounts.password_reset.forms import NewPasswordForm
from accounts.verification import services, undo
from accounts.verification.services import Request
from notifications import opt_ins
from smartbudget.core.errors import ConflictError
from smartbudget.web.forms import handle_form, posted


@login_not_required
@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    return link_cookie.move(token, "accounts:verify")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    token = link_cookie.token_of(request)
    return _confirm(
        request,
        lambda: services.find(token),
        lambda: services.verify(token),
    )


@login_not_required
@require_safe
def open_undo_link(request: HttpRequest, token: str) -> HttpResponse:
    return link_cookie.move(token, "accounts:undo-email")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def undo_change(request: HttpRequest) -> HttpResponse:
    token = link_cookie.token_of(request)
    former = undo.find(token)

    def done(email: str) -> HttpResponse:
        sentence = _(
            "Your e-mail address is {email} again. Log in with your new password."
        )
        messages.success(request, sentence.format(email=email))
        return redirect("accounts:login")

    return handle_form(
        request,
        "accounts/undo_email.html",
        NewPasswordForm(posted(request)),
        save=lambda data: undo.undo_change(token, **data),
        done=done,
        context={"former": former},
    )


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_subscription(request: HttpRequest, token: str) -> HttpResponse:
    """Verify the address of a link that a version up to 0.1 sent."""
    record = opt_ins.find(token)
    return _confirm(
        request,
        lambda: services.request_of(record.owner, record.email),
        lambda: services.verify_address(record.owner, record.email),
    )


@require_POST
def send_again(request: HttpRequest) -> HttpResponse:
    email = services.send_again(request.user)
    if email:
        sentence = _("We sent a confirmation link to {email}.")
        messages.success(request, sentence.format(email=email))
    return redirect("profiles:profile")


def _confirm(
    request: HttpRequest, find: Callable[[], Request], verify: Callable[[], Request]
) -> HttpResponse:
    """Show what a link confirms, or confirm it and show the result."""
    if request.method != "POST":
        context = {"confirmed": find(), "done": False, "problem": None}
        return render(request, "accounts/verify.html", context)
    try:
        context = {"confirmed": verify(), "done": True, "problem": None}
    except ConflictError as error:
        context = {"confirmed": None, "done": False, "problem": str(error)}
    status = 409 if context["problem"] else 200
    return render(request, "accounts/verify.html", context, status=status)
