"""Twelve months of spending: the service and its API."""

import datetime
from dataclasses import replace
from decimal import Decimal

import pytest
import time_machine

from expenses import queries
from expenses.models import Expense
from reports.trend import trend
from smartbudget.core.errors import InvalidError
from tests.builders import client_for, make_user
from tests.calls import QUERY, counted
from tests.money_builders import ALICE, BOB, make_expense
from tests.problems import messages_of

pytestmark = pytest.mark.usefixtures("aws")

TRENDS = "/api/trends"


def spent(**fields) -> dict[str, Decimal]:
    """Return {month: spent} of the months with spending."""
    months = trend(ALICE, **fields)
    return {month.month: month.spent for month in months if month.spent}


def test_the_trend_is_twelve_months_up_to_this_one():
    months = trend(ALICE)

    assert [month.month for month in months] == [
        *(f"2025-{month:02d}" for month in range(4, 13)),
        "2026-01",
        "2026-02",
        "2026-03",
    ]
    assert {month.spent for month in months} == {0}


def test_months_include_their_first_and_last_day():
    for amount, date in (
        ("1.00", "2025-03-31"),
        ("2.00", "2025-04-01"),
        ("4.00", "2025-12-31"),
        ("8.00", "2026-01-01"),
        (
            "16.00",
            "2026-03-31",
        ),  # a future date in this month counts, as in the summary
        ("32.00", "2026-04-01"),
    ):
        make_expense(amount=amount, date=date)

    assert spent() == {"2025-04": 2, "2025-12": 4, "2026-01": 8, "2026-03": 16}


def test_a_month_is_added_up_exactly():
    for _ in range(10):
        make_expense(amount="0.10")

    assert spent() == {"2026-03": Decimal("1.00")}


def test_void_expenses_are_not_counted():
    make_expense(status="void")
    make_expense(amount="3.00", status="cleared")

    assert spent() == {"2026-03": 3}


def test_a_category_matches_in_any_case():
    make_expense(amount="1.00", category="Straße")
    make_expense(amount="2.00", category="STRASSE", date="2026-01-05")
    make_expense(amount="4.00", category="Rent")

    assert spent(category=" strasse ") == {"2026-03": 1, "2026-01": 2}
    assert spent(category="Nothing") == {}


def test_another_month_can_be_the_last():
    make_expense(amount="1.00", date="2024-06-30")

    assert spent(month="2025-05") == {"2024-06": 1}
    assert [month.month for month in trend(ALICE, month="2025-05")][-1] == "2025-05"


def test_this_month_is_in_the_users_time_zone():
    samoa = replace(ALICE, time_zone="Pacific/Apia")

    with time_machine.travel("2026-03-31T12:00+00:00"):
        assert trend(samoa)[-1].month == "2026-04"
        assert trend(ALICE)[-1].month == "2026-03"


def test_other_users_spending_is_not_included():
    make_expense(BOB)

    assert spent() == {}


@pytest.mark.parametrize("month", ["2026", "2026-13", "0001-01", "9999-12"])
def test_a_malformed_month_is_named(month):
    with pytest.raises(InvalidError) as refused:
        trend(ALICE, month=month)

    assert refused.value.field == "month"


