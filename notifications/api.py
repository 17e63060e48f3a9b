"""The notification API."""

from typing import TYPE_CHECKING

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import services, subscriptions
from notifications.serializers import (
    NotificationOutput,
    NotificationPage,
    SubscriptionInput,
    SubscriptionOutput,
)
from smartbudget.web import cursors

if TYPE_CHECKING:
    from accounts.models import Account


class NotificationListView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int, description="1-100; 25 if not given."),
        ],
        responses=NotificationPage,
    )
    def get(self, request: Request) -> Response:
        """List the caller's notifications, newest first."""
        page = services.list_notifications(
            request.user, **cursors.position(request, request.user)
        )
        results = NotificationOutput(page.items, many=True).data
        return Response(cursors.body(request, request.user, page, results))


class NotificationView(APIView):
    @extend_schema(operation_id="notification_retrieve", responses=NotificationOutput)
    def get(self, request: Request, notification_id: str) -> Response:
        """Show one of the caller's notifications."""
        notification = services.get_notification(request.user, notification_id)
        return Response(NotificationOutput(notification).data)


class SubscriptionView(APIView):
    @extend_schema(responses=SubscriptionOutput)
    def get(self, request: Request) -> Response:
        """Tell whether the caller's notifications come by e-mail too."""
        return answer(subscriptions.refresh(request.user))

    @extend_schema(request=SubscriptionInput, responses=SubscriptionOutput)
    def post(self, request: Request) -> Response:
        """Send a confirmation to the caller's address; its link starts the e-mails."""
        SubscriptionInput(data=request.data).is_valid(raise_exception=True)
        return answer(subscriptions.subscribe(request.user))

    @extend_schema(responses={200: SubscriptionOutput})
    def delete(self, request: Request) -> Response:
        """End the e-mails."""
        return answer(subscriptions.unsubscribe(request.user))


def answer(account: "Account") -> Response:
    return Response(SubscriptionOutput(account).data)
