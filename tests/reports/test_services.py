"""The figures of reports: computed from entries, and read from the tables."""

import contextlib
import datetime
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
import time_machine

from expenses import queries as expenses
from expenses.models import Expense
from reports import services
from reports.services import Report, build_report, compute
from smartbudget.core.errors import InvalidError
from smartbudget.core.periods import Period
from tests.calls import QUERY, counted
from tests.money_builders import (
    ALICE,
    BOB,
    NOON,
    TODAY,
    make_budget,
    make_earlier_budget,
    make_expense,
)
from tests.reports.builders import ask, entry, report_of

D = Decimal
SETTLED = NOON + datetime.timedelta(minutes=2)  # totals can be stored again


def test_totals_count_only_the_period():
    report = report_of(
        entry("2026-09-30", "1.00"),
        entry("2026-10-01", "10.10"),
        entry("2026-10-31", "20.20"),
        entry("2026-11-01", "1000.00"),
    )

    assert (report.total, report.count) == (D("30.30"), 2)
    assert (report.previous_total, report.change) == (D("1.00"), D("29.30"))


def test_a_split_expense_is_one_expense(aws):
    rows = [("Groceries", "50"), ("Household", "30"), ("groceries", "20")]
    parts = [{"category": name, "amount": amount} for name, amount in rows]
    make_expense(amount="100", category=None, parts=parts, merchant="Market")
    make_expense(amount="60")
    make_expense(amount="1", category="Fun")
    period = ask(TODAY, report_type="monthly", year=2026, month=3)

    report = build_report(ALICE, period, today=TODAY)

    assert (report.count, report.total, report.median) == (3, 161, 60)
    shown = [(one.category, one.merchant, one.amount) for one in report.largest]
    assert shown[0] == ("Groceries, Household", "Market", 100)
    assert [amount for _, _, amount in shown] == [100, 60, 1]
    counts = {line.category_key: line.count for line in report.categories}
    assert counts == {"groceries": 2, "household": 1, "fun": 1}
    assert len(report.entries) == 5  # a row for each part


def test_categories_have_share_and_change_ignoring_case():
    report = report_of(
        entry("2026-09-05", "40.00", "Food"),
        entry("2026-09-05", "7.00", "Gym"),
        entry("2026-10-05", "25.00", "food"),
        entry("2026-10-06", "25.00", "FOOD"),
        entry("2026-10-07", "100.00", "Rent"),
    )

    assert [
        (
            category.category,
            category.spent,
            category.count,
            category.share,
            category.change,
        )
        for category in report.categories
    ] == [
        ("Rent", D("100.00"), 1, D("66.66"), D("100.00")),
        ("food", D("50.00"), 2, D("33.33"), D("10.00")),
        ("Gym", D(0), 0, D("0.0"), D("-7.00")),
    ]


def test_a_past_months_average_covers_all_its_days():
    report = report_of(entry("2026-10-03", "31.00"))

    assert (report.average_a_day, report.counted_days) == (D("1.00"), 31)


def test_a_running_months_average_covers_the_days_so_far():
    report = report_of(entry("2026-11-03", "22.00"), month=11)

    assert report.is_running
    assert (report.average_a_day, report.counted_days) == (D("1.00"), 22)


def test_the_average_includes_days_up_to_a_future_expense():
    report = report_of(entry("2026-11-25", "25.00"), month=11)

    assert (report.total, report.average_a_day) == (D("25.00"), D("1.00"))


def test_weekdays_are_averaged_by_their_number_of_occurrences():
    report = report_of(entry("2026-10-01", "10.00"), entry("2026-10-05", "8.00"))

    monday, thursday = report.weekdays[0], report.weekdays[3]
    assert (monday.days, monday.average) == (4, D("2.00"))
    assert (thursday.days, thursday.average) == (5, D("2.00"))
    assert sum(weekday.days for weekday in report.weekdays) == 31


@pytest.mark.parametrize(
    ("amounts", "median"),
    [
        (["1.00"], "1.00"),
        (["1.00", "9.00", "2.00"], "2.00"),
        (["1.00", "2.01"], "1.51"),
    ],
)
def test_the_median_has_the_currencys_decimals(amounts, median):
    report = report_of(*(entry("2026-10-01", amount) for amount in amounts))

    assert report.median == D(median)


def test_a_currency_without_decimals_has_none_anywhere():
    report = report_of(
        entry("2026-10-01", "1000"), entry("2026-10-01", "1001"), currency="JPY"
    )

    assert str(report.median) == "1001"
    assert str(report.average_a_day) == "65"


