"""The cards of budgets and their bars."""

from dataclasses import replace
from decimal import Decimal

import pytest

from budgets.charts import BudgetCard, budget_card, budget_cards, strip
from budgets.evaluation import PeriodResult
from budgets.queries import BudgetLine
from smartbudget.core.categories import Categories
from smartbudget.core.periods import Period
from tests.money_builders import TODAY
from tests.reports.builders import line

MARCH = {"day": "2026-03-18"}


def card_of(line: BudgetLine) -> BudgetCard:
    return budget_card(line, TODAY, "USD")


def test_a_bar_is_as_long_as_the_budgets_amount():
    card = card_of(line("200", "50", **MARCH))

    assert (card.within, card.alerts) == ("25.00%", ["80.00%"])
    assert (card.day, card.days, card.elapsed) == (18, 31, "58.06%")


def test_an_exceeded_budgets_bar_is_as_long_as_its_spending():
    card = card_of(line("100", "400", **MARCH))

    assert card.within == "25.00%"  # the rest is the excess
    assert card.elapsed == "14.52%"  # 18 of 31 days of the amount


def test_a_far_exceeded_budgets_marks_stay_on_the_bar():
    card = card_of(line("0.01", "999999999999.99", **MARCH))

    assert (card.within, card.elapsed) == ("0.00%", "0.00%")


def test_an_unused_budgets_bar_is_empty():
    card = card_of(line("100", "0", **MARCH))

    assert card.within == "0.00%"


def test_a_bar_is_empty_if_refunds_exceed_spending():
    refunded = line("100", "-50", **MARCH)

    card = card_of(refunded)

    assert (card.within, card.alerts) == ("0.00%", ["80.00%"])
    assert (refunded.percentage, refunded.remaining, refunded.level) == (0, 150, "ok")


def test_today_is_marked_only_in_the_current_period():
    past = line("100", "90", day="2026-02-18")

    assert card_of(past).elapsed is None


def test_the_threshold_mark_is_where_the_level_changes():
    full_line = replace(line("100", "80", **MARCH), alert_thresholds=(80,))

    card = card_of(full_line)

    assert [card.within] == card.alerts
    assert card.line.level == "threshold"


def test_cards_over_budget_come_first_then_those_near_the_limit():
    lines = [
        line("100", spent, category=category, **MARCH)
        for category, spent in [("A", "1"), ("B", "80"), ("C", "101"), ("D", "90")]
    ]

    cards = budget_cards(lines, TODAY, "USD")

    assert "".join(card.line.category for card in cards) == "CBDA"
    assert [card.needs_attention for card in cards] == [True, True, True, False]


def test_a_projected_overspend_needs_attention():
    fine = line("100", "1", **MARCH)

    assert not card_of(fine).needs_attention
    assert card_of(replace(fine, projected_overspend_date=TODAY)).needs_attention


def test_a_bar_is_split_into_amount_and_what_was_carried_over():
    card = card_of(replace(line("300", "69", **MARCH), carried_over=Decimal(45)))

    assert (card.limit, card.split, card.within) == ("100.00%", "86.96%", "20.00%")


def test_overspending_before_shortens_the_limit_on_the_bar():
    card = card_of(replace(line("300", "125", **MARCH), carried_over=Decimal(-50)))

    assert (card.limit, card.split, card.within) == ("83.33%", "100.00%", "41.67%")
    assert card.alerts == ["66.67%"]


@pytest.mark.parametrize(
    ("carried", "spent", "within", "over"),
    [
        ("-100", "0", "0.00%", "0.00%"),
        ("-150", "0", "0.00%", "0.00%"),
        ("-150", "50", "0.00%", "50.00%"),
        ("-150", "400", "0.00%", "100.00%"),
        ("-150", "-10", "0.00%", "0.00%"),
        ("-50", "75", "50.00%", "75.00%"),
    ],
)
def test_a_bar_of_a_limit_that_is_used_up_before(carried, spent, within, over):
    card = card_of(replace(line("100", spent, **MARCH), carried_over=Decimal(carried)))

    assert (card.within, card.over) == (within, over)


def test_several_thresholds_are_marked():
    card = card_of(replace(line("100", "10", **MARCH), alert_thresholds=(50, 80, 100)))

    assert card.alerts == ["50.00%", "80.00%", "100.00%"]


def test_paused_budgets_come_last_and_need_no_attention():
    paused = replace(line("100", "400", "A", **MARCH), paused=True)
    lines = [paused, line("100", "1", "B", **MARCH)]

    cards = budget_cards(lines, TODAY, "USD")

    assert [card.line.category for card in cards] == ["B", "A"]
    assert not any(card.needs_attention for card in cards)


def finished(*spent: str, limit: str = "100") -> list[PeriodResult]:
    return [
        PeriodResult(
            period=Period(TODAY, TODAY),
            categories=Categories(("Food",)),
            amount=Decimal(limit),
            spent=Decimal(amount),
            alert_thresholds=(80,),
        )
        for amount in spent
    ]


def test_a_strip_has_the_last_periods_at_the_right():
    periods = strip(finished("0", "50", "90", "150", "900"))

    assert (periods.within, periods.near, periods.over) == (2, 1, 2)
    assert [bar.x for bar in periods.bars][:2] == ["58.33%", "66.67%"]
    assert [bar.height for bar in periods.bars] == [
        "4.00%",
        "33.33%",
        "60.00%",
        "100.00%",
        "100.00%",
    ]


def test_a_period_without_a_limit_has_a_full_bar():
    (bar,) = strip(finished("0", limit="-50")).bars

    assert (bar.y, bar.height) == ("0.00%", "100.00%")
