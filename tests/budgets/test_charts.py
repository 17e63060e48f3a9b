"""The cards of budgets and their bars."""

from dataclasses import replace

from budgets.charts import BudgetCard, budget_card, budget_cards
from budgets.queries import BudgetLine
from tests.money_builders import TODAY
from tests.reports.builders import line

MARCH = {"day": "2026-03-18"}


def card_of(line: BudgetLine) -> BudgetCard:
    return budget_card(line, TODAY, "USD")


def test_a_bar_is_as_long_as_the_budgets_amount():
    card = card_of(line("200", "50", **MARCH))

    assert (card.within, card.alert) == ("25.00%", "80.00%")
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

    assert (card.within, card.alert) == ("0.00%", "80.00%")
    assert (refunded.percentage, refunded.remaining, refunded.level) == (0, 150, "ok")


def test_today_is_marked_only_in_the_current_period():
    past = line("100", "90", day="2026-02-18")

    assert card_of(past).elapsed is None


def test_the_threshold_mark_is_where_the_level_changes():
    full_line = replace(line("100", "80", **MARCH), alert_thresholds=(80,))

    card = card_of(full_line)

    assert card.within == card.alert
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
