"""When a user's weeks, months and years begin, over HTTP and on the page."""

import json

import pytest
import time_machine

from accounts import credentials, sessions
from accounts.models import Session
from accounts.sessions import find_session
from smartbudget.core.periods import Calendar
from tests.builders import account_of, client_for, make_user
from tests.calls import counted
from tests.problems import messages_of

DEFAULT = {
    "week_start": "monday",
    "month_start_day": 1,
    "month_start_shift": "none",
    "year_start_month": 1,
}
PAGE = "/accounts/calendar"
FORM = {key: str(value) for key, value in DEFAULT.items()}


def patch(client, calendar, query=""):
    return client.patch(
        f"/api/profile{query}", {"calendar": calendar}, content_type="application/json"
    )


def preview(client, calendar):
    answer = patch(client, calendar, "?dry_run=true")
    assert answer.status_code == 200, answer.content
    return answer.json()["preview"]


def intervals(periods):
    return [f"{period['start']}/{period['end']}" for period in periods]


def test_rules_change_one_by_one(client):
    assert client.get("/api/profile").json()["calendar"] == DEFAULT

    answer = patch(client, {"month_start_day": 25, "month_start_shift": "before"})
    patch(client, {"week_start": "sunday"})

    assert answer.json()["calendar"] == DEFAULT | {
        "month_start_day": 25,
        "month_start_shift": "before",
    }
    assert client.get("/api/profile").json()["calendar"] == {
        "week_start": "sunday",
        "month_start_day": 25,
        "month_start_shift": "before",
        "year_start_month": 1,
    }


@pytest.mark.parametrize("last", ["last", 31])
def test_the_last_day_of_the_month_is_31(client, last):
    assert patch(client, {"month_start_day": last}).json()["calendar"] == (
        DEFAULT | {"month_start_day": 31}
    )


@pytest.mark.parametrize(
    ("calendar", "field"),
    [
        ({"week_start": 6}, "calendar/week_start"),
        ({"week_start": "Sunday"}, "calendar/week_start"),
        ({"month_start_day": 0}, "calendar/month_start_day"),
        ({"month_start_day": 32}, "calendar/month_start_day"),
        ({"month_start_day": "25"}, "calendar/month_start_day"),
        ({"month_start_day": True}, "calendar/month_start_day"),
        ({"month_start_day": None}, "calendar/month_start_day"),
        ({"month_start_day": 1.5}, "calendar/month_start_day"),
        ({"month_start_shift": "nearest"}, "calendar/month_start_shift"),
        ({"year_start_month": 0}, "calendar/year_start_month"),
        ({"year_start_month": 13}, "calendar/year_start_month"),
        ({"year_start_month": "April"}, "calendar/year_start_month"),
        ({"since": "2026-01-01"}, "calendar/since"),
        (None, "calendar"),
        ("sunday", "calendar"),
        ([], "calendar"),
    ],
)
def test_an_invalid_rule_is_named_and_nothing_changes(client, calendar, field):
    for query in ("", "?dry_run=true"):
        answer = patch(client, calendar, query)

        assert answer.status_code == 400
        assert [*messages_of(answer)] == [field]
    assert client.get("/api/profile").json()["calendar"] == DEFAULT


def test_dry_run_is_true_or_false_and_no_other_parameter_is_accepted(client):
    for name, value in (("dry_run", "yes"), ("dry_run", ""), ("dryrun", "true")):
        refused = patch(client, {"week_start": "sunday"}, f"?{name}={value}")
        assert refused.status_code == 400
        assert [error["parameter"] for error in refused.json()["errors"]] == [name]

    assert client.get("/api/profile").json()["calendar"] == DEFAULT
    answer = patch(client, {"week_start": "sunday"}, "?dry_run=false")
    assert "preview" not in answer.json()
    assert answer.json()["calendar"]["week_start"] == "sunday"


