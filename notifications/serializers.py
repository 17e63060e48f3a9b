"""Request and response bodies of the notification API."""

from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.fields import empty

from notifications.models import STATUSES, TYPES, Notification
from notifications.services import MARK_LIMIT
from notifications.status_text import describe_delivery, reason_in_words
from notifications.subscriptions import STATES
from smartbudget.web.base_serializers import InputSerializer, ListQuery, having
from smartbudget.web.fields import BoundedListField, FlagField, IdField, InstantField

TEXT = "In the language of the request. Older ones stay in that of their e-mail."


class OptionalFlag(FlagField):
    """A query parameter that is neither true nor false if it is missing."""

    default_empty_html = empty


class ReasonField(serializers.CharField):
    """A stored reason in the current language, or null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_representation(self, value: str) -> str:
        return reason_in_words(value)


class NotificationFilter(ListQuery):
    """Query parameters of the list."""

    type = serializers.MultipleChoiceField(
        choices=TYPES,
        required=False,
        help_text="May be given several times.",
        error_messages={
            "invalid_choice": format_lazy(
                _("Choose from {choices}."), choices=", ".join(TYPES)
            )
        },
    )
    status = serializers.ChoiceField(
        STATUSES,
        required=False,
        error_messages={
            "invalid_choice": format_lazy(
                _("Choose one of {choices}."), choices=", ".join(STATUSES)
            )
        },
    )
    unread = OptionalFlag(required=False, help_text="false: only what was read.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"types": attrs.pop("type", ()), **attrs}


class NotificationOutput(serializers.Serializer[Any]):
    """One notification; the context's `time_zone` is for times in words."""

    notification_id = IdField()
    type = serializers.ChoiceField(TYPES)
    subject = serializers.CharField(help_text=TEXT)
    message = serializers.CharField(help_text=TEXT)
    status = serializers.ChoiceField(STATUSES)
    status_text = serializers.SerializerMethodField(
        help_text="The same in words, with the reason."
    )
    error = ReasonField(help_text="Why it is not sent, in words.")
    delivery_method = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(help_text="When its delivery got so far.")
    read_at = serializers.DateTimeField(allow_null=True, help_text="null: unread.")

    def get_status_text(self, notification: Notification) -> str:
        return describe_delivery(notification, self.context["time_zone"])


class NotificationPage(serializers.Serializer[Any]):
    results = NotificationOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class UnreadOutput(serializers.Serializer[Any]):
    unread = serializers.IntegerField(help_text="Among the newest 50.")
    more = serializers.BooleanField(help_text="All of those are: there may be more.")


class ReadInput(InputSerializer):
    read = FlagField()


class WhichInput(InputSerializer):
    """Some notifications by their ids, or all."""

    # The same as `validate`. Not a oneOf: generated clients would make it two classes.
    RULE = {
        "if": {"properties": {"all": {"const": True}}, "required": ["all"]},
        "then": {"not": having("ids")},
        "else": having("ids"),
    }

    ids = BoundedListField(child=IdField(), required=False, max_length=MARK_LIMIT)
    all = FlagField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == bool(attrs.get("all")):
            raise serializers.ValidationError(_("Send either ids, or all as true."))
        return attrs


class MarkInput(WhichInput):
    until = InstantField(
        required=False, help_text="With `all`: no newer ones than this instant."
    )


class MarkOutput(serializers.Serializer[Any]):
    marked = serializers.IntegerField()
    left = serializers.IntegerField(help_text="Repeat until it is 0.")


class SubscriptionInput(InputSerializer):
    """Nothing: the address is the account's."""


class SubscriptionOutput(serializers.Serializer[Any]):
    status = serializers.ChoiceField(STATES, source="subscription_status")
    subscription_arn = serializers.SerializerMethodField(help_text="Null with SES.")
    detail = ReasonField(
        source="email_problem",
        help_text="Why there is no subscription any more, in words.",
    )

    def get_subscription_arn(self, recipient: Any) -> str | None:
        arn: str | None = recipient.subscription_arn
        return arn if arn and arn.startswith("arn:") else None
