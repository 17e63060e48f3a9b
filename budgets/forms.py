"""The budget pages' forms; services check the rules."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from budgets import services
from budgets.models import Budget
from budgets.period_text import HOW_OFTEN, describe_periods
from budgets.terms import DEFAULT_THRESHOLD, MAX_NOTE, OF_KIND
from smartbudget.core.categories import ALL
from smartbudget.core.errors import InvalidError
from smartbudget.core.money import editable
from smartbudget.core.periods import Recurrence
from smartbudget.core.text import validate_text
from smartbudget.core.user import User
from smartbudget.web.forms import (
    AmountField,
    CheckedForm,
    DayField,
    LinesField,
    amount_label,
)

T = TypeVar("T")

# Errors of services whose fields have another name here.
_SHOWN_AT = {"rollover": "rollover_cap", "categories": "more_categories"}

_SEPARATORS = re.compile(r"[\s,;%]+")
_WRONG_PERCENTAGE = _("Enter a whole percentage from 1 to 100.")
_WRONG_DAYS = _("Enter two days of the month in ascending order, from 1 to 31.")

# What a period leaves, in words; see `evaluation.carried_over`.
ROLLOVER_WORDS = {
    "none": _("Start fresh in every period"),
    "surplus": _("Keep what's left"),
    "overspend": _("Take overspending from the next period"),
    "both": _("Keep what's left, and take overspending from the next period"),
}


class ThresholdsField(forms.CharField):
    """Percentages, typed as `50, 80, 100` in any order."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(widget=widget, max_length=64, **options)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, tuple) else value

    def to_python(self, value: Any) -> Any:
        texts = [text for text in _SEPARATORS.split(super().to_python(value)) if text]
        if not all(re.fullmatch("0*[0-9]{1,3}", text, re.ASCII) for text in texts):
            raise forms.ValidationError(_WRONG_PERCENTAGE)
        percentages = sorted({int(text) for text in texts})
        if percentages and not (percentages[0] >= 1 and percentages[-1] <= 100):
            raise forms.ValidationError(_WRONG_PERCENTAGE)
        return percentages


class MonthDaysWidget(forms.MultiWidget):
    """Two inputs for days of a month."""

    def __init__(self) -> None:
        options = {
            name: forms.NumberInput(
                attrs={"min": 1, "max": 31, "aria-label": label, "class": "month-day"}
            )
            for name, label in (
                ("first", _("First day of the month")),
                ("second", _("Second day of the month")),
            )
        }
        super().__init__(options)

    def decompress(self, value: Any) -> list[Any]:
        return [*value] if value else [None, None]


class MonthDaysField(forms.MultiValueField):
    """Two days of a month; services check them."""

    def __init__(self, **options: Any) -> None:
        invalid = {"invalid": _WRONG_DAYS}
        super().__init__(
            [forms.IntegerField(error_messages=invalid) for _ in range(2)],
            widget=MonthDaysWidget(),
            required=False,
            require_all_fields=False,
            error_messages=invalid | {"incomplete": _WRONG_DAYS},
            **options,
        )

    def compress(self, data_list: list[Any]) -> list[int] | None:
        return data_list or None


# Fields that are values of services as they are.
_PLAIN = (
    "amount",
    "alert_thresholds",
    "note",
    "paused",
    "everyday",
    "keep_for_tomorrow",
)


