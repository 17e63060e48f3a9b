"""Tokens with write but without read scope: responses reveal no stored data."""

import pytest
import time_machine

from notifications import services as notifications
from tests.builders import make_token, make_user, program_with
from tests.money_builders import NOON, make_budget, make_expense

SUBSCRIPTION = "/api/notifications/subscribe"
CHANGES = {
    "expenses": {"description": "tea"},
    "budgets": {"amount": "120.00"},
    "notifications": {"read": True},
}


@pytest.fixture(autouse=True)
def clock(aws):
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture
def writer(alice):
    return program_with(make_token(alice, "write"))


@pytest.fixture
def both(alice):
    return program_with(make_token(alice, "read", "write"))


@pytest.fixture
def items(alice):
    """Return the URL of an item of each kind that can be changed."""
    budget = make_budget(alice, amount="100.00")
    expense = make_expense(alice, amount="150.00", description="a surprise")
    notice = notifications.list_notifications(alice).items[0]
    return {
        "expenses": f"/api/expenses/{expense.expense_id}",
        "budgets": f"/api/budgets/{budget.budget_id}",
        "notifications": f"/api/notifications/{notice.notification_id}",
    }


def send(client, method, path, body, **headers):
    return getattr(client, method)(
        path, body, content_type="application/json", headers=headers
    )


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_change_succeeds_without_returning_the_item(writer, items, kind, is_empty):
    answer = send(writer, "patch", items[kind], {} if is_empty else CHANGES[kind])

    assert (answer.status_code, answer.content) == (204, b"")
    assert "ETag" not in answer


@pytest.mark.parametrize("kind", CHANGES)
def test_a_token_with_read_scope_gets_the_item(both, items, kind):
    answer = send(both, "patch", items[kind], CHANGES[kind])

    assert answer.status_code == 200
    assert answer.json() == both.get(items[kind]).json()
    assert answer["ETag"]


def test_the_change_is_stored(writer, both, items):
    send(writer, "patch", items["expenses"], CHANGES["expenses"])

    assert both.get(items["expenses"]).json()["description"] == "tea"


@pytest.mark.parametrize("kind", CHANGES)
def test_a_failed_condition_reveals_nothing(writer, items, kind):
    answer = send(writer, "patch", items[kind], {}, **{"If-Match": '"0"'})

    assert answer.status_code == 412
    assert "surprise" not in answer.content.decode()
    assert "ETag" not in answer


def test_another_users_item_is_not_found(items):
    eve = program_with(make_token(make_user("eve"), "write"))

    codes = {send(eve, "patch", path, {}).status_code for path in items.values()}

    assert codes == {404}


def test_a_new_budget_returns_only_its_location(writer, both, items):
    body = {"category": "Fun", "amount": "1.00"}

    answer = send(writer, "post", "/api/budgets", body)

    assert (answer.status_code, answer.content) == (201, b"")
    assert both.get(answer["Location"]).json().items() >= body.items()


@pytest.mark.parametrize("method", ["post", "delete"])
def test_the_subscription_status_is_not_returned(writer, method):
    answer = send(writer, method, SUBSCRIPTION, {})

    assert (answer.status_code, answer.content) == (204, b"")


def test_a_replayed_response_is_not_shown(writer, both):
    key = {"Idempotency-Key": "k"}

    first = send(both, "post", SUBSCRIPTION, {}, **key)
    again = send(writer, "post", SUBSCRIPTION, {}, **key)

    assert (first.status_code, again.status_code, again.content) == (200, 204, b"")
