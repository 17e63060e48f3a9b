"""Lists in a browser: paging, order, filters and stale forms."""

import datetime
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_main_job import WITH_AND_WITHOUT_SCRIPTS
from tests.expenses.receipts.pictures import picture
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
    expect(page.get_by_label("Category", exact=True)).to_have_value("Number 27")
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
    expect(rows(page)).to_have_count(10)  # 10 to 19
    page.get_by_role("link", name="Remove filter: “number 1”").click()

    expect(rows(page)).to_have_count(25)


def test_years_and_months_link_to_their_expenses(windows, busy):
    page = windows.open(busy)
    page.goto("/expenses")

    page.get_by_role("navigation", name="Dates").get_by_text(f"{TODAY.year}").click()
    dates = page.get_by_role("navigation", name="Dates")
    dates.get_by_role("link", name=f"{TODAY:%b}", exact=True).click()

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
    page.get_by_label("Amount (").fill("4")
    page.get_by_label("Category", exact=True).fill("Fun")

    page.get_by_role("button", name="Save").dblclick()
    # The second click may abort the first navigation, which wait_for_url reports.
    expect(page).to_have_url(re.compile(r"/expenses$"))

    assert len(person.get("expenses")["results"]) == 1


@WITH_AND_WITHOUT_SCRIPTS
def test_a_concurrent_change_is_shown(windows, stack, javascript):
    person = Person(stack)
    expense = person.post("expenses", category="Fun", amount="5.00")
    page = windows.open(person, javascript=javascript)
    page.goto(f"/expenses/{expense['expense_id']}/edit")
    page.get_by_label("Amount (").fill("7")
    person.patch(f"expenses/{expense['expense_id']}", amount="6.00")

    page.get_by_role("button", name="Save").click()

    differs = page.get_by_role("table", name="Conflicting changes")
    expect(differs.get_by_role("cell", name="6.00")).to_be_visible()
    expect(page.get_by_label("Amount (")).to_have_value("7")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/expenses")
    expect(rows(page)).to_contain_text("$7.00")


def box(cell) -> dict[str, float]:
    return cell.bounding_box()


@pytest.fixture(scope="module")
def varied(stack) -> Person:
    """Return a user with rows of all kinds; tests must not change them."""
    person = Person(stack)
    person.post("expenses", category="Fun", amount="5.00")
    person.post("expenses", category="W" * 50, amount="999999999999.99")
    person.post("expenses", category="Rent", amount="1150.00", description="Flat\n4")
    person.post("expenses", category="Food", amount="7.00", description="d" * 500)
    attached = person.get("expenses")["results"][0]
    sent = person.request(
        "POST",
        "receipts/upload",
        data={"expense_id": attached["expense_id"]},
        files={"file": ("a.jpg", picture(), "image/jpeg")},
    )
    assert sent.ok
    return person


@pytest.mark.parametrize("width", [360, 390])
def test_a_phone_shows_rows_in_one_grid_and_high_on_the_page(windows, varied, width):
    page = windows.open(varied, width=width)
    page.goto("/expenses")

    assert box(rows(page).first)["y"] < 330
    right_edges = set()
    for row in rows(page).all():
        amount, category = box(row.locator(".amount")), box(row.locator(".category"))
        right_edges.add(round(amount["x"] + amount["width"]))
        middle = amount["y"] + amount["height"] / 2
        assert category["y"] <= middle <= category["y"] + category["height"]
        assert category["x"] == box(row.locator(".day"))["x"]
        assert box(row.locator(".day"))["y"] >= category["y"] + category["height"]
    assert len(right_edges) == 1
    assert right_edges.pop() < width


@pytest.mark.parametrize("width", [360, 768, 900, 1100, 1920])
@pytest.mark.parametrize("address", ["/expenses", "/expenses/categories"])
def test_no_row_is_cut(windows, varied, address, width):
    page = windows.open(varied, width=width)
    page.goto(address)

    results = page.locator(".results")
    assert results.evaluate("results => results.scrollWidth <= results.clientWidth")
    for amount in page.locator("tbody .amount").all():
        assert box(amount)["x"] + box(amount)["width"] < width


