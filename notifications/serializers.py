"""What the notification API takes and gives."""

from typing import Any

from rest_framework import serializers

from notifications.models import STATUSES
from notifications.subscriptions import STATES
from smartbudget.web.api import InputSerializer


class NotificationOutput(serializers.Serializer[Any]):
    notification_id = serializers.CharField()
    type = serializers.CharField()
    subject = serializers.CharField()
    message = serializers.CharField()
    status = serializers.ChoiceField(STATUSES)
    error = serializers.CharField(
        allow_null=True, help_text="Why it is not sent, in words."
    )
    delivery_method = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class NotificationPage(serializers.Serializer[Any]):
    results = NotificationOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class SubscriptionInput(InputSerializer):
    """Nothing: the address is the account's."""


class SubscriptionOutput(serializers.Serializer[Any]):
    status = serializers.ChoiceField(STATES, source="subscription_status")
    subscription_arn = serializers.SerializerMethodField(help_text="Null with SES.")
    detail = serializers.CharField(
        source="email_problem",
        allow_null=True,
        help_text="Why there is no subscription any more, in words.",
    )

    def get_subscription_arn(self, account: Any) -> str | None:
        arn: str | None = account.subscription_arn
        return arn if arn and arn.startswith("arn:") else None
