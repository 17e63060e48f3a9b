"""Expense pages in German."""

import re
from decimal import Decimal

import pytest

from expenses.queries import get_expense, list_expenses
from tests.builders import client_for, make_user
from tests.money_builders import make_expense
from tests.problems import messages_of

pytestmark = pytest.mark.usefixtures("aws")

LIST = "/expenses"
ADD = "/expenses/add"


@pytest.fixture
def greta(aws):
    return make_user("greta", language="de", currency="EUR")


@pytest.fixture
def client(greta):
    return client_for(greta)


def page(response) -> str:
    """Return the page on one line, with plain spaces."""
    return re.sub(r"\s+", " ", response.content.decode())


def typed(**fields) -> dict[str, str]:
    return {
        "amount": "12,50",
        "category": "Essen",
        "description": "",
        "date": "2026-03-17",
        **fields,
    }


def test_the_list_is_german(client, greta):
    make_expense(greta, amount="1234.50", date="2026-03-17", status="cleared")

    html = page(client.get(LIST))

    for words in (
        "<h1>Ausgaben</h1>",
        ">17.03.2026</time>",
        ">1.234,50 €<",
        ">Gebucht<span",
        ">Diese Woche</a>",
        ">Als offen markieren</button>",
        "Neueste zuerst",
    ):
        assert words in html, words
    assert ">Mär</a>" in page(client.get(f"{LIST}?start=2026-03-01&end=2026-03-31"))


def test_an_amount_is_entered_in_german_format(client, greta):
    response = client.post(ADD, typed(amount="1.234,50"))

    html = page(client.get(response["Location"]))
    assert "1.234,50 € zu Essen hinzugefügt." in html
    (stored,) = list_expenses(greta).items
    assert stored.amount == Decimal("1234.50")
    edit = page(client.get(f"{LIST}/{stored.expense_id}/edit"))
    assert 'value="1234,50"' in edit


@pytest.mark.parametrize("amount", ["1,2,3", "12,505", "zwölf", "-1"])
def test_an_invalid_amount_is_reported_in_german_and_kept(client, greta, amount):
    response = client.post(ADD, typed(amount=amount))

    html = page(response)
    assert response.status_code == 400
    assert re.search(r"Betrag (als Zahl|muss)|Nachkommastellen", html)
    assert f'value="{amount}"' in html
    assert list_expenses(greta).items == []


def test_the_amount_filter_accepts_german_format(client, greta):
    for amount in ("999.99", "1000.00", "2000.50", "2000.51"):
        make_expense(greta, amount=amount)

    html = page(client.get(f"{LIST}?min_amount=1.000&max_amount=2000,50"))

    matches = re.findall(r'class="amount">([\d.,]+) €', html)
    assert sorted(matches) == ["1.000,00", "2.000,50"]
    assert 'value="1.000"' in html
    wrong = page(client.get(f"{LIST}?min_amount=5&max_amount=4,99"))
    assert "Der Höchstbetrag liegt unter dem Mindestbetrag." in wrong


def test_a_stale_edit_compares_values_and_not_their_format(client, greta):
    expense = make_expense(greta, amount="12.50", date="2026-03-17", status="pending")
    path = f"{LIST}/{expense.expense_id}/edit"
    data = typed(
        category=expense.category,
        description=expense.description,
        status="cleared",
        version=1,
    )
    client.patch(
        f"/api/expenses/{expense.expense_id}",
        {"date": "2026-03-16"},
        content_type="application/json",
    )

    html = page(client.post(path, data))

    assert "Jemand hat diese Ausgabe geändert" in html
    assert "<td>16.03.2026</td><td>17.03.2026</td>" in html
    assert "<td>Offen</td><td>Gebucht</td>" in html
    assert "<td>12,50" not in html  # the same in both
    assert get_expense(greta, expense.expense_id).status == "pending"


def test_the_history_is_in_german(client, greta):
    expense = make_expense(greta, amount="12.50", status="pending")
    client.patch(
        f"/api/expenses/{expense.expense_id}",
        {"amount": "99.00", "status": "void"},
        content_type="application/json",
    )

    html = page(client.get(f"{LIST}/{expense.expense_id}/edit"))

    changed = "Betrag von <del>12,50 €</del> auf <ins>99,00 €</ins> geändert"
    assert changed in html
    assert "Status von <del>Offen</del> auf <ins>Storniert</ins> geändert" in html
    assert "Angelegt." in html


def test_the_result_of_a_bulk_action_is_in_german(client, greta):
    chosen = [make_expense(greta).expense_id, "0" * 32]

    response = client.post(
        f"{LIST}/selected", {"action": "cleared", "selected": chosen}
    )

    html = page(client.get(response["Location"]))
    assert "1 Ausgabe geändert. 1 war schon gelöscht." in html


def test_the_api_uses_the_requested_language(client):
    def refused(**headers):
        data = {"amount": "1", "category": "Food", "date": "2001-01-01"}
        response = client.post(
            "/api/expenses", data, content_type="application/json", headers=headers
        )
        return messages_of(response)["date"]

    assert refused() == ["The date can be at most 10 years ago."]
    assert refused(**{"Accept-Language": "de"}) == [
        "Das Datum darf höchstens 10 Jahre zurückliegen."
    ]


ENGLISH = re.compile(
    r"\b(the|of|and|you|is|are|Add|Edit|Delete|Expenses?|Amount|Date|Receipts?|Save)\b"
)


@pytest.mark.parametrize("address", [LIST, ADD, "{0}/edit", "{0}/duplicate"])
def test_no_english_word_is_left_on_a_german_page(client, greta, address):
    expense = make_expense(greta, category="Essen")

    html = page(client.get(address.format(f"{LIST}/{expense.expense_id}")))

    html = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->", "", html)
    read = re.sub(r"<[^>]*>", " ", html)
    spoken = re.findall(r'(?:aria-label|alt|title|placeholder)="([^"]*)"', html)
    assert ENGLISH.findall(" ".join([read, *spoken])) == []
