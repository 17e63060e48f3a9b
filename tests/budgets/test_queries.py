"""The amount a day that a budget still allows."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reports.builders import line

cents = st.decimals(min_value="0.01", max_value="99999.99", places=2)


@pytest.mark.parametrize(
    ("day", "spent", "currency", "daily"),
    [
        ("2026-03-18", "76.21", "USD", "1.83"),  # 23.79 for 13 days
        ("2026-03-01", "0", "USD", "3.33"),
        ("2026-03-29", "0", "USD", "50.00"),
        ("2026-03-30", "0", "USD", None),  # one day left: what is left is enough
        ("2026-03-31", "0", "USD", None),
        ("2026-04-01", "0", "USD", None),
        ("2026-02-28", "0", "USD", None),
        ("2026-03-18", "99.87", "USD", "0.01"),
        ("2026-03-18", "99.88", "USD", None),
        ("2026-03-18", "100", "USD", None),
        ("2026-03-18", "101", "USD", None),
        ("2026-03-18", "0", "JPY", "7"),
        ("2026-03-18", "0", "KWD", "7.692"),
    ],
)
def test_what_is_left_a_day(day, spent, currency, daily):
    today = datetime.date.fromisoformat(day)

    left = line("100", spent, day="2026-03-18").left_per_day(today, currency)

    assert left == (daily and Decimal(daily))


@given(amount=cents, spent=cents, day=st.integers(1, 31))
def test_the_days_together_stay_within_the_budget(amount, spent, day):
    budget_line = line(str(amount), str(spent), day="2026-03-18")

    daily = budget_line.left_per_day(datetime.date(2026, 3, day), "USD")

    if daily is not None:
        days, cent = 31 - day, Decimal("0.01")
        assert daily * days <= budget_line.remaining < (daily + cent) * days
