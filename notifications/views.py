"""The notification pages."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from notifications import links, services, subscriptions
from notifications.forms import FilterForm, MarkAllForm
from notifications.messages import localize
from notifications.models import Notification
from notifications.services import Marked
from notifications.status_text import describe_delivery, status_in_words, type_in_words
from smartbudget.core import dates
from smartbudget.core.errors import InvalidError
from smartbudget.web.changelists import ChangeList, Column
from smartbudget.web.language import activate
from smartbudget.web.messages import with_counts
from smartbudget.web.redirects import redirect_back

NOTIFICATIONS = ChangeList(
    title=gettext_lazy("Notifications"),
    url_name="notifications:list",
    columns=(
        Column(gettext_lazy("Notification")),
        Column(gettext_lazy("Type"), "kind"),
        Column(gettext_lazy("When"), "day"),
        Column(gettext_lazy("E-mail")),
        Column(gettext_lazy("Change")),
    ),
    row_template="notifications/_notification.html",
    none_template="notifications/_none.html",
    template="notifications/list.html",
    actions={"read": gettext_lazy("Mark as read")},
    action_url_name="notifications:act",
)


@require_safe
def list_notifications(request: HttpRequest) -> HttpResponse:
    user = request.user
    recipient = subscriptions.refresh(user)
    return NOTIFICATIONS.respond(
        request,
        FilterForm(request.GET),
        find=lambda filters, page: services.list_notifications(user, **filters, **page),
        row=lambda item: _context(request, item),
        context={
            "recipient": recipient,
            "email_problem": recipient.email_problem and _(recipient.email_problem),
            "only_unread": request.GET.get("unread") == "true",
            "until": dates.timestamp(),  # later ones are not on this page
        },
    )


@require_safe
def show_notification(request: HttpRequest, notification_id: str) -> HttpResponse:
    """Show a notification, which marks it as read."""
    if request.method == "HEAD":
        notification = services.get_notification(request.user, notification_id)
    else:
        notification = services.mark(request.user, notification_id)
    context = _context(request, notification)
    return render(request, "notifications/notification.html", context)


@require_POST
def mark(request: HttpRequest, notification_id: str, read: bool) -> HttpResponse:
    services.mark(request.user, notification_id, read=read)
    return redirect_back(request, "notifications:list")


@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Run an action on the selected notifications. Safe to repeat."""
    if request.POST.get("action") not in NOTIFICATIONS.actions:
        raise InvalidError(_("Choose an action."), "action")
    ids = request.POST.getlist("selected")
    if ids:
        messages.success(
            request, _describe_marked(services.mark_read(request.user, ids))
        )
    else:
        messages.warning(request, _("Select at least one notification."))
    return redirect_back(request, "notifications:list")


@require_POST
def mark_all(request: HttpRequest) -> HttpResponse:
    form = MarkAllForm(request.POST)
    if not form.is_valid():
        raise InvalidError(_("Reload the page and try again."), "until")
    result = services.mark_all_read(request.user, until=form.cleaned_data["until"])
    messages.success(request, _describe_marked(result))
    return redirect_back(request, "notifications:list")


@require_POST
def subscribe(request: HttpRequest) -> HttpResponse:
    recipient = subscriptions.subscribe(request.user)
    if recipient.subscription_status == "pending":
        sentence = _("We sent a confirmation link to {email}.")
    else:
        sentence = _("E-mail alerts are on. They go to {email}.")
    messages.success(request, sentence.format(email=recipient.email))
    return redirect("profiles:profile")


@require_POST
def unsubscribe(request: HttpRequest) -> HttpResponse:
    subscriptions.unsubscribe(request.user)
    messages.success(request, _("E-mail alerts are off."))
    return redirect("profiles:profile")


# A GET changes nothing, since mail scanners open links too.


@login_not_required
@csrf_exempt  # mail clients POST it themselves (RFC 8058); the key is the permission
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_by_link(request: HttpRequest, user_id: str, key: str) -> HttpResponse:
    posted = request.method == "POST"
    recipient = (links.unsubscribe if posted else links.recipient_of)(user_id, key)
    activate(recipient.language)
    return render(request, "notifications/unsubscribe.html", {"done": posted})


def _context(request: HttpRequest, notification: Notification) -> dict[str, Any]:
    fact = localize(notification).message.partition("\n\n")[0]
    return {
        "notification": notification,
        "kind": type_in_words(notification),
        "fact": fact,
        "delivery": describe_delivery(notification, request.user.time_zone),
        "state": status_in_words(notification),
    }


def _describe_marked(result: Marked) -> str:
    if not result.marked:
        return _("Everything was already marked as read.")
    marked = _("{number} marked as read.").format(number=result.marked)
    left = ngettext(
        "{number} left. Mark all as read again to continue.",
        "{number} left. Mark all as read again to continue.",
        result.left,
    )
    return with_counts(marked, (result.left, left))
