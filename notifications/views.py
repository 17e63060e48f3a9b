"""The notification pages."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from notifications import links, services, subscriptions
from smartbudget.web import cursors
from smartbudget.web.sessions import public

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


# The links in mails. Opening one changes nothing: what scans mails opens links too.


@public
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_by_link(request: HttpRequest, token: str) -> HttpResponse:
    posted = request.method == "POST"
    email = links.confirm(token) if posted else links.address_of(token)
    context = {"email": email, "done": posted}
    return render(request, "notifications/confirm.html", context)


@public
@csrf_exempt  # mail programs post it themselves (RFC 8058); the key is the permission
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_by_link(request: HttpRequest, user_id: str, key: str) -> HttpResponse:
    posted = request.method == "POST"
    (links.unsubscribe if posted else links.user_of)(user_id, key)
    return render(request, "notifications/unsubscribe.html", {"done": posted})
