"""The list of a user's sessions, and ending them from another session."""

import datetime

import pytest
import time_machine
from django.test import RequestFactory

from accounts import sessions
from accounts.models import Session
from smartbudget.core.errors import NotFoundError
from smartbudget.web.user_agent import device_of
from tests.accounts.test_sessions import begin
from tests.builders import PASSWORD, account_of, client_for, make_user, token_of
from tests.calls import counted
from tests.money_builders import NOON

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)


def listed(client):
    return client.get("/api/sessions").json()


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox on Linux"),
        (EDGE, "Edge on Windows"),
        (IPHONE, "Safari on iPhone"),
        ("curl/8.14.1", "curl"),
        ("x" * 100_000, None),
        ("", None),
    ],
)
def test_a_device_is_described_by_browser_and_system(user_agent, device):
    assert device_of(RequestFactory().get("/", HTTP_USER_AGENT=user_agent)) == device


def test_the_list_shows_device_start_and_the_current_session(aws):
    with time_machine.travel(NOON, tick=False):
        alice = make_user("alice")
        client = client_for()
        client.post(
            "/login",
            {"username": "alice", "password": PASSWORD},
            content_type="application/json",
            headers={"User-Agent": FIREFOX},
        )
        listing = listed(client)

    (mine,) = [session for session in listing if session["is_current"]]
    assert len(listing) == 2  # including the one from registration
    assert mine["device"] == "Firefox on Linux"
    assert mine["created_at"].startswith("2026-03-18T12:00:00")
    assert mine["expires_at"].startswith("2026-04-01T12:00:00")
    assert {session["session_id"] for session in listing} == {
        entry.partition("#")[2] for entry in account_of(alice).sessions
    }
    assert client.cookies["session"].value not in str(listing)


def test_listing_costs_three_reads(alice):
    client = client_for(alice)

    with counted() as calls:
        listed(client)

    assert calls.names == [
        "dynamodb.GetItem",  # the session
        "dynamodb.GetItem",  # the account
        "dynamodb.BatchGetItem",  # its sessions
    ]


def test_an_expired_session_is_not_listed(alice):
    with time_machine.travel(NOON - datetime.timedelta(days=15)):
        begin(alice)

    assert len(account_of(alice).sessions) == 2  # detected, and still logged
    assert [session.is_current for session in sessions.list_sessions(alice)] == [False]


def test_ending_a_session_is_immediate_and_keeps_the_others(alice):
    phone, laptop = client_for(alice), client_for(alice)
    (other,) = [
        session["session_id"] for session in listed(phone) if session["is_current"]
    ]

    answer = laptop.delete(f"/api/sessions/{other}")

    assert answer.status_code == 204
    assert phone.get("/api/profile").status_code == 401
    assert laptop.get("/api/profile").status_code == 200
    assert laptop.delete(f"/api/sessions/{other}").status_code == 404


def test_ending_all_others_keeps_the_current_session(alice):
    others = [client_for(alice) for _ in range(3)]
    mine = client_for(alice)

    with counted() as calls:
        answer = mine.delete("/api/sessions")

    assert answer.status_code == 204
    assert calls.names == [
        "dynamodb.GetItem",
        "dynamodb.GetItem",
        "dynamodb.TransactWriteItems",
    ]
    assert [browser.get("/api/profile").status_code for browser in others] == [401] * 3
    assert [session["is_current"] for session in listed(mine)] == [True]
    assert mine.delete("/api/sessions").status_code == 204  # safe to repeat
    owners = [
        session.owner for session in Session.scan() if session.user_id[:8] == "session#"
    ]
    assert owners == [alice.user_id]


def test_another_users_session_is_not_found(alice):
    mallory = make_user("mallory")
    (session,) = sessions.list_sessions(alice)

    answer = client_for(mallory).delete(f"/api/sessions/{session.session_id}")

    assert answer.status_code == 404
    assert sessions.list_sessions(alice) == [session]
    for odd in ("", "#", "0" * 64):
        with pytest.raises(NotFoundError):
            sessions.end_session(alice, odd)


def test_the_page_signs_out_one_or_all_other_sessions(alice):
    other, mine = client_for(alice), client_for(alice, csrf=True)
    page = mine.get("/accounts/sessions").content.decode()
    (theirs,) = [
        session["session_id"] for session in listed(other) if session["is_current"]
    ]
    assert "This device" in page
    assert f"/accounts/sessions/{theirs}/end" in page

    token = token_of(mine)
    one_ended = mine.post(
        f"/accounts/sessions/{theirs}/end", headers=token, follow=True
    )
    assert "The device has been logged out." in one_ended.content.decode()
    assert other.get("/accounts/profile").status_code == 302

    all_ended = mine.post("/accounts/sessions/others", headers=token, follow=True)
    assert "Your other devices have been logged out." in all_ended.content.decode()
    assert "Log out all other devices" not in all_ended.content.decode()
    assert len(listed(mine)) == 1
