"""Request and response bodies of the account API; services validate."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import validators
from accounts.login_history import METHODS
from accounts.passwords import MAX_LENGTH, MIN_LENGTH
from accounts.tokens import MAX_DAYS, MAX_NAME_LENGTH, SCOPES
from smartbudget.core.dates import DEFAULT_TIME_ZONE, TIME_ZONES
from smartbudget.core.i18n import LANGUAGES
from smartbudget.core.money import CURRENCIES, DEFAULT_CURRENCY
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import (
    BoundedListField,
    DigestField,
    IdField,
    PasswordField,
    TextField,
    WholeField,
    one_of,
)

NO_SUCH_CURRENCY = {
    "invalid_choice": _("Choose an ISO 4217 currency code, such as USD.")
}
NO_SUCH_TIME_ZONE = {"invalid_choice": _("Choose a time zone, such as Europe/Berlin.")}


@extend_schema_field({"type": "string", "examples": ["Europe/Berlin"]})
class TimeZoneField(serializers.ChoiceField):
    """An IANA time zone; the schema does not list them, since they change."""

    def __init__(self, **options: Any) -> None:
        super().__init__(sorted(TIME_ZONES), **options)


class RegisterInput(InputSerializer):
    username = TextField(regex=validators.USERNAME.pattern, max_length=30)
    email = TextField(max_length=254)
    password = PasswordField(min_length=MIN_LENGTH, max_length=MAX_LENGTH)
    phone_number = TextField(
        regex=validators.PHONE.pattern,
        max_length=20,
        required=False,
        allow_blank=True,
        allow_null=True,
    )
    currency = serializers.ChoiceField(
        sorted(CURRENCIES),
        default=DEFAULT_CURRENCY,
        error_messages=NO_SUCH_CURRENCY,
    )
    time_zone = TimeZoneField(
        default=DEFAULT_TIME_ZONE, error_messages=NO_SUCH_TIME_ZONE
    )
    language = serializers.ChoiceField(
        [*LANGUAGES],
        required=False,
        help_text="Default: from Accept-Language.",
        error_messages=one_of(LANGUAGES),
    )


class LoginInput(InputSerializer):
    username = TextField(max_length=254, help_text="Username or e-mail address.")
    password = PasswordField()


class LoginOutput(serializers.Serializer[Any]):
    user_id = IdField()
    username = serializers.CharField()
    email = serializers.CharField()
    csrf_token = serializers.CharField(help_text="Send it as X-CSRFToken in writes.")


class PasswordInput(InputSerializer):
    old_password = PasswordField()
    new_password = PasswordField(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


class SetPasswordInput(InputSerializer):
    new_password = PasswordField(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


class SessionOutput(serializers.Serializer[Any]):
    session_id = DigestField(help_text="Identifies the token. Not a secret.")
    device = serializers.CharField(
        allow_null=True, help_text="The browser and system at login."
    )
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(help_text="To five minutes.")
    expires_at = serializers.DateTimeField()
    is_current = serializers.BooleanField(help_text="True for the current session.")


class PastLoginOutput(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    device = serializers.CharField(
        allow_null=True, help_text="The browser and system at login."
    )
    method = serializers.ChoiceField(
        METHODS, help_text="`totp` and `recovery` came after the password."
    )
    is_new_device = serializers.BooleanField(
        help_text="Whether a notice of a new device was sent."
    )


class TokenInput(InputSerializer):
    password = PasswordField(
        required=False,
        help_text="The account's password. Not needed within ten minutes of a login.",
    )
    name = TextField(max_length=MAX_NAME_LENGTH, help_text="A label for the token.")
    scopes = BoundedListField(
        child=serializers.ChoiceField(SCOPES, error_messages=one_of(SCOPES)),
        max_length=len(SCOPES),
    )
    expires_in_days = WholeField(min_value=1, max_value=MAX_DAYS)


class TokenOutput(serializers.Serializer[Any]):
    token_id = DigestField(help_text="Identifies the token. Not a secret.")
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES))
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(
        allow_null=True, help_text="To the minute. Null if never used."
    )
    expires_at = serializers.DateTimeField()


class MadeTokenOutput(TokenOutput):
    token = serializers.CharField(
        help_text="The token, returned only once. Send it as a bearer token."
    )
