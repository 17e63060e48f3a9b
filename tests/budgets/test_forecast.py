"""The day on which a budget is projected to be overspent."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.forecast import overspend_date
from expenses.queries import Spending
from smartbudget.core.periods import period_of

NOVEMBER = period_of("monthly", date(2026, 11, 1))


def spent(day: int, amount: object) -> Spending:
    return Spending(date(2026, 11, day), "Food", "food", Decimal(amount))


def everyday_expenses(total: object, days: int = 3) -> list[Spending]:
    """Return small expenses on the first days of November."""
    return [spent(day, Decimal(total) / days) for day in range(1, days + 1)]


def overspend_day(limit: object, today: int, *spendings: Spending) -> int | None:
    """Return the day of November on which spending is projected to exceed a limit."""
    day = overspend_date(Decimal(limit), NOVEMBER, date(2026, 11, today), spendings)
    return day.day if day else None


@pytest.mark.parametrize(
    ("limit", "today", "spendings", "day"),
    [
        # A bill does not count as everyday spending, however large.
        (1200, 1, [spent(1, 1150)], None),
        (1200, 5, [spent(1, 1150)], None),
        (1200, 28, [spent(1, 1150)], None),
        # With 10 a day: exactly 1,200 on the 20th is not over.
        (1200, 5, [spent(1, 1000), *everyday_expenses(50, 5)], 21),
        (500, 15, everyday_expenses(300, 15), 26),
        # A future expense counts on its date, but not as everyday spending.
        (500, 15, [*everyday_expenses(300, 15), spent(23, 60)], 23),
        (500, 15, [*everyday_expenses(300, 15), spent(27, 60)], 26),
        (500, 20, [spent(1, 300), *everyday_expenses(100, 20), spent(23, 150)], 23),
        # It counts even without enough everyday spending.
        (500, 2, [*everyday_expenses(100, 2), spent(23, 450)], 23),
        # Exactly at the limit is not over.
        (400, 20, [spent(1, 300), spent(23, 100)], None),
        # Already over, or the last day: nothing to project.
        (400, 20, [spent(1, 401)], None),
        (400, 30, everyday_expenses(399, 30), None),
        (400, 20, [], None),
    ],
)
def test_the_overspend_date_is_the_first_day_ending_above_the_limit(
    limit, today, spendings, day
):
    assert overspend_day(limit, today, *spendings) == day


@pytest.mark.parametrize(
    ("refunds", "day"),
    [
        ([], 26),
        # What is spent falls by 40, and the pace stays 20 a day.
        ([spent(10, -40)], 28),
        ([spent(10, -1)], 26),
        ([spent(20, -40)], 28),
        ([spent(27, -40)], 26),
        # A bill and its refund: as if there had been neither.
        ([spent(3, 200), spent(12, -200)], 26),
    ],
)
def test_a_refund_lowers_what_is_spent_but_not_the_pace(refunds, day):
    spendings = [*everyday_expenses(300, 15), *refunds]

    assert overspend_day(500, 15, *spendings) == day


def test_refunds_are_no_spending_days():
    refunds = [spent(day, -1) for day in range(3, 9)]

    assert overspend_day(100, 10, spent(1, 30), spent(2, 30), *refunds) is None


@pytest.mark.parametrize(("days", "day"), [(1, None), (2, None), (3, 16), (10, 16)])
def test_a_projection_needs_everyday_spending_on_three_days(days, day):
    spendings = [
        spent(1 + number % days, 20) for number in range(20)
    ]  # twenty times 20, spread over this many days

    assert overspend_day(600, 10, *spendings) == day


@pytest.mark.parametrize(("amount", "day"), [("100.00", 8), ("100.01", None)])
def test_an_expense_above_a_third_of_the_limit_is_a_bill(amount, day):
    """With two large expenses excluded as bills, fewer than three days are left."""
    spendings = [spent(1, amount), spent(2, amount), spent(3, 1)]

    assert overspend_day(300, 5, *spendings) == day


def test_expenses_outside_the_period_are_ignored():
    before = Spending(date(2026, 10, 31), "Food", "food", Decimal(90))
    after = Spending(date(2026, 12, 1), "Food", "food", Decimal(90))

    assert overspend_day(100, 15, before, after) is None


def test_a_past_or_future_period_has_no_projection():
    for today in (date(2026, 10, 31), date(2026, 12, 1)):
        assert (
            overspend_date(Decimal(10), NOVEMBER, today, everyday_expenses(9)) is None
        )


@given(
    limit=st.integers(1, 400),
    today=st.integers(1, 30),
    amounts=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 90)), max_size=25),
)
def test_the_projection_matches_adding_up_day_by_day(limit, today, amounts):
    so_far = [(day, amount) for day, amount in amounts if day <= today]
    total = sum(amount for _, amount in so_far)
    small = [(day, amount) for day, amount in so_far if amount * 3 <= limit]
    pace = Decimal(0)
    if len({day for day, _ in small}) >= 3:
        pace = Decimal(sum(amount for _, amount in small))
    expected = None
    for day in range(today + 1, 31):
        known = sum(amount for on, amount in amounts if today < on <= day)
        if total <= limit and total + known + pace * (day - today) / today > limit:
            expected = day
            break

    assert (
        overspend_day(limit, today, *(spent(*expense) for expense in amounts))
        == expected
    )


def test_a_weekly_period_is_projected_too():
    week = period_of("weekly", date(2026, 11, 30))
    days = [
        Spending(week.start + timedelta(n), "F", "f", Decimal(20)) for n in range(3)
    ]

    day = overspend_date(Decimal(100), week, date(2026, 12, 2), days)

    assert day == date(2026, 12, 5)
