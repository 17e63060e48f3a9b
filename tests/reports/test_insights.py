"""Insights: true statements, and none from too little data."""

import pytest

from smartbudget.core.i18n import override
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
    assert sentences[0] == "Groceries rose 18% against September."


def test_a_purchase_is_named_if_the_month_before_had_nothing_like_it():
    sentences = insights(
        *(entry(f"2026-09-{day:02}", "100.00") for day in range(1, 11)),
        *(entry(f"2026-10-{day:02}", "94.00") for day in range(1, 11)),
        entry("2026-10-12", "240.00"),
    )

    assert sentences == [
        "Groceries rose 18% against September."
        " Most of it is one purchase of 240.00 on Oct 12, 2026."
    ]


def test_a_rise_by_many_small_purchases_names_no_purchase():
    sentences = insights(
        *(entry(f"2026-09-{day:02}", "10.00") for day in range(1, 11)),
        *(entry(f"2026-10-{day:02}", "10.00") for day in range(1, 16)),
    )

    assert sentences == ["Groceries rose 50% against September."]


def test_a_huge_rise_is_stated_in_amounts():
    sentences = insights(entry("2026-09-05", "1.00"), entry("2026-10-05", "90.00"))

    assert sentences[0].startswith(
        "Groceries rose from 1.00 to 90.00 against September"
    )


def test_small_changes_are_not_mentioned():
    assert insights(entry("2026-09-05", "100.00"), entry("2026-10-05", "109.99")) == []


def test_a_fall_is_reported_for_past_months():
    entries = [entry("2026-09-05", "100.00"), entry("2026-10-05", "50.00")]

    assert insights(*entries) == ["Groceries fell 50% against September."]


def test_a_fall_is_not_reported_during_the_month():
    entries = [entry("2026-10-05", "100.00"), entry("2026-11-05", "50.00")]

    assert insights(*entries, month=11) == []


def test_a_category_that_stopped_is_reported():
    sentences = insights(
        entry("2026-09-05", "100.00", "Gym"),
        entry("2026-09-05", "10.00", "Food"),
        entry("2026-10-05", "10.00", "Food"),
    )

    assert sentences == ["Nothing went to Gym, after 100.00 in September."]


def test_a_new_category_is_reported_only_if_there_was_a_previous_month():
    rent = entry("2026-10-05", "100.00", "Rent")

    assert insights(rent) == []
    assert insights(rent, entry("2026-09-05", "9.00", "Food"))[-1] == (
        "Rent is new: 100.00, after nothing in September."
    )


def test_a_category_that_is_more_than_half_is_named():
    sentences = insights(
        entry("2026-10-05", "60.00", "Rent"), entry("2026-10-05", "40.00")
    )

    assert sentences == ["Rent alone is 60% of everything, 60.00."]


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
        "The monthly Groceries budget is passed by 20.00. 1 more is passed too."
    ]


def test_the_period_of_a_budget_is_named_if_it_differs():
    sentences = insights(
        entry("2026-10-05", "120.00"), lines=[line("100.00", "120.00", period="weekly")]
    )

    assert sentences[0] == (
        "The weekly Groceries budget for Oct 26\u2009\u2013\u2009Nov 1, 2026"
        " is passed by 20.00."
    )


def test_kept_budgets_are_reported_after_the_month():
    lines = [line("100.00", "100.00"), line("9.00", "1.00", "Fun")]

    assert insights(entry("2026-10-05", "1.00"), lines=lines) == [
        "All 2 budgets were kept."
    ]
    assert insights(entry("2026-11-05", "1.00"), lines=lines, month=11) == []


def test_a_budgets_record_over_the_year_is_reported():
    sentences = insights(
        *(entry(f"2025-{month:02}-10", "10.00") for month in range(1, 13)),
        entry("2025-12-11", "1.00"),
        lines=[line("10.00", "11.00", day="2025-12-31")],
        report_type="yearly",
        year=2025,
    )

    assert (
        "At its present amount, the Groceries budget was kept in 11 of 12 months."
        in sentences
    )


def test_all_budgets_count_as_kept_only_if_kept_all_year():
    expenses = [entry(f"2025-{month:02}-10", "10.00") for month in range(1, 13)]
    lines = [line("10.00", "10.00", day="2025-12-31"), line("9.00", "1.00", "Fun")]
    year = {"lines": lines, "report_type": "yearly", "year": 2025}

    assert "All 2 budgets were kept." in insights(*expenses, **year)
    sentences = insights(*expenses, entry("2025-03-11", "1.00"), **year)
    assert "All 2 budgets were kept." not in sentences
    assert (
        "At its present amount, the Groceries budget was kept in 11 of 12 months."
        in sentences
    )


def test_the_most_expensive_weekday_is_named_with_enough_data():
    saturdays = [entry(f"2026-10-{day:02}", "40.00") for day in (3, 10, 17, 24, 31)]
    others = [entry(f"2026-10-{day:02}", "5.00") for day in range(5, 10)] * 3

    assert (
        "Saturday is the dearest day of the week: 40.00 on average, against 3.75 on"
        " Monday."
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
        "Das Budget für Essen (monatlich) ist um 0,50 überschritten."
        " 1 weiteres ist ebenfalls überschritten.",
        "Die Ausgaben für Essen sind gegenüber September von 100,00 auf 1.250,50"
        " gestiegen. Das meiste davon ist ein Kauf über 1.240,50 am 05.10.2026.",
        "Für Sport wurde nichts ausgegeben, im September waren es noch 300,00.",
        "Kino ist neu: 700,00, im September noch nichts.",
        "Essen allein macht 64\u00a0% von allem aus, 1.250,50.",
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
