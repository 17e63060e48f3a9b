import datetime

import pytest

from reports.periods import resolve
from smartbudget.core.errors import InvalidError
from tests.reports.builders import TODAY, ask


def days(period):
    return tuple(
        str(day)
        for period in (period.current, period.previous)
        for day in (period.start, period.end)
    )


@pytest.mark.parametrize(
    ("fields", "expected", "name"),
    [
        (
            {"report_type": "monthly", "year": 2026, "month": 3},
            ("2026-03-01", "2026-03-31", "2026-02-01", "2026-02-28"),
            "March 2026",
        ),
        (
            {"report_type": "monthly", "year": "2024", "month": "01"},
            ("2024-01-01", "2024-01-31", "2023-12-01", "2023-12-31"),
            "January 2024",
        ),
        (
            {"report_type": "weekly", "start_date": "2026-11-18"},
            ("2026-11-16", "2026-11-22", "2026-11-09", "2026-11-15"),
            "Nov 16\u2009\u2013\u200922, 2026",
        ),
        (
            {"report_type": "yearly", "year": 2025},
            ("2025-01-01", "2025-12-31", "2024-01-01", "2024-12-31"),
            "2025",
        ),
        (
            {
                "report_type": "custom",
                "start_date": "2025-12-30",
                "end_date": "2026-01-02",
            },
            ("2025-12-30", "2026-01-02", "2025-12-26", "2025-12-29"),
            "Dec 30, 2025\u2009\u2013\u2009Jan 2, 2026",
        ),
        (
            {
                "report_type": "custom",
                "start_date": datetime.date(2026, 5, 1),
                "end_date": datetime.date(2026, 5, 1),
            },
            ("2026-05-01", "2026-05-01", "2026-04-30", "2026-04-30"),
            "May 1, 2026",
        ),
    ],
)
def test_each_report_type_has_its_current_and_previous_dates(fields, expected, name):
    period = ask(**fields)

    assert days(period) == expected
    assert period.name == name


@pytest.mark.parametrize(
    ("report_type", "start"),
    [("monthly", "2026-11-01"), ("weekly", "2026-11-16"), ("yearly", "2026-01-01")],
)
def test_a_report_without_parameters_is_about_the_current_period(report_type, start):
    period = resolve(report_type, today=TODAY)

    assert str(period.current.start) == start
    assert TODAY in period.current


def test_a_range_may_have_366_days_and_no_more():
    start = datetime.date(2025, 1, 1)
    last = start + datetime.timedelta(days=365)

    assert ask(report_type="custom", start_date=start, end_date=last).days == 366
    with pytest.raises(InvalidError) as refused:
        ask(
            report_type="custom",
            start_date=start,
            end_date=last + datetime.timedelta(days=1),
        )
    assert refused.value.field == "end_date"
    assert "366" in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"report_type": "daily"}, "report_type"),
        ({"report_type": None}, "report_type"),
        ({"report_type": ["monthly"]}, "report_type"),
        ({"report_type": "monthly", "year": 2026}, "month"),
        ({"report_type": "monthly", "month": 3}, "year"),
        ({"report_type": "monthly", "year": 2026, "month": 13}, "month"),
        ({"report_type": "monthly", "year": 2026, "month": 0}, "month"),
        ({"report_type": "monthly", "year": 2026, "month": True}, "month"),
        ({"report_type": "monthly", "year": 2026.5, "month": 1}, "year"),
        ({"report_type": "monthly", "year": 0, "month": 1}, "year"),
        ({"report_type": "monthly", "year": "9" * 5000, "month": 1}, "year"),
        ({"report_type": "monthly", "start_date": "2026-01-01"}, "start_date"),
        ({"report_type": "yearly", "year": 2026, "month": 1}, "month"),
        ({"report_type": "weekly", "start_date": "2026-02-30"}, "start_date"),
        ({"report_type": "weekly", "end_date": "2026-02-20"}, "start_date"),
        (
            {
                "report_type": "weekly",
                "start_date": "2026-11-18",
                "end_date": "2026-11-23",
            },
            "end_date",
        ),
        ({"report_type": "custom", "start_date": "2026-01-01"}, "end_date"),
        ({"report_type": "custom", "end_date": "2026-01-01"}, "start_date"),
        (
            {
                "report_type": "custom",
                "start_date": "2026-01-02",
                "end_date": "2026-01-01",
            },
            "end_date",
        ),
        (
            {
                "report_type": "custom",
                "start_date": "0001-01-01",
                "end_date": "0001-01-02",
            },
            "start_date",
        ),
    ],
)
def test_invalid_parameters_are_rejected_with_their_field(fields, field):
    with pytest.raises(InvalidError) as refused:
        ask(**fields)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"report_type": "monthly", "year": 2026, "month": 12}, "month"),
        ({"report_type": "yearly", "year": 2027}, "year"),
        ({"report_type": "weekly", "start_date": "2026-11-23"}, "start_date"),
        (
            {
                "report_type": "custom",
                "start_date": "2026-11-23",
                "end_date": "2026-11-24",
            },
            "start_date",
        ),
    ],
)
def test_future_periods_are_rejected(fields, field):
    with pytest.raises(InvalidError, match="hasn't started") as refused:
        ask(**fields)

    assert refused.value.field == field


def test_a_period_starting_today_is_accepted():
    today = datetime.date(2026, 12, 1)

    period = ask(today, report_type="monthly", year=2026, month=12)

    assert period.current.start == today
