"""What can be spent today, through the API and on the dashboard."""

import html
import re

import pytest
import time_machine

from tests.builders import client_for, make_user
from tests.calls import QUERY, counted
from tests.money_builders import NOON, make_budget, make_expense

URL = "/api/today"


@pytest.fixture
def alice(aws):
    with time_machine.travel(NOON, tick=True):  # 18 March, 14 days with today
        yield make_user("alice")


def text_of(client) -> str:
    page = client.get("/").content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_the_rest_of_everyday_budgets_is_divided_by_the_days_left(alice):
    client = client_for(alice)
    budget = make_budget(alice, amount="170.00", everyday=True)
    make_budget(alice, category="Rent", amount="900.00")
    make_expense(alice, amount="20.00", date="2026-03-02")
    make_expense(alice, amount="3.00")
    coming = make_expense(alice, amount="10.00", date="2026-03-30")
    make_expense(alice, category="Rent", amount="900.00")

    assert client.get(URL).json() == {
        "currency": "USD",
        "allowance": "10.00",
        "spent_today": "3.00",
        "left_today": "7.00",
        "days_left": 14,
        "overspent": "0.00",
        "short": "0.00",
        "coming": [
            {
                "expense_id": coming.expense_id,
                "date": "2026-03-30",
                "category": "Groceries",
                "amount": "10.00",
            }
        ],
        "basis": [budget.budget_id],
    }
    assert "Left today $7.00 of $10.00 for today" in text_of(client)


@pytest.mark.parametrize(
    ("before", "coming", "sentence"),
    [
        ("120.00", "0.01", "Left today $20.00 over"),
        ("100.00", None, "Left today Nothing left"),
        ("90.00", "30.00", "Upcoming expenses will take you $20.00 over"),
    ],
)
def test_an_overspent_budget_has_no_allowance(alice, before, coming, sentence):
    client = client_for(alice)
    make_budget(alice, everyday=True)
    make_expense(alice, amount=before, date="2026-03-02")
    if coming:
        make_expense(alice, amount=coming, date="2026-03-30")

    body = client.get(URL).json()

    assert body["allowance"] is body["left_today"] is None
    assert sentence in text_of(client)


def test_without_an_everyday_budget_there_is_no_number(alice):
    client = client_for(alice)
    make_budget(alice)
    make_budget(alice, category="Fun", everyday=True, paused=True)

    body = client.get(URL).json()

    assert (body["allowance"], body["days_left"], body["basis"]) == (None, None, [])
    assert "Left today Choose your everyday budgets" in text_of(client)


def test_a_long_budget_counts_what_is_dated_after_the_month(alice):
    client = client_for(alice)
    make_budget(alice, amount="389.00", period="yearly", everyday=True)
    make_expense(alice, amount="100.00", date="2026-12-24")

    body = client.get(URL).json()

    assert (body["days_left"], body["allowance"]) == (289, "1.00")
    assert "Left today $1.00 of $1.00 for today" in text_of(client)


def test_it_takes_one_query_of_each_table(alice):
    client = client_for(alice)
    make_budget(alice, everyday=True)

    with counted() as calls:
        client.get(URL)

    assert sorted(calls.names) == ["dynamodb.GetItem", QUERY, QUERY]
