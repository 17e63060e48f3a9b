"""Lists in a browser: paging, order, filters and stale forms."""

import datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_main_job import WITH_AND_WITHOUT_SCRIPTS
from tests.integration.people import Person

TODAY = datetime.datetime.now(datetime.UTC).date()


def rows(page: Page):
    return page.locator("#result_list :is(tbody tr, li)")


@pytest.fixture(scope="module")
def busy(stack) -> Person:
    """Return a user with more expenses than fit on a page, one per day."""
    person = Person(stack)
    listed = [
        {
            "category": f"Number {number:02}",
            "amount": f"{number + 1}.00",
            "date": f"{TODAY - datetime.timedelta(days=number)}",
        }
        for number in range(30)
    ]
    person.post("expenses/bulk", expenses=listed)
    return person


@WITH_AND_WITHOUT_SCRIPTS
def test_paging_works_and_survives_the_back_button(windows, busy, javascript):
    page = windows.open(busy, javascript=javascript)
    page.goto("/expenses")
    expect(rows(page)).to_have_count(25)

    page.get_by_role("link", name="Older").click()
    expect(rows(page)).to_have_count(5)
    expect(rows(page).last).to_contain_text("Number 29")
    page.get_by_role("link", name="Number 27").click()
    expect(page.get_by_label("Category")).to_have_value("Number 27")
    page.go_back()
    expect(rows(page).last).to_contain_text("Number 29")
    page.go_back()
    expect(rows(page).first).to_contain_text("Number 00")
    page.go_forward()
    page.get_by_role("link", name="Newer").click()
    expect(rows(page).first).to_contain_text("Number 00")


def test_the_heading_reverses_the_order(windows, busy):
    page = windows.open(busy)
    page.goto("/expenses")

    page.get_by_role("columnheader", name="Date").get_by_role("link").click()
    expect(rows(page).first).to_contain_text("Number 29")
    heading = page.get_by_role("columnheader", name="Date")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    heading.get_by_role("link").click()

    expect(rows(page).first).to_contain_text("Number 00")


def test_amount_and_text_filters_combine(windows, busy):
    page = windows.open(busy, javascript=False)
    page.goto("/expenses")
    search = page.get_by_role("search")

    search.get_by_label("Search").fill("number 1")
    search.get_by_text("Filter", exact=True).click()
    search.get_by_label("Min amount").fill("15")
    search.get_by_role("button", name="Apply filters").click()
    expect(rows(page)).to_have_count(6)  # 14 to 19
    page.get_by_role("link", name="Remove filter: Min amount: 15").click()
    expect(rows(page)).to_have_count(11)  # 01, and 10 to 19
    page.get_by_role("link", name="Remove filter: “number 1”").click()

    expect(rows(page)).to_have_count(25)


def test_years_and_months_link_to_their_expenses(windows, busy):
    page = windows.open(busy)
    page.goto("/expenses")

    page.get_by_role("navigation", name="Dates").get_by_text(f"{TODAY.year}").click()
    dates = page.get_by_role("navigation", name="Dates")
    dates.get_by_role("link", name=f"{TODAY:%B}", exact=True).click()

    expect(rows(page)).to_have_count(min(25, TODAY.day))


@WITH_AND_WITHOUT_SCRIPTS
def test_selected_notifications_are_marked_read(windows, stack, javascript):
    person = Person(stack)
    for category, spent in (("Fun", "2.00"), ("Rent", "2.00"), ("Food", "1.00")):
        person.post("budgets", category=category, amount="1.00")
        person.post("expenses", category=category, amount=spent)
    page = windows.open(person, javascript=javascript)
    page.goto("/notifications?unread=true")
    expect(rows(page)).to_have_count(3)

    for tick in page.get_by_role("checkbox", name="Fun").all():
        tick.check()
    bar = page.get_by_role("form", name="With selected")
    bar.get_by_role("button", name="Mark as read").click()

    expect(page.get_by_text("1 marked as read.")).to_be_visible()
    expect(rows(page)).to_have_count(2)
    page.get_by_role("search").get_by_text("Filter", exact=True).click()
    page.get_by_role("group", name="Type").get_by_label("Over budget").check()
    page.get_by_role("button", name="Apply filters").click()
    expect(rows(page)).to_have_count(1)


def test_a_double_click_creates_one_expense(windows, stack):
    person = Person(stack)
    page = windows.open(person)
    page.goto("/expenses/add")
    page.get_by_label("Amount").fill("4")
    page.get_by_label("Category").fill("Fun")

    page.get_by_role("button", name="Save").dblclick()
    page.wait_for_url("**/expenses")

    assert len(person.get("expenses")["results"]) == 1


@WITH_AND_WITHOUT_SCRIPTS
def test_a_concurrent_change_is_shown(windows, stack, javascript):
    person = Person(stack)
    expense = person.post("expenses", category="Fun", amount="5.00")
    page = windows.open(person, javascript=javascript)
    page.goto(f"/expenses/{expense['expense_id']}/edit")
    page.get_by_label("Amount").fill("7")
    person.patch(f"expenses/{expense['expense_id']}", amount="6.00")

    page.get_by_role("button", name="Save").click()

    differs = page.get_by_role("table", name="Conflicting changes")
    expect(differs.get_by_role("cell", name="6.00")).to_be_visible()
    expect(page.get_by_label("Amount")).to_have_value("7")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/expenses")
    expect(rows(page)).to_contain_text("$7.00")
