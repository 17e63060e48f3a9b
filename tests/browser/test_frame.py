"""The frame of pages: theme and breadcrumbs."""

from playwright.sync_api import Page, expect

from tests.integration.people import Person


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_a_chosen_theme_overrides_the_system(windows):
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
    assert background(page) == light  # the system theme again


def test_without_scripts_the_theme_follows_the_system(windows):
    page = windows.open(theme="dark", javascript=False)
    page.goto("/login")
    dark = background(page)
    page.emulate_media(color_scheme="light")

    assert background(page) != dark
    expect(page.get_by_role("button", name="Theme")).to_have_count(0)


def test_the_breadcrumbs_link_back(windows, stack):
    person = Person(stack)
    person.post("expenses", category="Fun", amount="5.00")
    page = windows.open(person)
    page.goto("/expenses")
    page.get_by_role("link", name="Fun").click()
    crumbs = page.get_by_role("navigation", name="Breadcrumbs")

    crumbs.get_by_role("link", name="Expenses").click()
    expect(page.get_by_role("heading", name="Expenses")).to_be_visible()
    page.go_back()
    crumbs.get_by_role("link", name="Dashboard").click()

    page.wait_for_url("**/")
