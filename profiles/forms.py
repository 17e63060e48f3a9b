"""The forms of the profile pages; services check the rules."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.forms import EMAIL_LABELS, StepUpForm
from accounts.models import Account
from notifications.kinds import EMAIL_KINDS
from profiles.calendar_change import month_day_name, month_name
from smartbudget.core.dates import TIME_ZONES
from smartbudget.core.i18n import LANGUAGES, weekday_name
from smartbudget.core.money import CURRENCIES, editable
from smartbudget.core.periods import LAST, WEEKDAYS
from smartbudget.web.forms import AmountField


class ClockWidget(forms.MultiWidget):
    """Two inputs for times of day."""

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
    """The start and end of quiet hours; both times or neither."""

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
        help_text=_("Decides when a day starts."),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=[*LANGUAGES.items()],
        help_text=_("Used for pages, e-mails and reports."),
    )
    large_expense_threshold = AmountField(
        label=_("Large expense alert"),
        required=False,
        help_text=_(
            "Alerts you to any single expense of this amount or more."
            " Leave empty to turn off."
        ),
    )
    email_preferences = forms.MultipleChoiceField(
        label=_("E-mail me about"),
        required=False,
        choices=[(kind, EMAIL_LABELS[kind]) for kind in EMAIL_KINDS],
        widget=forms.CheckboxSelectMultiple,
    )

    quiet_hours = QuietHoursField(
        label=_("Quiet hours"),
        help_text=_(
            "E-mails wait until the end time, except security notices. Leave"
            " empty to turn off."
        ),
    )

    def __init__(self, *args: Any, currency: str, **options: Any) -> None:
        super().__init__(*args, **options)
        typed = self.data.get("currency", currency)
        if typed in CURRENCIES:
            self.fields["large_expense_threshold"].currency = typed

    def clean_email_preferences(self) -> dict[str, bool]:
        kinds = self.cleaned_data["email_preferences"]
        return {kind: kind in kinds for kind in EMAIL_KINDS}

    @classmethod
    def posted(cls, data: QueryDict, account: Account) -> "ProfileForm":
        """Return the submitted form, without the currency if the page had none."""
        form = cls(data, currency=account.currency)
        if "currency" not in data:
            del form.fields["currency"]
        return form

    @classmethod
    def of(cls, account: Account, *, is_currency_fixed: bool) -> "ProfileForm":
        """Return a form with an account's values, without a currency that is fixed."""
        preferences = account.email_preferences
        threshold = account.large_expense_threshold
        form = cls(
            currency=account.currency,
            initial={
                "phone_number": account.phone_number,
                "currency": account.currency,
                # Earlier versions accepted some names that are not time zones.
                "time_zone": account.time_zone
                if account.time_zone in TIME_ZONES
                else "UTC",
                "language": account.language,
                "large_expense_threshold": None
                if threshold is None
                else editable(threshold, account.currency),
                "email_preferences": [
                    kind for kind in preferences if preferences[kind]
                ],
                "quiet_hours": account.quiet_hours,
            },
        )
        if is_currency_fixed:
            del form.fields["currency"]
        return form


def _weekdays() -> list[tuple[str, str]]:
    return [(name, weekday_name(number)) for number, name in enumerate(WEEKDAYS)]


def _month_days() -> list[tuple[int, str]]:
    return [(day, month_day_name(day)) for day in range(1, LAST + 1)]


def _months() -> list[tuple[int, str]]:
    return [(month, month_name(month)) for month in range(1, 13)]


class CalendarForm(forms.Form):
    """When weeks, months and years begin; the labels and choices read as sentences."""

    week_start = forms.ChoiceField(label=_("My week begins on"), choices=_weekdays)
    month_start_day = forms.TypedChoiceField(
        label=_("My month begins on the"), choices=_month_days, coerce=int
    )
    month_start_shift = forms.ChoiceField(
        label=_("On weekends"),
        choices=[
            ("none", _("also on a weekend")),
            ("before", _("or the Friday before a weekend")),
            ("after", _("or the Monday after a weekend")),
        ],
        widget=forms.Select(attrs={"aria-label": _("On weekends")}),
    )
    year_start_month = forms.TypedChoiceField(
        label=_("My year begins in"), choices=_months, coerce=int
    )


class EmailForm(StepUpForm):
    email = forms.CharField(
        label=_("New e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class DeletionForm(StepUpForm):
    """Confirmation of a deletion, by username and password."""

    username = forms.CharField(
        label=_("Your username"),
        help_text=_("Type your username to confirm."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_username(self) -> str:
        typed: str = self.cleaned_data["username"]
        if typed.lower() != self.user.username:
            raise forms.ValidationError(_("Wrong username."))
        return typed
