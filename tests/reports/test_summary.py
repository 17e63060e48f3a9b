"""The summary of a month: the service and its API."""

import datetime
from dataclasses import replace
from decimal import Decimal

import pytest
import time_machine

from budgets.models import Budget
from expenses import queries as expenses
from expenses.services import delete_expense
from reports.summary import summary
from smartbudget.core.errors import InvalidError
from smartbudget.core.periods import CALENDAR_PERIODS, Period
from tests.builders import client_for, make_user
from tests.money_builders import (
    ALICE,
    BOB,
    make_budget,
    make_earlier_budget,
    make_expense,
)
from tests.problems import messages_of

pytestmark = pytest.mark.usefixtures("aws")

SUMMARY = "/api/summary"


def at(*when: int):
    return time_machine.travel(
        datetime.datetime(*when, 12, tzinfo=datetime.UTC), tick=True
    )


def days(start: str, end: str) -> Period:
    return Period(datetime.date.fromisoformat(start), datetime.date.fromisoformat(end))


def line(month: str | None = None, user=ALICE):
    (budget_line,) = summary(user, month).lines
    return budget_line


def test_a_new_users_summary_is_all_zeros():
    report = summary(ALICE)

    assert report.shown == days("2026-03-01", "2026-03-31")
    assert (report.lines, report.unbudgeted) == ([], [])
    assert report.total_budget == report.total_spent == report.previous_spent == 0
    assert report.total_remaining == 0


def test_a_line_shows_spent_and_remaining():
    budget = make_budget(amount="80.00")
    make_expense(amount="12.34")
    make_expense(amount="7.66", category="groceries", date="2026-03-01")

    groceries = line()

    assert groceries.budget_id == budget.budget_id
    assert (groceries.spent, groceries.remaining) == (
        Decimal("20.00"),
        Decimal("60.00"),
    )
    assert (groceries.percentage, groceries.level) == (Decimal("25.00"), "ok")
    assert groceries.within == days("2026-03-01", "2026-03-31")


def test_lines_are_ordered_by_category_and_period():
    make_budget(category="rent")
    make_budget(category="Food", period="weekly")
    make_budget(category="food", period="monthly")

    listed = [
        (budget_line.category, budget_line.period)
        for budget_line in summary(ALICE).lines
    ]

    assert listed == [("food", "monthly"), ("Food", "weekly"), ("rent", "monthly")]


@pytest.mark.parametrize(
    ("spent", "percentage", "level"),
    [
        ("79.99", "79.99", "ok"),
        ("80.00", "80.00", "threshold"),
        ("100.00", "100.00", "threshold"),
        ("100.01", "100.01", "exceeded"),
        ("1000.00", "1000.00", "exceeded"),
    ],
)
def test_the_level_follows_the_percentage(spent, percentage, level):
    make_budget()
    make_expense(amount=spent)

    groceries = line()

    assert (str(groceries.percentage), groceries.level) == (percentage, level)
    assert groceries.remaining == 100 - Decimal(spent)


@pytest.mark.parametrize(
    ("amount", "spent", "percentage"),
    [
        ("300.00", "239.99", "79.99"),
        ("3.00", "1.00", "33.33"),
        ("3.00", "2.00", "66.66"),
        ("999999999999.99", "0.01", "0.00"),
    ],
)
def test_a_percentage_is_never_rounded_up(amount, spent, percentage):
    make_budget(amount=amount)
    make_expense(amount=spent)

    assert str(line().percentage) == percentage


def test_cents_add_up_exactly():
    make_budget(category="a")
    for _ in range(10):
        make_expense(category="a", amount="0.10")
        make_expense(category="b", amount="0.10")

    report = summary(ALICE)

    assert report.total_spent == Decimal("2.00")
    assert report.unbudgeted == [("b", Decimal("1.00"))]


def test_a_currency_of_three_decimals_adds_up_exactly():
    user = replace(ALICE, currency="KWD")
    make_budget(user, amount="0.003")
    make_expense(user, amount="0.001")

    report = summary(user)

    assert report.currency == "KWD"
    assert report.total_remaining == Decimal("0.002")


def test_totals_are_of_the_month_and_of_monthly_budgets():
    make_budget(amount="100.00")
    make_budget(category="Rent", amount="500.00")
    make_budget(category="Fun", amount="30.00", period="weekly")
    make_budget(category="Travel", amount="2000.00", period="yearly")
    make_expense(amount="10.00")
    make_expense(amount="20.00", category="Travel")
    make_expense(amount="40.00", category="Unplanned")

    report = summary(ALICE)

    assert report.total_budget == Decimal("600.00")
    assert report.total_spent == Decimal("70.00")
    assert report.total_remaining == Decimal("530.00")


def test_the_first_and_last_day_of_the_month_count_and_neighbors_do_not():
    make_expense(amount="1.00", date="2026-02-28")
    make_expense(amount="2.00", date="2026-03-01")
    make_expense(amount="4.00", date="2026-03-31")
    make_expense(amount="8.00", date="2026-04-01")

    assert summary(ALICE).total_spent == Decimal("6.00")


