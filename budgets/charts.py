"""The layout of a budget's bar, which templates draw as SVG.

Positions and lengths are strings such as `42.50%` of the drawing's width or height, so
one drawing fits phones and desktops without scaling its text.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from budgets.queries import BudgetLine


@dataclass(frozen=True)
class BudgetBar:
    """A budget as a bar as long as its amount or its spending, whichever is larger."""

    line: BudgetLine
    filled: str  # length of the spent part
    amount: str  # position of the amount
    alert: str  # position of the alert threshold
    elapsed: str | None  # today's share of the amount; None outside the period
    day: int  # today's number in the period
    days: int


def budget_bar(line: BudgetLine, today: datetime.date) -> BudgetBar:
    """Return the layout of a budget's bar, with today's position in the period."""
    length = max(line.amount, line.spent)
    amount = line.amount * 100 / length
    days = (line.within.end - line.within.start).days + 1
    day = (today - line.within.start).days + 1
    return BudgetBar(
        line=line,
        filled=percent(line.spent * 100 / length),
        amount=percent(amount),
        alert=percent(amount * line.alert_threshold / 100),
        elapsed=percent(amount * day / days) if today in line.within else None,
        day=day,
        days=days,
    )


def percent(value: Decimal) -> str:
    return f"{value:.2f}%"
