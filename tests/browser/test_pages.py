"""Every page in every state: not too wide, no findings of axe, no errors."""

import re
import time
import uuid
from pathlib import Path

import pyotp
import pytest
import requests
from playwright.sync_api import expect

from tests.browser.seeds import LONG_WORD
from tests.browser.windows import Windows, flaws
from tests.integration.people import PASSWORD, Person

PUBLIC = [
    "/login",
    "/register",
    "/help",
    "/privacy",
    "/no-such-page",
    "/api/docs/errors",
]
PRIVATE = [
    "/",
    "/?month=2020-01",
    "/trend",
    "/expenses",
    "/expenses?category=nothing-of-that-kind",
    "/expenses/add",
    "/expenses/categories",
    "/expenses/categories/rename?from=Groceries",
    "/expenses/merchants",
    "/expenses/import",
    "/expenses/import/rules",
    "/expenses/import/accounts",
    "/expenses/trash",
    "/expenses/trash/empty",
    "/expenses/merchants/rename?from=Corner+shop",
    "/budgets",
    "/budgets/add",
    "/notifications",
    "/reports",
    "/accounts/profile",
    "/accounts/calendar",
    "/accounts/email",
    "/accounts/password",
    "/accounts/factors",
    "/accounts/factors/totp",
    "/accounts/factors/totp/remove",
    "/accounts/sessions",
    "/accounts/tokens",
    "/accounts/export",
    "/accounts/delete",
]
# Pages linked from a list: the first link of each kind, then the next one's.
BEHIND = [
    ("/expenses?kind=expense", ("edit", "refund")),
    ("/expenses?kind=refund", ("edit",)),
    ("/budgets", ("edit", "delete")),
    ("/reports", ("delete",)),
    ("/notifications", ("notifications/",)),
]
# Forms with an error on each field that can have one.
WRONG = [
    ("/expenses/add", "Save"),
    ("/budgets/add", "Save"),
    ("/accounts/email", "Change e-mail address"),
    ("/accounts/password", "Change password"),
    ("/accounts/tokens", "Create token"),
    ("/accounts/delete", "Delete my account"),
]


@pytest.fixture(scope="module")
def newcomer(stack):
    """Return a user without data. Tests must not change it."""
    return Person(stack)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_page_is_flawless(window_of, address):
    page = window_of(None)
    page.goto(address)

    assert flaws(page) == []


@pytest.mark.parametrize("address", PRIVATE)
def test_a_page_full_of_long_words_and_large_sums_is_flawless(window_of, rich, address):
    page = window_of(rich)
    page.goto(address)

    assert page.url.endswith(address)
    assert flaws(page) == []


@pytest.mark.parametrize(("address", "links"), BEHIND)
def test_pages_linked_from_a_list_are_flawless(window_of, rich, address, links):
    page = window_of(rich)
    page.goto(address)
    for link in links:
        page.locator(f"main a[href*='/{link}'][href*='next=']").first.click()
        page.wait_for_url(re.compile(f"/{link}.*next="))

        assert flaws(page) == []


@pytest.mark.parametrize(("address", "button"), WRONG)
def test_a_form_with_errors_is_flawless(window_of, rich, address, button):
    page = window_of(rich)
    page.goto(address)
    page.get_by_role("button", name=button).click()
    page.locator(".form-row.errors").first.wait_for()

    assert flaws(page) == []


def test_the_preview_of_a_calendar_is_flawless(window_of, rich):
    page = window_of(rich)
    page.goto("/accounts/calendar")
    page.get_by_label("My week begins on").select_option("Sunday")
    page.get_by_label("My month begins on the").select_option("25th")
    page.get_by_label("On weekends").select_option("or the Friday before a weekend")
    page.get_by_label("My year begins in").select_option("April")
    page.get_by_role("button", name="Check").click()
    page.get_by_text("From then on, weeks begin on Sunday.").wait_for()

    assert flaws(page) == []


def test_the_question_about_conflicting_budgets_is_flawless(window_of, rich):
    page = window_of(rich)
    page.goto("/expenses/categories")
    for name in (LONG_WORD, "Fun"):
        page.get_by_label(f"Select {name}", exact=True).check()
    page.get_by_role("button", name="Merge").click()
    page.get_by_label("New name").fill("One name")
    page.get_by_role("button", name="Rename").click()
    page.locator(".form-row.errors").first.wait_for()

    assert flaws(page) == []


