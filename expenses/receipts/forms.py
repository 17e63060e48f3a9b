"""The field for a receipt in forms."""

from typing import Any

from django import forms
from django.utils.translation import gettext

from expenses.receipts import validation
from expenses.receipts.serializers import checked
from smartbudget.core.errors import InvalidError

ACCEPTED = {*validation.TYPES.values(), *(f".{ext}" for ext in validation.TYPES)}


class ReceiptInput(forms.FileInput):
    """An input for one file; returns a list where several were sent."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        sent = files.getlist(name)
        return sent if len(sent) > 1 else super().value_from_datadict(data, files, name)


class ReceiptField(forms.FileField):
    """A receipt; what it becomes is a file that was checked."""

    def __init__(
        self, *, widget_attrs: dict[str, str] | None = None, **options: Any
    ) -> None:
        # Cameras that take HEIC send JPEG when only that is asked for.
        accept = "image/jpeg" if widget_attrs else ",".join(sorted(ACCEPTED))
        attrs = {"accept": accept, "data-receipt": "", **(widget_attrs or {})}
        super().__init__(required=False, widget=ReceiptInput(attrs=attrs), **options)

    def clean(self, data: Any, initial: Any = None) -> validation.Receipt | None:
        if isinstance(data, list):
            raise forms.ValidationError(gettext(validation.ONLY_ONE))
        file = super().clean(data, initial)
        if not file:
            return None
        try:
            return checked(file)
        except InvalidError as error:
            raise forms.ValidationError(str(error)) from error
