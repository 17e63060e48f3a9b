"""The dashboard in a browser: adding an expense by keyboard, and the trend."""

import datetime

from playwright.sync_api import expect

from smartbudget.core import dates
from tests.integration.people import Person


def test_adding_an_expense_by_keyboard_shows_its_alert(windows, stack):
    person = Person(stack)
    person.post("budgets", category="Groceries", amount="100.00")
    page = windows.open(person)
    page.goto("/")

    expect(page.get_by_label("Amount (")).to_be_focused()
    page.keyboard.type("85")
    page.keyboard.press("Tab")
    page.keyboard.type("gróc")
    expect(page.get_by_role("combobox", name="Category")).to_have_value("gróceries")
    page.keyboard.press("Enter")

    status = page.get_by_role("status")
    expect(status).to_contain_text("Added $85.00 to Groceries.")
    expect(status).to_contain_text("Budget 85% spent: Groceries")
    expect(page.get_by_label("Amount (")).to_be_focused()


def test_a_category_is_completed_unless_a_shorter_one_is_typed(windows, stack):
    person = Person(stack)
    for category in ("Cafés", "Car", "Cash"):
        person.post("budgets", category=category, amount="100.00")
    page = windows.open(person)
    page.goto("/")
    category = page.get_by_role("combobox", name="Category")

    def typed(text: str, *keys: str) -> None:
        category.fill("")
        category.press_sequentially(text)
        for key in keys:
            page.keyboard.press(key)

    typed("CAFE", "Tab")
    expect(category).to_have_value("Cafés")
    typed("c", "Tab")
    expect(category).to_have_value("Cafés")
    typed("car", "Tab")
    expect(category).to_have_value("Car")
    typed("ca", "Delete", "Tab")
    expect(category).to_have_value("ca")
    expect(page.get_by_text("New or not used lately", exact=True)).to_be_visible()
    typed("car", "Tab")
    expect(page.get_by_text("New or not used lately", exact=True)).to_be_hidden()
    typed("pets", "Tab")
    expect(category).to_have_value("pets")


def test_a_category_of_an_earlier_month_is_completed_and_not_called_new(windows, stack):
    person = Person(stack)
    long_ago = dates.now().date() - datetime.timedelta(days=200)
    person.post("expenses", category="Dentist", amount="5.00", date=str(long_ago))
    page = windows.open(person)
    page.goto("/")
    expect(page.get_by_role("group", name="Spending by month")).to_be_visible()
    category = page.get_by_role("combobox", name="Category")

    category.press_sequentially("den")
    page.keyboard.press("Tab")

    expect(category).to_have_value("Dentist")
    expect(page.get_by_text("New or not used lately", exact=True)).to_be_hidden()


def test_the_trend_loads_automatically(windows, stack):
    person = Person(stack)
    person.post("expenses", category="Groceries", amount="1234.50")
    page = windows.open(person)
    page.goto("/")

    drawing = page.get_by_role("group", name="Spending by month")
    expect(drawing).to_be_visible()
    page.get_by_text("As a table").click()
    table = page.get_by_role("table").filter(has_text="Month")
    expect(table.get_by_role("cell", name="$1,234.50")).to_be_visible()


def test_without_scripts_the_trend_is_a_link(windows, stack):
    person = Person(stack)
    person.post("expenses", category="Groceries", amount="1234.50")
    page = windows.open(person, javascript=False)
    page.goto("/")

    page.get_by_role("link", name="Spending in the twelve months").click()

    expect(page.get_by_role("cell", name="$1,234.50")).to_be_visible()
