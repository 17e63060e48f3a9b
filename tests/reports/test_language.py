"""Dashboard and trend in German."""

import re
from decimal import Decimal

import pytest

from expenses.queries import list_expenses
from smartbudget.core.i18n import override
from tests.budgets.test_views import page, words
from tests.builders import client_for, make_user
from tests.expenses.test_language import ENGLISH
from tests.money_builders import make_budget, make_expense
from tests.reports.test_charts import trend_of

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def greta(aws):
    return make_user("greta", language="de", currency="EUR")


@pytest.fixture
def client(greta):
    return client_for(greta)


def test_the_dashboard_is_german(client, greta):
    make_budget(greta, category="Essen", amount="2000.00")
    for day in ("2026-03-02", "2026-03-10", "2026-03-18"):
        make_expense(greta, amount="411.50", category="Essen", date=day)

    html = words(page(client.get("/")))

    for text in (
        "März 2026",
        "Noch verfügbar 765,50 €",
        "1.234,50 € von 2.000,00 €, 61 %",
        "Noch 13 Tage",
        "Bei diesem Tempo überschreitest du das Budget am 30. März.",
        "Ausgaben nach Kategorie",
        "18.03.2026 , Essen",
    ):
        assert text in html, text


def test_the_quick_add_accepts_a_decimal_comma(client, greta):
    data = {"amount": "12,5", "category": "Essen", "date": "2026-03-18"}

    client.post("/", data)

    (stored,) = list_expenses(greta).items
    assert stored.amount == Decimal("12.50")


@pytest.mark.parametrize(
    ("top", "labels"),
    [
        ("0.5", ["0", "0,2", "0,4", "0,6"]),
        ("1234.5", ["0", "500", "1.000", "1.500"]),
        ("9999999", ["0", "2,5 Mio.", "5 Mio.", "7,5 Mio.", "10 Mio."]),
    ],
)
def test_the_trends_scale_uses_german_numbers(top, labels):
    with override("de"):
        rules = trend_of(top).rules

    assert [rule.label.replace("\u00a0", " ") for rule in rules] == labels


@pytest.mark.parametrize("address", ["/", "/?month=2026-02", "/trend"])
def test_no_english_word_is_left_on_a_german_page(client, greta, address):
    make_budget(greta, category="Essen")
    make_expense(greta, category="Kino")

    html = re.sub(r"<script\b.*?</script>", "", page(client.get(address)))

    spoken = re.findall(r'(?:aria-label|alt|placeholder)="([^"]*)"', html)
    assert ENGLISH.findall(" ".join([words(html), *spoken])) == []
