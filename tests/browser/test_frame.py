"""What surrounds each page: its theme and the way back."""

from playwright.sync_api import Page, expect

from tests.integration.people import Person


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_a_theme_that_was_chosen_stays_whatever_the_system_has(windows):
    page = windows.open(theme="dark")
    page.goto("/register")
    dark = background(page)

    page.get_by_role("button", name="Theme: system").click()
    light = background(page)
    page.goto("/login")
    page.emulate_media(color_scheme="light")

    assert light != dark
    assert background(page) == light
    page.get_by_role("button", name="Theme: light").click()
    assert background(page) == dark
    page.get_by_role("button", name="Theme: dark").click()
    assert background(page) == light  # the system's again


def test_without_scripts_the_theme_is_the_systems(windows):
    page = windows.open(theme="dark", javascript=False)
    page.goto("/login")
    dark = background(page)
    page.emulate_media(color_scheme="light")

    assert background(page) != dark
    expect(page.get_by_role("button", name="Theme")).to_have_count(0)


def test_the_breadcrumbs_lead_back(windows, stack):
    person = Person(stack)
    person.post("expenses", category="Fun", amount="5.00")
    page = windows.open(person)
    page.goto("/expenses")
    page.get_by_role("link", name="Delete Fun").click()
    crumbs = page.get_by_role("navigation", name="Breadcrumbs")

    crumbs.get_by_role("link", name="Fun").click()
    expect(page.get_by_role("heading", name="Edit an expense")).to_be_visible()
    crumbs.get_by_role("link", name="Expenses").click()
    expect(page.get_by_role("heading", name="Expenses")).to_be_visible()
    crumbs.get_by_role("link", name="Home").click()

    page.wait_for_url("**/")
