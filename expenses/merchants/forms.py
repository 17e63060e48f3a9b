"""The merchant pages' forms; services check the rules."""

from django import forms
from django.utils.translation import gettext_lazy as _

from expenses.fields import MERCHANT
from smartbudget.web.forms import DayField, ListForm


class MerchantFilterForm(ListForm):
    """The filters of the list of merchants."""

    q = forms.CharField(
        label=_("Search"),
        max_length=MERCHANT.max_length,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Search")}),
    )
    start = DayField(label=_("Used from"), required=False)
    end = DayField(label=_("To"), required=False)


class RenameForm(forms.Form):
    """The form for the new name of merchants."""

    into = forms.CharField(
        label=_("New name"),
        max_length=MERCHANT.max_length,
        help_text=_(
            "If that name exists, the merchants are merged. That can't be undone."
        ),
    )
