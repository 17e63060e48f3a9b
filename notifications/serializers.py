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
        help_text="Can be repeated.",
        error_messages={
            "invalid_choice": format_lazy(
                _("Choose one of {choices}."), choices=", ".join(TYPES)
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
    unread = OptionalFlag(required=False, help_text="`false`: only read ones.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"types": attrs.pop("type", ()), **attrs}


class NotificationOutput(serializers.Serializer[Any]):
    """A notification."""

    notification_id = IdField()
    type = serializers.ChoiceField(TYPES)
    subject = serializers.CharField(help_text=TEXT)
    message = serializers.CharField(help_text=TEXT)
    status = serializers.ChoiceField(STATUSES)
    status_text = serializers.SerializerMethodField(
        help_text="The status as a sentence, with the reason."
    )
    error = ReasonField(help_text="Why it was not sent, as a sentence.")
    delivery_method = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(help_text="Time of the last delivery step.")
    read_at = serializers.DateTimeField(allow_null=True, help_text="Null if unread.")

    def get_status_text(self, notification: Notification) -> str:
        return describe_delivery(notification, self.context["time_zone"])


class NotificationPage(serializers.Serializer[Any]):
    results = NotificationOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class UnreadOutput(serializers.Serializer[Any]):
    unread = serializers.IntegerField(help_text="Among the newest 50.")
    more = serializers.BooleanField(
        help_text="True if all of these are unread, so there may be more."
    )


class ReadInput(InputSerializer):
    read = FlagField()


class WhichInput(InputSerializer):
    """Notifications by id, or all of them."""

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
        required=False, help_text="With `all`: only notifications up to this time."
    )


class MarkOutput(serializers.Serializer[Any]):
    marked = serializers.IntegerField()
    left = serializers.IntegerField(help_text="Repeat until this is 0.")


class SubscriptionInput(InputSerializer):
    """Empty: the account's address is used."""


class SubscriptionOutput(serializers.Serializer[Any]):
    status = serializers.ChoiceField(STATES, source="subscription_status")
    subscription_arn = serializers.SerializerMethodField(
        help_text="Null if e-mails are sent with SES."
    )
    detail = ReasonField(
        source="email_problem",
        help_text="Why e-mail alerts were turned off, as a sentence.",
    )

    def get_subscription_arn(self, recipient: Any) -> str | None:
        arn: str | None = recipient.subscription_arn
        return arn if arn and arn.startswith("arn:") else None
