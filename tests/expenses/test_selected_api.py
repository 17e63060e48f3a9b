"""Bulk changes and deletion by id through the API."""

import pytest

from expenses.bulk_update import MAX_SELECTED
from expenses.models import Expense
from tests.builders import client_for, make_user, token_of
from tests.expenses.builders import stored
from tests.money_builders import make_budget, make_expense, spent

pytestmark = pytest.mark.usefixtures("aws")

URL = "/api/expenses/selected"


def post(client, **body):
    return client.post(URL, body, content_type="application/json")


def ids_of(count, user):
    return [make_expense(user).expense_id for _ in range(count)]


def test_setting_category_and_status_returns_the_result(client, alice):
    budget = make_budget(alice, category="Fun", amount="25.00")
    ids = ids_of(3, alice)

    changed = post(client, expense_ids=ids, category="Fun", status="cleared")
    again = post(client, expense_ids=[*ids, "0" * 32], status="cleared")

    assert changed.status_code == again.status_code == 200
    assert result_of(changed) == {"changed": 3, "unchanged": 0, "gone": 0, "alerts": 1}
    assert result_of(again) == {"changed": 0, "unchanged": 3, "gone": 1, "alerts": 0}
    assert spent(budget) == 30
    for expense_id in ids:
        stored = client.get(f"/api/expenses/{expense_id}").json()
        assert (stored["category"], stored["status"]) == ("Fun", "cleared")


def test_selected_expenses_are_deleted(client, alice):
    ids = ids_of(2, alice)

    response = post(client, expense_ids=ids, delete=True)

    assert result_of(response) == {"changed": 2, "unchanged": 0, "gone": 0, "alerts": 0}
    assert stored() == []


def result_of(response):
    """Return the numbers of a response, without the id that undoes it and `split`."""
    return {
        name: n
        for name, n in response.json().items()
        if name not in ("undo_id", "split")
    }


def test_a_change_of_selected_expenses_is_undone(client, alice):
    ids = ids_of(2, alice)
    change = post(client, expense_ids=ids, category="Fun").json()
    path = f"/api/expenses/selected/{change['undo_id']}/undo"

    undone, again = client.post(path), client.post(path)
    unchanged = post(client, expense_ids=ids, category="Groceries").json()

    numbers = {"changed": 2, "unchanged": 0, "skipped": 0, "gone": 0, "alerts": 0}
    assert undone.json() == numbers
    assert again.json() == {**numbers, "changed": 0, "unchanged": 2}
    assert {expense.category for expense in stored()} == {"Groceries"}
    assert unchanged["undo_id"] is None
    assert client.post(f"/api/expenses/selected/{'0' * 32}/undo").status_code == 404


def test_a_deleted_expense_is_restored(client, alice):
    (expense_id,) = ids_of(1, alice)
    path = f"/api/expenses/{expense_id}"
    before = client.get(path).json()

    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/restore").status_code == 204

    assert client.get(path).json() == before
    assert client.post(f"{path}/restore").status_code == 204
    refused = client.post(f"/api/expenses/{'0' * 32}/restore")
    assert refused.status_code == 404
    assert refused.json()["detail"] == "This can't be undone any more."


def test_one_page_of_expenses_can_be_selected_and_no_more(client, alice):
    ids = [f"{number:032x}" for number in range(MAX_SELECTED + 1)]

    assert (
        post(client, expense_ids=ids[:MAX_SELECTED], delete=True).json()["gone"]
        == MAX_SELECTED
    )
    assert post(client, expense_ids=ids, delete=True).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"expense_ids": []},
        {"expense_ids": ["0" * 32]},
        {"expense_ids": "0" * 32, "status": "void"},
        {"expense_ids": ["0" * 65], "status": "void"},
        {"expense_ids": [7], "status": "void"},
        {"expense_ids": ["0" * 32], "delete": False},
        {"expense_ids": ["0" * 32], "delete": True, "status": "void"},
        {"expense_ids": ["0" * 32], "status": "paid"},
        {"expense_ids": ["0" * 32], "category": ""},
        {"expense_ids": ["0" * 32], "category": "x" * 51},
        {"expense_ids": ["0" * 32], "amount": "1.00"},
    ],
)
def test_invalid_requests_are_rejected(client, body):
    assert post(client, **body).status_code == 400


def test_other_users_expenses_are_reported_as_gone(alice):
    (expense_id,) = ids_of(1, alice)
    bob = client_for(make_user("bob"))

    changed = post(bob, expense_ids=[expense_id], category="Mine")
    deleted = post(bob, expense_ids=[expense_id], delete=True)

    assert changed.json()["gone"] == deleted.json()["gone"] == 1
    assert Expense.get(expense_id).category == "Groceries"


def test_session_and_csrf_token_are_required(alice):
    ids = ids_of(1, alice)
    browser = client_for(alice, csrf=True)
    body = {"expense_ids": ids, "delete": True}
    options = {"content_type": "application/json"}

    assert post(client_for(), **body).status_code == 401
    assert browser.post(URL, body, **options).status_code == 403
    assert Expense.get(ids[0])
    allowed = browser.post(URL, body, **options, headers=token_of(browser))
    assert allowed.status_code == 200
