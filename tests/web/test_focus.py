"""Pages that are one form focus its first field; pages to read focus nothing."""

import re

import pytest

from tests.builders import client_for, make_user
from tests.money_builders import make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")

FOCUSED = re.compile(r'<(?:input|select|textarea)[^>]*name="(\w+)"[^>]* autofocus')


@pytest.fixture
def alice():
    return make_user("alice")


@pytest.fixture
def client(alice):
    return client_for(alice)


def focused(answer) -> list[str]:
    return FOCUSED.findall(answer.content.decode())


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_public_forms_focus_their_first_field(path):
    assert focused(client_for().get(path)) == ["username"]


def test_the_login_of_an_ended_session_focuses_its_first_field():
    ended = client_for().post("/expenses/add", {"amount": "5"})

    assert ended.status_code == 401
    assert focused(ended) == ["username"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/expenses/add", "amount"),
        ("/expenses/categories/rename?from=Rent", "into"),
        ("/expenses/merchants/rename?from=Kiosk", "into"),
        ("/budgets/add", "category"),
        ("/accounts/password", "old_password"),
        ("/accounts/calendar", "week_start"),
        ("/accounts/email", "email"),
        ("/accounts/delete", "username"),
        ("/", "amount"),
    ],
)
def test_a_form_focuses_its_first_field(client, path, field):
    assert focused(client.get(path)) == [field]


def test_forms_of_stored_items_focus_their_first_field(client, alice):
    expense, budget = make_expense(alice), make_budget(alice)
    chosen = {"action": "category", "selected": expense.expense_id}

    assert focused(client.get(f"/expenses/{expense.expense_id}/edit")) == ["amount"]
    assert focused(client.get(f"/budgets/{budget.budget_id}/edit")) == ["category"]
    assert focused(client.post("/expenses/selected", chosen)) == ["category"]


@pytest.mark.parametrize(
    "path",
    [
        "/expenses",
        "/expenses/categories",
        "/expenses/merchants",
        "/notifications",
        "/reports",
        "/accounts/profile",
        "/accounts/tokens",
    ],
)
def test_a_page_to_read_focuses_nothing(client, path):
    assert focused(client.get(path)) == []


def test_an_error_takes_the_focus(client):
    values = {"amount": "5", "category": "", "date": "x"}

    assert focused(client.post("/expenses/add", values)) == ["category"]
