"""The notification pages."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from notifications import services, subscriptions
from smartbudget.web import cursors

IN_WORDS = {
    "queued": "Waiting to be sent",
    "sent": "Sent by e-mail",
    "failed": "Could not be sent",
    "skipped": "Not sent by e-mail",
}


@require_safe
def list_notifications(request: HttpRequest) -> HttpResponse:
    user = request.user
    page = services.list_notifications(user, **cursors.position(request, user))
    context = {
        "notifications": [(item, IN_WORDS[item.status]) for item in page.items],
        "links": cursors.links(request, user, page),
        "account": subscriptions.refresh(user),
    }
    return render(request, "notifications/list.html", context)


@require_POST
def subscribe(request: HttpRequest) -> HttpResponse:
    account = subscriptions.subscribe(request.user)
    if account.subscription_status == "pending":
        messages.success(request, f"A confirmation is on its way to {account.email}.")
    else:
        messages.success(request, f"E-mails go to {account.email}.")
    return redirect("notifications:list")


@require_POST
def unsubscribe(request: HttpRequest) -> HttpResponse:
    subscriptions.unsubscribe(request.user)
    messages.success(request, "Notifications are listed here and not sent by e-mail.")
    return redirect("notifications:list")
