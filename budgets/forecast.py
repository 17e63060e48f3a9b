"""Project the day on which a budget will be overspent.

The projection needs spending on three days and ignores single expenses above a third of
the budget: with the rent included, it was wrong every month.
"""

import datetime
from collections.abc import Iterable
from decimal import Decimal

from expenses.queries import Spending
from smartbudget.core import dates

# Days with everyday spending that the pace needs; fewer may be chance.
DAYS_FOR_A_PACE = 3
# An expense above a third of the amount is a bill, not a habit.
LARGE_PART = 3


def overspend_date(
    amount: Decimal,
    period: dates.Period,
    today: datetime.date,
    spendings: Iterable[Spending],
) -> datetime.date | None:
    """Return the day after today on which spending is projected to pass an amount.

    spendings: what the budget counts; days outside the period are ignored.

    Each coming day adds the expenses already dated on it and the pace: everyday
    spending to date, averaged over the days up to today. A single expense above a third
    of the amount is not everyday spending. With fewer than three days of everyday
    spending, the pace is zero.

    Returns None if that day is not in this period, or the amount is overspent already.
    """
    if today not in period:
        return None
    within = [spending for spending in spendings if spending.day in period]
    so_far = [spending for spending in within if spending.day <= today]
    ahead = [spending for spending in within if spending.day > today]
    spent = _total(so_far)
    if spent > amount:
        return None
    everyday = [
        spending for spending in so_far if spending.amount * LARGE_PART <= amount
    ]
    if len({spending.day for spending in everyday}) < DAYS_FOR_A_PACE:
        everyday = []
    days_so_far = (today - period.start).days + 1
    for days in range(1, (period.end - today).days + 1):
        day = today + datetime.timedelta(days=days)
        known = spent + _total(spending for spending in ahead if spending.day <= day)
        # Multiplied, not divided, so that rounding cannot decide the day.
        if (known - amount) * days_so_far + _total(everyday) * days > 0:
            return day
    return None


def _total(spendings: Iterable[Spending]) -> Decimal:
    return sum((spending.amount for spending in spendings), Decimal(0))
