"""The forms of the notification pages; services validate."""

import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from notifications.models import STATUSES, TYPES
from notifications.status_text import STATUS_WORDS, TYPE_WORDS
from smartbudget.web.forms import ListForm


class FilterForm(ListForm):
    """The filter of the list."""

    status = forms.ChoiceField(
        label=_("E-mail"),
        choices=[("", _("Any")), *((name, _(STATUS_WORDS[name])) for name in STATUSES)],
        required=False,
    )
    unread = forms.ChoiceField(
        label=_("Read"),
        choices=[("", _("Any")), ("true", _("Unread")), ("false", _("Read"))],
        required=False,
    )
    type = forms.MultipleChoiceField(
        label=_("Type"),
        choices=[(name, _(TYPE_WORDS[name])) for name in TYPES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        unread = {"true": True, "false": False}.get(data.pop("unread", ""))
        return {"types": data.pop("type", []), "unread": unread, **data}


class MarkAllForm(forms.Form):
    """A form with the time of its page, so that later notifications stay unread."""

    until = forms.DateTimeField(required=False)

    def clean_until(self) -> datetime.datetime | None:
        until: datetime.datetime | None = self.cleaned_data["until"]
        try:
            return until and until.astimezone(datetime.UTC)
        except OverflowError:  # in the first or last hours of the calendar
            raise forms.ValidationError(_("Enter a valid time in UTC.")) from None
