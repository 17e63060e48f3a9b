"""Distant dates, mostly typing errors: pages ask to confirm, the API accepts them."""

import datetime
import re

import pytest

from tests.builders import client_for, make_user
from tests.money_builders import TODAY, make_expense

pytestmark = pytest.mark.usefixtures("aws")

LUNCH = {"amount": "12.50", "category": "Food"}


@pytest.fixture
def alice():
    return make_user("alice")


@pytest.fixture
def client(alice):
    return client_for(alice)


def stored(client) -> list[str]:
    return [
        expense["date"] for expense in client.get("/api/expenses").json()["results"]
    ]


@pytest.mark.parametrize("path", ["/expenses/add", "/"])
@pytest.mark.parametrize(
    ("day", "question"),
    [
        ("2016-03-19", "That date is 9 years ago."),
        ("2025-03-18", "That date is 1 year ago."),
        ("2026-09-18", "That date is 6 months ahead."),
        ("2027-03-18", "That date is 12 months ahead."),
    ],
)
def test_a_distant_date_needs_confirmation(client, path, day, question):
    response = client.post(path, {**LUNCH, "date": day})

    page = response.content.decode()
    assert response.status_code == 400
    assert f"{question} Save it anyway?" in page
    assert re.search('type="checkbox"[^>]*name="odd_date"|name="odd_date"', page)
    assert stored(client) == []

    assert (
        client.post(path, {**LUNCH, "date": day, "odd_date": "on"}).status_code == 302
    )
    assert stored(client) == [day]


@pytest.mark.parametrize("day", ["2025-03-19", "2026-03-18", "2026-09-17"])
def test_a_nearer_date_needs_no_confirmation(client, day):
    assert client.post("/expenses/add", {**LUNCH, "date": day}).status_code == 302

    assert stored(client) == [day]


def test_an_ordinary_date_needs_no_confirmation(client):
    assert b"odd_date" not in client.get("/expenses/add").content
    refused = client.post("/expenses/add", {**LUNCH, "date": str(TODAY), "amount": "x"})
    assert b"odd_date" not in refused.content


def test_the_confirmation_is_kept_while_other_errors_remain(client):
    data = {**LUNCH, "date": "2020-01-01", "odd_date": "on", "amount": "x"}

    page = client.post("/expenses/add", data).content.decode()

    assert re.search(r'name="odd_date"[^>]*checked', page)
    assert "Save it anyway?" not in page


def test_an_old_expense_needs_confirmation_only_if_its_date_changes(client, alice):
    expense = make_expense(alice, date="2018-05-05")
    path = f"/expenses/{expense.expense_id}/edit"
    data = {**LUNCH, "status": "pending", "known_date": "2018-05-05"}

    assert b'name="known_date" value="2018-05-05"' in client.get(path).content
    assert client.post(path, {**data, "date": "2018-05-05"}).status_code == 302
    assert client.post(path, {**data, "date": "2019-05-05"}).status_code == 400

    assert stored(client) == ["2018-05-05"]


def test_the_api_accepts_distant_dates(client):
    answer = client.post(
        "/api/expenses", {**LUNCH, "date": "2016-03-19"}, "application/json"
    )

    assert answer.status_code == 201
    assert datetime.date.fromisoformat(answer.json()["date"]).year == 2016
