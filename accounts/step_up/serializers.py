"""Request bodies of the step-up API."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.factors.serializers import PasskeyField
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import PasswordField


class ConfirmInput(InputSerializer):
    """The password or a passkey."""

    RULE = {"minProperties": 1, "maxProperties": 1}  # the same as `validate`

    password = PasswordField(required=False)
    passkey = PasskeyField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(
                _("Send either the password or a passkey.")
            )
        return attrs