def test_the_busiest_day_has_the_highest_spending():
    report = report_of(
        entry("2026-10-02", "5.00"),
        entry("2026-10-02", "6.00"),
        entry("2026-10-03", "11.00"),
        entry("2026-10-04", "1.00"),
    )

    assert report.busiest_day == (datetime.date(2026, 10, 2), D("11.00"))


def test_the_ten_largest_are_listed_first():
    report = report_of(*(entry("2026-10-01", f"{n}.00") for n in range(1, 13)))

    assert [expense.amount for expense in report.largest] == [
        D(n) for n in range(12, 2, -1)
    ]


def test_the_trend_has_twelve_months_up_to_the_period():
    report = report_of(
        entry("2025-10-31", "9.00"),
        entry("2025-11-01", "1.00"),
        entry("2026-10-31", "2.00"),
        entry("2026-11-01", "4.00"),
    )

    assert [month.month for month in report.trend][::11] == ["2025-11", "2026-10"]
    assert [month.spent for month in report.trend] == [
        D("1.00"),
        *[D(0)] * 10,
        D("2.00"),
    ]


def test_an_empty_period_has_no_median_and_no_busiest_day():
    report = report_of()

    assert (report.count, report.total, report.average_a_day) == (0, D(0), D(0))
    assert report.median is report.busiest_day is None
    assert report.categories == report.largest == report.insights == []


def test_a_budgets_record_covers_complete_past_periods(aws):
    make_earlier_budget(amount="85.00")
    for date, amount in (("2026-01-10", "80"), ("2026-02-10", "90"), ("2026-03-10", 1)):
        make_expense(date=date, amount=amount)

    (standing,) = yearly().budgets
    assert (standing.periods_kept, standing.periods) == (1, 2)


def test_periods_before_the_first_expense_are_not_in_the_record(aws):
    make_earlier_budget(amount="85.00")
    make_expense(date="2026-02-24", amount="110.00")

    (standing,) = yearly().budgets
    assert (standing.periods_kept, standing.periods) == (0, 1)


@pytest.mark.parametrize(
    ("since", "is_comparable"),
    [("2026-08-31", True), ("2026-09-01", True), ("2026-09-02", False), (None, False)],
)
def test_only_a_completely_recorded_period_is_compared(since, is_comparable):
    report = report_of(
        entry("2026-09-05", "1.00", "Gym"),
        entry("2026-10-05", "40.00"),
        since=since and datetime.date.fromisoformat(since),
    )

    assert report.is_comparable == is_comparable
    assert [category.category for category in report.categories] == (
        ["Groceries", "Gym"] if is_comparable else ["Groceries"]
    )
    assert (report.previous_total, report.total) == (D("1.00"), D("40.00"))


# From the tables.


def march(user=ALICE):
    period = ask(TODAY, report_type="monthly", year=2026, month=3)
    return build_report(user, period, today=TODAY)


def test_void_and_other_users_expenses_are_not_counted(aws):
    make_expense(amount="10.00")
    make_expense(amount="999.00", status="void")
    make_expense(BOB, amount="55.00")

    report = march()

    assert report.total == D("10.00")
    assert [expense.amount for expense in report.entries] == [D("10.00")]
    assert report.trend[-1].spent == D("10.00")


def test_descriptions_are_read_only_for_the_period(aws):
    make_expense(date="2026-03-02", description="Bread")
    make_expense(date="2026-02-02", description="Salt")

    assert [expense.description for expense in march().entries] == ["Bread"]


def test_budgets_show_the_period_containing_the_last_day(aws):
    make_earlier_budget(period="yearly", amount="500.00")
    make_earlier_budget(amount="20.00")
    make_expense(date="2026-01-05", amount="100.00")
    make_expense(date="2026-03-05", amount="25.00")

    monthly, yearly = march().budgets

    assert (monthly.line.spent, monthly.line.remaining) == (D("25.00"), D("-5.00"))
    assert yearly.line.spent == D("125.00")


def yearly(today=TODAY, year=2026, **fields):
    fields = {"report_type": "yearly", "year": year, **fields}
    if fields["report_type"] == "custom":
        del fields["year"]
    return build_report(ALICE, ask(today, **fields), today=today)


def lines_of(report):
    return {
        (budget.line.category, budget.line.period): (
            budget.line.amount,
            budget.line.spent,
            budget.line.within_in_words.replace("\u2009", " "),
        )
        for budget in report.budgets
    }


