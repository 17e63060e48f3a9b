"""Selecting all rows of a list with one checkbox."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.windows import flaws
from tests.expenses.receipts.pictures import picture
from tests.integration.people import Person
from tests.stack import wait_until

EVERY_LIST = pytest.mark.parametrize("address", ["/expenses", "/notifications"])


@pytest.fixture
def person(stack) -> Person:
    """Return a user with three expenses and notifications of three budgets."""
    person = Person(stack)
    for category in ("Fun", "Rent", "Food"):
        person.post("budgets", category=category, amount="1.00")
        person.post("expenses", category=category, amount="0.90")
    wait_until(lambda: len(person.get("notifications")["results"]) == 3)
    wait_until(lambda: len(person.get("expenses")["results"]) == 3)
    return person


def select_all(page: Page):
    return page.get_by_role("checkbox", name="Select all on this page")


def counter(page: Page):
    return page.locator("[data-selected]")


def ticks(page: Page):
    return page.locator("#result_list .action-select")


@EVERY_LIST
@pytest.mark.parametrize("width", [360, 1280])
def test_one_checkbox_selects_all_rows_and_shows_the_count(
    windows, person, address, width
):
    page = windows.open(person, width=width)
    page.goto(address)
    expect(counter(page)).to_be_empty()
    expect(page.get_by_role("form", name="With selected")).to_be_hidden()

    select_all(page).check()
    expect(counter(page)).to_contain_text("3 selected")
    expect(page.get_by_role("form", name="With selected")).to_be_in_viewport()
    for tick in ticks(page).all():
        expect(tick).to_be_checked()

    ticks(page).first.uncheck()
    expect(counter(page)).to_contain_text("2 selected")
    expect(select_all(page)).not_to_be_checked()
    assert select_all(page).evaluate("tick => tick.indeterminate")
    select_all(page).check()
    select_all(page).uncheck()
    expect(counter(page)).to_be_empty()
    select_all(page).check()
    assert flaws(page) == []


def test_all_expenses_are_selected_and_changed_by_keyboard(windows, person):
    page = windows.open(person)
    page.goto("/expenses")

    select_all(page).focus()
    page.keyboard.press("Space")
    expect(select_all(page)).to_be_checked()
    page.get_by_role("button", name="Mark as cleared").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("Updated 3 expenses.")).to_be_visible()


@EVERY_LIST
def test_shift_selects_a_range(windows, person, address):
    page = windows.open(person)
    page.goto(address)

    ticks(page).last.check()
    ticks(page).first.click(modifiers=["Shift"])
    expect(counter(page)).to_contain_text("3 selected")
    ticks(page).nth(1).click(modifiers=["Shift"])

    checked = [tick.is_checked() for tick in ticks(page).all()]
    assert checked == [False, False, True]


CURRENCIES = [
    ("USD", "en", ["1234567.89", "0.10", "0.20"]),
    ("JPY", "en", ["1500", "7", "100000"]),
    ("KWD", "de", ["0.005", "1.500", "99.999"]),
    ("HUF", "de", ["1000000.50", "0.05", "3.00"]),
    ("ISK", "en", ["900", "1", "12345"]),
    # Negative: of refunds.
    ("USD", "en", ["0.01", "-0.06", "0.02"]),
    ("USD", "de", ["1.00", "-2000.50", "500.00"]),
    ("JPY", "en", ["1", "-5", "2"]),
]


@pytest.mark.parametrize(("currency", "language", "amounts"), CURRENCIES)
def test_the_selections_total_is_the_lists(windows, stack, currency, language, amounts):
    person = Person(stack)
    person.patch("profile", currency=currency, language=language)
    for amount in amounts:
        kind = "refund" if amount.startswith("-") else "expense"
        amount = amount.removeprefix("-")
        person.post("expenses", category="Fun", amount=amount, kind=kind)
    void = person.post("expenses", category="Fun", amount="10")
    person.patch(f"expenses/{void['expense_id']}", status="void")
    page = windows.open(person)
    page.goto("/expenses")

    page.locator("[data-select-all]").check()

    total = page.locator(".count").inner_text().partition(", ")[2]
    expect(counter(page)).to_have_text(re.compile(f"4 .* · {re.escape(total)}"))


@EVERY_LIST
def test_without_scripts_rows_are_selected_one_by_one(windows, person, address):
    page = windows.open(person, javascript=False)
    page.goto(address)

    expect(ticks(page)).to_have_count(3)
    expect(select_all(page)).to_have_count(0)
    expect(page.locator("[data-select-all]")).to_be_hidden()
    ticks(page).first.check()
    expect(page.get_by_role("form", name="With selected")).to_be_in_viewport()


def test_the_selection_survives_the_back_button(windows, person):
    page = windows.open(person)
    page.goto("/expenses")
    ticks(page).first.check()
    page.get_by_role("link", name="Rent").click()
    page.wait_for_url("**/edit?**")

    page.go_back()

    ticked = sum(tick.is_checked() for tick in ticks(page).all())
    words = f"{ticked} selected · $0.90" if ticked else ""
    expect(counter(page)).to_have_text(words)


def test_thumbnails_refused_by_a_busy_server_are_retried(windows, person):
    expense = person.get("expenses")["results"][0]
    sent = person.request(
        "POST",
        "receipts/upload",
        data={"expense_id": expense["expense_id"]},
        files={"file": ("a.jpg", picture(), "image/jpeg")},
    )
    assert sent.ok
    page = windows.open(person)
    refused = []

    def refuse_twice(route):
        if len(refused) == 2:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=503)

    page.route("**/thumbnail?*", refuse_twice)
    page.goto("/expenses")

    expect(page.locator(".thumbnail")).to_have_js_property("naturalWidth", 64)
    assert windows.problems == [f"503 for {url}" for url in refused]
    assert len(refused) == 2
    windows.problems.clear()
