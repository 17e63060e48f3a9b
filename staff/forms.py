"""The forms of the staff site; services validate."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import StepUpForm
from notifications.services import MAX_ID_LENGTH
from staff.user_search import MAX_LENGTH
from staff.users import MAX_REASON_LENGTH


class FindUserForm(forms.Form):
    """A search for users."""

    whom = forms.CharField(
        label=_("Username, e-mail address or user id"),
        max_length=MAX_LENGTH,
        help_text=_(
            "Enter at least 3 characters of a username, or the start of an address."
        ),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "type": "search"}
        ),
    )


class LockForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=MAX_REASON_LENGTH,
        help_text=_("Visible to staff only. Don't include personal data."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class ResetLinkForm(StepUpForm):
    """The button that creates a link, with the password if it is needed."""


class ResendForm(forms.Form):
    """One failed notification, or all of them."""

    id = forms.CharField(required=False, max_length=MAX_ID_LENGTH)
    all = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if bool(data.get("id")) == bool(data.get("all")):
            raise forms.ValidationError(_("Select one notification, or all."))
        return data