def test_a_year_adds_up_started_periods_of_shorter_budgets(aws):
    make_expense(date="2025-12-31", amount="1.00")
    for period, amount in (("monthly", "20"), ("weekly", "5"), ("yearly", "900")):
        make_earlier_budget(period=period, amount=amount)
    make_expense(
        date="2026-01-01", amount="10.00"
    )  # in a week that started in the previous month
    make_expense(date="2026-01-05", amount="25.00")
    make_expense(date="2026-03-18", amount="30.00")
    make_expense(
        date="2026-03-31", amount="4.00"
    )  # this month, but not in a complete week
    make_expense(date="2026-04-01", amount="70.00")

    assert lines_of(yearly()) == {
        ("Groceries", "monthly"): (60, 69, "3 months, Jan 1 – Mar 31, 2026"),
        ("Groceries", "weekly"): (55, 55, "11 weeks, Jan 5 – Mar 22, 2026"),
        ("Groceries", "yearly"): (900, 139, "2026"),
    }


def test_a_year_adds_up_from_the_first_expense_on(aws):
    make_expense(date="2025-11-20", amount="10.00")
    make_earlier_budget(amount="20.00")

    assert lines_of(yearly(year=2025)) == {
        ("Groceries", "monthly"): (40, 10, "2 months, Nov 1 – Dec 31, 2025")
    }
    assert not yearly().is_comparable


def test_a_custom_report_adds_up_complete_periods_within_it(aws):
    make_expense(date="2025-01-01", amount="1.00")
    for period, amount in (("monthly", "20"), ("yearly", "900")):
        make_earlier_budget(period=period, amount=amount)
    make_expense(date="2026-01-15", amount="10.00")
    make_expense(date="2026-02-15", amount="25.00")

    report = yearly(
        report_type="custom", start_date="2026-01-02", end_date="2026-03-10"
    )

    assert lines_of(report) == {
        ("Groceries", "monthly"): (20, 25, "February 2026"),
        ("Groceries", "yearly"): (900, 35, "2026"),
    }


def test_a_budget_without_expenses_is_listed_for_its_own_period(aws):
    make_budget(amount="20.00")

    report = yearly()

    assert report.since is None
    assert lines_of(report) == {("Groceries", "monthly"): (20, 0, "March 2026")}


def test_the_earliest_expense_of_the_user_is_found_even_if_void(aws):
    make_expense(BOB, date="2025-01-01")
    make_expense(date="2026-03-02")
    make_expense(date="2026-02-02", status="void")

    assert march().since == datetime.date(2026, 2, 2)


# Reports that could not be created in the Lambda's time.


@pytest.mark.parametrize(
    ("given", "field", "advice"),
    [
        ({"report_type": "yearly", "year": 2026}, "year", "month"),
        ({"report_type": "monthly", "year": 2026, "month": 3}, "month", "week"),
        (
            {"report_type": "weekly", "start_date": "2026-03-02"},
            "start_date",
            "single day",
        ),
        (
            {
                "report_type": "custom",
                "start_date": "2026-03-01",
                "end_date": "2026-03-09",
            },
            "start_date",
            "fewer days",
        ),
    ],
)
def test_a_report_of_too_many_expenses_is_rejected_and_a_shorter_one_suggested(
    aws, monkeypatch, given, field, advice
):
    monkeypatch.setattr(services, "MAX_EXPENSES", 2)
    period = ask(TODAY, **given)
    for _ in range(2):
        make_expense(date="2026-03-04")
    make_expense(date="2025-03-04")
    make_expense(date="2026-03-04", status="void")
    make_expense(BOB, date="2026-03-04")
    assert build_report(ALICE, period, today=TODAY).count == 2

    make_expense(date="2026-03-04")

    with pytest.raises(InvalidError, match=f"Choose .*{advice}") as caught:
        build_report(ALICE, period, today=TODAY)
    assert caught.value.field == field
    assert build_report(BOB, period, today=TODAY).count == 1


@pytest.mark.parametrize(("expenses", "pages"), [(6, 2), (7, 3)])
def test_no_more_is_read_than_the_time_allows(aws, monkeypatch, expenses, pages):
    monkeypatch.setattr(services, "MAX_PAGES", 2)
    for number in range(expenses):
        expense = make_expense(date=f"2026-03-{number + 1:02}")
        expense.update([Expense.description.set("x" * 300_000)])  # three to a page

    allowed = contextlib.nullcontext()
    refused = pytest.raises(InvalidError, match="too many expenses for a report")

    with counted() as calls, allowed if pages <= 2 else refused:
        assert march().count == expenses

    assert calls.names.count(QUERY) <= 2 + 4


