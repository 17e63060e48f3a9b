"""Request and response bodies of the receipt API."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from expenses.receipts import validation
from smartbudget.web.base_serializers import FormInput, InputSerializer
from smartbudget.web.fields import IdField, TextField, WholeField

FILE = "JPG, PNG, GIF, WebP, HEIC (stored as JPG) or PDF, up to 10 MB."
DIGEST = "[0-9a-fA-F]{64}|[A-Za-z0-9+/]{43}="
SHA256 = "SHA-256 of the file as sent, in hexadecimal or base64."


def checked(file: Any, sha256: str | None = None) -> validation.Receipt:
    """Return the checked receipt of an uploaded file. Raises InvalidError."""
    return validation.check(
        file.file,
        name=file.name,
        declared_type=file.content_type or "",
        sha256=sha256 or None,
    )


class Sha256Field(TextField):
    """The checksum of a form's file; forms send an empty text without one."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            allow_blank=True,
            regex=DIGEST,
            max_length=64,
            help_text=SHA256,
        )


class ReceiptInput(FormInput):
    """A receipt for an existing expense."""

    file = serializers.FileField(help_text=FILE)
    expense_id = IdField()
    sha256 = Sha256Field()


class AnnouncementInput(InputSerializer):
    """A file to upload directly."""

    file_name = TextField(
        max_length=255, help_text="Needs an extension, unless `content_type` is sent."
    )
    content_type = TextField(required=False, max_length=100)
    size_bytes = WholeField(
        min_value=1,
        max_value=validation.MAX_BYTES,
        error_messages={"max_value": _(validation.TOO_LARGE)},
    )
    sha256 = TextField(regex=DIGEST, max_length=64, help_text=SHA256)


class AnnouncementOutput(serializers.Serializer[Any]):
    url = serializers.URLField(help_text="PUT the file to this URL with these headers.")
    method = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField())
    key = serializers.CharField(help_text="For confirming the upload.")
    expires_in = serializers.IntegerField(help_text="In seconds.")


class ConfirmationInput(InputSerializer):
    """A finished direct upload."""

    key = TextField(max_length=200)
    expense_id = IdField(
        required=False, help_text="If omitted, use the key as `receipt_url` later."
    )


class ReceiptOutput(serializers.Serializer[Any]):
    """A checked receipt."""

    expense_id = IdField(allow_null=True)
    receipt_url = serializers.CharField(help_text="The key of the receipt.")
    file_name = serializers.CharField()
    content_type = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Of the stored file, hexadecimal.")


class DownloadOutput(serializers.Serializer[Any]):
    """A download URL."""

    url = serializers.URLField()
    expires_in = serializers.IntegerField(help_text="In seconds.")
    file_name = serializers.CharField()
    content_type = serializers.CharField()