@pytest.mark.parametrize("javascript", [True, False])
def test_a_new_api_token_is_shown_once_on_a_flawless_page(windows, stack, javascript):
    page = windows.open(Person(stack), width=360, javascript=javascript)
    page.goto("/accounts/tokens")
    page.get_by_label("Name").fill("Import from my bank")
    page.get_by_label("Add, edit and delete expenses").check()
    page.get_by_label("Expires after").select_option("1 week")
    page.get_by_role("button", name="Create token").click()

    token_box = page.get_by_role("region", name="Your new token: Import from my bank")
    secret = token_box.locator("code").inner_text()
    answer = requests.get(
        f"{stack.web_url}/api/expenses",
        headers={"Authorization": f"Bearer {secret}"},
        timeout=30,
    )
    assert answer.json()["results"] == []
    if javascript:
        assert flaws(page) == []

    page.goto("/accounts/tokens")
    expect(page.get_by_text("read, write")).to_be_visible()
    expect(page.get_by_text(secret)).to_have_count(0)
    page.get_by_role("button", name="Revoke Import from my bank").click()
    expect(page.get_by_text("You have no API tokens.")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_two_factor_login_is_set_up_and_used_on_flawless_pages(
    windows, stack, javascript
):
    def check(page):
        if javascript:
            assert flaws(page) == []

    person = Person(stack)
    page = windows.open(person, width=360, javascript=javascript)
    page.goto("/accounts/profile")
    page.get_by_role("link", name="Two-factor login").click()
    page.get_by_role("link", name="Set up").click()
    page.get_by_role("button", name="Continue").click()
    check(page)
    app = pyotp.TOTP(page.locator("code.secret").inner_text())
    codes = page.locator(".codes code").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as text").click()
    assert codes[9] in Path(download.value.path()).read_text()
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("Fill in this field.").first).to_be_visible()
    check(page)
    page.get_by_label("I saved my recovery codes.").check()
    now = time.time()  # the checks above may take longer than a code is valid
    page.get_by_label("Code", exact=True).fill(app.at(now - app.interval))
    page.get_by_label("Next code").fill(app.at(now))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("Two-factor login is on.")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Create new codes").click()
    page.get_by_role("button", name="Create codes").click()
    expect(page.locator(".codes code").first).not_to_have_text(codes[0])
    check(page)

    page = windows.open(width=360, javascript=javascript)
    page.goto("/login")
    page.get_by_label("Username or e-mail").fill(person.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("Use a recovery code")).to_be_visible()
    check(page)
    page.get_by_label("Code from your authenticator app").fill(
        app.at(max(time.time(), now + app.interval))  # not the code used above
    )
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(f"{stack.web_url}/")


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/expenses",
        "/expenses/categories",
        "/budgets",
        "/notifications",
        "/accounts/tokens",
    ],
)
def test_an_empty_page_is_flawless(window_of, newcomer, address):
    page = window_of(newcomer)
    page.goto(address)

    assert flaws(page) == []


def test_the_staff_page_is_flawless(windows, stack):
    grace = Person(stack)
    grace.become_staff()
    failed = {
        "notification_id": uuid.uuid4().hex,
        "user_id": grace.user_id,
        "type": "email_changed",
        "status": "failed",
        "updated_at": "2026-03-18T12:00:00.000000+00:00",
        "error": "The e-mail service rejected it (FilterPolicyLimitExceededException).",
        "unsent_shard": "failed#0",
        "unsent_since": "2026-03-18T12:00:00.000000+00:00",
    }
    stack.admin_session().client("dynamodb").put_item(
        TableName="notifications",
        Item={name: {"S": value} for name, value in failed.items()},
    )
    page = windows.open(grace)
    page.goto("/admin/notifications")

    assert flaws(page) == []
    expect(page.get_by_text(failed["error"])).to_be_visible()


def test_the_other_staff_pages_are_flawless(windows, stack):
    grace, bob = Person(stack), Person(stack)
    grace.become_staff()
    page = windows.open(grace)
    page.goto("/admin")
    expect(page.get_by_text("All systems operational")).to_be_visible()
    assert flaws(page) == []

    page.get_by_role("link", name="Users").click()
    assert flaws(page) == []
    page.get_by_label("Username, e-mail address or user id").fill(bob.email)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("heading", name=bob.name).wait_for()
    assert flaws(page) == []

    page.get_by_role("button", name="Lock").click()
    page.locator(".form-row.errors").first.wait_for()
    assert flaws(page) == []
    page.get_by_label("Reason").fill("Grundlos" * 25)
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_text("logged out everywhere")).to_be_visible()
    page.reload()
    assert flaws(page) == []


WIDE_IN_A_BOX = (
    "<p tabindex='0' style='overflow: auto'><b style='padding: 999px'>cut</b></p>"
)

ONLY_BETWEEN = (
    "<style>.a { display: none } @media (width: 768px) { .a { display: block } }"
    "</style><input class='a'>"
)
SMALL_BETWEEN = (
    "<style>button { width: 48px; height: 48px }"
    " @media (width: 768px) { button { width: 9px; padding: 0 } }</style>"
    "<div><button>x</button><button>x</button></div>"
)


@pytest.mark.parametrize(
    ("theme", "body", "flaw"),
    [
        ("light", "<div style='width: 3000px'>wide</div>", "px too wide"),
        ("light", "<input>", "label"),
        ("light", "<p style='color: #eee; background: #fff'>pale</p>", "contrast"),
        ("dark", "<p class='pale'>pale</p>", "contrast"),
        ("light", WIDE_IN_A_BOX, "cut"),
        ("light", ONLY_BETWEEN, "label"),
        ("light", SMALL_BETWEEN, "target-size"),
        (
            "light",
            2 * "<button style='width: 9px; padding: 0'>x</button>",
            "target-size",
        ),
    ],
)
def test_a_flaw_is_found(windows, theme, body, flaw):
    page = windows.open()
    page.set_content(
        "<html lang='en'><title>Flawed</title>"
        f"<style>@media (prefers-color-scheme: {theme}) {{"
        " .pale { color: #eee; background: #fff } }</style>"
        f"<main><h1>Flawed</h1>{body}</main>"
    )

    reported = flaws(page)

    assert reported
    assert all(flaw in text for text in reported)


def test_problems_in_a_window_are_recorded(browser, stack):
    windows = Windows(browser, stack)
    page = windows.open()
    page.goto("/login")

    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.evaluate("document.body.append(Object.assign(new Image, {src: '/nothing'}))")
    page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    page.wait_for_load_state("networkidle")
    windows.close()

    messages = " ".join(windows.problems)
    assert "Content Security Policy" in messages
    assert "404 for" in messages
    assert "thrown" in messages
