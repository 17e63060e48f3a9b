"""Each job of a user, with at most as many clicks as it needs.

Clicks into a field count, too. Typing and keys don't.
"""

import datetime
import re
import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

from smartbudget.core.periods import period_of
from tests.browser.test_main_job import mail, open_mail
from tests.expenses.receipts.pictures import PDF
from tests.integration.people import PASSWORD, Person

TODAY = datetime.datetime.now(datetime.UTC).date()
MONTH = period_of("monthly", TODAY)
LAST_MONTH = period_of("monthly", MONTH.start - datetime.timedelta(days=1))
EARLIER = period_of("monthly", MONTH.start - datetime.timedelta(days=200))


class Hand:
    """Uses a page with a mouse and a keyboard, and counts the clicks."""

    def __init__(self, page: Page) -> None:
        self.clicks = 0
        self._page = page

    def click(self, target: Locator, **options: list[str]) -> None:
        target.click(**options)
        self.clicks += 1

    def fill(self, field: Locator, text: str) -> None:
        """Click into a field and type."""
        self.click(field)
        field.fill(text)

    def select(self, field: Locator, label: str) -> None:
        """Click into a select element and type what it shall show."""
        field.select_option(label=label)
        self.clicks += 1

    def type(self, field: Locator, text: str) -> None:
        """Type into the field that has the focus."""
        expect(field).to_be_focused()
        self._page.keyboard.type(text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)

    def open_settings(self) -> None:
        self.click(self._page.get_by_role("button", name="Account menu"))
        self.click(self._page.get_by_role("link", name="Settings"))


@pytest.fixture(scope="module")
def busy(stack) -> Person:
    """Return a user with expenses of this month, last month and an earlier one."""
    person = Person(stack)
    person.post("expenses", category="Dentist", amount="80.00", date=f"{EARLIER.start}")
    person.post("expenses", category="Rent", amount="5.00", date=f"{LAST_MONTH.start}")
    person.post("expenses", category="Groceries", amount="12.00")
    return person


def row(page: Page, text: str) -> Locator:
    return page.locator("#result_list tbody tr").filter(has_text=text)


def test_registering_takes_5_clicks(windows):
    page = windows.open()
    hand = Hand(page)
    name = f"p{uuid.uuid4().hex[:12]}"
    page.goto("/")

    hand.click(page.get_by_role("link", name="Create account"))
    hand.fill(page.get_by_label("Username"), name)
    hand.fill(page.get_by_label("E-mail"), f"{name}@example.com")
    hand.fill(page.get_by_label("Password"), PASSWORD)
    hand.press("Enter")

    expect(page.get_by_role("button", name="Account menu")).to_be_visible()
    assert hand.clicks <= 5


def test_the_first_budget_takes_3_clicks_and_the_first_expense_none(windows, stack):
    page = windows.open(Person(stack))
    hand = Hand(page)
    page.goto("/")

    hand.click(page.get_by_role("link", name="Set a budget"))
    hand.type(page.get_by_label("Category", exact=True), "Groceries")
    hand.fill(page.get_by_label("Amount ("), "300")
    hand.press("Enter")
    expect(page.get_by_role("heading", name="Groceries")).to_be_visible()
    assert hand.clicks <= 3

    page.goto("/")
    hand = Hand(page)
    hand.type(page.get_by_label("Amount ("), "12.50")
    hand.press("Tab")
    hand.type(page.get_by_role("combobox", name="Category"), "gro")
    hand.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Added $12.50 to Groceries.")
    assert hand.clicks == 0


def test_turning_on_alerts_takes_3_clicks_and_one_in_the_mail(windows, stack):
    person = Person(stack)
    person.post("budgets", category="Groceries", amount="10.00")
    page = windows.open(person)
    hand = Hand(page)
    page.goto("/")

    hand.click(page.get_by_role("link", name="Notifications"))
    hand.click(page.get_by_role("link", name="E-mail settings"))
    hand.click(page.get_by_role("button", name="Turn on e-mail alerts"))
    alerts = page.get_by_role("region", name="Alerts and e-mail")
    expect(alerts.get_by_text("Not confirmed yet")).to_be_visible()
    mails = page.context.new_page()
    open_mail(mails, stack, person.email, "Confirmation")
    confirmation = mail(mails, person.email, "Subscription Confirmation")
    hand.click(confirmation.get_by_role("link", name="Confirm subscription"))
    expect(mails.get_by_role("heading", name="Subscription confirmed")).to_be_visible()
    hand.press("n")
    hand.type(page.get_by_label("Amount ("), "20")
    hand.press("Tab")
    hand.type(page.get_by_label("Category", exact=True), "Groceries")
    hand.press("Enter")

    page.wait_for_url("**/expenses")
    open_mail(mails, stack, person.email, "Over budget")
    assert hand.clicks <= 4


def test_finding_an_expense_of_an_earlier_month_takes_2_clicks(windows, busy):
    page = windows.open(busy)
    hand = Hand(page)
    page.goto("/")

    hand.click(page.get_by_role("link", name=re.compile(f"^{EARLIER.start:%B} ")))
    hand.click(page.get_by_role("link", name=f"Expenses in {EARLIER.start:%B}"))

    expect(row(page, "Dentist")).to_be_visible()
    assert hand.clicks <= 2


