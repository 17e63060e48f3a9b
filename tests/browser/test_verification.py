"""Links of account mails in a browser: confirm an address, undo its change."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.test_main_job import register
from tests.browser.windows import WAIT_SECONDS, flaws
from tests.stack import Stack, wait_until


def link(stack: Stack, email: str, kind: str) -> str:
    """Wait for a mail with a link of this kind, and return the path of the link."""
    pattern = re.compile(rf"/accounts/{kind}/[\w-]{{43}}")

    def newest() -> Any:
        found = pattern.findall(str(stack.messages(email, "mail")))
        return found and found[-1]

    path: str = wait_until(newest, WAIT_SECONDS)
    return path


@pytest.mark.parametrize("javascript", [True, False])
def test_an_address_is_confirmed_changed_and_restored(windows, stack, javascript):
    page = windows.open(javascript=javascript)
    email = register(page)
    elsewhere = windows.open(width=360, javascript=javascript)  # not logged in

    elsewhere.goto(link(stack, email, "verify"))
    if javascript:
        assert flaws(elsewhere) == []
    elsewhere.get_by_role("button", name="Confirm").click()
    expect(elsewhere.get_by_text(f"{email} is confirmed")).to_be_visible()

    page.goto("/accounts/email")
    page.get_by_label("New e-mail").fill(f"new.{email}")
    page.get_by_role("button", name="Change e-mail address").click()
    expect(page.get_by_role("button", name="Send the link again")).to_be_visible()
    elsewhere.goto(link(stack, f"new.{email}", "verify"))
    elsewhere.get_by_role("button", name="Confirm").click()
    expect(elsewhere.get_by_text("is confirmed")).to_be_visible()

    elsewhere.goto(link(stack, email, "undo-email"))
    if javascript:
        assert flaws(elsewhere) == []
    elsewhere.get_by_label("New password").fill("a much better password")
    elsewhere.get_by_role("button", name="Restore my address").click()
    expect(elsewhere.get_by_role("status")).to_contain_text(f"{email} again")

    page.goto("/accounts/profile")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
