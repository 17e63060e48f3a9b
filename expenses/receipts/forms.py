"""The form field for a receipt."""

from typing import Any

from django import forms
from django.utils.translation import gettext

from expenses.receipts import validation
from expenses.receipts.serializers import checked
from smartbudget.core.errors import InvalidError

ACCEPTED = {*validation.TYPES.values(), *(f".{ext}" for ext in validation.TYPES)}


class ReceiptInput(forms.FileInput):
    """An input for one file; its value is a list if several were sent."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        sent = files.getlist(name)
        return sent if len(sent) > 1 else super().value_from_datadict(data, files, name)


class ReceiptField(forms.FileField):
    """A field whose value is a checked receipt, or None."""

    def __init__(
        self, *, widget_attrs: dict[str, str] | None = None, **options: Any
    ) -> None:
        # Phones that take HEIC photos convert them if only JPEG is accepted.
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