EXAMPLES = [
    (
        "2026-11-10",
        {"month_start_day": 25},
        "monthly",
        ["2026-11-01/2026-11-30", "2026-12-01/2026-12-31", "2027-01-01/2027-01-31"],
        ["2026-11-01/2026-11-24", "2026-11-25/2026-12-24", "2026-12-25/2027-01-24"],
        "This month ends on Nov 24, 2026. From then on, months begin on the 25th.",
    ),
    (
        "2026-11-28",
        {"month_start_day": 25, "month_start_shift": "before"},
        "monthly",
        ["2026-11-01/2026-11-30", "2026-12-01/2026-12-31", "2027-01-01/2027-01-31"],
        ["2026-11-01/2026-11-30", "2026-12-01/2026-12-24", "2026-12-25/2027-01-24"],
        "This month ends on Nov 30, 2026. A short month follows: Dec 1 – 24, 2026."
        " From then on, months begin on the 25th, or on the Friday before if that is"
        " a weekend.",
    ),
    (
        "2026-11-25",
        {"week_start": "sunday"},
        "weekly",
        ["2026-11-23/2026-11-29", "2026-11-30/2026-12-06", "2026-12-07/2026-12-13"],
        ["2026-11-23/2026-11-28", "2026-11-29/2026-12-05", "2026-12-06/2026-12-12"],
        "This week ends on Nov 28, 2026. From then on, weeks begin on Sunday.",
    ),
    (
        "2026-11-25",
        {"year_start_month": 4},
        "yearly",
        ["2026-01-01/2026-12-31", "2027-01-01/2027-12-31", "2028-01-01/2028-12-31"],
        ["2026-01-01/2026-12-31", "2027-01-01/2027-03-31", "2027-04-01/2028-03-31"],
        "This year ends on Dec 31, 2026. A short year follows: Jan 1 – Mar 31, 2027."
        " From then on, years begin in April.",
    ),
    (
        "2026-11-10",
        {"month_start_day": "last"},
        "monthly",
        ["2026-11-01/2026-11-30", "2026-12-01/2026-12-31", "2027-01-01/2027-01-31"],
        ["2026-11-01/2026-11-29", "2026-11-30/2026-12-30", "2026-12-31/2027-01-30"],
        "This month ends on Nov 29, 2026. From then on, months begin on the last day.",
    ),
]


@pytest.mark.parametrize(("day", "calendar", "kind", "old", "new", "words"), EXAMPLES)
def test_a_dry_run_previews_three_periods_of_each_kind(
    alice, day, calendar, kind, old, new, words
):
    with time_machine.travel(f"{day}T12:00:00Z", tick=False):
        shown = preview(client_for(alice), calendar)

        assert {*shown["old"]} == {*shown["new"]} == {"weekly", "monthly", "yearly"}
        assert intervals(shown["old"][kind]) == old
        assert intervals(shown["new"][kind]) == new
        assert words in shown["description"].replace("\u2009", " ")


def test_a_dry_run_writes_nothing_and_has_no_etag(client, alice):
    with counted() as calls:
        answer = patch(client, {"month_start_day": 25}, "?dry_run=true")

    assert answer.json()["calendar"]["month_start_day"] == 25
    assert "ETag" not in answer
    assert not [name for name in calls.names if "Write" in name or "Update" in name]
    assert account_of(alice).calendar is None
    assert client.get("/api/profile").json()["calendar"] == DEFAULT
    etag = client.get("/api/profile")["ETag"]
    stale = client.patch(
        "/api/profile?dry_run=true",
        {"calendar": {"week_start": "sunday"}},
        content_type="application/json",
        headers={"If-Match": '"other"'},
    )
    assert (stale.status_code, client.get("/api/profile")["ETag"]) == (412, etag)


def test_a_dry_run_of_nothing_new_describes_nothing(client):
    shown = preview(client, {"week_start": "monday"})

    assert shown["old"] == shown["new"]
    assert shown["description"] == ""


def test_what_replaced_what_is_kept(alice):
    for day, month_day in (("2026-11-10", 25), ("2027-03-10", 10)):
        with time_machine.travel(f"{day}T12:00:00Z", tick=False):
            patch(client_for(alice), {"month_start_day": month_day})

    calendar = account_of(alice).user.calendar
    assert str(calendar.since) == "2027-03-10"
    assert str(calendar.earlier.since) == "2026-11-10"
    assert calendar.earlier.earlier == Calendar()


