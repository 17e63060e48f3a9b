"""/health/ready: public status, details only for staff and the health key."""

import dataclasses
import threading

import pytest

from smartbudget.core import health
from smartbudget.core.health import Part
from smartbudget.web import health as page
from tests.builders import client_for, make_staff, make_user
from tests.notifications.faults import down

KEY = "k" * 32
WELL = Part("Bucket", True, "Reachable.")
ILL = Part("Queue", False, "Timed out.")


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    """Replace the health check; tests change its result."""
    answers = [WELL]
    monkeypatch.setattr(health, "check", lambda: list(answers))
    monkeypatch.setattr(health, "_recent", health._Recent())
    return answers


@pytest.fixture
def key(monkeypatch):
    changed = dataclasses.replace(page.config, health_key=KEY)
    monkeypatch.setattr(page, "config", changed)
    return {"X-Health-Key": KEY}


@pytest.mark.parametrize("address", ["/health/ready", "/health/ready/"])
def test_anonymous_callers_learn_only_whether_the_system_is_ready(parts, address):
    answer = client_for().get(address, headers={"Host": "10.0.0.7"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"

    health._recent = health._Recent()
    parts.append(ILL)
    answer = client_for().get(address)
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})


def test_with_the_key_the_failing_part_is_named(parts, key):
    parts.append(ILL)

    answer = client_for().get("/health/ready", headers=key)

    assert answer.status_code == 503
    assert answer.json()["parts"] == [vars(WELL), vars(ILL)]


@pytest.mark.parametrize("sent", ["", "k" * 31, "k" * 33, "ü"])
def test_a_wrong_key_reveals_nothing(key, sent):
    answer = client_for().get("/health/ready", headers={"X-Health-Key": sent})

    assert "parts" not in answer.json()


def test_without_a_configured_key_no_key_is_accepted():
    answer = client_for().get("/health/ready", headers={"X-Health-Key": ""})

    assert "parts" not in answer.json()


def test_only_staff_see_the_failing_part(aws):
    alice = client_for(make_user("alice"))
    grace = make_staff()

    assert "parts" not in alice.get("/health/ready").json()
    without_factor = client_for(dataclasses.replace(grace, has_second_factor=False))
    assert "parts" not in without_factor.get("/health/ready").json()
    grace = client_for(grace)
    assert grace.get("/health/ready").json()["parts"] == [vars(WELL)]


def test_it_responds_while_sessions_cannot_be_read(aws, parts):
    client = client_for(make_user())
    parts.append(ILL)

    with down("GetItem"):
        answer = client.get("/health/ready")

    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})


def test_many_requests_share_one_check(parts, monkeypatch):
    calls = []
    monkeypatch.setattr(health, "check", lambda: calls.append(1) or [WELL])

    for _ in range(5):
        client_for().get("/health/ready")

    assert len(calls) == 1


def test_a_cached_result_expires(parts, monkeypatch):
    monkeypatch.setattr(health, "RECENT_SECONDS", 0)
    client_for().get("/health/ready")
    parts[:] = [ILL]

    assert client_for().get("/health/ready").status_code == 503


def test_during_a_check_others_get_the_previous_result(monkeypatch):
    monkeypatch.setattr(health, "RECENT_SECONDS", 0)
    health.recent()
    begun, answered, in_time = threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        in_time.append(answered.wait(60))
        return [ILL]

    monkeypatch.setattr(health, "check", slow)
    asking = threading.Thread(target=health.recent)
    asking.start()
    begun.wait(60)
    parts = health.recent()
    answered.set()
    asking.join()

    assert parts == [WELL]
    assert in_time == [True]
