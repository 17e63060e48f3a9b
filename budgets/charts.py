"""The cards of budgets: what each shows, and the layout of its bar, drawn as SVG.

Positions and lengths are strings such as `42.50%` of the drawing's width or height, so
one drawing fits phones and desktops without scaling its text.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from budgets.queries import BudgetLine, most_urgent_first


@dataclass(frozen=True)
class BudgetCard:
    """A budget, with a bar as long as its amount or spending, whichever is larger."""

    line: BudgetLine
    left_per_day: Decimal | None  # see BudgetLine.left_per_day
    within: str  # length of what was spent up to the amount, less refunds
    alert: str  # position of the alert threshold
    elapsed: str | None  # today's share of the amount; None outside the period
    day: int  # today's number in the period
    days: int

    @property
    def needs_attention(self) -> bool:
        """Check whether the budget is over, near its limit, or on track to go over."""
        return self.line.level != "ok" or bool(self.line.projected_overspend_date)


def budget_cards(
    lines: Sequence[BudgetLine], today: datetime.date, currency: str
) -> list[BudgetCard]:
    """Return the budgets' cards, the most urgent first."""
    return [budget_card(line, today, currency) for line in most_urgent_first(lines)]


def budget_card(line: BudgetLine, today: datetime.date, currency: str) -> BudgetCard:
    """Return a budget's card, with today's position in the period."""
    length = max(line.amount, line.spent)
    amount = line.amount * 100 / length
    days = (line.within.end - line.within.start).days + 1
    day = (today - line.within.start).days + 1
    return BudgetCard(
        line=line,
        left_per_day=line.left_per_day(today, currency),
        within=percent(max(min(line.spent, line.amount), Decimal(0)) * 100 / length),
        alert=percent(amount * line.alert_threshold / 100),
        elapsed=percent(amount * day / days) if today in line.within else None,
        day=day,
        days=days,
    )


def percent(value: Decimal) -> str:
    return f"{value:.2f}%"
