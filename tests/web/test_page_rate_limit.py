"""The rate limit of pages: by user or IP address, and the page above it."""

import pytest
import time_machine

from smartbudget.core.rate_limit import Limiter
from smartbudget.web import rate_limit
from tests.builders import client_for, make_user
from tests.calls import counted
from tests.money_builders import NOON, make_expense


@pytest.fixture(autouse=True)
def limit(aws, monkeypatch):
    """Set the limit to five requests a minute."""
    monkeypatch.setattr(rate_limit, "page_limiter", Limiter(5))
    with time_machine.travel(NOON, tick=False):
        yield


def statuses(client, *paths):
    return [client.get(path).status_code for path in paths]


def test_over_the_limit_the_page_says_when_to_retry(alice):
    client = client_for(alice)
    assert statuses(client, *["/budgets"] * 5) == [200] * 5

    refused = client.get("/budgets")

    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert "Try again in 60 seconds." in refused.content.decode()
    with time_machine.travel(NOON.timestamp() + 60, tick=False):
        assert statuses(client, "/budgets") == [200]


def test_fragments_and_thumbnails_count_too(alice):
    expense = make_expense(alice)
    client = client_for(alice)
    picture = f"/expenses/{expense.expense_id}/thumbnail"

    codes = statuses(client, "/", "/trend", picture, "/expenses?q=x", "/reports", "/")

    assert codes == [200, 200, 404, 200, 200, 429]


def test_a_users_browsers_share_a_limit_and_other_users_have_their_own(alice):
    statuses(client_for(alice), *["/budgets"] * 5)

    assert statuses(client_for(alice), "/budgets") == [429]
    assert statuses(client_for(make_user("bob")), "/budgets") == [200]


def test_the_api_has_its_own_limit(alice):
    client = client_for(alice)
    statuses(client, *["/budgets"] * 6)

    assert statuses(client, "/api/budgets") == [200]


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("/login", 200),
        ("/register", 200),
        ("/budgets", 302),
        ("/api/docs", 200),
        ("/api/docs/errors", 200),
        ("/notifications/confirm/" + "x" * 43, 410),
    ],
)
def test_anonymous_requests_are_counted_by_ip_address(path, before):
    client = client_for()

    first, *_, last = statuses(client, *[path] * 6)
    elsewhere = client.get(path, headers={"X-Forwarded-For": "203.0.113.9"})

    assert (first, last) == (before, 429)
    assert elsewhere.status_code == 429  # no proxy is trusted here
    assert client.get(path, REMOTE_ADDR="203.0.113.9").status_code == before


def test_forms_over_the_limit_are_rejected_unread(alice):
    client = client_for(alice, csrf=True)
    statuses(client, *["/budgets"] * 5)

    assert client.post("/expenses/add", {"amount": "1"}).status_code == 429
    assert client_for(alice, csrf=True).post("/login", {}).status_code == 403


def test_form_logins_are_counted_by_ip_address(aws):
    client = client_for()
    form = {"username": "nobody", "password": "x"}

    codes = [client.post("/login", form).status_code for _ in range(6)]

    assert codes == [401] * 5 + [429]


@pytest.mark.parametrize("path", ["/health", "/health/", "/static/app.css"])
def test_health_and_static_files_do_not_count(path):
    client = client_for()

    assert len({*statuses(client, *[path] * 20)}) == 1
    assert statuses(client, "/login") == [200]


def test_a_rejected_request_costs_only_the_session_read(alice):
    client = client_for(alice)
    statuses(client, *["/budgets"] * 5)
    stranger = client_for(alice)
    statuses(stranger, *["/login"] * 5)

    with counted() as signed_in:
        assert statuses(client, "/budgets") == [429]
    with counted() as public:
        assert statuses(stranger, "/login") == [429]

    assert (signed_in.names, public.names) == (["dynamodb.GetItem"], [])


def test_without_a_limit_pages_are_not_counted(alice, monkeypatch):
    monkeypatch.setattr(rate_limit, "page_limiter", None)

    assert statuses(client_for(alice), *["/budgets"] * 20) == [200] * 20
