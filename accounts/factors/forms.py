"""The forms of the second factors; services validate."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.factors.passkey_setup import MAX_NAME_LENGTH

CODE_LENGTH = 20  # characters, with spaces
RECOVERY_CODE_LENGTH = 40  # characters, with spaces and hyphens
PASSKEY_LENGTH = 20_000  # characters of JSON; an RSA key of 4096 bits takes 2,000


def code_field(label: str, **options: Any) -> Any:
    """Return a field for a code of an authenticator app."""
    attributes = {"autocomplete": "one-time-code", "inputmode": "numeric"}
    return forms.CharField(
        label=label,
        max_length=CODE_LENGTH,
        widget=forms.TextInput(attrs=attributes),
        **options,
    )


class PasskeyField(forms.CharField):
    """A browser's response with a passkey, as JSON, which passkeys.js writes."""

    widget = forms.HiddenInput
    default_error_messages = {"invalid": _("Passkeys need JavaScript.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=PASSKEY_LENGTH, empty_value=None, **options)

    def to_python(self, value: Any) -> Any:
        """Parse the response; one that is too long is not parsed."""
        text = super().to_python(value)
        if text is None or len(text) > PASSKEY_LENGTH:
            return text
        try:
            response = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(
                self.error_messages["invalid"], code="invalid"
            ) from error
        if not isinstance(response, dict):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return response


class PasskeyForm(forms.Form):
    """A login with a passkey alone."""

    passkey = PasskeyField()


class PasskeyNameForm(forms.Form):
    """The name of a passkey."""

    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_NAME_LENGTH,
        help_text=_("For example: My phone."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class NewPasskeyForm(PasskeyNameForm):
    """A new passkey."""

    passkey = PasskeyField()


class SecondStepForm(forms.Form):
    """A code of the app, a recovery code or a passkey; the page has a form for each."""

    code = code_field(_("Code from your authenticator app"), required=False)
    recovery_code = forms.CharField(
        label=_("Recovery code"),
        max_length=RECOVERY_CODE_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    passkey = PasskeyField(required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and not any(data.values()):
            names = ("recovery_code", "passkey")
            name = next((name for name in names if name in self.data), "code")
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
