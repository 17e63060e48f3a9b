"""Summaries, trends, reports and lists in a user's own calendar, over HTTP."""

import datetime
import io
import itertools
import re
from decimal import Decimal

import pypdf
import pytest
import time_machine

from expenses import date_filters
from expenses.queries import Entry
from notifications.models import Notification
from profiles.services import update_profile
from reports import services
from reports.periods import resolve
from reports.stored import StoredReport
from smartbudget.core import aws as clients
from smartbudget.core.config import config
from smartbudget.core.periods import Calendar, Period, month_key, period_of
from tests.builders import client_for, make_user
from tests.calls import QUERY, counted
from tests.money_builders import make_expense
from tests.problems import messages_of
from tests.reports.conftest import generator

__all__ = ["generator"]

# It is Wednesday, 18 March 2026. April 25 and July 25 are Saturdays.
PAYDAY = {"month_start_day": 25, "month_start_shift": "before"}
MARCH = ("2026-02-25", "2026-03-24")
ONE_DAY = datetime.timedelta(days=1)
A_YEAR_AGO = "2025-03-01T12:00:00Z"


@pytest.fixture
def paid(aws):
    """Return a user whose months always began on payday."""
    with time_machine.travel("2015-01-01T12:00:00Z"):
        user = make_user("alice", calendar=PAYDAY | {"week_start": "sunday"})
    return user


@pytest.fixture
def client(paid):
    return client_for(paid)


def days_of(period):
    return period["start"], period["end"]


def summary(client, month=None):
    answer = client.get("/api/summary", {"month": month} if month else {})
    assert answer.status_code == 200, answer.content
    return answer.json()


def spend(user, **amounts):
    """Record an expense a day: spend(user, _2026_03_24="5")."""
    for day, amount in amounts.items():
        make_expense(user, date=day[1:].replace("_", "-"), amount=amount)


def test_the_summary_is_of_the_users_month(client, paid):
    spend(paid, _2026_02_24="1", _2026_02_25="2", _2026_03_24="4", _2026_03_25="8")

    body = summary(client)

    assert days_of(body["period"]) == MARCH
    assert body["total_spent"] == "6.00"
    assert body["previous_spent"] == "1.00"


@pytest.mark.parametrize(
    ("month", "days"),
    [
        ("2026-03", MARCH),
        ("2026-03-18", MARCH),
        ("2026-03-25", ("2026-03-25", "2026-04-23")),
        ("2026-05", ("2026-04-24", "2026-05-24")),
        ("2026-04-24", ("2026-04-24", "2026-05-24")),
        ("0002-01", ("0002-01-01", "0002-01-31")),  # before the calendar was chosen
        ("9998-12", ("9998-11-25", "9998-12-24")),
    ],
)
def test_a_month_is_found_by_its_name_and_its_days(client, month, days):
    assert days_of(summary(client, month)["period"]) == days
    assert client.get("/", {"month": month}).status_code == 200
    assert client.get("/api/trends", {"month": month}).status_code == 200
    assert client.get("/trend", {"month": month}).status_code == 200


def test_the_dashboard_names_a_month_by_its_days(client, paid):
    page = client.get("/").content.decode().replace("\u2009", " ")

    assert "<h1>Feb 25 – Mar 24, 2026</h1>" in page
    assert 'value="2026-03" pattern' in page
    assert re.findall(r'rel="(\w+)" href="/\?month=([\d-]+)"', page) == [
        ("prev", "2026-02"),
        ("next", "2026-04"),
    ]
    assert "start=2026-02-25&amp;end=2026-03-24" in page


def test_the_links_between_months_miss_no_day_across_a_change(aws):
    with time_machine.travel("2026-11-28T12:00:00Z", tick=False):
        user = make_user(calendar={"month_start_day": 25})
        browser = client_for(user)
        month = "2026-10"
        shown = []
        for _ in range(5):
            page = browser.get("/", {"month": month}).content.decode()
            shown.append(days_of(summary(browser, month)["period"]))
            month = re.search(r'rel="next" href="/\?month=([\d-]+)"', page)[1]

    assert shown == [
        ("2026-10-01", "2026-10-31"),
        ("2026-11-01", "2026-11-30"),
        ("2026-12-01", "2026-12-24"),
        ("2026-12-25", "2027-01-24"),
        ("2027-01-25", "2027-02-24"),
    ]


def test_october_stays_when_the_calendar_changes(aws):
    with time_machine.travel("2026-11-10T12:00:00Z", tick=False):
        user = make_user()
        spend(user, _2026_10_01="1", _2026_10_31="2", _2026_11_05="4")
        browser = client_for(user)
        before = summary(browser, "2026-10")

        update_profile(user, calendar={"month_start_day": 25})

        assert summary(browser, "2026-10") == before
        now = summary(browser)
        assert days_of(now["period"]) == ("2026-11-01", "2026-11-24")
        assert now["total_spent"] == "4.00"