def test_an_incompletely_read_month_is_left_out_until_it_is_read(monkeypatch):
    """Three megabytes exist, of which one may be read at a time."""
    monkeypatch.setattr(queries, "TREND_PAGES", 1)
    with Expense.batch_write() as batch:
        for number in range(1000):
            day = datetime.date(2026, 3, 18) - datetime.timedelta(days=number // 4)
            batch.save(
                Expense(
                    expense_id=f"{number:032x}",
                    user_id=ALICE.user_id,
                    date=day.isoformat(),
                    amount=Decimal("1.00"),
                    category="Food",
                    category_key="food",
                    description="🍜" * 500,
                    created_at="2026-03-18T00:00:00.000000+00:00",
                    updated_at="2026-03-18T00:00:00.000000+00:00",
                )
            )

    with counted() as calls:
        months = trend(ALICE)
    more = trend(ALICE)
    full = trend(ALICE)

    assert calls.names.count(QUERY) == 2  # stored totals, and a page of expenses
    assert 3 < len(months) < len(more) < len(full) == 12  # what was read is stored
    assert months == full[-len(months) :]
    assert more == full[-len(more) :]
    assert sum(month.spent for month in full) == 1000


def test_the_api_returns_strings_with_the_currencys_decimals():
    alice = make_user("alice", currency="KWD")
    make_expense(alice, amount="0.001")
    make_expense(alice, amount="12", date="2025-04-01")

    answer = client_for(alice).get(TRENDS).json()

    assert answer["currency"] == "KWD"
    assert answer["months"][0] == {
        "month": "2025-04",
        "start": "2025-04-01",
        "end": "2025-04-30",
        "spent": "12.000",
    }
    assert answer["months"][1]["spent"] == "0.000"
    assert answer["months"][-1]["spent"] == "0.001"
    assert len(answer["months"]) == 12


def test_the_api_accepts_a_month_and_a_category():
    alice = make_user("alice")
    make_expense(alice, date="2025-02-01", category="Tea")
    make_expense(alice, date="2025-02-01", category="Rent")

    answer = client_for(alice).get(TRENDS, {"month": "2025-02", "category": "TEA"})

    last = answer.json()["months"][-1]
    assert (last["month"], last["end"], last["spent"]) == (
        "2025-02",
        "2025-02-28",
        "10.00",
    )


def test_each_month_has_its_categories_on_request():
    for amount, category, date in (
        ("1.00", "Straße", "2026-03-05"),
        ("2.00", "STRASSE", "2026-03-02"),
        ("2.50", "Rent", "2026-03-09"),
        ("4.00", "strasse", "2026-01-05"),
        ("0.10", "Tea", "2026-01-05"),
    ):
        make_expense(amount=amount, category=category, date=date)
    make_expense(category="Void", status="void")
    make_expense(BOB, category="Bob's")

    categories = {
        month.month: month.categories for month in trend(ALICE, by="category")
    }

    # Only this month, in the spelling used first in it.
    assert categories["2026-03"] == [("STRASSE", Decimal(3)), ("Rent", Decimal("2.50"))]
    assert categories["2026-01"] == [("strasse", Decimal(4)), ("Tea", Decimal("0.10"))]
    assert categories["2026-02"] == []
    assert {month.categories for month in trend(ALICE)} == {None}


def test_the_trend_of_one_category_can_be_split_too():
    make_expense(amount="1.00", category="Tea")
    make_expense(amount="2.00", category="Rent")

    months = trend(ALICE, category="tea", by="category")

    assert months[-1].categories == [("Tea", Decimal(1))]


def test_categories_by_month_cost_no_more_than_the_trend():
    alice = make_user("alice")
    make_expense(alice)
    client = client_for(alice)
    trend(alice)  # stores the totals of the months before this one

    with counted() as plain:
        without = client.get(TRENDS).json()
    with counted() as split:
        answer = client.get(TRENDS, {"by": "category"}).json()

    assert split == plain
    assert "categories" not in without["months"][-1]
    assert answer["months"][-1] == {
        "month": "2026-03",
        "start": "2026-03-01",
        "end": "2026-03-31",
        "spent": "10.00",
        "categories": [{"category": "Groceries", "spent": "10.00"}],
    }
    assert answer["months"][0]["categories"] == []


@pytest.mark.parametrize("month", ["2026-03", "2026-02"])
def test_categories_by_month_match_the_months_summary(month):
    alice = make_user("alice")
    for day in range(1, 20):
        make_expense(
            alice,
            amount=f"{day}.10",
            category=("Tea", "tea", "TEA", "Rent", "Équipe", "équipe")[day % 6],
            date=f"2026-0{2 + day % 2}-{day:02d}",
        )
    browser = client_for(alice)

    summary = browser.get("/api/summary", {"month": month}).json()
    months = browser.get(TRENDS, {"by": "category"}).json()["months"]

    (entry,) = [entry for entry in months if entry["month"] == month]
    assert entry["categories"] == summary["categories"]
    assert entry["spent"] == summary["total_spent"]
    assert sum(
        Decimal(category["spent"]) for category in entry["categories"]
    ) == Decimal(entry["spent"])


def test_the_api_agrees_with_the_summary():
    alice = make_user("alice")
    make_expense(alice, amount="7.25")
    make_expense(alice, amount="1.05", date="2026-03-30")
    make_expense(alice, amount="2.00", date="2026-02-28")
    browser = client_for(alice)

    summary = browser.get("/api/summary").json()

    *_, before, this = browser.get(TRENDS).json()["months"]
    assert this["spent"] == summary["total_spent"] == "8.30"
    assert before["spent"] == summary["previous_spent"] == "2.00"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"month": "2026-13"}, "month"),
        ({"month": "\u0660\u0660\u0660\u0660-01"}, "month"),
        ({"category": "a" * 51}, "category"),
        ({"category": "a\u0007"}, "category"),
        ({"by": "month"}, "by"),
        ({"from": "2026-01"}, "from"),
    ],
)
def test_an_invalid_parameter_is_named(query, field):
    answer = client_for(make_user()).get(TRENDS, query)

    assert answer.status_code == 400
    assert list(messages_of(answer)) == [field]


def test_the_api_requires_login():
    assert client_for().get(TRENDS).status_code == 401


def test_other_users_see_nothing_of_it():
    make_expense(make_user("alice"))

    answer = client_for(make_user("bob")).get(TRENDS).json()

    assert {month["spent"] for month in answer["months"]} == {"0.00"}


def test_the_schema_describes_the_trend():
    schema = client_for().get("/api/schema", {"format": "json"}).json()

    described = schema["paths"]["/api/trends"]["get"]
    named = {
        parameter.get("name")
        for parameter in described["parameters"]
        if "name" in parameter
    }
    assert named == {"month", "category", "by"}
