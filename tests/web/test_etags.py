"""Conditional requests: 304 for unchanged items, 412 for stale changes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest

from budgets import services as budgets
from expenses import services as expenses
from expenses.queries import get_expense
from notifications import services as notifications
from profiles import services
from smartbudget.core.errors import NotFoundError, PreconditionError
from tests.builders import account_of, client_for
from tests.calls import counted
from tests.money_builders import make_budget, make_expense
from tests.notifications.builders import make_notification
from tests.problems import messages_of, problem


@dataclass
class Thing:
    """An item: its URL, a change, the same change again, and another user's change."""

    url: str
    change: dict[str, object]
    meddle: Callable[[], object]
    edit: Callable[..., object]


def expense_of(alice):
    expense_id = make_expense(alice, description="so long " * 50).expense_id
    return Thing(
        f"/api/expenses/{expense_id}",
        {"amount": "2.00"},
        lambda: expenses.edit_expense(alice, expense_id, description="other"),
        lambda **fields: expenses.edit_expense(alice, expense_id, amount="2", **fields),
    )


def budget_of(alice):
    budget_id = make_budget(alice).budget_id
    return Thing(
        f"/api/budgets/{budget_id}",
        {"amount": "2.00"},
        lambda: budgets.edit_budget(alice, budget_id, alert_threshold=50),
        lambda **fields: budgets.edit_budget(alice, budget_id, amount="2", **fields),
    )


def notification_of(alice):
    name = make_notification("f" * 32, alice.user_id).notification_id
    return Thing(
        f"/api/notifications/{name}",
        {"read": True},
        lambda: notifications.mark(alice, name),
        lambda **fields: notifications.mark(alice, name, read=False, **fields),
    )


def profile_of(alice):
    return Thing(
        "/api/profile",
        {"time_zone": "Asia/Tokyo"},
        lambda: services.update_profile(alice, phone_number="+491511234567"),
        lambda **fields: services.update_profile(alice, currency="EUR", **fields),
    )


THINGS = [expense_of, budget_of, notification_of, profile_of]
DELETABLE = [expense_of, budget_of]


@pytest.fixture
def thing(request, alice):
    return request.param(alice)


def tag(client, url, **headers):
    return client.get(url, headers=headers).headers["ETag"]


def patch(client, thing, **headers):
    return client.patch(
        thing.url,
        json.dumps(thing.change),
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@pytest.mark.parametrize("thing", THINGS, indirect=True)
def test_a_change_returns_the_etag_of_the_next_read(client, thing):
    before = tag(client, thing.url)
    after = patch(client, thing).headers["ETag"]

    assert before != after
    assert tag(client, thing.url) == after


@pytest.mark.parametrize("thing", THINGS, indirect=True)
def test_a_current_etag_allows_the_change(client, thing):
    answer = patch(client, thing, if_match=tag(client, thing.url))

    assert answer.status_code == 200
    assert thing.change.items() <= answer.json().items() or answer.json()["read_at"]


@pytest.mark.parametrize("thing", THINGS, indirect=True)
def test_a_stale_etag_prevents_the_change(client, thing):
    seen = tag(client, thing.url)
    thing.meddle()
    present = client.get(thing.url)

    answer = patch(client, thing, if_match=seen)

    assert answer.status_code == 412
    assert problem(answer)["code"] == "precondition_failed"
    assert client.get(thing.url).json() == present.json()


@pytest.mark.parametrize("thing", THINGS, indirect=True)
def test_without_a_condition_the_change_goes_through(client, thing):
    thing.meddle()

    assert patch(client, thing).status_code == 200


@pytest.mark.parametrize("thing", THINGS, indirect=True)
def test_the_condition_is_checked_by_the_write_itself(thing):
    """Another request changes it between the check and the write."""
    seen = []

    def precondition(item):
        seen.append(item)
        if len(seen) == 1:
            thing.meddle()
        else:
            raise PreconditionError("It is another by now.")

    with pytest.raises(PreconditionError):
        thing.edit(precondition=precondition)

    assert len(seen) == 2


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ("*", 200),
        (" * ", 200),
        ("{tag}", 200),
        ('"other", {tag}', 200),
        ('"other",{tag}, "third"', 200),
        ("W/{tag}", 412),  # only strong ones match
        ('"other"', 412),
        ("{bare}", 412),  # not an entity tag
        ("nonsense", 412),
        ("", 412),
        (",", 412),
        ('"', 412),
        ('"\u00e9"', 412),
    ],
)
def test_accepted_forms_of_if_match(client, alice, named, status):
    thing = expense_of(alice)
    seen = tag(client, thing.url)

    answer = patch(client, thing, if_match=named.format(tag=seen, bare=seen.strip('"')))

    assert answer.status_code == status


@pytest.mark.parametrize("thing", DELETABLE, indirect=True)
def test_a_stale_etag_prevents_deletion(client, thing):
    seen = tag(client, thing.url)
    thing.meddle()

    refused = client.delete(thing.url, headers={"If-Match": seen})
    assert refused.status_code == 412
    response = client.delete(thing.url, headers={"If-Match": tag(client, thing.url)})
    assert response.status_code == 204
    assert client.get(thing.url).status_code == 404


@pytest.mark.parametrize("delete", [expenses.delete_expense, budgets.delete_budget])
def test_a_deletions_condition_is_checked_by_the_write_itself(alice, delete):
    name, edit = make_expense(alice).expense_id, expenses.edit_expense
    if delete is budgets.delete_budget:
        name, edit = make_budget(alice).budget_id, budgets.edit_budget
    seen = []

    def precondition(item):
        seen.append(item.amount)
        if len(seen) == 1:
            edit(alice, name, amount="3")
        else:
            raise PreconditionError("It is another by now.")

    with pytest.raises(PreconditionError):
        delete(alice, name, precondition=precondition)

    assert seen[1] == Decimal(3)


