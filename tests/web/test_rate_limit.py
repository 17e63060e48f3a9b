"""The rate limit of the API: by user, token or IP address, headers and 429."""

import pytest
import time_machine

from smartbudget.core.rate_limit import Limiter
from smartbudget.web import rate_limit
from tests.builders import (
    PASSWORD,
    client_for,
    make_token,
    make_user,
    program_with,
)
from tests.money_builders import NOON
from tests.notifications import faults

PATH = "/api/budgets"


@pytest.fixture(autouse=True)
def limit(aws, monkeypatch):
    """Set the limit to five requests a minute."""
    monkeypatch.setattr(rate_limit, "limiter", Limiter(5))
    with time_machine.travel(NOON, tick=False):
        yield


def statuses(client, count: int, path: str = PATH, **headers) -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(count)]


def test_every_response_reports_the_remaining_requests(alice):
    client = client_for(alice)

    answers = [client.get(PATH), client.get("/api/expenses?start=x")]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert [answer["RateLimit"] for answer in answers] == [
        '"default";r=4;t=60',
        '"default";r=3;t=60',
    ]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"default";q=5;w=60'}


def test_over_the_limit_retry_after_is_returned(alice):
    client = client_for(alice)
    assert statuses(client, 5) == [200] * 5

    refused = client.get(PATH)

    assert refused.status_code == 429
    assert refused["Retry-After"] == "60"
    assert refused["RateLimit"] == '"default";r=0;t=60'
    assert "Too many requests" in refused.content.decode()
    with time_machine.travel(NOON.timestamp() + 60, tick=False):
        assert client.get(PATH).status_code == 200


def test_requests_over_the_limit_have_no_effect(alice):
    client = client_for(alice)
    statuses(client, 5)

    refused = client.post("/api/expenses", {"amount": "1", "category": "Fun"})

    assert refused.status_code == 429
    with time_machine.travel(NOON.timestamp() + 60, tick=False):
        assert client.get("/api/expenses").json()["results"] == []


def test_a_users_sessions_share_a_limit_and_other_users_have_their_own(alice):
    assert statuses(client_for(alice), 5) == [200] * 5

    assert statuses(client_for(alice), 1) == [429]
    assert statuses(client_for(make_user("bob")), 1) == [200]


def test_pages_do_not_count_towards_the_api_limit(alice):
    client = client_for(alice)

    assert statuses(client, 9, "/budgets") == [200] * 9
    assert statuses(client, 5) == [200] * 5
    assert "RateLimit" not in client.get("/budgets")


def test_anonymous_requests_are_counted_by_ip_address(alice):
    assert statuses(client_for(), 6) == [401] * 5 + [429]

    assert statuses(client_for(alice), 1) == [200]
    login = {"username": "alice", "password": PASSWORD}
    answer = client_for().post("/login", login, content_type="application/json")
    assert answer.status_code == 429


def test_rejected_requests_count_too(alice):
    """Without a CSRF token or with a wrong cookie, they count by IP address."""
    client = client_for(alice, csrf=True)
    answers = [client.post(PATH, {}) for _ in range(3)]
    client.cookies["session"] = "x" * 43

    assert [answer.status_code for answer in answers] == [403] * 3
    assert statuses(client, 3) == [401, 401, 429]


def test_an_outage_is_not_counted_against_the_caller(alice):
    client = client_for(alice)

    with faults.down("GetItem"):
        assert statuses(client, 9) == [503] * 9

    assert statuses(client, 1) == [200]


def test_each_token_has_its_own_limit(alice):
    first, second = (program_with(make_token(alice)) for _ in range(2))

    assert statuses(first, 6) == [200] * 5 + [429]
    assert statuses(second, 1) == [200]
    assert statuses(client_for(alice), 1) == [200]


def test_without_a_limit_there_is_no_header(alice, monkeypatch):
    monkeypatch.setattr(rate_limit, "limiter", None)

    answer = client_for(alice).get(PATH)

    assert answer.status_code == 200
    assert "RateLimit" not in answer
    assert "RateLimit-Policy" not in answer