def test_a_tap_opens_the_row_but_not_on_its_checkbox_or_status(windows, varied):
    page = windows.open(varied, width=390)
    page.goto("/expenses")
    row = rows(page).filter(has_text="Flat")

    target = row.locator(".action-checkbox label")
    assert min(box(target)["width"], box(target)["height"]) >= 44
    target.click(position={"x": 2, "y": 2})
    expect(row.get_by_role("checkbox")).to_be_checked()
    row.get_by_role("button", name="Pending").click()
    expect(row.get_by_role("button", name="Cleared")).to_be_visible()
    page.keyboard.press("Escape")
    row.locator(".amount").click(force=True)  # the link is above it

    expect(page.get_by_label("Amount (")).to_have_value("1150.00")


@WITH_AND_WITHOUT_SCRIPTS
def test_the_status_of_a_row_opens_its_change(windows, stack, javascript):
    person = Person(stack)
    person.post("expenses", category="Fun", amount="5.00")
    page = windows.open(person, javascript=javascript)
    page.goto("/expenses")

    rows(page).get_by_role("button", name="Pending").click()
    rows(page).get_by_role("button", name="Cleared").click()
    expect(page.get_by_text("Updated 1 expense.")).to_be_visible()
    rows(page).get_by_role("button", name="Cleared").click()
    rows(page).get_by_label("Category", exact=True).fill("Food")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Moved 1 expense to Food.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(rows(page).get_by_role("link", name="Fun")).to_be_visible()


def counted_clicks(page: Page) -> Callable[[], int]:
    """Return a function that returns the number of clicks on all pages so far."""
    clicks = []
    page.expose_function("noteClick", lambda: clicks.append(1))
    page.add_init_script("addEventListener('pointerdown', () => noteClick(), true)")
    return lambda: len(clicks)


def test_twelve_wrong_categories_take_three_clicks(windows, stack):
    person = Person(stack)
    wrong = [{"category": "Wrong", "amount": "1.00"}] * 12
    person.post("expenses/bulk", expenses=[*wrong, {"category": "Fun", "amount": "2"}])
    page = windows.open(person)
    clicks = counted_clicks(page)
    page.goto("/expenses?category=wrong")

    ticks = rows(page).get_by_role("checkbox")
    ticks.first.click()
    ticks.last.click(modifiers=["Shift"])
    page.get_by_label("New category").click()
    page.keyboard.type("Right")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Moved 12 expenses to Right.")).to_be_visible()
    assert clicks() == 3


def test_an_expense_of_an_earlier_month_is_two_clicks_away(windows, stack):
    person = Person(stack)
    month = (TODAY.replace(day=1) - datetime.timedelta(days=70)).replace(day=1)
    person.post("expenses", category="Early", amount="1.00", date=f"{month}")
    person.post("expenses", category="Late", amount="1.00", date=f"{TODAY}")
    page = windows.open(person)
    page.goto("/")
    clicks = counted_clicks(page)
    page.reload()

    page.get_by_role("link", name="Expenses", exact=True).click()
    dates = page.get_by_role("navigation", name="Dates")
    dates.get_by_role("link", name=f"{month:%b}").click()

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Early")
    assert clicks() == 2


def test_all_matching_expenses_are_changed_from_the_first_page(windows, busy):
    page = windows.open(busy)
    page.goto("/expenses?q=number&page_size=10")
    page.get_by_role("checkbox", name="Select all on this page").check()

    page.get_by_label("Select all 30 matching expenses").check()

    expect(page.locator("[data-selected]")).to_have_text("30 expenses, $465.00")
    page.get_by_role("button", name="Mark as cleared").click()
    expect(page.get_by_role("heading", name="Change 30 expenses?")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    expect(rows(page)).to_have_count(10)
