"""The pages that verify an address, or undo its change.

A GET changes nothing, since mail scanners open links too.
"""

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
from accounts.verification import services, undo
from accounts.verification.forms import NewPasswordForm
from accounts.verification.services import Request
from notifications import opt_ins
from smartbudget.web.forms import handle_form, posted


@login_not_required
@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    return link_cookie.move(token, "accounts:verify")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    token = link_cookie.token_of(request)
    is_done = request.method == "POST"
    confirmed = services.verify(token) if is_done else services.find(token)
    return _render(request, confirmed, is_done=is_done)


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

    response = handle_form(
        request,
        "accounts/undo_email.html",
        NewPasswordForm(posted(request)),
        save=lambda data: undo.undo_change(token, **data),
        done=done,
        context={"former": former},
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_subscription(request: HttpRequest, token: str) -> HttpResponse:
    """Verify the address of a link that a version up to 0.1 sent."""
    record = opt_ins.find(token)
    is_done = request.method == "POST"
    act = services.verify_address if is_done else services.request_of
    return _render(request, act(record.owner, record.email), is_done=is_done)


@require_POST
def send_again(request: HttpRequest) -> HttpResponse:
    email = services.send_again(request.user)
    if email:
        sentence = _("We sent a confirmation link to {email}.")
        messages.success(request, sentence.format(email=email))
    return redirect("profiles:profile")


def _render(request: HttpRequest, confirmed: Request, *, is_done: bool) -> HttpResponse:
    context = {"confirmed": confirmed, "done": is_done}
    response = render(request, "accounts/verify.html", context)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
