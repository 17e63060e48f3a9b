"""The day on which a budget is projected to be overspent.

Needs spending on three days and leaves out single expenses above a third of the budget:
with the rent in it, the projection was wrong every month.
"""

import datetime
from collections.abc import Iterable
from decimal import Decimal

from expenses.queries import Spending
from smartbudget.core import dates

# Days with everyday spending that make a pace; fewer are chance.
DAYS_FOR_A_PACE = 3
# An expense above this part of the amount is a bill, not a habit.
LARGE_PART = 3


def overspend_date(
    amount: Decimal,
    period: dates.Period,
    today: datetime.date,
    spendings: Iterable[Spending],
) -> datetime.date | None:
    """Return the day after today on which spending is projected to pass an amount.

    spendings: what the budget counts; days outside the period count for nothing. To
    what was spent until today, each day adds the expenses dated on it already and the
    pace: everyday spending so far, averaged over the days so far. A single expense
    above a third of the amount is no part of the pace, which needs everyday spending
    on three days.

    None where that is not in the period, or has happened by today.
    """
    if today not in period:
        return None
    within = [each for each in spendings if each.day in period]
    so_far = [each for each in within if each.day <= today]
    ahead = [each for each in within if each.day > today]
    spent = _total(so_far)
    if spent > amount:
        return None
    everyday = [each for each in so_far if each.amount * LARGE_PART <= amount]
    if len({each.day for each in everyday}) < DAYS_FOR_A_PACE:
        everyday = []
    days_so_far = (today - period.start).days + 1
    for days in range(1, (period.end - today).days + 1):
        day = today + datetime.timedelta(days=days)
        known = spent + _total(each for each in ahead if each.day <= day)
        # Multiplied, not divided: a share of a cent would decide otherwise.
        if (known - amount) * days_so_far + _total(everyday) * days > 0:
            return day
    return None


def _total(spendings: Iterable[Spending]) -> Decimal:
    return sum((each.amount for each in spendings), Decimal(0))
