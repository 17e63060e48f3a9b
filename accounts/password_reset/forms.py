"""The forms to reset a password; services validate."""

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.forms import password_field
from accounts.passwords import MIN_LENGTH


class RequestForm(forms.Form):
    username = forms.CharField(
        label=_("Username or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )


class NewPasswordForm(forms.Form):
    new_password = password_field(
        _("New password"),
        "new-password",
        format_lazy(
            _("At least {least} characters. A few unusual words work best."),
            least=MIN_LENGTH,
        ),
    )
