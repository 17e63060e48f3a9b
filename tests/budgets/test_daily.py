"""What can be spent today."""

import datetime
from dataclasses import replace
from decimal import Decimal

import pytest

from budgets.daily import basis, daily_allowance
from budgets.queries import BudgetLine
from expenses.queries import Entry
from smartbudget.core.categories import ALL, Categories
from smartbudget.core.periods import Period
from tests.money_builders import TODAY

D = Decimal
ONE_DAY = datetime.timedelta(days=1)
EVERYTHING = Categories.from_json(ALL)


def entry(amount, day, category="Food") -> Entry:
    key = category.casefold()
    return Entry(day, category, key, D(amount), "", f"{category}{day}{amount}", "")


def line(limit, spent, days, category="Food", carried="0") -> BudgetLine:
    return BudgetLine(
        budget_id=category,
        categories=Categories.of([category]),
        period="monthly",
        amount=D(limit) - D(carried),
        carried_over=D(carried),
        alert_thresholds=(80,),
        spent=D(spent),
        within=Period(TODAY - 5 * ONE_DAY, TODAY + (days - 1) * ONE_DAY),
    )


def allowance(limit, before, today, coming, days, currency="USD"):
    """Return the allowance of a budget, by what was spent and is dated later."""
    entries = [entry(before, TODAY - ONE_DAY), entry(today, TODAY)]
    entries += [entry(coming, TODAY + ONE_DAY)] if D(coming) else []
    spent = sum(entry.amount for entry in entries)
    return daily_allowance([line(limit, spent, days)], entries, TODAY, currency)


@pytest.mark.parametrize(
    ("numbers", "currency", "daily", "left"),
    [
        (("3000000", "1500000", "0", "0", 10), "JPY", "150000", "150000"),
        (("140", "0", "13", "0", 7), "USD", "20", "7"),
        (("600", "410", "0", "90", 10), "USD", "10", "10"),
        (("100", "0", "0", "0", 3), "USD", "33.33", "33.33"),
        (("300", "290", "15", "0", 1), "USD", "10", "-5"),
        (("140", "0", "-30", "0", 7), "USD", "20", "50"),  # a refund
        (("310", "0", "0", "0", 31), "USD", "10", "10"),  # a new period
    ],
)
def test_what_is_left_is_divided_by_the_days_left(numbers, currency, daily, left):
    shown = allowance(*numbers, currency)

    assert (shown.allowance, shown.left_today) == (D(daily), D(left))
    assert shown.days_left == numbers[-1]


@pytest.mark.parametrize(
    ("numbers", "short", "overspent"),
    [
        (("100", "100", "0", "0", 5), "0", "0"),
        (("300", "320", "0", "0", 5), "20", "20"),
        (("300", "200", "0", "120", 5), "20", "0"),  # by what is dated later
    ],
)
def test_there_is_no_allowance_if_nothing_is_left(numbers, short, overspent):
    shown = allowance(*numbers)

    assert shown.allowance is shown.left_today is None
    assert (shown.short, shown.overspent) == (D(short), D(overspent))


def test_the_allowance_does_not_change_during_the_day():
    assert allowance("140", "0", "0", "0", 7).allowance == 20
    assert allowance("140", "0", "50", "0", 7).allowance == 20


@pytest.mark.parametrize(
    ("before", "today", "left"),
    [
        ("0", "0", "120"),  # six days of 20
        ("87", "0", "33"),  # 13 left of yesterday
        ("87", "40", "-7"),
        ("100", "-5", "25"),
        ("120", "0", None),  # today's share is spent already
        ("130", "0", None),
    ],
)
def test_what_is_left_of_a_day_can_be_kept_for_the_next(before, today, left):
    entries = [entry(before, TODAY - ONE_DAY), entry(today, TODAY)]
    spent = sum(entry.amount for entry in entries)
    kept = replace(line("240", spent, 7), keep_for_tomorrow=True)  # 12 days in all

    shown = daily_allowance([kept], entries, TODAY, "USD")

    assert shown.left_today == (None if left is None else D(left))
    assert (shown.short, shown.overspent) == (0, 0)


def test_carried_over_amounts_can_be_spent():
    shown = daily_allowance([line("140", "0", 7, carried="40")], [], TODAY, "USD")

    assert shown.allowance == 20


def test_several_budgets_are_added_up():
    lines = [line("70", "0", 7), line("100", "10", 10, "Fun"), line("5", "9", 3, "Tea")]
    entries = [entry("10", TODAY, "Fun"), entry("99", TODAY, "Rent")]

    shown = daily_allowance(lines, entries, TODAY, "USD")

    assert (shown.allowance, shown.spent_today, shown.left_today) == (20, 10, 10)
    assert (shown.days_left, shown.overspent) == (3, 4)
    assert shown.budget_ids == ("Food", "Fun", "Tea")


def test_the_basis_is_the_everyday_budgets_or_else_one_for_everything():
    everything, year = (
        replace(line("900", "0", days), categories=EVERYTHING, budget_id=f"{days} days")
        for days in (13, 300)
    )
    food, fun = line("70", "0", 7), line("100", "10", 10, "Fun")
    ticked = replace(food, everyday=True)
    paused, over = replace(ticked, paused=True), line("9", "0", 0)

    assert basis([food, fun], TODAY) == []
    assert basis([food, year, everything], TODAY) == [everything]
    assert basis([ticked, fun, everything], TODAY) == [ticked]
    assert basis([ticked, replace(year, everyday=True)], TODAY)[0].within == year.within
    assert basis([paused, replace(over, everyday=True)], TODAY) == []


def test_there_is_no_allowance_without_budgets():
    assert daily_allowance([], [], TODAY, "USD") is None