def test_the_whole_previous_month_is_added_up():
    make_expense(amount="1.00", date="2026-01-31")
    make_expense(amount="2.00", date="2026-02-01")
    make_expense(amount="4.00", date="2026-02-28", category="Rent")
    make_expense(amount="8.00", date="2026-03-01")

    assert summary(ALICE).previous_spent == Decimal("6.00")


def test_the_month_before_january_is_december():
    make_expense(amount="1.00", date="2025-12-31")

    assert summary(ALICE, "2026-01").previous_spent == Decimal("1.00")


def test_void_expenses_are_not_counted():
    make_budget()
    make_expense(status="void")
    make_expense(status="void", category="Rent")
    make_expense(status="void", date="2026-02-01")
    make_expense(amount="3.00", status="cleared")

    report = summary(ALICE)

    assert report.lines[0].spent == report.total_spent == Decimal("3.00")
    assert (report.unbudgeted, report.previous_spent) == ([], 0)


def test_unbudgeted_categories_are_grouped_ignoring_case_largest_first():
    make_expense(amount="1.00", category="Straße")
    make_expense(amount="2.00", category="STRASSE")
    make_expense(amount="5.00", category="Rent")
    make_expense(amount="9.00", category="Rent", date="2026-02-28")

    unbudgeted = summary(ALICE).unbudgeted

    assert [spent for _, spent in unbudgeted] == [Decimal("5.00"), Decimal("3.00")]
    assert unbudgeted[1][0] in {"Straße", "STRASSE"}


def test_a_budget_of_any_period_makes_a_category_budgeted():
    make_budget(category="Travel", period="yearly")
    make_expense(category="TRAVEL")

    assert summary(ALICE).unbudgeted == []


def test_weekly_and_yearly_lines_show_their_own_current_period():
    for period in ("weekly", "yearly"):
        make_budget(category=period, period=period)
    make_expense(category="weekly", amount="1.00", date="2026-03-15")
    make_expense(category="weekly", amount="2.00", date="2026-03-16")
    make_expense(category="yearly", amount="4.00", date="2026-01-01")

    weekly, yearly = summary(ALICE).lines

    assert weekly.within == days("2026-03-16", "2026-03-22")
    assert yearly.within == days("2026-01-01", "2026-12-31")
    assert (weekly.spent, yearly.spent) == (Decimal("2.00"), Decimal("4.00"))


def test_a_past_months_lines_show_the_periods_containing_its_last_day():
    for period in ("monthly", "weekly", "yearly"):
        make_earlier_budget(category=period, period=period)
    make_expense(category="monthly", amount="1.00", date="2025-12-01")
    make_expense(category="weekly", amount="2.00", date="2025-12-29")
    make_expense(category="weekly", amount="4.00", date="2026-01-04")
    make_expense(category="weekly", amount="8.00", date="2026-01-05")
    make_expense(category="yearly", amount="16.00", date="2025-01-01")

    monthly, weekly, yearly = summary(ALICE, "2025-12").lines

    assert monthly.within == days("2025-12-01", "2025-12-31")
    assert weekly.within == days("2025-12-29", "2026-01-04")
    assert yearly.within == days("2025-01-01", "2025-12-31")
    assert (monthly.spent, weekly.spent, yearly.spent) == (1, 6, 16)


def test_naming_the_current_month_changes_nothing():
    for period in CALENDAR_PERIODS:
        make_budget(period=period)
    make_expense(amount="2.00", date="2026-03-18")
    make_expense(amount="4.00", date="2026-03-31")

    report = summary(ALICE, "2026-03")

    assert report == summary(ALICE)
    weekly = report.lines[1]
    assert weekly.within == days("2026-03-16", "2026-03-22")
    assert weekly.spent == Decimal("2.00")


@pytest.mark.parametrize("today", [(2026, 3, 1), (2026, 3, 30), (2026, 3, 31)])
def test_the_current_month_shows_the_current_week(today):
    with at(*today):
        make_budget(period="weekly")

        assert datetime.date(*today) in line("2026-03").within
        assert line("2026-03") == line()


def test_a_future_month_counts_its_expenses():
    make_budget()
    make_expense(amount="2.00", date="2026-04-30")

    report = summary(ALICE, "2026-04")

    assert report.lines[0].spent == report.total_spent == Decimal("2.00")


def test_a_budget_from_before_results_applies_to_every_month():
    make_expense(amount="60.00", date="2025-03-01")
    make_earlier_budget(amount="50.00")

    groceries = line("2025-03")

    assert (groceries.amount, groceries.level) == (Decimal("50.00"), "exceeded")


def test_a_budget_whose_period_ended_starts_at_zero():
    make_budget()
    make_expense(amount="90.00")
    make_expense(amount="5.00", date="2026-04-02")

    with at(2026, 4, 1):
        groceries = line()

    assert groceries.within == days("2026-04-01", "2026-04-30")
    assert (groceries.spent, groceries.level) == (Decimal("5.00"), "ok")


def test_changes_in_the_previous_month_are_counted():
    make_budget()
    lunch = make_expense(amount="10.00")

    with at(2026, 4, 1):
        make_expense(amount="7.00", date="2026-03-31")
        assert line("2026-03").spent == Decimal("17.00")
        delete_expense(ALICE, lunch.expense_id)
        groceries = line("2026-03")

    assert groceries.spent == Decimal("7.00")


