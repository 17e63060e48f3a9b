"""The budget pages' forms; services check the rules."""

from typing import Any

from django import forms

from accounts.models import User
from budgets.models import Budget
from smartbudget.core.dates import PERIODS
from smartbudget.core.money import editable
from smartbudget.web.forms import AmountField


class BudgetForm(forms.Form):
    category = forms.CharField(
        max_length=50,
        help_text="Expenses in this category count, whether in capitals or not.",
    )
    amount = AmountField()
    period = forms.ChoiceField(
        choices=[(period, period.capitalize()) for period in PERIODS],
        help_text="Weeks begin on Monday.",
    )
    alert_threshold = forms.IntegerField(
        label="Tell me at (percent)",
        min_value=1,
        max_value=100,
        initial=80,
        help_text="You are told when this much is spent, and when all of it is passed.",
    )

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["amount"].label = f"Amount ({user.currency})"

    @classmethod
    def of(cls, budget: Budget, user: User) -> "BudgetForm":
        """Fill the form with what a budget holds."""
        return cls(
            user=user,
            initial={
                "category": budget.category,
                "amount": editable(budget.amount, user.currency),
                "period": budget.period,
                "alert_threshold": int(budget.alert_threshold),
            },
        )
