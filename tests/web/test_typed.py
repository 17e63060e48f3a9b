"""Amounts typed into forms: with currency symbols, and sums."""

import pytest

from tests.builders import client_for, make_user
from tests.money_builders import TODAY

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def client():
    return client_for(make_user("erin", currency="EUR"))


def amounts(client) -> list[str]:
    return [e["amount"] for e in client.get("/api/expenses").json()["results"]]


@pytest.mark.parametrize("path", ["/expenses/add", "/"])
@pytest.mark.parametrize(
    ("typed", "stored"), [("12,50 €", "12.50"), ("EUR 3", "3.00"), ("12+3*2", "18.00")]
)
def test_an_expense_accepts_a_pasted_amount(client, path, typed, stored):
    data = {"amount": typed, "category": "Food", "date": str(TODAY)}

    assert client.post(path, data).status_code == 302

    assert amounts(client) == [stored]


@pytest.mark.parametrize("path", ["/expenses/add", "/"])
def test_another_currencys_symbol_is_rejected_on_the_field(client, path):
    data = {"amount": "$12.50", "category": "Food", "date": str(TODAY)}

    answer = client.post(path, data)

    assert answer.status_code == 400
    assert "Your currency is EUR. Leave out $." in answer.content.decode()
    assert 'value="$12.50"' in answer.content.decode()


def test_budgets_filters_and_the_profile_accept_it_too(client):
    budget = {"category": "Food", "amount": "€ 80", "period": "monthly"}
    assert (
        client.post("/budgets/add", {**budget, "alert_thresholds": "80"}).status_code
        == 302
    )
    assert (
        client.get("/expenses", {"min_amount": "€5", "max_amount": "10 €"}).status_code
        == 200
    )
    profile = {"currency": "EUR", "time_zone": "UTC", "language": "en"}
    answer = client.post(
        "/accounts/profile", {**profile, "large_expense_threshold": "€50"}
    )
    assert answer.status_code == 302

    assert client.get("/api/budgets").json()["results"][0]["amount"] == "80.00"
    assert client.get("/api/profile").json()["large_expense_threshold"] == "50.00"


@pytest.mark.parametrize("amount", ["€5", "1+1", "5 EUR", "1,000"])
def test_the_api_accepts_only_plain_numbers(client, amount):
    data = {"amount": amount, "category": "Food"}

    answer = client.post("/api/expenses", data, "application/json")

    assert answer.status_code == 400
