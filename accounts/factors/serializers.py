"""Request and response bodies of the second factors' API; services validate."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.factors.forms import CODE_LENGTH, RECOVERY_CODE_LENGTH
from smartbudget.web.base_serializers import InputSerializer, having
from smartbudget.web.fields import TextField

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
