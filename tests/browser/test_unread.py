"""The number of unread notifications: right for people who look, rarely asked for."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.integration.people import Person
from tests.stack import wait_until

ADDRESS = "/api/notifications/unread"
MINUTES = 60
EVERY = 10  # minutes between two requests of a page in use


@pytest.fixture
def person(stack):
    """Return a user whose next expense of 2.00 sends an alert."""
    user = Person(stack)
    user.post("budgets", category="Fun", amount="1.00")
    return user


@pytest.fixture
def page(windows, person):
    """Return a window with a clock that the test moves."""
    opened = windows.open(person)
    opened.clock.install()
    return opened


def counting(page: Page) -> list[str]:
    """Return the list that gets each request for the number."""
    requests: list[str] = []
    page.on(
        "request",
        lambda request: (
            requests.append(request.url) if ADDRESS in request.url else None
        ),
    )
    return requests


def stamp(page: Page) -> str:
    """Return the value of the cookie, with the time of the last request."""
    match = re.search(r"unread=([^;]*)", page.evaluate("document.cookie"))
    return match[1] if match else ""


def open_page(page: Page, address: str) -> None:
    """Open a page and wait until its number is known."""
    page.goto(address)
    wait_until(lambda: stamp(page))


def set_hidden(page: Page, hidden: bool) -> None:
    """Make a tab hidden or visible, which headless Chromium's tabs always are."""
    page.evaluate(
        """hidden => {
          const now = {value: hidden, configurable: true};
          Object.defineProperty(document, "hidden", now);
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def badge(page: Page):
    return page.locator(".unread")


def test_an_untouched_tab_asks_once(page):
    requests = counting(page)
    open_page(page, "/")

    page.clock.run_for("01:00:00")

    assert len(requests) == 1


def test_a_hidden_tab_asks_on_return_and_shows_a_new_alert(page, person):
    requests = counting(page)
    open_page(page, "/")
    set_hidden(page, True)
    person.post("expenses", category="Fun", amount="2.00")

    page.clock.run_for("01:00:00")
    page.keyboard.press("Shift")
    assert len(requests) == 1
    expect(badge(page)).to_be_hidden()
    set_hidden(page, False)

    expect(badge(page)).to_have_text("1 unread")
    assert len(requests) == 2


def test_a_tab_in_use_asks_every_ten_minutes(page, person):
    requests = counting(page)
    open_page(page, "/")
    person.post("expenses", category="Fun", amount="2.00")

    for minute in range(1, MINUTES + 1):
        before = stamp(page)
        page.clock.fast_forward("01:00")
        page.keyboard.press("Shift")
        if minute % EVERY == 0:
            wait_until(lambda before=before: stamp(page) != before)

    assert len(requests) == 1 + MINUTES // EVERY
    expect(badge(page)).to_have_text("1 unread")


def test_pages_of_one_visit_and_other_tabs_share_the_number(page, person):
    person.post("expenses", category="Fun", amount="2.00")
    requests = counting(page)
    open_page(page, "/")
    other = page.context.new_page()
    others = counting(other)

    for address in ("/expenses", "/budgets", "/reports"):
        page.goto(address)
        expect(badge(page)).to_have_text("1 unread")
    other.goto("/expenses")
    expect(badge(other)).to_have_text("1 unread")

    assert (len(requests), len(others)) == (1, 0)


def test_what_the_user_does_is_shown_at_once(page):
    open_page(page, "/expenses/add")
    page.get_by_label("Amount (").fill("2")
    page.get_by_label("Category", exact=True).fill("Fun")
    page.get_by_role("button", name="Save").click()

    expect(badge(page)).to_have_text("1 unread")
    page.goto("/notifications")
    page.get_by_role("button", name="Mark as read").first.click()
    expect(badge(page)).to_be_hidden()


def test_without_scripts_nothing_is_asked_for(windows, person):
    page = windows.open(person, javascript=False)
    requests = counting(page)

    page.goto("/")

    expect(badge(page)).to_be_hidden()
    assert requests == []
