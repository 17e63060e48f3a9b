"""Request and response bodies of the staff API; services validate."""

from typing import Any

from rest_framework import serializers

from notifications.models import TYPES
from notifications.serializers import ReasonField
from notifications.subscriptions import STATES
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import (
    IdField,
    PasswordField,
    TextField,
)
from staff.user_search import MAX_LENGTH, MIN_LENGTH
from staff.users import MAX_REASON_LENGTH


class WhomInput(InputSerializer):
    whom = TextField(max_length=254, help_text="Username, e-mail address or user_id.")


class SearchInput(InputSerializer):
    whom = TextField(
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        help_text="Part of a username, or the start of an e-mail address.",
    )
    cursor = TextField(required=False, max_length=40, help_text="`next` of a response.")


class LockInput(InputSerializer):
    reason = TextField(max_length=MAX_REASON_LENGTH, help_text="Visible to staff only.")


class ResetLinkInput(InputSerializer):
    password = PasswordField(
        required=False,
        help_text="Of the staff user. Not needed within ten minutes of a login.",
    )


class ResetLinkOutput(serializers.Serializer[Any]):
    link = serializers.URLField(
        help_text="Works once, for 30 minutes. Returned only once."
    )


class PersonOutput(serializers.Serializer[Any]):
    user_id = IdField()
    username = serializers.CharField()
    is_staff = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    last_login_at = serializers.DateTimeField(
        allow_null=True, help_text="Among sessions that were not ended."
    )
    live_sessions = serializers.IntegerField()
    subscription_status = serializers.ChoiceField(STATES)
    locked_at = serializers.DateTimeField(allow_null=True)
    locked_reason = serializers.CharField(allow_null=True)


class MatchesOutput(serializers.Serializer[Any]):
    results = PersonOutput(many=True, source="users")
    next = serializers.CharField(
        source="cursor",
        allow_null=True,
        help_text="Send it as `cursor` with the same `whom`; null on the last page.",
    )
    searched_to = serializers.CharField(
        allow_null=True, help_text="Usernames up to this one were searched."
    )
    more_addresses = serializers.BooleanField(
        help_text="True if more e-mail addresses begin with `whom`: send more of it."
    )


class PartOutput(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Such as `Table users`.")
    ok = serializers.BooleanField()
    said = serializers.CharField(help_text="The state or problem, as a sentence.")


class FailedOutput(serializers.Serializer[Any]):
    """A failed notification, without its text and recipient."""

    notification_id = IdField()
    user_id = IdField()
    type = serializers.ChoiceField(TYPES)
    created_at = serializers.DateTimeField(
        allow_null=True, help_text="Null for a summary that was never written."
    )
    failed_at = serializers.DateTimeField(source="unsent_since")
    attempts = serializers.IntegerField()
    error = ReasonField()


class FailedPage(serializers.Serializer[Any]):
    results = FailedOutput(many=True, source="items", help_text="The newest 50.")
    count = serializers.IntegerField()
    more = serializers.BooleanField(help_text="True if there are more than `count`.")


class ResendOutput(serializers.Serializer[Any]):
    resent = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Of these, to be sent within minutes.")
    left = serializers.IntegerField(help_text="Repeat until this is 0.")


class DepthOutput(serializers.Serializer[Any]):
    waiting = serializers.IntegerField()
    hidden = serializers.IntegerField(
        help_text="In progress; visible again after 30 seconds."
    )


class DeadLettersOutput(serializers.Serializer[Any]):
    dead_letters = DepthOutput()
    failed_events = DepthOutput()


class RedriveOutput(serializers.Serializer[Any]):
    moved = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="Number that stay dead letters.")
    left = serializers.IntegerField(help_text="Approximate. Repeat until this is 0.")