@pytest.mark.parametrize("calendar", [PAYDAY, {"month_start_day": 31}, {}])
def test_the_trend_has_the_totals_of_the_summaries(aws, calendar):
    """Also across a change of the calendar: in the last year, it was the usual one."""
    with time_machine.travel(A_YEAR_AGO):
        user = make_user()
    with time_machine.travel("2025-11-10T12:00:00Z"):
        update_profile(user, calendar=calendar)
    with time_machine.travel("2026-03-18T12:00:00Z"):
        day = datetime.date(2025, 1, 1)
        while day < datetime.date(2026, 4, 1):
            make_expense(user, date=day, category=f"C{day.day % 3}")
            day += 5 * ONE_DAY
        browser = client_for(user)
        months = browser.get("/api/trends", {"by": "category"}).json()["months"]

        assert len(months) == 12
        for month in months:
            body = summary(browser, month["month"])
            assert days_of(body["period"]) == days_of(month)
            assert body["total_spent"] == month["spent"]
            assert body["categories"] == month["categories"]
        days = [days_of(month) for month in months]
        for (_, end), (start, _) in itertools.pairwise(days):
            assert datetime.date.fromisoformat(start) == (
                datetime.date.fromisoformat(end) + ONE_DAY
            )


def test_the_trend_has_names_of_one_word(client, paid):
    spend(paid, _2026_02_25="5")

    page = client.get("/trend").content.decode().replace("\u2009", " ")

    assert "April 2025 to March 2026" in page
    assert "<title>Feb 25 – Mar 24, 2026: $5.00</title>" in page
    assert 'href="/?month=2026-03"' in page
    labels = re.findall(r'text-anchor="middle">(\w+)<', page)
    assert (labels[0], labels[-1]) == ("Apr", "Mar")


def test_the_trend_reads_a_years_expenses_with_one_query(client, paid):
    spend(paid, _2020_01_01="1", _2025_06_01="1", _2026_03_01="1")
    client.get("/api/trends")

    with counted() as calls:
        client.get("/api/trends")

    assert sorted(calls.names) == ["dynamodb.GetItem", QUERY]


def test_other_weeks_and_years_do_not_change_the_cost_of_a_trend(aws):
    costs = []
    for calendar in ({}, {"week_start": "sunday", "year_start_month": 4}):
        user = make_user(calendar=calendar)
        make_expense(user, date="2025-06-01")
        browser = client_for(user)
        with counted() as calls:
            browser.get("/api/trends")
        costs.append(calls.names)

    assert costs[0] == costs[1]


@pytest.mark.parametrize(
    ("fields", "days", "name"),
    [
        ({"report_type": "monthly"}, MARCH, "2026-02-25 2026-03-24"),
        (
            {"report_type": "monthly", "year": 2026, "month": 1},
            ("2025-12-25", "2026-01-22"),
            "2025-12-25 2026-01-22",
        ),
        (
            {"report_type": "weekly"},
            ("2026-03-15", "2026-03-21"),
            "2026-03-15 2026-03-21",
        ),
        (
            {"report_type": "weekly", "start_date": "2026-03-14"},
            ("2026-03-08", "2026-03-14"),
            "2026-03-08 2026-03-14",
        ),
        (
            {"report_type": "yearly"},
            ("2026-01-23", "2027-01-24"),
            "2026-01-23 2027-01-24",
        ),
        (
            {"report_type": "yearly", "year": 2025},
            ("2025-01-24", "2026-01-22"),
            "2025-01-24 2026-01-22",
        ),
    ],
)
def test_reports_are_about_the_users_periods(
    client, paid, generator, fields, days, name
):
    spend(paid, **{f"_{day.replace('-', '_')}": "7" for day in days if day < "2026-12"})

    answer = client.post(
        "/api/reports/generate", fields, content_type="application/json"
    )

    assert answer.status_code == 201, answer.content
    assert days_of(answer.json()["period"]) == days
    stored = StoredReport(answer.json()["report_key"])
    assert stored.download_name == f"Smart Budget {name}.pdf"


def test_a_week_ends_on_the_users_last_day(client, generator):
    fields = {
        "report_type": "weekly",
        "start_date": "2026-03-15",
        "end_date": "2026-03-22",
    }
    answer = client.post(
        "/api/reports/generate", fields, content_type="application/json"
    )

    sentence = "This week ends on Saturday. For other days, create a custom report."
    assert messages_of(answer) == {"end_date": [sentence]}
    assert not generator.calls


def test_the_form_for_reports_starts_with_the_users_periods(client):
    page = client.get("/reports").content.decode()

    assert 'name="month" value="2026-03"' in page
    assert 'name="year" value="2026"' in page
    assert 'name="start_date" value="2026-02-25"' in page


