"""The API's browsable pages."""

import html
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.builders import client_for
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import make_budget, make_expense

HTML = {"Accept": "text/html"}
JSON = "application/json"


def typed_in(answer) -> str:
    """Return the content of the page's JSON field."""
    (content,) = re.findall(
        r'<textarea name="_content".*?>\s*(.*?)</textarea>', answer.text, re.S
    )
    return html.unescape(content)


def test_a_form_contains_the_schemas_example(client):
    example = json.loads(typed_in(client.get("/api/expenses", headers=HTML)))

    assert example["amount"] == "12.50"
    response = client.post("/api/expenses", example, content_type=JSON)
    assert response.status_code == 201


def test_an_items_form_contains_the_example_of_a_change(client, alice):
    url = f"/api/budgets/{make_budget(alice).budget_id}"
    example = json.loads(typed_in(client.get(url, headers=HTML)))

    assert client.patch(url, example, content_type=JSON).status_code == 200


@pytest.mark.parametrize(
    "typed", ['{"category": "Été", "amount": "0"}', '{"category": ', "[]"]
)
def test_the_input_is_kept_after_an_error(client, typed):
    answer = client.post("/api/budgets", typed, content_type=JSON, headers=HTML)

    assert answer.status_code == 400
    assert typed_in(answer) == typed


def pdf():
    return SimpleUploadedFile("a.pdf", PDF, "application/pdf")


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("/api/receipts/upload", ["file", "expense_id", "sha256"]),
        ("/api/expenses/with-receipt", ["amount", "category", "date", "file"]),
    ],
)
def test_an_upload_has_an_html_form(alice, url, names):
    page = client_for(alice).get(url, headers=HTML)  # a 405 that contains the form

    assert page.status_code == 405
    for name in names:
        assert f'name="{name}"' in page.text
    assert 'type="file"' in page.text
    assert 'enctype="multipart/form-data"' in page.text


def test_a_form_with_a_file_works_without_scripts(alice):
    client = client_for(alice, csrf=True)
    page = client.get("/api/expenses/with-receipt", headers=HTML)
    (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text))
    expense = make_expense(alice)

    def send(url, **fields):
        return client.post(
            url, {"csrfmiddlewaretoken": token, **fields}, headers=HTML
        ).status_code

    new = {"amount": "2.00", "category": "Fun", "description": "", "sha256": ""}
    old = {"expense_id": expense.expense_id, "sha256": ""}
    assert send("/api/expenses/with-receipt", file=pdf(), **new) == 201
    assert send("/api/receipts/upload", file=pdf(), **old) == 201
    assert send("/api/receipts/upload", file=pdf(), csrfmiddlewaretoken="x") == 403


def test_a_form_with_a_file_keeps_its_text_fields_after_an_error(alice):
    form = {"amount": "0", "category": "Typed", "file": pdf()}
    client = client_for(alice)

    answer = client.post("/api/expenses/with-receipt", form, headers=HTML)

    assert answer.status_code == 400
    assert 'value="Typed"' in answer.text


def test_the_index_lists_what_can_be_read(client):
    index = client.get("/api/").json()

    assert index["list_expenses"] == "http://testserver/api/expenses"
    assert index["get_summary"] == "http://testserver/api/summary"
    for name in ("list_expenses", "list_budgets", "get_profile", "list_categories"):
        assert client.get(index[name]).status_code == 200
    assert not any("{" in address for address in index.values())
    assert "list_expenses" in client_for().get("/api", headers=HTML).text
