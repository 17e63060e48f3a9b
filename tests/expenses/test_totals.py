"""Totals of a filtered list: count and sum."""

from decimal import Decimal

import pytest

from expenses import queries
from expenses.models import Expense
from tests.builders import client_for, make_user
from tests.calls import counted
from tests.money_builders import ALICE, BOB, make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws", "noon")


def test_totals_cover_the_whole_filtered_list_of_one_user():
    for amount in ("1.50", "2.00", "4.00"):
        make_expense(category="Café", amount=amount)
    make_expense(category="Café", amount="8.00", status="void")
    make_expense(category="Rent", amount="16.00")
    make_expense(BOB, category="Café", amount="32.00")

    page = queries.list_expenses(ALICE, totals=True, q="cafe", max_amount="8", limit=1)

    assert page.totals == queries.Totals(4, Decimal("7.50"), complete=True)


def test_incomplete_totals_say_so(monkeypatch):
    monkeypatch.setattr(queries, "TREND_PAGES", 1)
    for _ in range(4):
        expense = make_expense(amount="1.00")
        expense.update([Expense.description.set("x" * 300_000)])  # over a megabyte

    totals = queries.list_expenses(ALICE, totals=True).totals

    assert not totals.complete
    assert 0 < totals.count < 4
    assert queries.list_expenses(BOB, totals=True).totals.complete


def test_the_api_returns_totals_only_on_request():
    client = client_for(make_user("alice"))
    for number in range(3):
        data = {"amount": f"{number + 1}", "category": "Food"}
        client.post("/api/expenses", data, "application/json")
    path = "/api/expenses?page_size=2&category=food"

    assert "totals" not in client.get(path).json()
    with counted() as calls:
        answer = client.get(f"{path}&totals=true").json()

    assert answer["totals"] == {"count": 3, "total": "6.00", "complete": True}
    assert len(answer["results"]) == 2
    assert calls.names.count("dynamodb.Query") == 2
    assert "totals=true" in answer["next"]


def test_the_page_shows_totals_of_a_filtered_list():
    alice = make_user("alice")
    client = client_for(alice)
    make_expense(alice, category="Café", amount="12.50")
    make_expense(alice, category="Rent", amount="1.00")
    make_budget(alice)

    assert "1 expense, $12.50" in client.get("/expenses?q=cafe").content.decode()
    assert "2 expenses" not in client.get("/expenses").content.decode()