def report_text(client, generator, **fields):
    answer = client.post(
        "/api/reports/generate", fields, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    stored = clients.client("s3").get_object(
        Bucket=config.receipts_bucket, Key=answer.json()["report_key"]
    )
    text = "\n".join(
        page.extract_text()
        for page in pypdf.PdfReader(io.BytesIO(stored["Body"].read())).pages
    )
    return " ".join(text.split())


def test_a_report_has_the_totals_of_the_summary_and_the_trend(client, paid, generator):
    spend(paid, _2026_02_24="1.11", _2026_02_25="2.22", _2026_03_18="3.33")
    spend(paid, _2025_06_24="40.04", _2025_06_25="50.05")

    text = report_text(client, generator, report_type="monthly")

    assert summary(client)["total_spent"] == "5.55"
    assert "5.55" in text
    assert "1.11" in text
    trend = {m["month"]: m["spent"] for m in client.get("/api/trends").json()["months"]}
    period = resolve(
        "monthly", today=datetime.date(2026, 3, 18), calendar=paid.calendar
    )
    report = services.build_report(paid, period, today=datetime.date(2026, 3, 18))
    assert {m.month: m.spent for m in report.trend} == {
        month: Decimal(spent) for month, spent in trend.items()
    }
    assert (trend["2025-06"], trend["2025-07"]) == ("40.04", "50.05")


def test_weekdays_begin_with_the_users_first_day(paid):
    period = Period(datetime.date(2026, 3, 1), datetime.date(2026, 3, 18))
    today = datetime.date(2026, 3, 18)
    asked = resolve("custom", today=today, start_date=period.start, end_date=period.end)
    entry = Entry(today, "Tea", "tea", Decimal(5))

    def weekdays(week_start):
        report = services.compute(
            asked,
            "USD",
            [entry],
            today=today,
            calendar=Calendar(week_start=week_start),
            since=today,
        )
        return [(line.name, line.spent) for line in report.weekdays]

    assert [name for name, _ in weekdays(6)][:2] == ["Sunday", "Monday"]
    assert sorted(weekdays(6)) == sorted(weekdays(0))
    assert dict(weekdays(6))["Wednesday"] == 5


def test_the_list_links_to_the_users_periods(paid):
    today = datetime.date(2026, 3, 18)

    shown = {
        preset.label: preset.period.interval
        for preset in date_filters.presets(today, paid.calendar)
    }

    assert shown["This week"] == "2026-03-15/2026-03-21"
    assert shown["This month"] == "2026-02-25/2026-03-24"
    assert shown["Last month"] == "2026-01-23/2026-02-24"


def test_the_list_links_to_the_users_years_and_their_months():
    today = datetime.date(2026, 3, 18)
    tax = Calendar(month_start_day=6, year_start_month=4)

    years = date_filters.drill_down(None, today, lambda: [2026, 2025], tax)[10:]
    year = years[1].period
    months = date_filters.drill_down(year, today, list, tax)

    assert [link.label for link in years] == ["2026/27", "2025/26", "2024/25"]
    assert year.interval == "2025-04-06/2026-04-05"
    assert [link.label for link in months][:3] == ["All dates", "2025/26", "Apr"]
    assert months[2].period.interval == "2025-04-06/2025-05-05"
    assert months[-1].label == "Mar"
    assert len(months) == 14


def test_the_list_shows_links_over_http(client, paid):
    spend(paid, _2026_03_01="1")

    page = client.get("/expenses").content.decode()

    assert "start=2026-02-25&amp;end=2026-03-24" in page
    for year in ("0001", "0002", "0003", "9997", "9998", "9999"):
        days = {"start": f"{year}-01-01", "end": f"{year}-12-31"}
        assert client.get("/expenses", days).status_code == 200


@pytest.mark.parametrize(("day", "alerts"), [("2026-02-24", 0), ("2026-02-25", 1)])
def test_a_large_expense_of_a_past_month_causes_no_alert(paid, day, alerts):
    user = update_profile(paid, large_expense_threshold=Decimal(50)).user

    make_expense(user, date=day, amount="60")

    notifications = Notification.by_user.query(user.user_id)
    assert [note.type for note in notifications] == ["large_expense"] * alerts


@pytest.mark.parametrize("calendar", [PAYDAY, {"month_start_day": 31}])
def test_every_month_of_the_trend_is_found_by_its_address(aws, calendar):
    with time_machine.travel("2026-01-30T12:00:00Z"):
        user = make_user(calendar=calendar)
    with time_machine.travel("2026-03-18T12:00:00Z"):
        browser = client_for(user)
        for month in browser.get("/api/trends").json()["months"]:
            named = period_of(
                "monthly", datetime.date.fromisoformat(month["start"]), user.calendar
            )
            assert month_key(named, user.calendar) == month["month"]
            shown = summary(browser, month["month"])["period"]
            assert days_of(shown) == days_of(month)
