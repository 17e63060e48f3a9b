"""The API in a browser: its browsable pages, and its docs."""

from playwright.sync_api import expect

from tests.integration.people import Person


def test_a_browsable_page_sends_json(windows, stack):
    person = Person(stack)
    page = windows.open(person)
    page.goto("/api/budgets")
    page.get_by_label("Content:").fill('{"category": "Travel", "amount": "90.00"}')
    page.get_by_role("button", name="POST").click()

    expect(page.get_by_text("HTTP 201 Created")).to_be_visible()
    (made,) = person.get("budgets")["results"]
    page.goto(f"/api/budgets/{made['budget_id']}")
    page.get_by_role("button", name="DELETE").click()
    page.locator("#deleteModal .btn-danger").click()

    expect(page.get_by_text("HTTP 204 No Content")).to_be_visible()
    assert person.get("budgets")["results"] == []


def test_the_docs_show_what_may_be_sent_and_what_comes_back(windows):
    page = windows.open()
    page.goto("/api/docs")
    page.get_by_text("/api/expenses", exact=True).last.click()

    operation = page.locator("#operations-expenses-record_expense")
    expect(operation.get_by_text('"category": "Groceries"').first).to_be_visible()
    expect(operation.get_by_text("get_expense").first).to_be_visible()
