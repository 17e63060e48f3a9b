"""The pages of profile, e-mail address, deletion and export."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
)

from accounts import account_mail, session_cookie
from accounts.models import Account
from accounts.step_up.views import confirmation_required, recent_login_required
from accounts.verification import services as verification
from notifications import transports
from profiles import address_change, deletion, export
from profiles.calendar_change import CalendarChange, describe
from profiles.forms import CalendarForm, DeletionForm, EmailForm, ProfileForm
from profiles.services import has_amounts, preview_profile, update_profile
from smartbudget.web.downloads import ZIP, download
from smartbudget.web.form_drafts import keeps_draft
from smartbudget.web.forms import handle_form, posted
from smartbudget.web.language import activate


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    def done(account: Account) -> HttpResponse:
        activate(account.language)
        messages.success(request, _("Settings saved."))
        return redirect("profiles:profile")

    account = address_change.get_account(request.user)
    if request.method == "POST":
        form = ProfileForm.posted(request.POST, account)
    else:
        form = ProfileForm.of(account, is_currency_fixed=has_amounts(account.user))
    return handle_form(
        request,
        "profiles/profile.html",
        form,
        save=lambda data: update_profile(request.user, **data),
        done=done,
        context={
            "account": account,
            "email_problem": account.email_problem and _(account.email_problem),
            "by_sns": transports.sends_confirmations(),
            "calendar": describe(account.user.calendar),
            "needs_link": account_mail.is_available()
            and verification.unverified_address(account),
        },
        focus=False,
    )


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def calendar(request: HttpRequest) -> HttpResponse:
    """Change when weeks, months and years begin, or only show what that would do."""
    user = request.user
    form = CalendarForm(posted(request), initial=user.calendar.rules)

    def check(change: CalendarChange) -> HttpResponse:
        context = {"form": form, "change": change}
        return render(request, "profiles/calendar.html", context)

    def done(_account: Account) -> HttpResponse:
        messages.success(request, _("Calendar saved."))
        return redirect("profiles:profile")

    if "check" in request.POST:
        return handle_form(
            request,
            "profiles/calendar.html",
            form,
            save=lambda rules: preview_profile(user, calendar=rules)[1],
            done=check,
        )
    return handle_form(
        request,
        "profiles/calendar.html",
        form,
        save=lambda rules: update_profile(user, calendar=rules),
        done=done,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@confirmation_required
def email(request: HttpRequest) -> HttpResponse:
    def done(account: Account) -> HttpResponse:
        if account.pending_email:
            message = _("We sent a confirmation link to {email}.").format(
                email=account.pending_email
            )
        else:
            message = _("Your e-mail address is now {email}.").format(
                email=account.email
            )
        messages.success(request, message)
        return redirect("profiles:profile")

    return handle_form(
        request,
        "profiles/email.html",
        EmailForm(posted(request), user=request.user),
        save=lambda data: address_change.change_email(request.user, **data),
        done=done,
        context={"sends_links": account_mail.is_available()},
    )


@require_POST
def cancel_email(request: HttpRequest) -> HttpResponse:
    account = address_change.cancel_change(request.user)
    message = _("Your e-mail address is still {email}.").format(email=account.email)
    messages.success(request, message)
    return redirect("profiles:profile")


@require_http_methods(["GET", "HEAD", "POST"])
@confirmation_required
def delete_account(request: HttpRequest) -> HttpResponse:
    def done(_none: None) -> HttpResponse:
        session_cookie.forget(request)
        messages.success(request, _(deletion.CLOSED))
        return redirect("accounts:login")

    return handle_form(
        request,
        "profiles/delete.html",
        DeletionForm(posted(request), user=request.user),
        save=lambda data: deletion.close_account(
            request.user, password=data.get("password")
        ),
        done=done,
    )


@recent_login_required
@require_http_methods(["GET", "HEAD", "POST"])
def export_data(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    if request.method == "POST":
        return download(
            export.zip_chunks(request.user), export.file_name(request.user), ZIP
        )
    return render(request, "profiles/export.html")
