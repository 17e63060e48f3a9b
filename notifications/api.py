"""The notification API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from notifications import services, subscriptions
from notifications.messages import localize
from notifications.models import Notification
from notifications.serializers import (
    MarkInput,
    MarkOutput,
    NotificationFilter,
    NotificationOutput,
    NotificationPage,
    ReadInput,
    SubscriptionInput,
    SubscriptionOutput,
    UnreadOutput,
)
from smartbudget.web import pagination
from smartbudget.web.api import ApiView
from smartbudget.web.base_serializers import represent, represent_all
from smartbudget.web.etags import if_match


class NotificationListView(ApiView):
    query = NotificationFilter

    @extend_schema(
        operation_id="list_notifications",
        responses=NotificationPage,
    )
    def get(self, request: Request) -> Response:
        """List the caller's notifications, newest first."""
        page = services.list_notifications(
            request.user,
            **self.query_params,
            **pagination.position(request, request.user),
        )
        context = {"time_zone": request.user.time_zone}
        items = [localize(notification) for notification in page.items]
        results = represent_all(NotificationOutput, items, context)
        return Response(pagination.body(request, request.user, page, results))


class NotificationView(ApiView):
    takes_if_match = True

    @extend_schema(operation_id="get_notification", responses=NotificationOutput)
    def get(self, request: Request, notification_id: str) -> Response:
        """Get a notification."""
        notification = services.get_notification(request.user, notification_id)
        return Response(representation(request, notification))

    @extend_schema(
        operation_id="mark_notification",
        request=ReadInput,
        responses=NotificationOutput,
    )
    def patch(self, request: Request, notification_id: str) -> Response:
        """Mark a notification as read or unread."""
        data = self.parse(ReadInput, partial=True)
        notification = services.mark(
            request.user,
            notification_id,
            read=data.get("read"),
            precondition=if_match(request, representation),
        )
        return Response(representation(request, notification))


class UnreadView(ApiView):
    @extend_schema(operation_id="count_unread", responses=UnreadOutput)
    def get(self, request: Request) -> Response:
        """Count unread notifications among the newest 50."""
        unread, more = services.count_unread(request.user)
        return Response({"unread": unread, "more": more})


class ReadView(ApiView):
    @extend_schema(
        operation_id="mark_notifications",
        request=MarkInput,
        responses={200: MarkOutput, 404: None},
    )
    def post(self, request: Request) -> Response:
        """Mark notifications as read. Repeat until none are left."""
        data = self.parse(MarkInput)
        if data.get("all"):
            result = services.mark_all_read(request.user, until=data.get("until"))
        else:
            result = services.mark_read(request.user, data["ids"])
        return self.represent(MarkOutput, result)


class SubscriptionView(ApiView):
    shows_item = frozenset({"POST", "DELETE"})

    @extend_schema(operation_id="get_subscription", responses=SubscriptionOutput)
    def get(self, request: Request) -> Response:
        """Get the status of e-mail alerts."""
        recipient = subscriptions.refresh(request.user)
        return self.represent(SubscriptionOutput, recipient)

    @extend_schema(
        operation_id="subscribe",
        request=SubscriptionInput,
        responses=SubscriptionOutput,
    )
    def post(self, request: Request) -> Response:
        """Turn on e-mail alerts: sends a confirmation link."""
        self.parse(SubscriptionInput)
        recipient = subscriptions.subscribe(request.user)
        return self.represent(SubscriptionOutput, recipient)

    @extend_schema(operation_id="unsubscribe", responses={200: SubscriptionOutput})
    def delete(self, request: Request) -> Response:
        """Turn off e-mail alerts."""
        recipient = subscriptions.unsubscribe(request.user)
        return self.represent(SubscriptionOutput, recipient)


def representation(request: Request, notification: Notification) -> dict[str, Any]:
    context = {"time_zone": request.user.time_zone}
    return represent(NotificationOutput, localize(notification), context)
