"""Passkeys in Chromium, with its virtual authenticator."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.windows import flaws
from tests.integration.people import PASSWORD, Person

FACTORS = "/accounts/factors"


@pytest.fixture
def person(stack) -> Person:
    return Person(stack)


def give_authenticator(page: Page, *, is_user_verified: bool = True) -> str:
    """Attach an authenticator that verifies its user and keeps passkeys."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": is_user_verified,
        "automaticPresenceSimulation": True,
    }
    added = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return added["authenticatorId"]


def add_passkey(page: Page, name: str) -> None:
    page.goto(FACTORS)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create passkey").click()


def log_out(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/login")


def test_a_passkey_is_added_logs_in_confirms_a_login_and_is_removed(windows, person):
    page = windows.open(person)
    give_authenticator(page)

    add_passkey(page, "Laptop")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I saved them").click()
    expect(page.get_by_role("row").filter(has_text="Laptop")).to_contain_text("Never")

    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url("**/")
    page.goto(FACTORS)
    row = page.get_by_role("row").filter(has_text="Laptop")
    expect(row).not_to_contain_text("Never")

    log_out(page)
    page.get_by_label("Username or e-mail").fill(person.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/")

    page.goto("/accounts/confirm?next=/accounts/factors")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"**{FACTORS}")

    page.get_by_role("link", name="Remove Laptop").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Passkey removed.")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(0)

    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_text("Your passkey wasn't accepted.")).to_be_visible()


def test_a_device_has_one_passkey_of_an_account(windows, person):
    page = windows.open(person)
    give_authenticator(page)
    add_passkey(page, "Laptop")
    page.get_by_role("link", name="I saved them").click()

    add_passkey(page, "Again")

    expect(page.get_by_role("alert")).to_have_text(
        "This device already has a passkey for your account."
    )


def test_a_browser_without_a_passkey_says_so_and_the_password_works(windows, person):
    page = windows.open()
    give_authenticator(page, is_user_verified=False)
    page.goto("/login")

    page.get_by_role("button", name="Log in with a passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("That didn't work.")
    page.get_by_label("Username or e-mail").fill(person.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/")


def test_without_scripts_no_button_of_passkeys_is_offered(windows):
    page = windows.open(javascript=False)
    page.goto("/login")

    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="passkey")).to_have_count(0)


def test_the_pages_of_passkeys_fit_and_are_accessible(windows, person):
    page = windows.open(person)
    give_authenticator(page)
    add_passkey(page, "A passkey with a long name on my work laptop")
    page.get_by_role("link", name="I saved them").click()

    for path in (FACTORS, f"{FACTORS}/passkeys/add", "/accounts/confirm"):
        page.goto(path)
        assert flaws(page) == [], path
