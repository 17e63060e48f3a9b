import datetime
import re
from decimal import Decimal

import pytest

from reports import charts
from reports.summary import Summary
from reports.trend import MonthTotal
from smartbudget.core.periods import period_of
from tests.money_builders import TODAY


def number(percent: str) -> Decimal:
    assert re.fullmatch(r"\d+\.\d\d%", percent), percent  # never negative
    return Decimal(percent[:-1])


def summary_of(*categories, unbudgeted=()) -> Summary:
    spent = [(name, Decimal(amount)) for name, amount in categories]
    return Summary(
        shown=period_of("monthly", TODAY),
        currency="USD",
        lines=[],
        categories=spent,
        unbudgeted=[pair for pair in spent if pair[0] in unbudgeted],
        total_budget=Decimal(0),
        total_spent=Decimal(0),
        refunded=Decimal(0),
        previous_spent=Decimal(0),
        latest=[],
        names=[],
        entries=[],
    )


def months_of(*amounts: str) -> list[MonthTotal]:
    return [
        MonthTotal.of(
            period_of("monthly", datetime.date(2025, number, 1)), Decimal(amount)
        )
        for number, amount in enumerate(amounts, start=1)
    ]


def trend_of(*amounts: str, currency: str = "USD") -> charts.Trend:
    chart = charts.trend(months_of(*amounts), currency)
    assert chart is not None
    return chart


def test_category_bars_are_relative_to_the_largest():
    bars = charts.category_bars(
        summary_of(("Rent", "1000"), ("Food", "250"), ("Tea", "0.01"))
    )

    assert [bar.length for bar in bars] == ["100.00%", "25.00%", "0.00%"]


def test_categories_without_a_budget_are_marked():
    bars = charts.category_bars(
        summary_of(("Rent", "2"), ("Fun", "1"), unbudgeted={"Fun"})
    )

    assert [bar.is_budgeted for bar in bars] == [True, False]


def test_no_categories_give_no_bars():
    assert charts.category_bars(summary_of()) == []


def test_categories_with_more_refunds_than_expenses_are_listed_as_credit():
    summary = summary_of(
        ("Rent", "200"), ("Food", "50"), ("Fun", "0"), ("Tea", "-1"), ("Shoes", "-500")
    )

    bars = charts.category_bars(summary)

    assert [(bar.category, bar.length) for bar in bars] == [
        ("Rent", "100.00%"),
        ("Food", "25.00%"),
        ("Fun", "0.00%"),
    ]
    assert charts.credits(summary) == [("Shoes", -500), ("Tea", -1)]


@pytest.mark.parametrize("amounts", [["-5"], ["0"], ["0", "-5"]])
def test_categories_without_spending_have_no_length(amounts):
    summary = summary_of(*(("Rent", amount) for amount in amounts))

    assert {bar.length for bar in charts.category_bars(summary)} <= {"0.00%"}


def test_a_month_with_more_refunds_than_expenses_has_an_empty_column():
    chart = trend_of("100", "-400", "50")

    assert [column.height for column in chart.columns][1] == "0.00%"
    assert number(chart.columns[1].y) == charts.BOTTOM
    assert chart.columns[1].month.spent == -400
    assert chart.highest is chart.columns[0]
    assert charts.trend(months_of("-5", "0"), "USD") is None


def test_columns_are_proportional_to_their_months():
    low, high, none = trend_of("100", "400", "0").columns

    assert number(high.height) == number(low.height) * 4
    assert none.height == "0.00%"
    for column in (low, high, none):
        assert number(column.y) + number(column.height) == charts.BOTTOM


def test_columns_do_not_overlap_and_stay_inside():
    chart = trend_of(*["5"] * 12)

    edges = [
        number(edge)
        for column in chart.columns
        for edge in (column.x, str(number(column.x) + number(column.width)) + "%")
    ]
    assert edges == sorted(edges)
    assert number(chart.scale_end) < edges[0]
    assert edges[-1] < 100


def test_one_huge_month_flattens_the_others():
    small, huge = trend_of("0.01", "999999999999.99").columns

    assert small.height == "0.00%"
    assert number(huge.y) >= charts.TOP


@pytest.mark.parametrize(
    ("top", "currency", "labels"),
    [
        ("0.01", "USD", ["0", "0.01"]),
        ("1", "JPY", ["0", "1"]),
        ("0.003", "KWD", ["0", "0.001", "0.002", "0.003"]),
        ("7", "USD", ["0", "2", "4", "6", "8"]),
        ("100", "USD", ["0", "25", "50", "75", "100"]),
        ("100.01", "USD", ["0", "50", "100", "150"]),
        ("1234.5", "USD", ["0", "500", "1K", "1.5K"]),
        ("9999999", "USD", ["0", "2.5M", "5M", "7.5M", "10M"]),
        ("31000000000000", "USD", ["0", "10T", "20T", "30T", "40T"]),
    ],
)
def test_the_scale_has_a_few_round_values(top, currency, labels):
    chart = trend_of(top, currency=currency)

    assert [rule.label for rule in chart.rules] == labels
    assert number(chart.rules[0].y) == charts.BOTTOM
    assert number(chart.rules[-1].y) == charts.TOP


def test_months_without_spending_give_no_chart():
    assert charts.trend(months_of("0", "0"), "USD") is None
    assert charts.trend([], "USD") is None


def test_the_highest_month_is_named():
    assert trend_of("1", "3", "2").highest.month.month == "2025-02"
