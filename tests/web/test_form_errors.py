"""Forms show all errors at once, under their fields, in our own words."""

import re
from html import unescape

import pytest

from accounts.models import Account
from tests.builders import PASSWORD, account_of, client_for, make_user
from tests.money_builders import make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")

BUDGET = {
    "category": "Rent",
    "amount": "5",
    "period": "weekly",
    "alert_thresholds": "80",
}


def errors(answer) -> dict[str, str]:
    """Return the errors of a page by field."""
    assert answer.status_code in (400, 409), answer.status_code
    lists = re.findall(
        r'<ul class="errorlist[^"]*" id="id_(\w+)_error"[^>]*>(.*?)</ul>',
        answer.content.decode(),
        re.DOTALL,
    )
    return {
        name: unescape(re.sub("<[^>]+>", " ", text)).strip() for name, text in lists
    }


@pytest.mark.parametrize("path", ["/expenses/add", "/"])
def test_an_expense_shows_all_its_errors(client, path):
    values = {"amount": "abc", "category": "", "date": "2001-01-01", "odd_date": "on"}

    assert errors(client.post(path, values)) == {
        "amount": "Enter an amount as a number.",
        "category": "Fill in this field.",
        "date": "The date can be at most 10 years ago.",
    }


def test_rules_are_checked_together_too(client):
    values = {"amount": "-1", "category": "a\u0007b", "date": "2026-03-18"}

    assert errors(client.post("/expenses/add", values)).keys() == {"amount", "category"}


def test_an_edit_shows_all_errors_of_what_changes(client, alice):
    account = account_of(alice)
    expense = make_expense(alice, amount="102.50", category="Tea")
    account.update([Account.currency.set("JPY")])
    client = client_for(alice)
    path = f"/expenses/{expense.expense_id}/edit"
    values = {"date": "x", "status": "pending", "category": "Tea"}

    kept = errors(client.post(path, {**values, "amount": "102.50"}))
    changed = errors(client.post(path, {**values, "amount": "103.50"}))

    assert kept.keys() == {"date"}  # the stored amount stays valid
    assert changed.keys() == {"date", "amount"}


def test_a_budget_shows_all_its_errors(client, alice):
    percent = "Enter a whole percentage from 1 to 100."
    wrong = {**BUDGET, "category": "", "amount": "abc", "alert_thresholds": "101"}
    budget = make_budget(alice)

    for path in ("/budgets/add", f"/budgets/{budget.budget_id}/edit"):
        assert errors(client.post(path, wrong)) == {
            "category": "Fill in this field.",
            "amount": "Enter an amount as a number.",
            "alert_thresholds": percent,
        }
    for threshold in ("0", "x", "1" * 99, "1.5"):
        answer = client.post("/budgets/add", {**BUDGET, "alert_thresholds": threshold})
        assert errors(answer) == {"alert_thresholds": percent}


def test_a_registration_shows_all_its_errors(aws):
    values = {"username": "a", "email": "", "password": "short"}

    answer = client_for().post("/register", values)

    assert errors(answer).keys() == {"username", "email", "password"}
    right = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}
    for field, value in {"username": "a", "email": "no", "password": "short"}.items():
        answer = client_for().post("/register", {**right, field: value})
        assert errors(answer).keys() == {field}


@pytest.mark.parametrize(
    ("query", "english", "german"),
    [
        (
            "category=" + "a" * 51,
            "Use at most 50 characters.",
            "Höchstens 50 Zeichen.",
        ),
        (
            "status=lost",
            "Choose one of the options.",
            "Wähle eine der Möglichkeiten.",
        ),
        (
            "q=%00",
            "Control characters are not allowed.",
            "Steuerzeichen sind nicht erlaubt.",
        ),
    ],
)
def test_djangos_sentences_are_reworded(client, query, english, german):
    path = f"/expenses?{query}"

    assert [*errors(client.get(path)).values()] == [english]
    of_german = client_for(make_user(language="de"))
    assert [*errors(of_german.get(path)).values()] == [german]
