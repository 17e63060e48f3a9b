"""Project the day on which a budget will be overspent.

Everyday spending continues at its average pace. Without the rule that a large expense
is not everyday spending, the rent made the projection wrong every month.
"""

import datetime
from collections.abc import Iterable
from decimal import Decimal

from expenses.queries import Spending
from smartbudget.core.periods import Period

MIN_DAYS = 3  # with everyday spending; fewer may be chance
LARGE_DIVISOR = 3  # an expense above a third of the amount is a bill, not a habit


def overspend_date(
    amount: Decimal,
    period: Period,
    today: datetime.date,
    spendings: Iterable[Spending],
) -> datetime.date | None:
    """Return the day after today on which spending is projected to pass an amount.

    spendings: what the budget counts; days outside the period are ignored.

    Each coming day adds the expenses already dated on it and the pace: everyday
    spending to date, averaged over the days up to today. With everyday spending on
    fewer than MIN_DAYS days, the pace is zero. Refunds lower what is spent, but not
    the pace.

    Returns None if that day is not in this period, or the amount is overspent already.
    """
    if today not in period:
        return None
    within = [spending for spending in spendings if spending.day in period]
    past = [spending for spending in within if spending.day <= today]
    upcoming = [spending for spending in within if spending.day > today]
    spent = _total(past)
    if spent > amount:
        return None
    everyday = [
        spending for spending in past if 0 < spending.amount * LARGE_DIVISOR <= amount
    ]
    if len({spending.day for spending in everyday}) < MIN_DAYS:
        everyday = []
    days_elapsed = (today - period.start).days + 1
    for days in range(1, (period.end - today).days + 1):
        day = today + datetime.timedelta(days=days)
        known = spent + _total(spending for spending in upcoming if spending.day <= day)
        # Multiplied, not divided, so that rounding cannot decide the day.
        if (known - amount) * days_elapsed + _total(everyday) * days > 0:
            return day
    return None


def _total(spendings: Iterable[Spending]) -> Decimal:
    return sum((spending.amount for spending in spendings), Decimal(0))