def test_a_month_of_more_than_the_time_allows_is_left_out_of_the_trend(
    aws, monkeypatch
):
    monkeypatch.setattr(services, "MAX_PAGES", 2)
    for month in ("2025-06", "2025-07", "2025-08", "2025-09", "2025-10", "2026-03"):
        expense = make_expense(date=f"{month}-01")
        expense.update([Expense.description.set("x" * 300_000)])  # three to a page

    with time_machine.travel(SETTLED):
        first, second = march(), march()

    assert first.trend[0].month == "2025-09"
    assert [month.spent for month in first.trend] == [
        *[D(10)] * 2,
        *[D(0)] * 4,
        D(10),
    ]
    assert second.trend[-7:] == first.trend
    assert sum(month.spent for month in second.trend) == 60


def test_a_year_after_one_of_more_than_the_time_allows_suggests_a_month(
    aws, monkeypatch
):
    monkeypatch.setattr(services, "MAX_PAGES", 2)
    for number in range(1, 6):
        expense = make_expense(date=f"2025-{number:02}-01")
        expense.update([Expense.description.set("x" * 300_000)])  # three to a page
    make_expense(date="2026-01-01")

    with time_machine.travel(SETTLED):
        with pytest.raises(InvalidError, match="Choose a month") as caught:
            yearly()
        # What was read is stored, so the next attempt reads the rest.
        assert yearly().previous_total == 50

    assert caught.value.field == "year"


def make_history() -> None:
    """Store expenses of every month of two years and more, some of them void."""
    random = Random(5)
    for number in range(160):
        make_expense(
            date=str(datetime.date(2023, 12, 20) + datetime.timedelta(days=number * 5)),
            amount=D(random.randint(1, 9999)) / 100,
            category=random.choice(["Groceries", "groceries", "Rent", "RENT", "Tea"]),
            status=random.choice(["pending", "cleared", "cleared", "void"]),
        )


@pytest.mark.parametrize(
    "given",
    [
        {"report_type": "monthly", "year": 2026, "month": 3},
        {"report_type": "monthly", "year": 2025, "month": 6},
        {"report_type": "weekly", "start_date": "2026-03-02"},
        {"report_type": "weekly", "start_date": "2024-12-30"},
        {"report_type": "yearly", "year": 2025},
        {"report_type": "yearly", "year": 2026},
        {
            "report_type": "custom",
            "start_date": "2025-03-05",
            "end_date": "2025-09-12",
        },
    ],
    ids=str,
)
def test_totals_of_other_months_equal_their_expenses(aws, given):
    for period in ("weekly", "monthly", "yearly"):
        make_earlier_budget(period=period)
    make_history()
    period = ask(TODAY, **given)
    everything = Period(datetime.date(2020, 1, 1), datetime.date(2026, 12, 31))
    entries = expenses.entries("alice", everything, described=period.current)

    with time_machine.travel(SETTLED):
        first, second = (build_report(ALICE, period, today=TODAY) for _ in range(2))

    plain = compute(
        period,
        "USD",
        entries,
        first.budgets,
        today=TODAY,
        since=first.since,
    )
    for report in (first, second):
        assert without_largest(report) == without_largest(plain)
        for standing in report.budgets:
            within, covered = standing.line.within, standing.line.categories
            assert standing.line.spent == expenses.total(entries, within, covered)
    if given["report_type"] != "yearly":
        assert first.categories == plain.categories


def without_largest(report: Report) -> Report:
    """Return a report without what the year before of a yearly report does not have."""
    categories = [replace(c, previous_largest=D(0)) for c in report.categories]
    return replace(report, categories=categories, insights=[])


@pytest.mark.parametrize(
    ("given", "listed", "years"),
    [
        ({"report_type": "yearly", "year": 2025}, range(12), 1),
        ({"report_type": "monthly", "year": 2026, "month": 3}, range(13, 15), 2),
        ({"report_type": "weekly", "start_date": "2026-03-16"}, range(14, 15), 2),
    ],
)
def test_a_report_reads_expenses_of_its_period_and_the_one_before(
    aws, given, listed, years
):
    """A yearly report takes the year before from the stored totals of its months."""
    in_month = [number + 1 for number in range(15)]  # from January 2025
    for month, number in enumerate(in_month):
        day = datetime.date(2025 + month // 12, month % 12 + 1, 5)
        for _ in range(number):
            make_expense(date=str(day), amount="1.00")
    make_expense(date="2024-05-05")
    period = ask(TODAY, **given)

    with time_machine.travel(SETTLED):
        build_report(ALICE, period, today=TODAY)
        with counted() as calls:
            build_report(ALICE, period, today=TODAY)

    assert calls.names == [QUERY] * 4  # budgets, expenses, totals, the earliest
    assert calls.read_items == sum(in_month[month] for month in listed) + years + 1
