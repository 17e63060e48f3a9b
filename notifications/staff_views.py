"""The staff page: failed notifications and dead letters."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from notifications import dead_letters, staff
from notifications.forms import ResendForm, label_of
from notifications.staff import Resent
from notifications.staff_api import REDRIVE_SECONDS
from smartbudget.core.errors import InvalidError
from smartbudget.web.requests import for_seconds


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    user = request.user
    failed = staff.list_failed(user)
    context = {
        "failed": failed,
        "rows": [(item, label_of(item.type)) for item in failed.items],
        "dead_letters": dead_letters.depth(user),
        "failed_events": dead_letters.failed_events(user),
        "resent_at_once": staff.RESENT_AT_ONCE,
    }
    return render(request, "notifications/staff.html", context)


@require_POST
def resend(request: HttpRequest) -> HttpResponse:
    form = ResendForm(request.POST)
    if not form.is_valid():
        raise InvalidError("Choose one notification, or all.")
    if form.cleaned_data["all"]:
        done = staff.resend_all(request.user)
    else:
        done = staff.resend(request.user, [form.cleaned_data["id"]])
    messages.success(request, _said_of(done))
    return redirect("staff-notifications")


@require_POST
def redrive(request: HttpRequest) -> HttpResponse:
    done = dead_letters.redrive(request.user, for_seconds(REDRIVE_SECONDS))
    said = f"Moved {done.moved}, about {done.left} left."
    if done.refused:
        said += f" The queue did not take {done.refused}; they stay here."
    messages.success(request, said)
    return redirect("staff-notifications")


def _said_of(done: Resent) -> str:
    if not done.resent:
        return "Nothing to do: it has been queued again already."
    said = f"{done.resent} queued again."
    if done.waiting:
        said += f" The queue did not take {done.waiting}; they go within ten minutes."
    if done.left:
        said += f" {done.left} are left."
    return said