@pytest.mark.parametrize("thing", DELETABLE, indirect=True)
def test_a_deleted_item_is_not_found_with_any_condition(client, thing):
    seen = tag(client, thing.url)
    client.delete(thing.url)

    assert patch(client, thing, if_match=seen).status_code == 404
    assert patch(client, thing, if_match="*").status_code == 404


def test_another_users_item_is_not_found_with_any_condition(alice, client):
    expense = make_expense()  # another user's

    with pytest.raises(NotFoundError):
        get_expense(alice, expense.expense_id)
    answer = client.delete(
        f"/api/expenses/{expense.expense_id}", headers={"If-Match": "*"}
    )

    assert answer.status_code == 404


def test_a_rejected_change_stores_no_receipt_and_no_history(client, alice):
    thing = expense_of(alice)
    history = client.get(f"{thing.url}/history").json()

    assert patch(client, thing, if_match='"stale"').status_code == 412
    assert client.get(f"{thing.url}/history").json() == history


def test_an_expense_changes_the_etag_of_its_budget(client, alice):
    url = budget_of(alice).url
    before = tag(client, url)

    make_expense(alice, category="Elsewhere")
    assert tag(client, url) == before
    make_expense(alice)

    answer = client.get(url, headers={"If-None-Match": before})
    assert answer.status_code == 200
    stale = {"If-Match": before}
    body = {"amount": "5.00"}
    refused = client.patch(url, body, content_type="application/json", headers=stale)
    assert refused.status_code == 412


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/api/expenses", {"amount": "1.5", "category": "Food"}),
        ("/api/budgets", {"amount": "1.5", "category": "Food"}),
    ],
)
def test_a_new_item_returns_its_location_and_etag(client, url, body):
    created = client.post(url, json.dumps(body), content_type="application/json")

    assert tag(client, created.headers["Location"]) == created.headers["ETag"]


def test_a_repeated_creation_returns_the_same_etag(client):
    def post():
        return client.post(
            "/api/expenses",
            {"amount": "1.5", "category": "Food"},
            content_type="application/json",
            headers={"Idempotency-Key": "k"},
        )

    assert post().headers["ETag"] == post().headers["ETag"]


LISTS = [
    "/api/expenses",
    "/api/expenses?page_size=1",
    "/api/budgets",
    "/api/notifications",
    "/api/notifications/unread",
    "/api/summary",
    "/api/trends",
    "/api/today",
    "/api/categories",
    "/api/merchants",
    "/api/expenses/trash",
    "/api/imports",
    "/api/import-rules",
    "/api/import-profiles",
    "/api/sessions",
    "/api/profile",
]


@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_unchanged_item_is_a_304(client, alice, clock, url, method):
    for _ in range(2):
        make_expense(alice)
    first = client.get(url)
    seen = first.headers["ETag"]
    clock.shift(5)

    again = client.generic(method, url, headers={"If-None-Match": f'"a", W/{seen}'})
    other = client.generic(method, url, headers={"If-None-Match": '"a"'})

    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Vary", "Cache-Control"):
        assert again.headers[name] == first.headers[name]
    assert other.status_code == 200
    assert client.get(url, headers={"If-None-Match": "*"}).status_code == 304


def test_a_changed_item_is_sent_in_full(client, alice):
    url = "/api/expenses"
    seen = tag(client, url)
    make_expense(alice)

    answer = client.get(url, headers={"If-None-Match": seen})

    assert len(answer.json()["results"]) == 1


def test_a_read_with_a_stale_if_match_is_a_412(client):
    answer = client.get("/api/profile", headers={"If-Match": '"other"'})

    assert answer.status_code == 412
    assert problem(answer)


def test_etags_cost_no_aws_calls(client, alice):
    url = expense_of(alice).url
    with counted() as plain:
        seen = tag(client, url)
    with counted() as conditional:
        client.get(url, headers={"If-None-Match": seen})

    assert plain.names == conditional.names


def test_errors_pages_and_downloads_have_no_etag(client):
    assert "ETag" not in client.get("/api/expenses?page_size=x").headers
    assert "ETag" not in client.get("/api/expenses/" + "0" * 32).headers
    assert "ETag" not in client.get("/api/export").headers
    page = client.get("/api/profile", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "ETag" not in page.headers


def test_compressed_responses_have_their_own_strong_etag(client, alice):
    thing = expense_of(alice)
    plain = tag(client, thing.url)
    zipped = client.get(thing.url, headers={"Accept-Encoding": "gzip"})
    seen = zipped.headers["ETag"]

    assert zipped.headers["Content-Encoding"] == "gzip"
    assert seen == plain[:-1] + '-gzip"'
    again = client.get(
        thing.url, headers={"Accept-Encoding": "gzip", "If-None-Match": seen}
    )
    assert (again.status_code, again.headers["ETag"]) == (304, seen)
    assert patch(client, thing, if_match=seen).status_code == 200
    assert patch(client, thing, if_match=seen).status_code == 412


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "/api/expenses"),
        ("DELETE", "/api/sessions"),
        ("DELETE", "/api/account"),
        ("POST", "/api/notifications/read"),
    ],
)
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_a_condition_that_would_be_ignored_is_rejected(
    client, alice, method, url, name
):
    answer = client.generic(
        method, url, b"{}", content_type="application/json", headers={name: "*"}
    )

    assert answer.status_code == 400
    assert list(messages_of(answer)) == [name]
    assert account_of(alice)


def test_unsupported_methods_are_405_with_any_condition(alice):
    headers = {"If-None-Match": '"x"'}

    answer = client_for(alice).generic("TRACE", "/api/summary", headers=headers)

    assert problem(answer)["status"] == 405
