"""The form that undoes a change of address."""

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.forms import password_field
from accounts.passwords import MAX_LENGTH, MIN_LENGTH


class NewPasswordForm(forms.Form):
    new_password = password_field(
        _("New password"),
        "new-password",
        format_lazy(
            _("{least} to {most} characters."), least=MIN_LENGTH, most=MAX_LENGTH
        ),
    )
