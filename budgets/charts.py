"""The shape of a budget's bar; templates draw it as SVG.

Positions and lengths are texts such as `42.50%`, of the drawing's width or height: so
one drawing fits a phone and a desk without its letters growing or shrinking.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from budgets.queries import BudgetLine


@dataclass(frozen=True)
class BudgetBar:
    """One budget as a bar, as long as its amount, or as what was spent if more."""

    line: BudgetLine
    filled: str  # to what was spent
    amount: str  # where the amount is
    alert: str  # where the threshold is
    elapsed: str | None  # where even spending would be; None: not the present period
    day: int  # today's number in the period
    days: int


def budget_bar(line: BudgetLine, today: datetime.date) -> BudgetBar:
    """Lay out one budget's bar, with the place of today in its period."""
    longest = max(line.amount, line.spent)
    amount = line.amount * 100 / longest
    days = (line.within.end - line.within.start).days + 1
    day = (today - line.within.start).days + 1
    return BudgetBar(
        line=line,
        filled=percent(line.spent * 100 / longest),
        amount=percent(amount),
        alert=percent(amount * line.alert_threshold / 100),
        elapsed=percent(amount * day / days) if today in line.within else None,
        day=day,
        days=days,
    )


def percent(value: Decimal) -> str:
    return f"{value:.2f}%"