class BudgetForm(CheckedForm):
    """A budget, in the order of a sentence.

    Fields that the chosen kind of period does not have are hidden by the stylesheet,
    and ignored.
    """

    category = forms.CharField(
        label=_("Category"),
        max_length=50,
        required=False,
        help_text=_("Counts every expense in this category."),
    )
    more_categories = LinesField(
        label=_("More categories (optional)"),
        max_length=1000,
        required=False,
        help_text=_("One per line."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    everything = forms.BooleanField(
        label=_("Everything"),
        required=False,
        help_text=_("Counts every expense."),
    )
    amount = AmountField()
    period = forms.ChoiceField(
        label=_("How often"),
        initial="monthly",
        choices=lambda: [(kind, gettext(words)) for kind, words in HOW_OFTEN.items()],
    )
    anchor = DayField(
        label=_("Starting on"),
        required=False,
        help_text=_("The first day of any period, past or future."),
    )
    month_days = MonthDaysField(
        label=_("On these days of the month"),
        initial=Recurrence.month_days,
        help_text=_("31 means the last day of every month."),
    )
    start = DayField(label=_("From"), required=False)
    end = DayField(label=_("To"), required=False)
    rollover = forms.ChoiceField(
        label=_("At the end of a period"),
        initial="none",
        required=False,
        choices=[*ROLLOVER_WORDS.items()],
        widget=forms.RadioSelect,
    )
    rollover_cap = AmountField(required=False)
    from_last_period = forms.BooleanField(
        label=_("Carry over from the last period, too"), required=False
    )
    alert_thresholds = ThresholdsField(
        label=_("Alert me at (%)"),
        initial=(DEFAULT_THRESHOLD,),
        help_text=_(
            "For example 50, 80, 100. You'll also get an alert when you go over."
        ),
    )
    note = forms.CharField(
        label=_("Note (optional)"), max_length=MAX_NOTE, required=False
    )
    everyday = forms.BooleanField(
        label=_("Everyday budget"),
        required=False,
        help_text=_("Included in what's left for today on the dashboard."),
    )
    keep_for_tomorrow = forms.BooleanField(
        label=_("Keep what's left of a day for the next"),
        required=False,
        help_text=_("Otherwise it's spread over the days left."),
    )
    paused = forms.BooleanField(
        label=_("Paused"),
        required=False,
        help_text=_(
            "Still counts expenses, but sends no alerts and isn't part of totals."
        ),
    )

    def __init__(
        self, *args: Any, user: User, budget_id: str | None = None, **options: Any
    ) -> None:
        initial = {"anchor": user.today(), **(options.pop("initial", None) or {})}
        super().__init__(*args, initial=initial, **options)
        self.user = user
        self.budget_id = budget_id
        self.fields["amount"].label = amount_label(user)
        self.fields["amount"].currency = user.currency
        self.fields["rollover_cap"].label = format_lazy(
            _("Up to ({currency}, optional)"), currency=user.currency
        )
        self.fields["rollover_cap"].currency = user.currency
        if budget_id is None:
            del self.fields["from_last_period"]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        covers_none = not (data.get("everything") or data.get("category"))
        if covers_none and "category" not in self.errors:
            self.add_error("category", gettext("Fill in this field."))
        return data

    def save(self, service: Callable[..., T]) -> T:
        """Call a service with the values of the form, as it names them.

        Raises what the service raises, with the form's names of fields.
        """
        try:
            return service(**self._values(self.cleaned_data))
        except InvalidError as error:
            name = _SHOWN_AT.get(error.field or "")
            if name is None:
                raise
            raise InvalidError(str(error), name) from error

    def find_errors(self, data: Mapping[str, Any]) -> Mapping[str, list[str]]:
        errors = services.find_errors(
            self.user, budget_id=self.budget_id, **self._values(data)
        )
        return {_SHOWN_AT.get(name, name): texts for name, texts in errors.items()}

    def describe_periods(self) -> str:
        """Return the current period and the next ones in words; empty if not valid."""
        if self.is_bound:
            values = self._values(getattr(self, "cleaned_data", {}))
        else:
            values = self._values({**self.initial, "period": self["period"].value()})
        of_period = {name: values.get(name) for name in ("period", *OF_KIND)}
        if self.is_bound and {*of_period} & {*self.errors}:
            return ""
        try:
            rule, periods = services.preview_periods(
                self.user, budget_id=self.budget_id, **of_period
            )
        except InvalidError:
            return ""
        return describe_periods(rule, periods, self.user.calendar)

    def _values(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as services name them, without those of other kinds."""
        values = {name: data.get(name) for name in _PLAIN}
        values |= _categories_of(data)
        kind = values["period"] = data.get("period")
        for name, kinds in OF_KIND.items():
            values[name] = data.get(name) if kind in kinds else None
        if (mode := data.get("rollover")) and kind != "once":
            carries_over = mode != "none"
            values["rollover"] = {
                "mode": mode,
                "cap": data.get("rollover_cap") if carries_over else None,
                "from_last_period": carries_over and data.get("from_last_period"),
            }
        return values

    @classmethod
    def initial_of(cls, query: Mapping[str, str]) -> dict[str, str]:
        """Return the category that a link to the form names, if it is a valid one."""
        category = query.get("category", "")
        try:
            category = validate_text(category, "category", min_length=1, max_length=50)
        except InvalidError:
            return {}
        return {"category": category}

    @classmethod
    def of(cls, budget: Budget, user: User) -> "BudgetForm":
        """Return a form filled with a budget's values."""
        rule, cap = budget.recurrence, budget.rollover_cap
        names = budget.categories.names
        initial = {
            "category": "".join(names[:1]),
            "more_categories": "\n".join(names[1:]),
            "everything": budget.categories.are_all,
            "amount": editable(budget.amount, user.currency),
            "period": budget.period,
            "month_days": rule.month_days,
            "rollover": budget.rollover,
            "rollover_cap": None if cap is None else editable(cap, user.currency),
            "alert_thresholds": budget.alert_thresholds,
            "note": budget.note,
            "paused": bool(budget.paused_at),
            "everyday": bool(budget.everyday),
            "keep_for_tomorrow": bool(budget.keep_for_tomorrow),
        }
        if rule.only:
            initial |= {"start": rule.only.start, "end": rule.only.end}
        if rule.anchor:
            initial["anchor"] = rule.anchor
        return cls(user=user, budget_id=budget.budget_id, initial=initial)


def _categories_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a budget covers, as services name it."""
    if data.get("everything"):
        return {"categories": ALL}
    lines = (data.get("more_categories") or "").split("\n")
    more = [line for line in lines if line.strip()]
    name = data.get("category") or None
    return {"categories": [name, *more]} if name and more else {"category": name}
