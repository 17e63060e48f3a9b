"""The staff page: failed notifications and dead letters."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from notifications import dead_letters, staff
from notifications.forms import ResendForm
from notifications.staff import Resent
from notifications.staff_api import REDRIVE_SECONDS
from notifications.status_text import reason_in_words, type_in_words
from smartbudget.core.errors import InvalidError
from smartbudget.web.requests import for_seconds


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    user = request.user
    failed = staff.list_failed(user)
    context = {
        "failed": failed,
        "rows": [
            (item, type_in_words(item), reason_in_words(item.error))
            for item in failed.items
        ],
        "dead_letters": dead_letters.depth(user),
        "failed_events": dead_letters.failed_events(user),
        "resent_at_once": staff.RESENT_AT_ONCE,
    }
    return render(request, "notifications/staff.html", context)


@require_POST
def resend(request: HttpRequest) -> HttpResponse:
    form = ResendForm(request.POST)
    if not form.is_valid():
        raise InvalidError(_("Choose one notification, or all."))
    if form.cleaned_data["all"]:
        done = staff.resend_all(request.user)
    else:
        done = staff.resend(request.user, [form.cleaned_data["id"]])
    messages.success(request, _said_of(done))
    return redirect("staff-notifications")


@require_POST
def redrive(request: HttpRequest) -> HttpResponse:
    done = dead_letters.redrive(request.user, for_seconds(REDRIVE_SECONDS))
    said = [
        _("Moved {moved}, about {left} left.").format(moved=done.moved, left=done.left)
    ]
    if done.refused:
        refused = _("The queue did not take {number}; they stay here.")
        said.append(refused.format(number=done.refused))
    messages.success(request, " ".join(said))
    return redirect("staff-notifications")


def _said_of(done: Resent) -> str:
    if not done.resent:
        return _("Nothing to do: it has been queued again already.")
    said = [_("{number} queued again.").format(number=done.resent)]
    if done.waiting:
        waiting = _("The queue did not take {number}; they go within ten minutes.")
        said.append(waiting.format(number=done.waiting))
    if done.left:
        left = ngettext("{number} is left.", "{number} are left.", done.left)
        said.append(left.format(number=done.left))
    return " ".join(said)
