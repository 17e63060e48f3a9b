"""The account pages' forms; services check the rules."""

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.passwords import LONGEST, SHORTEST
from accounts.tokens import LONGEST_DAYS, LONGEST_NAME, SCOPES
from notifications.kinds import EMAIL_KINDS
from smartbudget.core.dates import TIME_ZONES
from smartbudget.core.language import LANGUAGES
from smartbudget.core.money import CURRENCIES, editable
from smartbudget.web.forms import AmountField

EMAIL_LABELS = {
    "budget_threshold": _("A budget reaches its threshold"),
    "budget_exceeded": _("A budget is exceeded"),
    "large_expense": _("A large expense is recorded"),
    "report_ready": _("A report is ready"),
    "weekly_summary": _("A week is over: what was spent, budget by budget"),
    "monthly_summary": _("A month is over: what was spent, budget by budget"),
}

SCOPE_LABELS = {
    "read": _("read: see expenses, budgets, receipts, notifications and reports"),
    "write": _("write: add, change and delete expenses, budgets and receipts"),
    "reports": _("reports: make, see and delete reports"),
    "export": _("export: download everything in your account"),
    "account": _("account: change the profile, sign devices out, download everything"),
}
TOKEN_DAYS = {
    7: _("a week"),
    30: _("30 days"),
    90: _("90 days"),
    LONGEST_DAYS: _("a year"),
}


def password_field(label: str, autocomplete: str, help_text: str = "") -> Any:
    """Make a field for a password, which is taken as it is, spaces and all."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, strip=False, widget=widget, help_text=help_text)


class RegisterForm(forms.Form):
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
            _("{least} to {most} characters; long and uncommon is what counts."),
            least=SHORTEST,
            most=LONGEST,
        ),
    )
    phone_number = forms.CharField(
        label=_("Phone (optional)"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "type": "tel"}),
    )


class LoginForm(forms.Form):
    username = forms.CharField(
        label=_("Username or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    password = password_field(_("Password"), "current-password")


class ClockWidget(forms.MultiWidget):
    """Two times of the day."""

    def __init__(self) -> None:
        options = {
            name: forms.TimeInput(
                format="%H:%M", attrs={"type": "time", "aria-label": label}
            )
            for name, label in (("from", _("From")), ("until", _("Until")))
        }
        super().__init__(options)

    def decompress(self, value: dict[str, str] | None) -> list[str | None]:
        return [value["from"], value["until"]] if value else [None, None]


class QuietHoursField(forms.MultiValueField):
    """When e-mails wait; both times or neither."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            [
                forms.TimeField(input_formats=["%H:%M"], required=False)
                for _ in range(2)
            ],
            widget=ClockWidget(),
            required=False,
            require_all_fields=False,
            **options,
        )

    def compress(self, data_list: list[Any]) -> dict[str, str] | None:
        if not any(clock is not None for clock in data_list):
            return None
        times = [f"{clock:%H:%M}" if clock else "" for clock in data_list]
        return dict(zip(("from", "until"), times, strict=True))


class ProfileForm(forms.Form):
    phone_number = forms.CharField(
        label=_("Phone (optional)"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "type": "tel"}),
    )
    currency = forms.ChoiceField(
        label=_("Currency"),
        choices=[(code, code) for code in sorted(CURRENCIES)],
        help_text=_("Can't be changed once you've added an expense or budget."),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(name, name) for name in sorted(TIME_ZONES)],
        help_text=_("Days, weeks and months begin at midnight there."),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=[*LANGUAGES.items()],
        help_text=_("Of pages, e-mails and reports, with its dates and numbers."),
    )
    large_expense_threshold = AmountField(
        label=_("Large expense from"),
        required=False,
        help_text=_("Tells you of any expense of this amount or more. Empty: off."),
    )
    email_preferences = forms.MultipleChoiceField(
        label=_("Send me an e-mail when"),
        required=False,
        choices=[(kind, EMAIL_LABELS[kind]) for kind in EMAIL_KINDS],
        widget=forms.CheckboxSelectMultiple,
    )

    quiet_hours = QuietHoursField(
        label=_("No e-mails between"),
        help_text=_(
            "They wait until the second time; the app lists them at once."
            " Security notices do not wait. Empty: off."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        chosen = self.data.get("currency")
        if chosen in CURRENCIES:
            self.fields["large_expense_threshold"].currency = chosen

    def clean_email_preferences(self) -> dict[str, bool]:
        chosen = self.cleaned_data["email_preferences"]
        return {kind: kind in chosen for kind in EMAIL_KINDS}

    @classmethod
    def of(cls, account: Account) -> "ProfileForm":
        """Fill the form with what an account holds."""
        wanted = account.email_preferences
        threshold = account.large_expense_threshold
        return cls(
            initial={
                "phone_number": account.phone_number,
                "currency": account.currency,
                # Earlier versions took names that are no time zones of any place.
                "time_zone": account.time_zone
                if account.time_zone in TIME_ZONES
                else "UTC",
                "language": account.language,
                "large_expense_threshold": None
                if threshold is None
                else editable(threshold, account.currency),
                "email_preferences": [kind for kind in wanted if wanted[kind]],
                "quiet_hours": account.quiet_hours,
            }
        )


class EmailForm(forms.Form):
    email = forms.CharField(
        label=_("New e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = password_field(_("Present password"), "current-password")


class PasswordForm(forms.Form):
    old_password = password_field(_("Present password"), "current-password")
    new_password = password_field(
        _("New password"),
        "new-password",
        format_lazy(_("{least} to {most} characters."), least=SHORTEST, most=LONGEST),
    )


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        help_text=_("What it is for, as in: Import from my bank."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=[(scope, SCOPE_LABELS[scope]) for scope in SCOPES],
        initial=["read"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one.")},
    )
    expires_in_days = forms.TypedChoiceField(
        label=_("Good for"),
        choices=list(TOKEN_DAYS.items()),
        initial=90,
        coerce=int,
    )
    password = password_field(_("Present password"), "current-password")


class DeletionForm(forms.Form):
    """Says twice that one means it: by name, and by password."""

    username = forms.CharField(
        label=_("Your username"),
        help_text=_("Type it to confirm that you mean this account."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    password = password_field(_("Password"), "current-password")

    def __init__(self, *args: Any, username: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._username = username

    def clean_username(self) -> str:
        typed: str = self.cleaned_data["username"]
        if typed.lower() != self._username:
            raise forms.ValidationError(_("This is not the username of this account."))
        return typed
