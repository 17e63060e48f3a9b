"""The rules of budgets, without any stored ones."""

import datetime
import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets import evaluation
from budgets.evaluation import PeriodResult, reached
from budgets.models import OVER
from smartbudget.core.categories import Categories
from smartbudget.core.periods import period_of
from tests.money_builders import TODAY
from tests.sampling import sampled

D = Decimal
FUN = Categories(("Fun",))
ONE_DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("spent", "limit", "thresholds", "level"),
    [
        ("49.99", "100", (50, 80, 100), 0),
        ("50", "100", (50, 80, 100), 50),
        ("79.99", "100", (50, 80, 100), 50),
        ("80", "100", (50, 80, 100), 80),
        ("100", "100", (50, 80, 100), 100),
        ("100.01", "100", (50, 80, 100), OVER),
        ("100", "100", (80,), 80),
        ("-10", "100", (1,), 0),
        # Nothing is left of a limit of zero, or below.
        ("0", "0", (80,), 80),
        ("0", "0", (50, 90), 90),
        ("0.01", "0", (80,), OVER),
        ("-0.01", "0", (80,), 0),
        ("0", "-50", (80,), OVER),
        ("-50", "-50", (80,), 80),
        ("-50.01", "-50", (80,), 0),
    ],
)
def test_the_level_is_the_highest_threshold_reached(spent, limit, thresholds, level):
    assert reached(D(spent), D(limit), thresholds) == level


ROLLOVER_EXAMPLES = [
    ("none", None, ["80", "60", "200", "30"], ["0", "0", "0", "0"]),
    ("surplus", None, ["80", "60", "200", "30"], ["20", "60", "0", "70"]),
    ("overspend", None, ["80", "60", "200", "30"], ["0", "0", "-100", "-30"]),
    ("both", None, ["80", "60", "200", "30"], ["20", "60", "-40", "30"]),
    ("surplus", "50", ["80", "60", "200", "30"], ["20", "50", "0", "50"]),
    ("both", "50", ["80", "60", "200", "30"], ["20", "50", "-50", "20"]),
    ("both", None, ["250", "0", "0"], ["-150", "-50", "50"]),
]


def total_of(totals):
    """Return a function that returns the total of a period."""
    return lambda period, _categories: totals[period]


def chain(rollover, cap, amounts, spent):
    """Return the results of consecutive months, counted from the first one."""
    months = [period_of("monthly", TODAY)]
    while len(months) < len(spent):
        months.append(period_of("monthly", months[-1].end + ONE_DAY))
    results = [
        PeriodResult(
            period=month,
            categories=FUN,
            amount=D(amount),
            spent=D(0),
            alert_thresholds=(80,),
            rollover=rollover,
            rollover_cap=None if cap is None else D(cap),
        )
        for month, amount in zip(months, amounts, strict=True)
    ]
    totals = dict(zip(months, map(D, spent), strict=True))
    return evaluation.chained(results, total_of(totals), months[0].start)


@pytest.mark.parametrize(("rollover", "cap", "spent", "carried"), ROLLOVER_EXAMPLES)
def test_what_is_left_or_overspent_is_carried_over(rollover, cap, spent, carried):
    results = chain(rollover, cap, ["100"] * len(spent), spent)

    assert [result.carries_over for result in results] == [D(c) for c in carried]
    for before, result in itertools.pairwise(results):
        assert result.limit == 100 + before.carries_over


def test_a_large_overspending_is_paid_back_later():
    first, second = chain("both", None, ["30000", "30000"], ["49500", "10000"])

    assert (first.carries_over, second.limit) == (D("-19500"), D("10500"))
    assert second.carries_over == D("500")


def test_a_period_that_ends_paused_carries_nothing_over():
    result = PeriodResult(
        period_of("monthly", TODAY), FUN, D(100), D(40), (80,), rollover="both"
    )

    assert result.carries_over == 60
    paused = PeriodResult(
        result.period, FUN, D(100), D(40), (80,), rollover="both", was_paused=True
    )
    assert paused.carries_over == 0


cents = st.integers(0, 50_000).map(lambda number: D(number) / 100)


@sampled(100, soak=1000)
@given(st.lists(st.tuples(cents, cents.map(lambda c: c - 100)), min_size=1, max_size=9))
def test_carrying_over_neither_creates_nor_loses_money(months):
    amounts = [amount for amount, _ in months]
    spent = [spent for _, spent in months]

    results = chain("both", None, amounts, spent)

    assert results[-1].carries_over == sum(amounts) - sum(spent)


@sampled(100, soak=1000)
@given(st.lists(cents, min_size=2, max_size=9), cents, st.data())
def test_counting_again_from_any_period_is_counting_all(spent, changed, data):
    amounts = ["100"] * len(spent)
    before = chain("both", "150", amounts, spent)
    number = data.draw(st.integers(0, len(spent) - 1))
    edited = [*spent[:number], changed, *spent[number + 1 :]]
    totals = {
        result.period: total for result, total in zip(before, edited, strict=True)
    }

    again = evaluation.chained(before, total_of(totals), before[number].period.start)

    assert again == chain("both", "150", amounts, edited)
