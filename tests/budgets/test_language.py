"""Budget pages in German."""

import re
from decimal import Decimal

import pytest

from budgets.services import list_budgets
from tests.budgets.test_views import page, words
from tests.builders import client_for, make_user
from tests.expenses.test_language import ENGLISH
from tests.money_builders import make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def greta(aws):
    return make_user("greta", language="de", currency="EUR")


@pytest.fixture
def client(greta):
    return client_for(greta)


def test_a_week_is_shown_by_its_dates(client, greta):
    make_budget(greta, category="Essen", period="weekly")

    assert "Wöchentlich, 16.\u201322. März 2026" in words(page(client.get("/budgets")))


def test_an_amount_is_entered_with_a_decimal_comma(client, greta):
    data = {"category": "Essen", "amount": "1.234,50", "period": "monthly"}

    response = client.post("/budgets/add", {**data, "alert_thresholds": "80"})

    message = "Budget angelegt: Essen, 1.234,50 € (monatlich)."
    assert message in page(client.get(response["Location"]))
    (budget,) = list_budgets(greta).items
    assert budget.amount == Decimal("1234.50")
    edit = page(client.get(f"/budgets/{budget.budget_id}/edit"))
    assert 'value="1234,50"' in edit
    twice = page(client.post("/budgets/add", {**data, "alert_thresholds": "80"}))
    assert "Du hast schon ein Budget für Essen (monatlich)." in twice


@pytest.mark.parametrize("address", ["/budgets", "/budgets/add", "edit"])
def test_no_english_word_is_left_on_a_german_page(client, greta, address):
    budget = make_budget(greta, category="Essen")
    make_expense(greta, category="Kino")
    if address == "edit":
        address = f"/budgets/{budget.budget_id}/edit"

    html = re.sub(r"<script\b.*?</script>", "", page(client.get(address)))

    spoken = re.findall(r'(?:aria-label|alt|placeholder)="([^"]*)"', html)
    assert ENGLISH.findall(" ".join([words(html), *spoken])) == []
