"""The staff site: users, failed notifications, dead letters and health."""

import functools
from collections.abc import Callable
from typing import Any

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

from notifications.status_text import reason_in_words, type_in_words
from smartbudget.core import health
from smartbudget.core.errors import InvalidError, SecondFactorError
from smartbudget.web.forms import handle_form, posted
from staff import dead_letters, failed_notifications, reset_links, users
from staff.dead_letters import REDRIVE_SECONDS, for_seconds
from staff.failed_notifications import Resent
from staff.forms import FindUserForm, LockForm, ResendForm, ResetLinkForm
from staff.user_search import Matches, search_users
from staff.users import UserSummary

View = Callable[..., HttpResponse]


def staff_page(view: View) -> View:
    """Require staff, and lead those without a second factor to its set-up."""

    @functools.wraps(view)
    def checked(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        try:
            users.require_staff(request.user)
        except SecondFactorError as error:
            messages.warning(request, str(error))
            return redirect("accounts:factors")
        return view(request, *args, **kwargs)

    return checked


@require_safe
@staff_page
def index(request: HttpRequest) -> HttpResponse:
    parts = health.check()
    context = {
        "parts": [(_(part.name), part) for part in parts],
        "well": all(part.ok for part in parts),
    }
    return render(request, "staff/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page
def find_user(request: HttpRequest) -> HttpResponse:
    """Search users by POST: in a URL, an address would end up in logs and histories."""
    form = FindUserForm(posted(request))
    cursor = request.POST.get("cursor")
    is_first = cursor is None

    def save(data: dict[str, Any]) -> Matches:
        matches = search_users(request.user, data["whom"], cursor=cursor)
        if is_first and matches.is_complete and not matches.users:
            raise InvalidError(_("No users match."), "whom")
        return matches

    def done(matches: Matches) -> HttpResponse:
        if is_first and matches.is_complete and len(matches.users) == 1:
            return redirect("staff-user", matches.users[0].user_id)
        context = {"form": form, "matches": matches}
        return render(request, "staff/users.html", context)

    return handle_form(
        request,
        "staff/users.html",
        form,
        save=save,
        done=done,
        context={"matches": None},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page
def user(request: HttpRequest, user_id: str) -> HttpResponse:
    """Show a user; a POST locks the account."""

    def done(person: UserSummary) -> HttpResponse:
        sentence = _("{username} is locked and logged out everywhere.")
        messages.success(request, sentence.format(username=person.username))
        return redirect("staff-user", user_id)

    person = users.get_user(request.user, user_id)
    return handle_form(
        request,
        "staff/user.html",
        LockForm(posted(request)),
        save=lambda data: users.lock(request.user, user_id, **data),
        done=done,
        context={"person": person},
        focus=False,
    )


@require_POST
@staff_page
def unlock(request: HttpRequest, user_id: str) -> HttpResponse:
    person = users.unlock(request.user, user_id)
    message = _("{username} can log in again.").format(username=person.username)
    messages.success(request, message)
    return redirect("staff-user", user_id)


@require_http_methods(["GET", "HEAD", "POST"])
def reset_link(request: HttpRequest, user_id: str) -> HttpResponse:
    """Create a link to reset a user's password; only this response shows it."""
    person = users.get_user(request.user, user_id)

    def done(link: str) -> HttpResponse:
        context = {
            "person": person,
            "form": ResetLinkForm(user=request.user),
            "link": link,
        }
        return render(request, "staff/reset_link.html", context)

    return handle_form(
        request,
        "staff/reset_link.html",
        ResetLinkForm(posted(request), user=request.user),
        save=lambda data: reset_links.create(request.user, user_id, **data),
        done=done,
        context={"person": person, "link": None},
    )


@require_safe
@staff_page
def overview(request: HttpRequest) -> HttpResponse:
    user = request.user
    failed = failed_notifications.list_failed(user)
    context = {
        "failed": failed,
        "rows": [
            (item, type_in_words(item), reason_in_words(item.error))
            for item in failed.items
        ],
        "dead_letters": dead_letters.depth(user),
        "failed_events": dead_letters.failed_events(user),
        "resent_at_once": failed_notifications.RESEND_LIMIT,
    }
    return render(request, "staff/notifications.html", context)


@require_POST
@staff_page
def resend(request: HttpRequest) -> HttpResponse:
    form = ResendForm(request.POST)
    if not form.is_valid():
        raise InvalidError(_("Select one notification, or all."))
    if form.cleaned_data["all"]:
        result = failed_notifications.resend_all(request.user)
    else:
        result = failed_notifications.resend(request.user, [form.cleaned_data["id"]])
    messages.success(request, _describe_resent(result))
    return redirect("staff-notifications")


@require_POST
@staff_page
def redrive(request: HttpRequest) -> HttpResponse:
    result = dead_letters.redrive(request.user, for_seconds(REDRIVE_SECONDS))
    sentences = [
        _("Moved {moved}, about {left} left.").format(
            moved=result.moved, left=result.left
        )
    ]
    if result.refused:
        refused = _("Couldn't queue {number}; still listed here.")
        sentences.append(refused.format(number=result.refused))
    messages.success(request, " ".join(sentences))
    return redirect("staff-notifications")


def _describe_resent(result: Resent) -> str:
    if not result.resent:
        return _("It has already been queued again.")
    sentences = [_("{number} queued again.").format(number=result.resent)]
    if result.waiting:
        waiting = _("Couldn't queue {number}; sending within ten minutes.")
        sentences.append(waiting.format(number=result.waiting))
    if result.left:
        left = ngettext("{number} is left.", "{number} are left.", result.left)
        sentences.append(left.format(number=result.left))
    return " ".join(sentences)
