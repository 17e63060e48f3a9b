import json

import pytest

from expenses.models import Expense
from expenses.queries import list_expenses
from tests.builders import client_for, make_user, token_of
from tests.money_builders import make_budget, spent
from tests.notifications import faults
from tests.problems import messages_of

pytestmark = pytest.mark.usefixtures("aws")

URL = "/api/expenses/bulk"
LUNCH = {"amount": "12.50", "category": "Eating out", "date": "2026-03-17"}


def post(client, body, **headers):
    return client.post(URL, body, content_type="application/json", headers=headers)


def count() -> int:
    return sum(1 for item in Expense.scan())


def test_the_response_has_every_expense_in_order(client):
    answer = post(
        client,
        {"expenses": [LUNCH, {"amount": 3, "category": "Auto", "status": "cleared"}]},
    )

    body = answer.json()
    assert answer.status_code == 201
    assert [expense["amount"] for expense in body["results"]] == ["12.50", "3.00"]
    assert body["alerts"] == 0
    for expense in body["results"]:
        assert client.get(f"/api/expenses/{expense['expense_id']}").json() == expense


def test_the_response_counts_alerts(client, alice):
    make_budget(alice, amount="20.00", category="Eating out")

    assert post(client, {"expenses": [LUNCH, LUNCH]}).json()["alerts"] == 1


@pytest.mark.parametrize(
    ("wrong", "place", "sentence"),
    [
        ({"amount": "-1", "category": "x"}, "/amount", "Amount must be above zero."),
        ({"amount": "ten", "category": "x"}, "/amount", "Enter an amount as a number."),
        ({"amount": "1"}, "/category", "Enter a category."),
        ({**LUNCH, "color": "red"}, "/color", "Unknown field."),
        ({**LUNCH, "receipt_url": "receipts/x"}, "/receipt_url", "Unknown field."),
        (
            {**LUNCH, "date": "1999-01-01"},
            "/date",
            "The date can be at most 10 years ago.",
        ),
        (["lunch"], "", "Send a JSON object."),
        (None, "", "This field may not be null."),
    ],
)
def test_an_invalid_row_is_named_and_nothing_is_stored(client, wrong, place, sentence):
    answer = post(client, {"expenses": [LUNCH, LUNCH, LUNCH, wrong]})

    assert answer.status_code == 400
    assert messages_of(answer) == {f"expenses/3{place}": [sentence]}
    assert count() == 0


@pytest.mark.parametrize("expenses", [[], [LUNCH] * 1001, "lunch", {"0": LUNCH}, None])
def test_invalid_lists_are_rejected_with_their_field(client, expenses):
    answer = post(client, {"expenses": expenses})

    assert answer.status_code == 400
    assert list(messages_of(answer)) == ["expenses"]
    assert count() == 0


def test_too_many_rows_are_rejected_unread(client):
    answer = post(client, {"expenses": [{}] * 1001})

    assert messages_of(answer) == {
        "expenses": ["Ensure this field has no more than 1000 elements."]
    }


@pytest.mark.parametrize("body", [{}, [], [LUNCH], {"expenses": [LUNCH], "dry": True}])
def test_other_bodies_are_rejected(client, body):
    assert post(client, body).status_code == 400
    assert count() == 0


def test_a_body_over_the_limit_is_too_large(client):
    body = json.dumps({"expenses": [{**LUNCH, "description": "x" * 2_500_000}]})

    assert post(client, body).status_code == 413


def test_the_same_key_returns_the_same_response(client, alice):
    budget = make_budget(alice, category="Eating out", amount="1000.00")
    first, again = (
        post(client, {"expenses": [LUNCH] * 3}, idempotency_key="k").json()
        for _ in range(2)
    )

    assert again == first
    assert count() == 3
    assert str(spent(budget)) == "37.5"


def test_the_same_key_for_other_rows_is_rejected(client):
    post(client, {"expenses": [LUNCH]}, idempotency_key="k")

    answer = post(client, {"expenses": [{**LUNCH, "amount": 1}]}, idempotency_key="k")

    assert answer.status_code == 422
    assert count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_invalid_keys_are_rejected(client, key):
    answer = post(client, {"expenses": [LUNCH]}, idempotency_key=key)

    assert answer.status_code == 400
    assert count() == 0


def test_keys_are_per_user(client, alice):
    bob = make_user("bob")
    post(client, {"expenses": [LUNCH]}, idempotency_key="k")

    answer = post(client_for(bob), {"expenses": [LUNCH]}, idempotency_key="k")

    assert answer.status_code == 201
    assert len(list_expenses(alice).items) == len(list_expenses(bob).items) == 1


def test_login_and_csrf_token_are_required(alice):
    assert post(client_for(), {"expenses": [LUNCH]}).status_code == 401

    strict = client_for(alice, csrf=True)
    assert post(strict, {"expenses": [LUNCH]}).status_code == 403
    answer = post(strict, {"expenses": [LUNCH]}, **token_of(strict))
    assert answer.status_code == 201


def test_an_outage_is_a_503_and_a_retry_stores_the_rest(client):
    body = {"expenses": [LUNCH] * 120}

    with faults.down("TransactWriteItems"):
        answer = post(client, body, idempotency_key="k")
    assert (answer.status_code, count()) == (503, 0)

    assert post(client, body, idempotency_key="k").status_code == 201
    assert count() == 120


def test_the_schema_describes_rows_response_and_errors():
    schema = client_for().get("/api/schema?format=json").json()

    post = schema["paths"][URL]["post"]
    body = schema["components"]["schemas"]["BulkInputRequest"]["properties"]["expenses"]
    assert body["maxItems"] == 1000
    assert {"201", "400", "409"} <= set(post["responses"])
