"""Request and response bodies of the second factors' API; services validate."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.factors.forms import CODE_LENGTH, RECOVERY_CODE_LENGTH
from accounts.factors.passkey_setup import MAX_NAME_LENGTH
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import (
    BoundedListField,
    DigestField,
    FlagField,
    PasswordField,
    TextField,
)

MAX_TICKET_LENGTH = 2000  # characters


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": True,
        "description": "A `PublicKeyCredential` of the browser, as its `toJSON` returns"
        " it.",
    }
)
class PasskeyField(serializers.Field[Any, Any, Any, Any]):
    """A browser's response with a passkey; services validate what is in it."""

    default_error_messages = {"invalid": _("Send a JSON object.")}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return data


class PasskeyOptionsOutput(serializers.Serializer[Any]):
    options = serializers.DictField(
        help_text="For the browser's `PublicKeyCredential.parse...OptionsFromJSON`."
        " Valid for five minutes."
    )


class PasskeyLoginInput(InputSerializer):
    passkey = PasskeyField()


class SecondStepInput(InputSerializer):
    """A ticket with a code of the app, a recovery code or a passkey."""

    # The same as `validate`. Not a oneOf: generated clients would make it classes.
    RULE = {"minProperties": 2, "maxProperties": 2}

    ticket = TextField(
        max_length=MAX_TICKET_LENGTH, help_text="From the response of `/login`."
    )
    code = TextField(
        max_length=CODE_LENGTH,
        required=False,
        help_text="The current code of the authenticator app.",
    )
    recovery_code = TextField(max_length=RECOVERY_CODE_LENGTH, required=False)
    passkey = PasskeyField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 2:
            raise serializers.ValidationError(
                _("Send one of code, recovery_code and passkey, with the ticket.")
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


class NewPasskeyInput(InputSerializer):
    passkey = PasskeyField()
    name = TextField(max_length=MAX_NAME_LENGTH, help_text="A label for the passkey.")


class PasskeyNameInput(InputSerializer):
    name = TextField(max_length=MAX_NAME_LENGTH)


class PasskeyOutput(serializers.Serializer[Any]):
    passkey_id = DigestField(help_text="SHA-256 of the credential id. Not a secret.")
    name = serializers.CharField()
    is_synced = serializers.BooleanField(
        help_text="Whether it is backed up, and so on other devices too."
    )
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(
        allow_null=True, help_text="Null if never used."
    )


class AddedPasskeyOutput(PasskeyOutput):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(),
        help_text="Returned only once. Empty if the account has some already.",
    )


class RecoveryCodesOutput(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(), help_text="Returned only once."
    )
