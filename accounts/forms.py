"""The forms of the account pages; services validate."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.passwords import MAX_LENGTH, MIN_LENGTH
from accounts.step_up.services import is_recent
from accounts.tokens import MAX_DAYS, MAX_NAME_LENGTH, SCOPES
from smartbudget.core.dates import DEFAULT_TIME_ZONE, TIME_ZONES
from smartbudget.core.i18n import LANGUAGES
from smartbudget.core.money import CURRENCIES
from smartbudget.core.user import User
from smartbudget.web.forms import CheckedForm

EMAIL_LABELS = {
    "budget_threshold": _("Budgets near their limit"),
    "budget_exceeded": _("Budgets that go over"),
    "large_expense": _("Large expenses"),
    "report_ready": _("Reports that are ready"),
    "report_failed": _("Reports that couldn't be created"),
    "weekly_summary": _("Weekly summary"),
    "monthly_summary": _("Monthly summary"),
}

SCOPE_LABELS = {
    "read": _("View expenses, budgets, receipts, notifications and reports (read)"),
    "write": _("Add, edit and delete expenses, budgets and receipts (write)"),
    "reports": _("Create and delete reports (reports)"),
    "export": _("Download all your data (export)"),
    "account": _("Change settings and log out devices; includes export (account)"),
}
METHOD_LABELS = {
    "registration": _("Registration"),
    "password": _("Password"),
    "totp": _("Password and app"),
    "recovery": _("Password and recovery code"),
    "passkey": _("Passkey"),
}
TOKEN_DAYS = {
    7: _("1 week"),
    30: _("30 days"),
    90: _("90 days"),
    MAX_DAYS: _("1 year"),
}


def password_field(label: str, autocomplete: str, help_text: str = "") -> Any:
    """Return a password field that does not strip spaces."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, strip=False, widget=widget, help_text=help_text)


class StepUpForm(forms.Form):
    """A form with the password, unless the user's login is recent."""

    password = password_field(_("Password"), "current-password")

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user
        self.order_fields([name for name in self.fields if name != "password"])
        # A page that was opened earlier may still send it; then it is verified.
        if (is_recent(user) or not user.has_password) and not self.data.get("password"):
            del self.fields["password"]


class ConfirmForm(forms.Form):
    password = password_field(_("Password"), "current-password")


class RegisterForm(CheckedForm):
    username = forms.CharField(
        label=_("Username"),
        max_length=30,
        help_text=_("3 to 30 letters, digits, dots, underscores and hyphens."),
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = password_field(
        _("Password"),
        "new-password",
        format_lazy(
            _("At least {least} characters. A few unusual words work best."),
            least=MIN_LENGTH,
        ),
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=[*LANGUAGES.items()], required=False
    )
    currency = forms.ChoiceField(
        label=_("Currency"),
        choices=[(code, code) for code in sorted(CURRENCIES)],
        required=False,
        help_text=_("Can't be changed once you've added an expense or budget."),
    )
    # app.js selects the browser's time zone.
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(name, name) for name in sorted(TIME_ZONES)],
        initial=DEFAULT_TIME_ZONE,
        required=False,
        help_text=_("Decides when a day starts."),
        widget=forms.Select(attrs={"data-browser-zone": True}),
    )

    def clean(self) -> dict[str, Any]:
        """Leave out what was not chosen, so that the defaults apply."""
        data = super().clean()
        optional = {"language", "currency", "time_zone"}
        return {
            name: value for name, value in data.items() if value or name not in optional
        }

    def find_errors(self, data: Mapping[str, Any]) -> Mapping[str, list[str]]:
        typed = {"username", "email", "password"}  # the others are choices
        return services.find_errors(**{n: v for n, v in data.items() if n in typed})


class LoginForm(forms.Form):
    username = forms.CharField(
        label=_("Username or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    password = password_field(_("Password"), "current-password")


class PasswordForm(forms.Form):
    old_password = password_field(_("Current password"), "current-password")
    new_password = password_field(
        _("New password"),
        "new-password",
        format_lazy(
            _("{least} to {most} characters."), least=MIN_LENGTH, most=MAX_LENGTH
        ),
    )


class TokenForm(StepUpForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_NAME_LENGTH,
        help_text=_("For example: Import from my bank."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("Permissions"),
        choices=[(scope, SCOPE_LABELS[scope]) for scope in SCOPES],
        initial=["read"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Select at least one.")},
    )
    expires_in_days = forms.TypedChoiceField(
        label=_("Expires after"),
        choices=list(TOKEN_DAYS.items()),
        initial=90,
        coerce=int,
    )
