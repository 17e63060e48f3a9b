"""Insights: true statements, and none from too little data."""

from dataclasses import replace

import pytest

from smartbudget.core.i18n import override
from smartbudget.core.periods import PERIODS
from tests.reports.builders import ask, entry, line, report_of


def insights(*entries, **fields):
    return report_of(*entries, **fields).insights


def test_a_purchase_is_not_named_when_the_month_before_had_a_larger_one():
    sentences = insights(
        entry("2026-09-05", "1000.00"),
        entry("2026-10-05", "940.00"),
        entry("2026-10-12", "240.00"),
        entry("2026-09-12", "0.10", "Fun"),
        entry("2026-10-12", "0.10", "Fun"),
    )
    assert sentences[0] == "Groceries is up 18% from September."


def test_a_purchase_is_named_if_the_month_before_had_nothing_like_it():
    sentences = insights(
        *(entry(f"2026-09-{day:02}", "100.00") for day in range(1, 11)),
        *(entry(f"2026-10-{day:02}", "94.00") for day in range(1, 11)),
        entry("2026-10-12", "240.00"),
    )

    assert sentences == [
        "Groceries is up 18% from September."
        " Most of that is one expense of 240.00 on Oct 12, 2026."
    ]


def test_a_rise_by_many_small_purchases_names_no_purchase():
    sentences = insights(
        *(entry(f"2026-09-{day:02}", "10.00") for day in range(1, 11)),
        *(entry(f"2026-10-{day:02}", "10.00") for day in range(1, 16)),
    )

    assert sentences == ["Groceries is up 50% from September."]


def test_a_huge_rise_is_stated_in_amounts():
    sentences = insights(entry("2026-09-05", "1.00"), entry("2026-10-05", "90.00"))

    assert sentences[0].startswith("Groceries: 90.00, up from 1.00 in September.")


def test_small_changes_are_not_mentioned():
    assert insights(entry("2026-09-05", "100.00"), entry("2026-10-05", "109.99")) == []


def test_a_fall_is_reported_for_past_months():
    entries = [entry("2026-09-05", "100.00"), entry("2026-10-05", "50.00")]

    assert insights(*entries) == ["Groceries is down 50% from September."]


def test_a_fall_is_not_reported_during_the_month():
    entries = [entry("2026-10-05", "100.00"), entry("2026-11-05", "50.00")]

    assert insights(*entries, month=11) == []


def test_a_category_that_stopped_is_reported():
    sentences = insights(
        entry("2026-09-05", "100.00", "Gym"),
        entry("2026-09-05", "10.00", "Food"),
        entry("2026-10-05", "10.00", "Food"),
    )

    assert sentences == ["No Gym spending (100.00 in September)."]


def test_a_new_category_is_reported_only_if_there_was_a_previous_month():
    rent = entry("2026-10-05", "100.00", "Rent")

    assert insights(rent) == []
    assert insights(rent, entry("2026-09-05", "9.00", "Food"))[-1] == (
        "Rent is new: 100.00 (nothing in September)."
    )


def test_a_category_that_is_more_than_half_is_named():
    sentences = insights(
        entry("2026-10-05", "60.00", "Rent"), entry("2026-10-05", "40.00")
    )

    assert sentences == ["Rent alone is 60% of your spending (60.00)."]


def test_exactly_half_is_not_more_than_half():
    assert (
        insights(entry("2026-10-05", "50.00", "Rent"), entry("2026-10-05", "50.00"))
        == []
    )


def test_an_exceeded_budget_comes_first():
    sentences = insights(
        entry("2026-10-05", "120.00"),
        lines=[line("100.00", "120.00"), line("50.00", "50.01", "Fun")],
    )

    assert sentences == [
        "Groceries is 20.00 over its monthly budget. 1 other budget is over too."
    ]


def test_the_period_of_a_budget_is_named_if_it_differs():
    sentences = insights(
        entry("2026-10-05", "120.00"), lines=[line("100.00", "120.00", period="weekly")]
    )

    assert sentences[0] == (
        "Groceries is 20.00 over its weekly budget"
        " for Oct 26\u2009\u2013\u2009Nov 1, 2026."
    )


def test_kept_budgets_are_reported_after_the_month():
    lines = [line("100.00", "100.00"), line("9.00", "1.00", "Fun")]

    assert insights(entry("2026-10-05", "1.00"), lines=lines) == [
        "You stayed within all 2 budgets."
    ]
    assert insights(entry("2026-11-05", "1.00"), lines=lines, month=11) == []


