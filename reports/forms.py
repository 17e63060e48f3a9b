"""The form to create a report; services validate."""

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from reports.periods import MAX_DAYS, TITLES
from smartbudget.core import dates
from smartbudget.core.periods import name_month, name_year, period_of
from smartbudget.core.user import User
from smartbudget.web.forms import DayField


class ReportForm(forms.Form):
    report_type = forms.ChoiceField(
        label=_("Type"), choices=[(kind, _(title)) for kind, title in TITLES.items()]
    )
    month = forms.CharField(
        label=_("Month"),
        required=False,
        widget=forms.TextInput(attrs={"type": "month", "placeholder": _("YYYY-MM")}),
    )
    year = forms.IntegerField(
        label=_("Year"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "maxlength": 4}),
    )
    start_date = DayField(
        label=_("From"),
        required=False,
        help_text=_("Start date, or any day in the week."),
    )
    end_date = DayField(
        label=_("To"),
        required=False,
        help_text=format_lazy(_("At most {number} days."), number=MAX_DAYS),
    )
    email = forms.BooleanField(label=_("E-mail me when it's ready"), required=False)

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        today, calendar = user.today(), user.calendar
        month = period_of("monthly", today, calendar)
        named = name_month(month, calendar)
        initial = {
            "month": named and f"{named:%Y-%m}",
            "year": name_year(period_of("yearly", today, calendar), calendar),
            "start_date": month.start,
            "end_date": today,
            **(options.pop("initial", None) or {}),
        }
        super().__init__(*args, initial=initial, **options)
        if not calendar.has_gregorian_months:
            self.fields["month"].help_text = _(
                "Named after the month that most of its days are in."
            )

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `archive.request_report` that the report type uses."""
        data = self.cleaned_data
        kind = data["report_type"]
        arguments: dict[str, Any] = {"report_type": kind, "email": data["email"]}
        if kind == "monthly" and data["month"]:
            first = dates.parse_month(data["month"])
            arguments |= {"year": first.year, "month": first.month}
        elif kind == "yearly":
            arguments["year"] = data["year"]
        elif kind == "weekly":
            arguments["start_date"] = data["start_date"]
        elif kind == "custom":
            arguments |= {name: data[name] for name in ("start_date", "end_date")}
        return arguments
