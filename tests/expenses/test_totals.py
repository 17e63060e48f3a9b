"""Totals of a filtered list: count and sum."""

import datetime
import re
from decimal import Decimal

import pytest

from expenses import list_totals, queries
from expenses.models import Expense
from smartbudget.core import pagination
from tests.builders import client_for, make_user
from tests.calls import counted
from tests.money_builders import ALICE, BOB, make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")


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


def test_the_page_shows_totals_of_a_list():
    alice = make_user("alice")
    client = client_for(alice)
    make_expense(alice, category="Café", amount="12.50")
    make_expense(alice, category="Rent", amount="1.00")
    make_budget(alice)

    assert "1 expense, $12.50" in client.get("/expenses?q=cafe").content.decode()
    assert "2 expenses, $13.50" in client.get("/expenses").content.decode()


LISTS = [
    {},
    {"category": "CAFÉ"},
    {"start": datetime.date(2025, 3, 2)},
    {"start": datetime.date(2025, 1, 1), "end": datetime.date(2025, 12, 31)},
    {"end": datetime.date(2026, 2, 10), "category": "rent"},
    {"status": "void"},
    {"q": "caf"},
    {"min_amount": "2"},
]


@pytest.mark.parametrize("filters", LISTS)
@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_stored_totals_equal_those_of_the_expenses(filters, sort):
    days = ("2024-12-31", "2025-03-01", "2025-03-02", "2026-02-10", "2026-03-18")
    for number, day in enumerate(days):
        for category, status in (("Café", "pending"), ("Rent", "void")):
            fields = {"category": category, "status": status, "date": day}
            make_expense(amount=str(number + 1), **fields)
    make_expense(BOB)

    for limit in (1, 3, 100):
        # Twice: the totals of closed months are stored, then used.
        for _ in range(2):
            page = list_totals.list_expenses(ALICE, sort=sort, limit=limit, **filters)
            read = queries.list_expenses(ALICE, limit=100, **filters)
            assert page.totals == queries.Totals.of(read.items)


def test_a_page_with_the_whole_list_is_the_last(monkeypatch):
    """A search that reads to its bound does not know that nothing follows."""
    monkeypatch.setattr(pagination, "READ_FIRST", 3)
    monkeypatch.setattr(pagination, "MAX_PAGES", 0)
    make_expense(category="Dentist")
    for day in range(1, 9):
        make_expense(date=f"2026-03-0{day}")

    assert queries.list_expenses(ALICE, q="dentist").next
    page = list_totals.list_expenses(ALICE, q="dentist")

    assert page.next is None
    assert page.totals.count == len(page.items) == 1


def test_years_are_those_with_expenses():
    client = client_for(alice := make_user("alice"))

    def years(query=""):
        html = client.get(f"/expenses{query}").content.decode()
        return re.findall(
            r'<a href="[^"]*start=\d{4}-01-01[^"]*"[^>]*>(\d{4})</a>', html
        )

    assert years() == []
    for day in ("2019-05-01", "2026-03-01", "2027-01-01"):
        make_expense(alice, date=day)

    for query in ("", "?page_size=1", "?q=gro", "?category=none", "?status=void"):
        assert years(query) == ["2027", "2026", "2019"], query
    assert years("?start=2019-01-01&end=2019-12-31") == ["2019"]
