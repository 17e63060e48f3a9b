"""The budget pages' forms; services check the rules."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from budgets import services
from budgets.models import Budget
from smartbudget.core import i18n
from smartbudget.core.errors import InvalidError
from smartbudget.core.money import editable
from smartbudget.core.periods import CALENDAR_PERIODS, PERIOD_WORDS
from smartbudget.core.text import validate_text
from smartbudget.core.user import User
from smartbudget.web.fields import number_errors
from smartbudget.web.forms import AmountField, CheckedForm, amount_label


class BudgetForm(CheckedForm):
    category = forms.CharField(
        label=_("Category"),
        max_length=50,
        help_text=_("Counts every expense in this category."),
    )
    amount = AmountField()
    period = forms.ChoiceField(
        label=_("Period"),
        choices=lambda: [
            (period, capfirst(gettext(PERIOD_WORDS[period])))
            for period in CALENDAR_PERIODS
        ],
    )
    alert_threshold = forms.IntegerField(
        label=_("Alert me at (%)"),
        min_value=1,
        max_value=100,
        initial=80,
        error_messages=number_errors(_("Enter a whole percentage from 1 to 100.")),
        help_text=_("You'll also get an alert when you go over."),
    )

    def __init__(
        self, *args: Any, user: User, budget_id: str | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.user = user
        self.budget_id = budget_id
        weekday = i18n.weekday_name(user.calendar.week_start)
        weeks = gettext("Weeks begin on {weekday}.")
        self.fields["period"].help_text = weeks.format(weekday=weekday)
        self.fields["amount"].label = amount_label(user)
        self.fields["amount"].currency = user.currency

    def find_errors(self, data: Mapping[str, Any]) -> Mapping[str, list[str]]:
        values = {name: data.get(name) for name in ("category", "amount")}
        return services.find_errors(self.user, budget_id=self.budget_id, **values)

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
        return cls(
            user=user,
            initial={
                "category": budget.category,
                "amount": editable(budget.amount, user.currency),
                "period": budget.period,
                "alert_threshold": int(budget.alert_threshold),
            },
        )
