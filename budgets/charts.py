"""The cards of budgets: what each shows, and the layout of its bar, drawn as SVG.

Positions and lengths are strings such as `42.50%` of the drawing's width or height, so
one drawing fits phones and desktops without scaling its text.
"""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from budgets.evaluation import NOTHING, PeriodResult
from budgets.history import RECENT
from budgets.queries import BudgetLine, most_urgent_first

HIGHEST = Decimal(150)  # percent of the limit, the highest that a bar of a strip shows


@dataclass(frozen=True)
class Strip:
    """The last finished periods of a budget as bars, each beside the one before."""

    bars: list["PeriodBar"]
    within: int  # how many stayed within the budget
    near: int  # and reached a threshold
    over: int


@dataclass(frozen=True)
class PeriodBar:
    """A finished period; its bar is as high as its share of the limit."""

    result: PeriodResult
    x: str
    y: str
    height: str


@dataclass(frozen=True)
class BudgetCard:
    """A budget, with a bar as long as its limit, amount or spending: the largest."""

    line: BudgetLine
    left_per_day: Decimal | None  # see BudgetLine.left_per_day
    within: str  # length of what was spent up to the limit, less refunds
    limit: str  # length of the limit
    # Where the amount ends, which was raised by what was carried over, or the end of
    # the amount that overspending was taken from; None if nothing was carried over.
    split: str | None
    over: str  # where spending ends
    alerts: list[str]  # positions of the alert thresholds
    elapsed: str | None  # today's share of the limit; None outside the period
    day: int  # today's number in the period
    days: int
    strip: Strip | None = None  # None without finished periods
    # What other budgets cover that count some of its expenses, too, in words.
    also_in: list[str] = field(default_factory=list)

    @property
    def needs_attention(self) -> bool:
        """Check whether the budget is over, near its limit, or on track to go over."""
        line = self.line
        return not line.paused and (
            line.level != "ok" or bool(line.projected_overspend_date)
        )


def budget_cards(
    lines: Sequence[BudgetLine],
    today: datetime.date,
    currency: str,
    finished: Mapping[str, Sequence[PeriodResult]] | None = None,
) -> list[BudgetCard]:
    """Return the budgets' cards, the most urgent first.

    finished: {budget_id: its last finished periods, earliest first}.
    """
    finished = finished or {}
    return [
        replace(
            budget_card(line, today, currency, finished.get(line.budget_id, ())),
            also_in=_also_in(line, lines),
        )
        for line in most_urgent_first(lines)
    ]


def _also_in(line: BudgetLine, lines: Sequence[BudgetLine]) -> list[str]:
    """Return what other budgets cover that count some of a budget's expenses, too.

    Not for a budget that covers everything, which all others overlap.
    """
    own = line.categories
    if own.are_all:
        return []
    others = (other.categories for other in lines if other.categories != own)
    words = (other.in_words for other in others if any(map(other.covers, own.keys)))
    return sorted({*words})


def budget_card(
    line: BudgetLine,
    today: datetime.date,
    currency: str,
    finished: Sequence[PeriodResult] = (),
) -> BudgetCard:
    """Return a budget's card, with today's position in the period."""
    length = max(line.amount, line.limit, line.spent)
    limit = max(line.limit, NOTHING) * 100 / length
    days, day = line.within.days, (today - line.within.start).days + 1
    within = max(min(line.spent, line.limit), NOTHING) * 100 / length
    return BudgetCard(
        line=line,
        left_per_day=line.left_per_day(today, currency),
        within=percent(within),
        limit=percent(limit),
        split=percent(line.amount * 100 / length) if line.carried_over else None,
        over=percent(max(line.spent, NOTHING) * 100 / length),
        alerts=[percent(limit * share / 100) for share in line.alert_thresholds],
        elapsed=percent(limit * day / days)
        if today in line.within and line.limit > 0
        else None,
        day=day,
        days=days,
        strip=strip(finished) if finished else None,
    )


def strip(finished: Sequence[PeriodResult]) -> Strip:
    """Return the bars of finished periods, the last one at the right."""
    levels = Counter(result.level for result in finished)
    first = RECENT - len(finished)
    return Strip(
        bars=[
            _period_bar(result, number) for number, result in enumerate(finished, first)
        ],
        within=levels["ok"],
        near=levels["threshold"],
        over=levels["exceeded"],
    )


def _period_bar(result: PeriodResult, number: int) -> PeriodBar:
    share = min(result.percentage, HIGHEST) * 100 / HIGHEST
    # A limit below zero has no percentage, and a bar of nothing is still a line.
    height = Decimal(100) if result.limit < 0 else max(share, Decimal(4))
    return PeriodBar(
        result=result,
        x=percent(Decimal(number) * 100 / RECENT),
        y=percent(100 - height),
        height=percent(height),
    )


def percent(value: Decimal) -> str:
    return f"{value:.2f}%"
