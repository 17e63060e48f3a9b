"""Request and response bodies of the second factors' API; services validate."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.factors.forms import CODE_LENGTH, RECOVERY_CODE_LENGTH
from smartbudget.web.base_serializers import InputSerializer, having
from smartbudget.web.fields import (
    BoundedListField,
    FlagField,
    PasswordField,
    TextField,
)

MAX_TICKET_LENGTH = 2000  # characters


class SecondStepInput(InputSerializer):
    """A ticket with a code of the app, or with a recovery code."""

    # The same as `validate`. Not a oneOf: generated clients would make it two classes.
    RULE = {
        "if": having("code"),
        "then": {"not": having("recovery_code")},
        "else": having("recovery_code"),
    }

    ticket = TextField(
        max_length=MAX_TICKET_LENGTH, help_text="From the response of `/login`."
    )
    code = TextField(
        max_length=CODE_LENGTH,
        required=False,
        help_text="The current code of the authenticator app.",
    )
    recovery_code = TextField(max_length=RECOVERY_CODE_LENGTH, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("code" in attrs) == ("recovery_code" in attrs):
            raise serializers.ValidationError(
                _("Send either code or recovery_code, with the ticket.")
            )
        return attrs


class FactorsOutput(serializers.Serializer[Any]):
    totp = serializers.BooleanField(help_text="Whether an authenticator app is set up.")
    recovery_codes_left = serializers.IntegerField(min_value=0)


class PasswordConfirmation(InputSerializer):
    password = PasswordField(
        required=False,
        help_text="The account's password. Not needed within ten minutes of a login.",
    )


class TotpSetupOutput(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="In Base32, for the authenticator app.")
    uri = serializers.CharField(help_text="The same as a link, also for a QR code.")
    recovery_codes = serializers.ListField(
        child=serializers.CharField(),
        help_text="Returned only once. Empty if the account has some already.",
    )
    setup = serializers.CharField(help_text="Send it with two codes within 30 minutes.")


class TotpConfirmation(InputSerializer):
    setup = TextField(max_length=MAX_TICKET_LENGTH)
    codes = BoundedListField(
        child=TextField(max_length=CODE_LENGTH),
        max_length=2,
        help_text="Two codes that the app shows one after the other.",
    )
    recovery_codes_saved = FlagField(
        help_text="Whether the user has stored the recovery codes."
    )


class RecoveryCodesOutput(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(), help_text="Returned only once."
    )
