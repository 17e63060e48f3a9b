"""Keyboard shortcuts, and the dialog that lists them."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.windows import flaws
from tests.integration.people import Person


@pytest.fixture(scope="module")
def person(stack) -> Person:
    """Return a user with three expenses; tests must not change them."""
    person = Person(stack)
    for number, category in enumerate(("Fun", "Rent", "Food")):
        person.post("expenses", category=category, amount=f"{number + 1}.00")
    return person


def row(page: Page, number: int):
    return page.locator("#result_list tbody tr").nth(number)


def test_keys_move_between_rows_select_and_open_them(windows, person):
    page = windows.open(person)
    page.goto("/expenses")

    page.keyboard.press("j")
    expect(row(page, 0).get_by_role("link").first).to_be_focused()
    page.keyboard.press("k")
    expect(row(page, 0).get_by_role("link").first).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(row(page, 1).get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(row(page, 2).get_by_role("link").first).to_be_focused()
    category = row(page, 2).locator(".category").inner_text()
    page.keyboard.press("Enter")

    expect(page.get_by_label("Category", exact=True)).to_have_value(category)


def test_n_adds_an_expense_and_slash_searches_from_every_page(windows, person):
    page = windows.open(person)

    page.goto("/budgets")
    page.keyboard.press("/")
    page.wait_for_url("**/expenses#id_q")
    expect(page.get_by_label("Search")).to_be_focused()
    page.goto("/expenses")
    page.keyboard.press("/")
    page.keyboard.type("nj?x")

    expect(page.get_by_label("Search")).to_have_value("nj?x")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.goto("/reports")
    page.keyboard.press("n")
    page.wait_for_url("**/expenses/add")


def test_keys_with_a_modifier_are_the_browsers(windows, person):
    page = windows.open(person)
    page.goto("/expenses")

    for keys in ("Control+j", "Alt+j", "Meta+j"):
        page.keyboard.press(keys)

    expect(row(page, 0).get_by_role("link").first).not_to_be_focused()


def test_the_dialog_lists_the_keys_and_turns_them_off(windows, person):
    page = windows.open(person)
    page.goto("/expenses")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")

    page.keyboard.press("?")
    expect(dialog).to_contain_text(re.compile("Next or previous row"))
    page.keyboard.press("j")
    expect(row(page, 0).get_by_role("link").first).not_to_be_focused()
    assert flaws(page) == []
    dialog.get_by_label("Use keyboard shortcuts").uncheck()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    expect(row(page, 0).get_by_role("link").first).not_to_be_focused()

    page.reload()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(dialog.get_by_label("Use keyboard shortcuts")).not_to_be_checked()
    dialog.get_by_label("Use keyboard shortcuts").check()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(dialog).to_be_visible()


def test_one_link_skips_to_the_list(windows, person):
    page = windows.open(person)
    page.goto("/expenses")

    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the list")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.get_by_role("checkbox", name="Select all")).to_be_focused()


def test_without_scripts_no_shortcuts_are_offered(windows, person):
    page = windows.open(person, javascript=False)
    page.goto("/expenses")

    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_hidden()
