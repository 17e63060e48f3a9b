"""A forgotten password in a browser, from the login page to the next login."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_main_job import register
from tests.browser.test_verification import link
from tests.browser.windows import flaws

NEW = "a longer sentence of mine"


@pytest.mark.parametrize("javascript", [True, False])
def test_a_forgotten_password_is_reset(windows, stack, javascript):
    page = windows.open(javascript=javascript)
    email = register(page)
    page.goto(link(stack, email, "verify"))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text(f"{email} is confirmed")).to_be_visible()
    elsewhere = windows.open(width=360, javascript=javascript)  # not logged in

    def require_flawless() -> None:
        if javascript:
            assert flaws(elsewhere) == []

    elsewhere.goto("/login")
    elsewhere.get_by_role("link", name="Forgot your password?").click()
    require_flawless()
    elsewhere.get_by_label("Username or e-mail").fill(email)
    elsewhere.get_by_role("button", name="Send link").click()
    expect(elsewhere.get_by_role("heading", name="Check your e-mail")).to_be_visible()
    require_flawless()

    path = link(stack, email, "reset")
    elsewhere.goto(path)
    require_flawless()
    assert path.rpartition("/")[2] not in elsewhere.url
    elsewhere.get_by_label("New password").fill(NEW)
    elsewhere.get_by_role("button", name="Change password").click()
    expect(elsewhere.get_by_role("status")).to_contain_text("Password changed.")
    elsewhere.get_by_label("Username or e-mail").fill(email)
    elsewhere.get_by_label("Password").fill(NEW)
    elsewhere.get_by_role("button", name="Log in", exact=True).click()
    expect(elsewhere.get_by_role("heading", level=1)).not_to_have_text("Log in")

    page.goto("/accounts/profile")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    elsewhere.goto(path)
    expect(elsewhere.get_by_text("already been used")).to_be_visible()