def test_the_day_of_a_change_is_the_users(alice):
    body = {"time_zone": "Pacific/Kiritimati", "calendar": {"month_start_day": 25}}
    with time_machine.travel("2026-11-23T23:00:00Z", tick=False):
        client_for(alice).patch("/api/profile", body, content_type="application/json")

    assert str(account_of(alice).user.calendar.since) == "2026-11-24"


def test_a_change_after_travelling_west_replaces_one_dated_tomorrow(alice):
    with time_machine.travel("2026-11-23T23:00:00Z", tick=False):
        client = client_for(alice)
        for zone, day in (("Pacific/Kiritimati", 25), ("Pacific/Honolulu", 20)):
            body = {"time_zone": zone, "calendar": {"month_start_day": day}}
            client.patch("/api/profile", body, content_type="application/json")

    calendar = account_of(alice).user.calendar
    assert (str(calendar.since), calendar.earlier) == ("2026-11-23", Calendar())


def test_the_calendar_reaches_every_session(client, alice):
    other = sessions.begin_session(account_of(alice)).session_key

    patch(client, {"week_start": "saturday"})

    assert find_session(other).calendar.week_start == 5


def test_a_session_cached_before_there_were_calendars_has_the_accounts(client, alice):
    patch(client, {"month_start_day": 25})
    key = client.cookies["session"].value
    session = credentials.find(Session, key)
    del session.user["calendar"]
    session.save()

    assert find_session(key).calendar.month_start_day == 25


def test_the_export_has_the_calendar(client):
    patch(client, {"month_start_day": 25})

    exported = client.get("/api/export.json")
    profile = json.loads(b"".join(exported.streaming_content))["profile"]
    assert profile["calendar"] == DEFAULT | {"month_start_day": 25}


def test_the_settings_describe_the_calendar(client):
    usual = client.get("/accounts/profile").content.decode()
    patch(
        client,
        {"week_start": "sunday", "month_start_day": 25, "month_start_shift": "before"},
    )
    changed = client.get("/accounts/profile").content.decode()

    assert "Weeks begin on Monday, months on the 1st, years in January." in usual
    sentence = (
        "Weeks begin on Sunday, months on the 25th or the Friday before, years in"
        " January."
    )
    assert sentence in changed
    assert f'href="{PAGE}"' in changed


def test_the_page_shows_a_change_before_it_is_saved(alice):
    form = FORM | {"month_start_day": "25", "month_start_shift": "before"}
    with time_machine.travel("2026-11-10T12:00:00Z", tick=False):
        client = client_for(alice)
        checked = client.post(PAGE, form | {"check": ""})
        text = checked.content.decode().replace("\u2009", " ")

        assert checked.status_code == 200
        assert "This month ends on Nov 24, 2026." in text
        assert "or on the Friday before if that is a weekend." in text
        assert "Nov 25 – Dec 24, 2026" in text
        assert '<option value="25" selected>25th</option>' in text
        assert account_of(alice).calendar is None

        saved = client.post(PAGE, form)
        assert saved.status_code == 302
        assert account_of(alice).user.calendar.month_start_day == 25
        assert '<option value="25" selected>' in client.get(PAGE).content.decode()


def test_the_page_shows_that_nothing_changes(client):
    text = client.post(PAGE, FORM | {"check": ""}).content.decode()

    assert "Nothing changes." in text
    assert "<table>" not in text


@pytest.mark.parametrize("button", [{}, {"check": ""}])
def test_the_page_shows_errors_at_their_fields(client, alice, button):
    form = FORM | {"month_start_day": "32"} | button

    answer = client.post(PAGE, form)

    assert answer.status_code == 400
    assert "Choose one of the options." in answer.content.decode()
    assert account_of(alice).calendar is None


def test_the_page_is_german(aws):
    user = make_user(language="de", calendar={"month_start_day": 31})
    form = FORM | {"week_start": "sunday", "month_start_day": "25"}

    with time_machine.travel("2026-11-10T12:00:00Z", tick=False):
        client = client_for(user)
        text = client.post(PAGE, form | {"check": ""}).content.decode()
        profile = client.get("/accounts/profile").content.decode()

    assert "letzten Tag" in text
    assert "25." in text
    assert "Von da an beginnen Wochen am Sonntag." in text
    assert "Weeks begin" not in profile
