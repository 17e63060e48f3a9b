"""Calculate what can be spent today so that budgets last until their periods end."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from budgets.queries import BudgetLine
from expenses.queries import Entry
from smartbudget.core.money import CURRENCIES

NOTHING = Decimal(0)


@dataclass(frozen=True)
class DailyAllowance:
    """The share of one or more budgets for each day from today on.

    The allowance is the same all day; what is left of it is spread over the days after.
    """

    budget_ids: tuple[str, ...]
    allowance: Decimal | None  # for today; None: nothing is left to divide
    spent_today: Decimal
    days_left: int | None  # with today; of the budget that ends first; None: no budget
    coming: tuple[Entry, ...]  # expenses dated after today, in their periods
    short: Decimal = NOTHING  # by which it is overspent, coming expenses included
    overspent: Decimal = NOTHING  # by which it is overspent without them

    @property
    def left_today(self) -> Decimal | None:
        """The rest of today's allowance; below zero if more was spent."""
        return None if self.allowance is None else self.allowance - self.spent_today


def basis(lines: Iterable[BudgetLine], today: datetime.date) -> list[BudgetLine]:
    """Return the lines of the budgets that decide what can be spent today.

    Those are the everyday budgets, or else one for all categories. Of several for all
    categories, the one whose period ends first counts alone. Paused ones never count.
    """
    active = [line for line in lines if not line.paused and today in line.within]
    ticked = [line for line in active if line.everyday]
    overall = [line for line in ticked or active if line.categories.are_all]
    if overall:
        return [min(overall, key=lambda line: line.within.end)]
    return ticked


def daily_allowance(
    lines: Sequence[BudgetLine],
    entries: Iterable[Entry],
    today: datetime.date,
    currency: str,
) -> DailyAllowance | None:
    """Return what the budgets of lines leave for today, or None without lines.

    lines: of periods that contain today. entries: all expenses from today to the end of
    the last of them.

    Each budget divides what it had left this morning, less what is dated after today,
    by the days left, rounded down to the currency's decimals. One that keeps what is
    left of a day divides its limit by all days: today has what the days up to now got,
    less what was spent before.
    """
    if not lines:
        return None
    entries = [entry for entry in entries if entry.day >= today]
    parts = [_allowance_of(line, entries, today, currency) for line in lines]
    allowances = [part.allowance for part in parts if part.allowance is not None]
    coming = {
        (entry.expense_id, entry.part): entry for part in parts for entry in part.coming
    }
    return DailyAllowance(
        budget_ids=tuple(line.budget_id for line in lines),
        allowance=sum(allowances, NOTHING) if allowances else None,
        spent_today=sum((part.spent_today for part in parts), NOTHING),
        days_left=min(line.within.days_left(today) + 1 for line in lines),
        coming=tuple(coming.values()),
        short=sum((part.short for part in parts), NOTHING),
        overspent=sum((part.overspent for part in parts), NOTHING),
    )


def _allowance_of(
    line: BudgetLine, entries: Iterable[Entry], today: datetime.date, currency: str
) -> DailyAllowance:
    counted = [
        entry
        for entry in entries
        if entry.day in line.within and line.categories.covers(entry.category_key)
    ]
    spent_today = _total(entry for entry in counted if entry.day == today)
    coming = tuple(entry for entry in counted if entry.day > today)
    # `line.remaining` is without today's expenses and the coming ones.
    to_divide = line.remaining + spent_today
    days_left = line.within.days_left(today) + 1
    exact = to_divide / days_left
    if line.keep_for_tomorrow:
        spent_before = line.spent - spent_today - _total(coming)
        days = line.within.days
        up_to_today = (to_divide + spent_before) * (days - days_left + 1) / days
        exact = up_to_today - spent_before
    smallest = Decimal(1).scaleb(-CURRENCIES[currency])
    allowance = None
    if to_divide > 0 and exact > 0:
        allowance = exact.quantize(smallest, ROUND_DOWN)
    over = line.over - _total(coming)
    return DailyAllowance(
        budget_ids=(line.budget_id,),
        allowance=allowance,
        spent_today=spent_today,
        days_left=days_left,
        coming=coming,
        short=max(-to_divide, NOTHING),
        overspent=max(over, NOTHING) if allowance is None else NOTHING,
    )


def _total(entries: Iterable[Entry]) -> Decimal:
    return sum((entry.amount for entry in entries), NOTHING)
