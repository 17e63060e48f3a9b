"""The forms of the second factors; services validate."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

CODE_LENGTH = 20  # characters, with spaces
RECOVERY_CODE_LENGTH = 40  # characters, with spaces and hyphens


def code_field(label: str, **options: Any) -> Any:
    """Return a field for a code of an authenticator app."""
    attributes = {"autocomplete": "one-time-code", "inputmode": "numeric"}
    return forms.CharField(
        label=label,
        max_length=CODE_LENGTH,
        widget=forms.TextInput(attrs=attributes),
        **options,
    )


class SecondStepForm(forms.Form):
    """A code of the app or a recovery code; the page has a form for each."""

    code = code_field(_("Code from your authenticator app"), required=False)
    recovery_code = forms.CharField(
        label=_("Recovery code"),
        max_length=RECOVERY_CODE_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and not any(data.values()):
            name = "recovery_code" if "recovery_code" in self.data else "code"
            self.add_error(name, forms.ValidationError("", code="required"))
        return data


class TotpForm(forms.Form):
    """Two consecutive codes of an app that is being set up."""

    recovery_codes_saved = forms.BooleanField(
        label=_("I saved my recovery codes."),
        required=False,
    )
    code = code_field(_("Code"))
    next_code = code_field(
        _("Next code"), help_text=_("Wait until your app shows a new one.")
    )