def test_a_budgets_record_over_the_year_is_reported():
    sentences = insights(
        *(entry(f"2025-{month:02}-10", "10.00") for month in range(1, 13)),
        entry("2025-12-11", "1.00"),
        lines=[line("10.00", "11.00", day="2025-12-31")],
        periods=12,
        kept=11,
        report_type="yearly",
        year=2025,
    )

    assert "You stayed within the Groceries budget in 11 of 12 months." in sentences


@pytest.mark.parametrize("period", [*PERIODS])
def test_every_kind_of_budget_has_a_record(period):
    own = line("10.00", "11.00", day="2025-12-31")
    sentences = insights(
        entry("2025-12-11", "11.00"),
        lines=[replace(own, period=period)],
        periods=12,
        kept=11,
        report_type="yearly",
        year=2025,
    )

    start = "You stayed within the Groceries budget in 11 of 12 "
    assert any(sentence.startswith(start) for sentence in sentences)


def test_all_budgets_count_as_kept_only_if_kept_all_year():
    lines = [line("10.00", "10.00", day="2025-12-31"), line("9.00", "1.00", "Fun")]
    year = {"lines": lines, "report_type": "yearly", "year": 2025, "periods": 12}
    expense = entry("2025-03-10", "10.00")

    assert "You stayed within all 2 budgets." in insights(expense, kept=12, **year)
    sentences = insights(expense, kept=11, **year)
    assert "You stayed within all 2 budgets." not in sentences
    assert "You stayed within the Groceries budget in 11 of 12 months." in sentences


def test_the_most_expensive_weekday_is_named_with_enough_data():
    saturdays = [entry(f"2026-10-{day:02}", "40.00") for day in (3, 10, 17, 24, 31)]
    others = [entry(f"2026-10-{day:02}", "5.00") for day in range(5, 10)] * 3

    assert (
        "Saturday is your most expensive day: 40.00 on average, compared with 3.75"
        " on Monday."
    ) in insights(*saturdays, *others)
    assert insights(*saturdays) == []


def test_there_are_at_most_five_insights():
    names = "abcdefgh"
    sentences = insights(
        *(entry("2026-09-05", "10.00", name) for name in names[:4]),
        *(entry("2026-10-05", "30.00", name) for name in names),
        entry("2026-10-05", "900.00", "Rent"),
        lines=[line("1.00", "2.00")] * 3,
    )

    assert len(sentences) <= 5


EVERYTHING = (
    entry("2026-09-05", "100.00", "Essen"),
    entry("2026-10-05", "1240.50", "Essen"),
    entry("2026-10-12", "10.00", "Essen"),
    entry("2026-09-05", "300.00", "Sport"),
    entry("2026-10-12", "700.00", "Kino"),
)


def test_german_sentences_are_german_throughout():
    lines = [line("1250.00", "1250.50", "Essen"), line("1.00", "1.01", period="weekly")]
    with override("de"):
        sentences = insights(*EVERYTHING, lines=lines)

    assert sentences == [
        "Essen liegt 0,50 über dem Budget (monatlich)."
        " 1 weiteres Budget ist auch überschritten.",
        "Essen: 1.250,50, im September noch 100,00."
        " Das meiste davon ist eine Ausgabe von 1.240,50 am 05.10.2026.",
        "Keine Ausgaben für Sport (im September 300,00).",
        "Kino ist neu: 700,00, im September noch nichts.",
        "Essen allein macht 64\u00a0% deiner Ausgaben aus (1.250,50).",
    ]


@pytest.mark.parametrize(
    ("period", "phrase"),
    [
        ({"month": 1}, "im Dezember 2025"),
        ({"report_type": "yearly", "year": 2026}, "im Jahr 2025"),
        (
            {"report_type": "weekly", "start_date": "2026-01-05"},
            "in der Woche 29. Dez. 2025\u2009\u2013\u20094. Jan. 2026",
        ),
        (
            {
                "report_type": "custom",
                "start_date": "2026-01-05",
                "end_date": "2026-01-05",
            },
            "am 04.01.2026",
        ),
        (
            {
                "report_type": "custom",
                "start_date": "2026-01-05",
                "end_date": "2026-01-06",
            },
            "im Zeitraum 3.\u20134. Jan. 2026",
        ),
    ],
)
def test_the_previous_period_is_phrased_in_german(period, phrase):
    with override("de"):
        assert ask(**period).in_previous == phrase