def test_reading_changes_no_budget():
    budget = make_budget()

    with at(2026, 4, 1):
        summary(ALICE)

    assert Budget.get(budget.budget_id).version == budget.version


def test_the_current_month_is_in_the_users_time_zone():
    samoa = replace(ALICE, time_zone="Pacific/Apia")

    with time_machine.travel("2026-03-31T12:00+00:00"):
        assert summary(samoa).shown == days("2026-04-01", "2026-04-30")
        assert summary(ALICE).shown == days("2026-03-01", "2026-03-31")


def test_a_summary_contains_no_other_users_data():
    make_budget(BOB)
    make_expense(BOB)
    make_expense(BOB, date="2026-02-01")

    report = summary(ALICE)

    assert (report.lines, report.unbudgeted) == ([], [])
    assert report.total_spent == report.previous_spent == 0


@pytest.mark.parametrize("month", ["", "2026", "2026-13", "2026-W1", "9999-12"])
def test_a_malformed_month_is_named(month):
    with pytest.raises(InvalidError) as refused:
        summary(ALICE, month)

    assert refused.value.field == "month"


def test_the_summary_has_every_field_and_exact_decimals(client, alice):
    budget = make_budget(alice, alert_threshold=50)
    make_expense(alice, amount="66.67", date="2026-03-02")
    make_expense(alice, amount="0.1", category="Rent")
    make_expense(alice, amount="7", date="2026-02-28")

    assert client.get(SUMMARY).json() == {
        "period": {"start": "2026-03-01", "end": "2026-03-31"},
        "currency": "USD",
        "budgets": [
            {
                "budget_id": budget.budget_id,
                "category": "Groceries",
                "categories": ["Groceries"],
                "period": "monthly",
                "amount": "100.00",
                "carried_over": "0.00",
                "limit": "100.00",
                "alert_thresholds": [50],
                "paused": False,
                "spent": "66.67",
                "remaining": "33.33",
                "percentage": "66.67",
                "level": "threshold",
                "start": "2026-03-01",
                "end": "2026-03-31",
                "passes_on": None,
            }
        ],
        "categories": [
            {"category": "Groceries", "spent": "66.67"},
            {"category": "Rent", "spent": "0.10"},
        ],
        "unbudgeted": [{"category": "Rent", "spent": "0.10"}],
        "total_budget": "100.00",
        "total_spent": "66.77",
        "refunded": "0.00",
        "total_remaining": "33.23",
        "left_to_spend": "33.33",
        "unbudgeted_spent": "0.10",
        "previous_spent": "7.00",
    }


def test_the_api_returns_zeros_for_a_new_user(client):
    body = client.get(SUMMARY).json()

    assert (body["budgets"], body["unbudgeted"]) == ([], [])
    assert (body["total_spent"], body["total_remaining"]) == ("0.00", "0.00")


def test_the_api_returns_another_month(client, alice):
    make_earlier_budget(alice)
    make_expense(alice, amount="120", date="2026-02-28")

    body = client.get(SUMMARY, {"month": "2026-02"}).json()

    assert body["period"] == {"start": "2026-02-01", "end": "2026-02-28"}
    (line,) = body["budgets"]
    assert (line["spent"], line["remaining"]) == ("120.00", "-20.00")
    assert (line["percentage"], line["level"]) == ("120.00", "exceeded")


def test_the_api_returns_only_the_callers_data(alice):
    make_budget(alice)
    make_expense(alice)

    body = client_for(make_user("bob")).get(SUMMARY).json()

    assert (body["budgets"], body["unbudgeted"]) == ([], [])
    assert body["total_spent"] == "0.00"


def test_an_invalid_month_is_rejected_by_the_api(client):
    wrong = ["2026", "2026-13", "2026-00", "2026-3", "2026-W12", "March", "a" * 1000]
    wrong += ["0000-01", "0001-01", "9999-12", "2026-02-30", "２０２６-03", "-001-01"]
    wrong += ["9999-12-31", "2026-03-1", "2026-3-01", "2026-03-01T", "2026-W12-1"]
    for month in wrong:
        response = client.get(SUMMARY, {"month": month})

        assert (response.status_code, list(messages_of(response))) == (
            400,
            ["month"],
        ), month
    for month in ("0002-01", "9998-12", "0002-01-01", "9998-12-31"):
        assert client.get(SUMMARY, {"month": month}).status_code == 200


def test_a_past_month_of_a_yearly_budget_for_all_reads_no_later_expenses(monkeypatch):
    make_budget(category=None, categories="all", period="yearly", amount="900")
    read = []
    entries = expenses.entries
    monkeypatch.setattr(
        "reports.summary.expenses.entries",
        lambda user_id, period, **options: (
            read.append(period) or entries(user_id, period, **options)
        ),
    )

    summary(ALICE, "2026-01")
    summary(ALICE)

    assert read == [days("2025-12-01", "2026-01-31"), days("2026-02-01", "2026-12-31")]
