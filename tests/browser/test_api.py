"""The API in a browser: its browsable pages, and its docs."""

import re

import pytest
from playwright.sync_api import expect

from tests.expenses.receipts.pictures import PDF
from tests.integration.people import Person
from tests.sampling import SOAK


def test_a_browsable_page_sends_json(windows, stack):
    person = Person(stack)
    page = windows.open(person)
    page.goto("/api/budgets")
    page.get_by_label("Content:").fill('{"category": "Travel", "amount": "90.00"}')
    page.get_by_role("button", name="POST").click()

    expect(page.get_by_text("HTTP 201 Created")).to_be_visible()
    (budget,) = person.get("budgets")["results"]
    page.goto(f"/api/budgets/{budget['budget_id']}")
    page.get_by_role("button", name="DELETE").click()
    page.locator("#deleteModal .btn-danger").click()

    expect(page.get_by_text("HTTP 204 No Content")).to_be_visible()
    assert person.get("budgets")["results"] == []


def test_the_docs_show_requests_and_responses(windows):
    page = windows.open()
    page.goto("/api/docs")
    page.get_by_text("/api/expenses", exact=True).last.click()

    operation = page.locator("#operations-expenses-record_expense")
    expect(operation.get_by_text('"category": "Groceries"').first).to_be_visible()
    expect(operation.get_by_text("get_expense").first).to_be_visible()


# Operations a new user can try: those that need no id or password.
TRIED = [
    "account-edit_profile",
    "budgets-create_budget",
    "categories-merge_categories",
    "categories-rename_category",
    "merchants-merge_merchants",
    "merchants-rename_merchant",
    "expenses-record_expense",
    "expenses-record_expenses",
    "expenses-change_selected_expenses",
    "notifications-subscribe",
    "receipts-announce_receipt",
    "reports-generate_report",
]


def open_docs(windows, person, names):
    """Return the docs of some operations, without their errors.

    Swagger UI renders every operation again after each request, for ten seconds.
    """
    ids = {name.partition("-")[2] for name in names}

    def leave_out(route):
        schema = route.fetch().json()
        for path, methods in schema["paths"].items():
            schema["paths"][path] = {
                method: operation | {"responses": successes(operation)}
                for method, operation in methods.items()
                if operation["operationId"] in ids
            }
        route.fulfill(json=schema)

    page = windows.open(person)
    page.route("**/api/schema*", leave_out)
    page.goto("/api/docs")
    return page


def successes(operation):
    return {
        status: response
        for status, response in operation["responses"].items()
        if status.startswith("2")
    }


def try_out(page, name, file=None):
    """Send a request with the values the docs fill in; return the status shown."""
    operation = page.locator(f"#operations-{name}")
    # The address changes, which a slow machine may take for a page that never loads.
    operation.locator(".opblock-summary-control").click(no_wait_after=True)
    operation.get_by_role("button", name="Try it out").click()
    if file:
        operation.locator("input[type=file]").set_input_files(file)
    operation.get_by_role("button", name="Execute").click()
    status = operation.locator(".live-responses-table .response .response-col_status")
    expect(status).to_have_text(re.compile(r"^\d{3}"))
    return status.inner_text()[:3]


@pytest.mark.soak
def test_every_example_in_the_docs_is_accepted(windows, stack):
    tried = TRIED if SOAK else TRIED[1::4]
    page = open_docs(windows, Person(stack), tried)

    statuses = {name: try_out(page, name) for name in tried}

    assert {name: s for name, s in statuses.items() if not s.startswith("20")} == {}


def test_a_form_with_a_file_sent_by_the_docs_is_accepted(windows, stack):
    person, name = Person(stack), "expenses-record_expense_with_receipt"
    page = open_docs(windows, person, [name])
    file = {"name": "a.pdf", "mimeType": "application/pdf", "buffer": PDF}

    assert try_out(page, name, file) == "201"
    (expense,) = person.get("expenses")["results"]
    assert expense["receipt_url"]
