"""Expenses as somebody sees them who speaks German."""

import re
from decimal import Decimal

import pytest

from expenses.queries import get_expense, list_expenses
from tests.builders import client_for, make_user
from tests.money_builders import make_expense
from tests.problems import said_of

pytestmark = pytest.mark.usefixtures("aws", "noon")

LIST = "/expenses"
ADD = "/expenses/add"


@pytest.fixture
def greta(aws):
    return make_user("greta", language="de", currency="EUR")


@pytest.fixture
def client(greta):
    return client_for(greta)


def page(response) -> str:
    """Return the page in one line, with plain spaces."""
    return re.sub(r"\s+", " ", response.content.decode())


def typed(**given) -> dict[str, str]:
    return {
        "amount": "12,50",
        "category": "Essen",
        "description": "",
        "date": "2026-03-17",
        **given,
    }


def test_the_list_is_german(client, greta):
    make_expense(greta, amount="1234.50", date="2026-03-17", status="cleared")

    shown = page(client.get(LIST))

    for words in (
        "<h1>Ausgaben</h1>",
        ">17.03.2026</time>",
        ">1.234,50 €<",
        ">Gebucht</span>",
        ">Diese Woche</a>",
        ">Als offen markieren</option>",
        "Neueste zuerst",
    ):
        assert words in shown, words
    assert ">März</a>" in page(client.get(f"{LIST}?start=2026-03-01&end=2026-03-31"))


def test_an_amount_is_typed_with_its_comma_and_its_groups(client, greta):
    response = client.post(ADD, typed(amount="1.234,50"))

    shown = page(client.get(response["Location"]))
    assert "Hinzugefügt: Essen, 1.234,50 €." in shown
    (stored,) = list_expenses(greta).items
    assert stored.amount == Decimal("1234.50")
    edit = page(client.get(f"{LIST}/{stored.expense_id}/edit"))
    assert 'value="1234,50"' in edit


@pytest.mark.parametrize("amount", ["1,2,3", "12,505", "zwölf", "-1"])
def test_a_wrong_amount_is_said_in_german_and_stays(client, greta, amount):
    response = client.post(ADD, typed(amount=amount))

    shown = page(response)
    assert response.status_code == 400
    assert re.search(r"Betrag (als Zahl|muss)|Nachkommastellen", shown)
    assert f'value="{amount}"' in shown
    assert list_expenses(greta).items == []


def test_the_list_is_filtered_by_amounts_as_they_are_typed(client, greta):
    for amount in ("999.99", "1000.00", "2000.50", "2000.51"):
        make_expense(greta, amount=amount)

    shown = page(client.get(f"{LIST}?min_amount=1.000&max_amount=2000,50"))

    found = re.findall(r'class="amount">([\d.,]+) €', shown)
    assert sorted(found) == ["1.000,00", "2.000,50"]
    assert 'value="1.000"' in shown
    wrong = page(client.get(f"{LIST}?min_amount=5&max_amount=4,99"))
    assert "Der Höchstbetrag liegt unter dem Mindestbetrag." in wrong


def test_a_stale_edit_compares_what_is_meant_and_not_how_it_is_written(client, greta):
    expense = make_expense(greta, amount="12.50", date="2026-03-17", status="pending")
    path = f"{LIST}/{expense.expense_id}/edit"
    sent = typed(
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

    shown = page(client.post(path, sent))

    assert "Diese Ausgabe wurde inzwischen geändert" in shown
    assert "<td>16.03.2026</td><td>17.03.2026</td>" in shown
    assert "<td>Offen</td><td>Gebucht</td>" in shown
    assert "<td>12,50" not in shown  # the same in both
    assert get_expense(greta, expense.expense_id).status == "pending"


def test_the_history_is_told_in_german(client, greta):
    expense = make_expense(greta, amount="12.50", status="pending")
    client.patch(
        f"/api/expenses/{expense.expense_id}",
        {"amount": "99.00", "status": "void"},
        content_type="application/json",
    )

    shown = page(client.get(f"{LIST}/{expense.expense_id}/edit"))

    changed = "Betrag von <del>12,50 €</del> auf <ins>99,00 €</ins> geändert"
    assert changed in shown
    assert "Status von <del>Offen</del> auf <ins>Storniert</ins> geändert" in shown
    assert "hinzugefügt." in shown


def test_what_became_of_a_selection_is_told_in_german(client, greta):
    chosen = [make_expense(greta).expense_id, "0" * 32]

    response = client.post(
        f"{LIST}/selected", {"action": "cleared", "selected": chosen}
    )

    shown = page(client.get(response["Location"]))
    assert "1 geändert. 1 gab es nicht mehr." in shown


def test_a_program_gets_the_language_that_it_asks_for(client):
    def refused(**headers):
        sent = {"amount": "1", "category": "Food", "date": "2001-01-01"}
        response = client.post(
            "/api/expenses", sent, content_type="application/json", headers=headers
        )
        return said_of(response)["date"]

    assert refused() == ["Not more than 10 years back."]
    assert refused(**{"Accept-Language": "de"}) == ["Höchstens 10 Jahre zurück."]


ENGLISH = re.compile(
    r"\b(the|of|and|you|is|are|Add|Edit|Delete|Expenses?|Amount|Date|Receipts?|Save)\b"
)


@pytest.mark.parametrize(
    "address", [LIST, ADD, "{0}/edit", "{0}/delete", "{0}/duplicate"]
)
def test_no_english_word_is_left_on_a_german_page(client, greta, address):
    expense = make_expense(greta, category="Essen")

    shown = page(client.get(address.format(f"{LIST}/{expense.expense_id}")))

    shown = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->", "", shown)
    read = re.sub(r"<[^>]*>", " ", shown)
    spoken = re.findall(r'(?:aria-label|alt|title|placeholder)="([^"]*)"', shown)
    assert ENGLISH.findall(" ".join([read, *spoken])) == []
