"""Request and response bodies of the staff API; services validate."""

from typing import Any

from rest_framework import serializers

from notifications.models import TYPES
from notifications.serializers import ReasonField
from notifications.subscriptions import STATES
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import (
    IdField,
    TextField,
)
from staff.users import MAX_REASON_LENGTH


class WhomInput(InputSerializer):
    whom = TextField(max_length=254, help_text="Username, e-mail address or user_id.")


class LockInput(InputSerializer):
    reason = TextField(max_length=MAX_REASON_LENGTH, help_text="For other staff.")


class PersonOutput(serializers.Serializer[Any]):
    user_id = IdField()
    username = serializers.CharField()
    is_staff = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    last_login_at = serializers.DateTimeField(
        allow_null=True, help_text="Of the sessions that nobody ended."
    )
    live_sessions = serializers.IntegerField()
    subscription_status = serializers.ChoiceField(STATES)
    locked_at = serializers.DateTimeField(allow_null=True)
    locked_reason = serializers.CharField(allow_null=True)


class PartOutput(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="As in `Table users`.")
    ok = serializers.BooleanField()
    said = serializers.CharField(help_text="How it is, or what is wrong, in words.")


class FailedOutput(serializers.Serializer[Any]):
    """A failed notification, without what it says and whom it is for."""

    notification_id = IdField()
    user_id = IdField()
    type = serializers.ChoiceField(TYPES)
    created_at = serializers.DateTimeField(
        allow_null=True, help_text="Null for a summary that was not written."
    )
    failed_at = serializers.DateTimeField(source="unsent_since")
    attempts = serializers.IntegerField()
    error = ReasonField()


class FailedPage(serializers.Serializer[Any]):
    results = FailedOutput(many=True, source="items", help_text="The newest 50.")
    count = serializers.IntegerField()
    more = serializers.BooleanField(help_text="There are more than `count`.")


class ResendOutput(serializers.Serializer[Any]):
    resent = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Of those; sent within minutes.")
    left = serializers.IntegerField(help_text="Repeat until it is 0.")


class DepthOutput(serializers.Serializer[Any]):
    waiting = serializers.IntegerField()
    hidden = serializers.IntegerField(help_text="Being handled; back in 30 seconds.")


class DeadLettersOutput(serializers.Serializer[Any]):
    dead_letters = DepthOutput()
    failed_events = DepthOutput()


class RedriveOutput(serializers.Serializer[Any]):
    moved = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="They stay dead letters.")
    left = serializers.IntegerField(help_text="About. Repeat until it is 0.")
