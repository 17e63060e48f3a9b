"""The day on which a pace passes an amount."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.models import passed_on
from smartbudget.core.dates import period_of

MARCH = period_of("monthly", date(2026, 3, 1))


@pytest.mark.parametrize(
    ("spent", "today", "day"),
    [
        ("80", 18, date(2026, 3, 23)),  # 4.44 a day: 97.78 by the 22nd
        ("50", 15, date(2026, 3, 31)),  # 3.33 a day: 100 at the end of the 30th
        ("50", 16, None),  # 3.125 a day: 96.88 by the end
        ("100", 18, date(2026, 3, 19)),
        ("0", 18, None),
        ("101", 18, None),
        ("80", 2, None),  # two days are no pace
        ("80", 3, date(2026, 3, 4)),
    ],
)
def test_the_day_is_the_first_that_ends_above_the_amount(spent, today, day):
    found = passed_on(Decimal(spent), Decimal(100), MARCH, date(2026, 3, today))

    assert found == day


@given(st.integers(1, 100), st.integers(3, 31))
def test_the_day_agrees_with_adding_up_day_by_day(spent, today):
    found = passed_on(Decimal(spent), Decimal(100), MARCH, date(2026, 3, today))

    over = [
        MARCH.start + timedelta(days=day - 1)
        for day in range(1, 32)
        if spent * day > 100 * today
    ]
    assert found == (max(over[0], date(2026, 3, today)) if over else None)
