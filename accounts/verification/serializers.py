"""Response bodies of the API of verified addresses."""

from typing import Any

from rest_framework import serializers


class VerificationOutput(serializers.Serializer[Any]):
    sent_to = serializers.CharField(
        allow_null=True, help_text="Null if no address is to be confirmed."
    )
