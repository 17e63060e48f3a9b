"""The category pages' forms; services check the rules."""

from django import forms
from django.utils.translation import gettext_lazy as _

from smartbudget.web.forms import DayField, ListForm


class CategoryFilterForm(ListForm):
    """The filters of the list of categories."""

    q = forms.CharField(
        label=_("Search"),
        max_length=50,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Search")}),
    )
    start = DayField(label=_("Used from"), required=False)
    end = DayField(label=_("To"), required=False)


class RenameForm(forms.Form):
    """The form for the new name of categories."""

    into = forms.CharField(
        label=_("New name"),
        max_length=50,
        help_text=_(
            "If that name exists, the categories are merged. That can't be undone."
        ),
    )
    budgets = forms.ChoiceField(
        label=_("If several have a budget"),
        choices=[
            ("", _("Ask me")),
            ("keep", _("Keep one (the new name's if it has one)")),
            ("add", _("Add them together")),
        ],
        required=False,
    )
