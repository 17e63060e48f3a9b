"""The pages of the second factors, and of the second step of a login."""

from collections.abc import Callable, Sequence
from typing import Any

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)
from markupsafe import Markup

from accounts import session_cookie
from accounts.device_cookie import device_of
from accounts.factors import (
    passkey_setup,
    passkeys,
    passwordless,
    recovery_codes,
    services,
)
from accounts.factors import second_step as steps
from accounts.factors.ceremonies import find_relying_party
from accounts.factors.forms import (
    NewPasskeyForm,
    PasskeyForm,
    PasskeyNameForm,
    SecondStepForm,
    TotpForm,
)
from accounts.factors.passkey_setup import AddedPasskey
from accounts.factors.second_step import SecondStep, TicketError, is_needed
from accounts.factors.services import TotpSetup
from accounts.forms import LoginForm, StepUpForm
from accounts.login_responses import begin_session, return_fields
from accounts.password_reset.forms import NewPasswordForm
from accounts.services import get_account
from accounts.sessions import Login
from accounts.step_up.views import confirmation_required, recent_login_required
from notifications.messages import FEW_RECOVERY_CODES
from smartbudget.core.errors import AuthenticationError, GoneError
from smartbudget.core.user import User
from smartbudget.web.client_ip import client_address
from smartbudget.web.forms import handle_form, posted, set_focus
from smartbudget.web.language import activate


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
        return _start_over(request, str(error))

    def save(data: dict[str, Any]) -> Login | TicketError:
        try:
            return steps.complete(
                step.ticket,
                steps.proof_of(
                    **{name: typed for name, typed in data.items() if typed}
                ),
                address=client_address(request),
                device=device_of(request),
            )
        except TicketError as error:  # not for this form
            return error

    def done(login: Login | TicketError) -> HttpResponse:
        if isinstance(login, TicketError):
            return _start_over(request, str(login))
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


@require_http_methods(["GET", "HEAD", "POST"])
def log_in_with_passkey(request: HttpRequest) -> HttpResponse:
    """Log in with a passkey alone, from the form of the login page."""
    if request.method != "POST":
        return redirect("accounts:login")
    form = PasskeyForm(request.POST)
    if not form.is_valid():
        return _start_over(request, str(form.errors["passkey"][0]), status=400)
    try:
        login = passkeys.log_in(
            form.cleaned_data["passkey"],
            address=client_address(request),
            device=device_of(request),
        )
    except AuthenticationError as error:
        return _start_over(request, str(error))
    return begin_session(request, login)


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
    fields = return_fields(request)
    if "passkey" not in step.factors:
        fields["has_passkeys"] = False
    return {"step": step, "form": form, **fields}


def _start_over(
    request: HttpRequest, sentence: str, *, status: int = 401
) -> HttpResponse:
    """Render the login page, which keeps the page to return to and the draft."""
    messages.warning(request, sentence)
    form = LoginForm()
    set_focus(form)
    context = {"form": form, **return_fields(request)}
    return render(request, "accounts/login.html", context, status=status)


