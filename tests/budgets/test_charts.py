"""The bars of budgets."""

from dataclasses import replace

from budgets.charts import budget_bar
from tests.money_builders import TODAY
from tests.reports.builders import line

MARCH = {"day": "2026-03-18"}


def test_a_bar_is_as_long_as_the_budgets_amount():
    bar = budget_bar(line("200", "50", **MARCH), TODAY)

    assert (bar.filled, bar.alert, bar.amount) == ("25.00%", "80.00%", "100.00%")
    assert (bar.day, bar.days, bar.elapsed) == (18, 31, "58.06%")


def test_an_exceeded_budgets_bar_is_as_long_as_its_spending():
    bar = budget_bar(line("100", "400", **MARCH), TODAY)

    assert (bar.filled, bar.amount, bar.alert) == ("100.00%", "25.00%", "20.00%")
    assert bar.elapsed == "14.52%"  # 18 of 31 days of the amount


def test_a_far_exceeded_budgets_marks_stay_on_the_bar():
    bar = budget_bar(line("0.01", "999999999999.99", **MARCH), TODAY)

    assert (bar.filled, bar.amount, bar.elapsed) == ("100.00%", "0.00%", "0.00%")


def test_an_unused_budgets_bar_is_empty():
    bar = budget_bar(line("100", "0", **MARCH), TODAY)

    assert bar.filled == "0.00%"


def test_today_is_marked_only_in_the_current_period():
    past = line("100", "90", day="2026-02-18")

    assert budget_bar(past, TODAY).elapsed is None


def test_the_threshold_mark_is_where_the_level_changes():
    full_line = replace(line("100", "80", **MARCH), alert_threshold=80)

    bar = budget_bar(full_line, TODAY)

    assert bar.filled == bar.alert
    assert bar.line.level == "threshold"
