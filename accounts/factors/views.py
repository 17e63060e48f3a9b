"""The pages of the second factors, and of the second step of a login."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.factors import second_step as steps
from accounts.factors.forms import SecondStepForm
from accounts.factors.second_step import SecondStep, TicketError
from accounts.forms import LoginForm
from accounts.login_responses import begin_session, return_fields
from accounts.sessions import Login
from notifications.messages import FEW_RECOVERY_CODES
from smartbudget.web.client_ip import client_address
from smartbudget.web.forms import handle_form, set_focus
from smartbudget.web.language import activate
from smartbudget.web.user_agent import device_of


def show_second_step(request: HttpRequest, step: SecondStep) -> HttpResponse:
    """Render the second step after the password was verified."""
    form = SecondStepForm()
    set_focus(form)
    return render(request, "accounts/second_step.html", _context(request, step, form))


@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """Complete a login; without a valid ticket, start over with what the form keeps."""
    if request.method != "POST":
        return redirect("accounts:login")
    try:
        step = steps.resume(request.POST.get("ticket", ""))
    except TicketError as error:
        return _start_over(request, error)

    def save(data: dict[str, str]) -> Login | TicketError:
        try:
            return steps.complete(
                step.ticket,
                steps.proof_of(**{name: code for name, code in data.items() if code}),
                address=client_address(request),
                device=device_of(request),
            )
        except TicketError as error:  # not for this form
            return error

    def done(login: Login | TicketError) -> HttpResponse:
        if isinstance(login, TicketError):
            return _start_over(request, login)
        _warn_of_few_codes(request, login)
        return begin_session(request, login)

    form = SecondStepForm(request.POST)
    return handle_form(
        request,
        "accounts/second_step.html",
        form,
        save=save,
        done=done,
        context=_context(request, step, form),
    )


def _warn_of_few_codes(request: HttpRequest, login: Login) -> None:
    left = login.recovery_codes_left
    if left is None or left > FEW_RECOVERY_CODES:
        return
    activate(login.user.language)
    sentence = ngettext(
        "You have {number} recovery code left. Create new ones soon.",
        "You have {number} recovery codes left. Create new ones soon.",
        left,
    )
    messages.warning(request, sentence.format(number=left))


def _context(
    request: HttpRequest, step: SecondStep, form: SecondStepForm
) -> dict[str, Any]:
    return {"step": step, "form": form, **return_fields(request)}


def _start_over(request: HttpRequest, error: TicketError) -> HttpResponse:
    """Render the login page, which keeps the page to return to and the draft."""
    messages.warning(request, str(error))
    form = LoginForm()
    set_focus(form)
    context = {"form": form, **return_fields(request)}
    return render(request, "accounts/login.html", context, status=401)