def test_correcting_the_category_of_12_expenses_takes_4_clicks(windows, stack):
    person = Person(stack)
    listed = [
        {"category": category, "amount": "3.00", "description": "Corner shop"}
        for category in 12 * ["Rent"]
    ]
    person.post("expenses/bulk", expenses=[*listed, {"category": "Rent", "amount": 9}])
    page = windows.open(person)
    hand = Hand(page)
    page.goto("/")

    hand.click(page.get_by_role("link", name="Expenses", exact=True))
    page.wait_for_url("**/expenses")
    hand.press("/")
    hand.type(page.get_by_label("Search"), "corner")
    hand.press("Enter")
    ticks = page.locator("tbody").get_by_role("checkbox")
    expect(ticks).to_have_count(12)
    hand.click(ticks.first)
    hand.click(ticks.last, modifiers=["Shift"])
    hand.fill(page.get_by_role("combobox", name="New category"), "Groceries")
    hand.press("Enter")

    expect(page.get_by_text("Moved 12 expenses to Groceries.")).to_be_visible()
    expect(row(page, "Groceries")).to_have_count(12)
    assert hand.clicks <= 4


def test_attaching_a_receipt_takes_4_clicks(windows, stack):
    person = Person(stack)
    person.post("expenses", category="Fun", amount="5.00")
    page = windows.open(person)
    hand = Hand(page)
    page.goto("/expenses")

    hand.click(row(page, "Fun").get_by_role("link"))
    with page.expect_file_chooser() as chooser:
        hand.click(page.get_by_label("Receipt (optional)"))
    hand.clicks += 1  # on the file
    chooser.value.set_files(
        {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    hand.click(page.get_by_role("button", name="Save"))

    expect(page.get_by_role("link", name="Receipt for Fun")).to_be_visible()
    assert hand.clicks <= 4


def test_where_the_money_went_takes_1_click(windows, busy):
    page = windows.open(busy)
    hand = Hand(page)
    page.goto("/")

    section = page.get_by_role("region", name="Spending by category")
    hand.click(section.get_by_role("link", name="Groceries", exact=True))

    expect(row(page, "Groceries")).to_contain_text("$12.00")
    expect(row(page, "")).to_have_count(1)
    assert hand.clicks <= 1


def test_the_pdf_of_last_month_takes_3_clicks(windows, busy):
    page = windows.open(busy)
    hand = Hand(page)
    page.goto("/")

    hand.click(page.get_by_role("link", name="Reports"))
    hand.fill(page.get_by_label("Month"), f"{LAST_MONTH.start:%Y-%m}")
    hand.press("Enter")
    with page.expect_download() as download:
        report = page.get_by_role("link", name=f"{LAST_MONTH.start:%B %Y}")
        hand.click(report.first)

    name = f"Smart Budget {LAST_MONTH.start:%Y-%m}.pdf"
    assert download.value.suggested_filename == name
    assert hand.clicks <= 3


def test_switching_to_german_takes_4_clicks(windows, stack):
    page = windows.open(Person(stack))
    hand = Hand(page)
    page.goto("/")

    hand.open_settings()
    hand.select(page.get_by_label("Language"), "Deutsch")
    hand.click(page.get_by_role("button", name="Save"))

    expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()
    assert hand.clicks <= 4


def test_exporting_everything_takes_3_clicks(windows, busy):
    page = windows.open(busy)
    hand = Hand(page)
    page.goto("/")

    hand.open_settings()
    with page.expect_download() as download:
        hand.click(page.get_by_role("button", name="Download your data"))

    assert download.value.suggested_filename.endswith(".zip")
    assert download.value.path().stat().st_size > 0
    assert hand.clicks <= 3


def test_deleting_the_account_takes_5_clicks(windows, stack):
    person = Person(stack)
    page = windows.open(person)
    hand = Hand(page)
    page.goto("/")

    hand.open_settings()
    hand.click(page.get_by_role("link", name="Delete account"))
    hand.type(page.get_by_label("Your username"), person.name)
    hand.click(page.get_by_role("button", name="Delete my account"))

    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert hand.clicks <= 5


def test_deleting_an_expense_takes_2_clicks_and_undoing_it_1(windows, stack):
    person = Person(stack)
    person.post("expenses", category="Fun", amount="5.00")
    page = windows.open(person)
    page.goto("/expenses")
    hand = Hand(page)

    hand.click(row(page, "Fun").get_by_role("link"))
    hand.click(page.get_by_role("button", name="Delete"))

    expect(page.get_by_text("Deleted Fun, $5.00.")).to_be_visible()
    expect(page.get_by_text("No expenses yet.")).to_be_visible()
    assert hand.clicks <= 2

    hand.click(page.get_by_role("button", name="Undo"))

    expect(row(page, "Fun")).to_contain_text("$5.00")
    assert hand.clicks <= 3


def test_the_first_expense_of_the_list_is_one_key_away(windows, busy):
    page = windows.open(busy)
    hand = Hand(page)
    page.goto("/expenses")

    hand.press("j", "Enter")

    expect(page.get_by_label("Category", exact=True)).to_have_value("Groceries")
    assert hand.clicks == 0


def test_staff_find_and_lock_a_user_in_5_clicks(windows, stack):
    grace, bob = Person(stack), Person(stack)
    grace.become_staff()
    page = windows.open(grace)
    hand = Hand(page)
    page.goto("/")

    hand.click(page.get_by_role("button", name="Account menu"))
    hand.click(page.get_by_role("link", name="Staff"))
    hand.click(page.get_by_role("link", name="Users"))
    hand.type(page.get_by_label("Username, e-mail address or user id"), bob.email)
    hand.press("Enter")
    hand.fill(page.get_by_label("Reason"), "Sends spam")
    hand.click(page.get_by_role("button", name="Lock"))

    expect(page.get_by_text("logged out everywhere")).to_be_visible()
    assert hand.clicks <= 5