@require_safe
def list_factors(request: HttpRequest) -> HttpResponse:
    account = get_account(request.user.user_id)
    factors = services.factors_of(account)
    has_factors = is_needed(account)
    context = {
        "factors": factors,
        "has_factors": has_factors,
        "can_remove_password": passwordless.can_remove(account),
        "has_passkeys": find_relying_party() is not None,
        "passkeys": passkey_setup.passkeys_of(account),
        "most_passkeys": passkey_setup.MAX_PASSKEYS,
        "few": FEW_RECOVERY_CODES,
        "count": recovery_codes.COUNT,
        "must_log_in": has_factors and not request.user.has_second_factor,
    }
    return render(request, "accounts/factors.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@confirmation_required
def set_up_totp(request: HttpRequest) -> HttpResponse:
    """Show a new authenticator app to set up, after the password."""
    return _confirm_password(
        request,
        services.begin_totp,
        done=lambda setup: _show_setup(request, setup, TotpForm()),
        title=_("Set up an authenticator app"),
        text=_("An app on your phone shows a code that you enter after your password."),
        button=_("Continue"),
    )


@require_POST
def confirm_totp(request: HttpRequest) -> HttpResponse:
    """Turn on the authenticator app, or show its page again."""
    try:
        setup = services.resume_totp(request.user, request.POST.get("setup", ""))
    except GoneError as error:
        messages.warning(request, str(error))
        return redirect("accounts:totp")

    def save(data: dict[str, Any]) -> object:
        return services.confirm_totp(
            request.user,
            setup=setup.setup,
            codes=[data["code"], data["next_code"]],
            recovery_codes_saved=data["recovery_codes_saved"]
            or not setup.recovery_codes,
            session_key=session_cookie.session_key(request),
        )

    def done(_factors: object) -> HttpResponse:
        messages.success(request, _("Two-factor login is on."))
        return redirect("accounts:factors")

    return handle_form(
        request,
        "accounts/totp.html",
        TotpForm(request.POST),
        save=save,
        done=done,
        context=lambda: _setup_context(request, setup),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@confirmation_required
def remove_totp(request: HttpRequest) -> HttpResponse:
    def done(_removed: None) -> HttpResponse:
        messages.success(request, _("The authenticator app has been turned off."))
        return redirect("accounts:factors")

    return _confirm_password(
        request,
        services.remove_totp,
        done=done,
        title=_("Turn off the authenticator app"),
        text=_("Unless you have a passkey, your password is then enough to log in."),
        button=_("Turn off"),
        is_danger=True,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@recent_login_required
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Add a passkey that the browser created with passkeys.js."""

    def save(data: dict[str, Any]) -> AddedPasskey:
        key = session_cookie.session_key(request)
        return passkey_setup.add(request.user, **data, session_key=key)

    def done(added: AddedPasskey) -> HttpResponse:
        if not added.recovery_codes:
            messages.success(request, _("Passkey added."))
            return redirect("accounts:factors")
        return _show_codes(request, added.recovery_codes, is_first=True)

    return handle_form(
        request,
        "accounts/add_passkey.html",
        NewPasskeyForm(posted(request)),
        save=save,
        done=done,
        context={"has_passkeys": find_relying_party() is not None},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def rename_passkey(request: HttpRequest, passkey_id: str) -> HttpResponse:
    passkey = passkey_setup.get_passkey(request.user, passkey_id)

    def done(_renamed: object) -> HttpResponse:
        messages.success(request, _("Passkey renamed."))
        return redirect("accounts:factors")

    return handle_form(
        request,
        "accounts/confirm_password.html",
        PasskeyNameForm(posted(request), initial={"name": passkey.name}),
        save=lambda data: passkey_setup.rename(request.user, passkey_id, **data),
        done=done,
        context={
            "title": _("Rename passkey"),
            "text": _("Choose a name that shows which device has it."),
            "button": _("Save"),
            "is_danger": False,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@confirmation_required
def remove_passkey(request: HttpRequest, passkey_id: str) -> HttpResponse:
    passkey = passkey_setup.get_passkey(request.user, passkey_id)

    def remove(user: User, password: str | None = None) -> None:
        passkey_setup.remove(user, passkey_id, password=password)

    def done(_removed: None) -> HttpResponse:
        messages.success(request, _("Passkey removed."))
        return redirect("accounts:factors")

    text = _("You can no longer log in with {name}. Delete it from your device too.")
    return _confirm_password(
        request,
        remove,
        done=done,
        title=_("Remove passkey"),
        text=text.format(name=passkey.name),
        button=_("Remove"),
        is_danger=True,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@confirmation_required
def remove_password(request: HttpRequest) -> HttpResponse:
    def done(_removed: None) -> HttpResponse:
        messages.success(request, _("Your account has no password now."))
        return redirect("accounts:factors")

    return _confirm_password(
        request,
        passwordless.remove_password,
        done=done,
        title=_("Remove password"),
        text=_("After that, you can only log in with a passkey."),
        button=_("Remove password"),
        is_danger=True,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@recent_login_required
def set_password(request: HttpRequest) -> HttpResponse:
    """Set a password for an account without one."""

    def done(login: Login) -> HttpResponse:
        messages.success(
            request, _("Password set. Your other devices have been logged out.")
        )
        response = redirect("accounts:factors")
        session_cookie.begin(request, response, login)
        return response

    return handle_form(
        request,
        "accounts/confirm_password.html",
        NewPasswordForm(posted(request)),
        save=lambda data: passwordless.set_password(
            request.user, new=data["new_password"], device=device_of(request)
        ),
        done=done,
        context={
            "title": _("Set a password"),
            "text": _("Your other devices will be logged out, and API tokens revoked."),
            "button": _("Set password"),
            "is_danger": False,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@confirmation_required
def create_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Create new recovery codes; only this response shows them."""

    def done(codes: list[str]) -> HttpResponse:
        return _show_codes(request, codes)

    return _confirm_password(
        request,
        services.create_recovery_codes,
        done=done,
        title=_("New recovery codes"),
        text=_("Your old recovery codes stop working."),
        button=_("Create codes"),
    )


@require_POST
def download_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Return the recovery codes of the page as a text file."""
    codes = services.decrypt_codes(request.user, request.POST.get("codes", ""))
    title = _("Recovery codes of {username} for Smart Budget Planner")
    lines = [
        title.format(username=request.user.username),
        _("Each works once. Keep them in a safe place."),
        "",
        *codes,
        "",
    ]
    return HttpResponse(
        "\n".join(lines),
        content_type="text/plain; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="recovery-codes.txt"',
            "Cache-Control": "no-store",
        },
    )


def _confirm_password(
    request: HttpRequest,
    save: Callable[..., Any],
    *,
    done: Callable[[Any], HttpResponse],
    is_danger: bool = False,
    **context: str,
) -> HttpResponse:
    """Show a form, with the password unless the login is recent, and save."""
    return handle_form(
        request,
        "accounts/confirm_password.html",
        StepUpForm(posted(request), user=request.user),
        save=lambda data: save(request.user, **data),
        done=done,
        context={"is_danger": is_danger, **context},
    )


def _show_codes(
    request: HttpRequest, codes: Sequence[str], *, is_first: bool = False
) -> HttpResponse:
    """Render new recovery codes. is_first: whether they came with a passkey."""
    context = {
        "codes": codes,
        "is_first": is_first,
        "encrypted_codes": services.encrypt_codes(request.user, codes),
    }
    return render(request, "accounts/recovery_codes.html", context)


def _show_setup(request: HttpRequest, setup: TotpSetup, form: TotpForm) -> HttpResponse:
    context = {"form": form, **_setup_context(request, setup)}
    return render(request, "accounts/totp.html", context)


def _setup_context(request: HttpRequest, setup: TotpSetup) -> dict[str, Any]:
    return {
        "setup": setup,
        "qr_code": _qr_code(setup.uri),
        "codes": setup.recovery_codes,
        "encrypted_codes": services.encrypt_codes(request.user, setup.recovery_codes),
    }


def _qr_code(uri: str) -> Markup:
    """Return a QR code as inline SVG, dark on light in both themes."""
    svg = segno.make(uri, error="m").svg_inline(
        dark="#000", light="#fff", svgclass="qr-code", lineclass=None, omitsize=True
    )
    return Markup(svg)  # noqa: S704 - consists of numbers and the colors above
