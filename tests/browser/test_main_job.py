"""The main use cases in a browser: with and without scripts, by mouse and keyboard."""

import datetime
import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.windows import WAIT_SECONDS, flaws
from tests.expenses.receipts.pictures import PDF, picture
from tests.integration.people import PASSWORD, Person
from tests.stack import wait_until

WITH_AND_WITHOUT_SCRIPTS = pytest.mark.parametrize("javascript", [True, False])


def register(page: Page) -> str:
    """Create an account; return its e-mail address."""
    name = f"p{uuid.uuid4().hex[:12]}"
    page.goto("/")
    page.get_by_role("link", name="Create account").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("button", name="Account menu")).to_be_visible()
    return f"{name}@example.com"


def set_budget(page: Page, category: str, amount: str) -> None:
    page.goto("/budgets/add")
    page.get_by_label("Category", exact=True).fill(category)
    page.get_by_label("Amount (").fill(amount)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=category)).to_be_visible()


def add_expense(page: Page, category: str, amount: str) -> None:
    page.goto("/expenses/add")
    page.get_by_label("Amount (").fill(amount)
    page.get_by_label("Category", exact=True).fill(category)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/expenses")


def choose(page: Page, name: str, kind: str, content: bytes) -> None:
    """Choose a receipt with the file picker."""
    page.get_by_label("Receipt (optional)").set_input_files(
        {"name": name, "mimeType": kind, "buffer": content}
    )


def open_mail(page: Page, stack, email: str, subject: str) -> None:
    """Open the mailbox once it has a mail."""
    wait_until(
        lambda: any(subject in message["subject"] for message in stack.messages(email)),
        WAIT_SECONDS,
    )
    page.goto(stack.mailbox_url)


def mail(page: Page, email: str, subject: str):
    return page.get_by_role("article").filter(has_text=email).filter(has_text=subject)


@WITH_AND_WITHOUT_SCRIPTS
def test_from_registration_to_the_mailbox(windows, stack, javascript):
    page = windows.open(width=360, javascript=javascript)
    email = register(page)
    set_budget(page, "Groceries", "100")

    page.get_by_role("link", name="Notifications").click()
    page.get_by_role("link", name="E-mail settings").click()
    page.get_by_role("button", name="Turn on e-mail alerts").click()
    expect(page.get_by_text("AWS Notifications")).to_be_visible()
    open_mail(page, stack, email, "Confirmation")
    confirmation = mail(page, email, "Subscription Confirmation")
    confirmation.get_by_role("link", name="Confirm subscription").click()
    expect(page.get_by_role("heading", name="Subscription confirmed")).to_be_visible()

    add_expense(page, "groceries", "100.01")
    expect(page.get_by_role("status").first).to_contain_text("Added")
    page.get_by_role("link", name="Dashboard").click()
    expect(page.get_by_text("Over budget")).to_be_visible()
    page.get_by_role("link", name="Notifications").click()
    expect(page.get_by_text("E-mail alerts")).to_have_count(0)
    expect(page.get_by_role("listitem").filter(has_text="Over budget")).to_be_visible()
    open_mail(page, stack, email, "Over budget")
    expect(mail(page, email, "Over budget")).to_be_visible()
    if javascript:
        assert flaws(page) == []


@WITH_AND_WITHOUT_SCRIPTS
@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("Zoë's bill.pdf", "application/pdf", PDF),
        ("photo.jpg", "image/jpeg", picture()),
    ],
)
def test_a_receipt_is_uploaded_and_downloaded(
    windows, stack, javascript, name, kind, content
):
    page = windows.open(Person(stack), javascript=javascript)
    page.goto("/expenses/add")
    page.get_by_label("Amount (").fill("4")
    page.get_by_label("Category", exact=True).fill("Fun")
    choose(page, name, kind, content)

    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/expenses")
    link = page.get_by_role("row").filter(has_text="Fun").locator(".receipt a")
    if kind == "image/jpeg":
        drawn = link.get_by_role("img")
        expect(drawn).to_be_visible()
        if javascript:
            wait_until(lambda: drawn.evaluate("image => image.naturalWidth") > 0)
    with page.expect_download() as download:
        link.click()

    assert download.value.path().stat().st_size > 0
    assert download.value.suggested_filename.endswith(name[-4:])


@WITH_AND_WITHOUT_SCRIPTS
def test_a_rejected_receipt_says_why_and_the_next_is_accepted(
    windows, stack, javascript
):
    page = windows.open(Person(stack), javascript=javascript)
    page.goto("/expenses/add")
    page.get_by_label("Amount (").fill("4")
    page.get_by_label("Category", exact=True).fill("Fun")
    choose(page, "bill.pdf", "application/pdf", b"not a PDF")
    page.get_by_role("button", name="Save").click()

    expect(page.locator(".form-row.errors").get_by_role("list")).to_contain_text("PDF")
    expect(page.get_by_label("Category", exact=True)).to_have_value("Fun")
    choose(page, "bill.pdf", "application/pdf", PDF)
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("link", name="receipt for Fun")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    if javascript:  # the script submits the form
        assert windows.problems == [f"400 for {stack.web_url}/expenses/add"]
        windows.problems.clear()


def test_a_dropped_receipt_is_accepted(windows, stack):
    page = windows.open(Person(stack))
    page.goto("/expenses/add")
    page.get_by_label("Amount (").fill("4")
    page.get_by_label("Category", exact=True).fill("Fun")
    held = page.evaluate_handle(
        """text => {
          const held = new DataTransfer();
          held.items.add(new File([text], "bill.pdf", { type: "application/pdf" }));
          return held;
        }""",
        PDF.decode(),
    )

    page.get_by_label("Receipt (optional)").dispatch_event(
        "drop", {"dataTransfer": held}
    )
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/expenses")

    expect(page.get_by_role("link", name="receipt for Fun")).to_be_visible()


def test_several_dropped_receipts_are_rejected(windows, stack):
    page = windows.open(Person(stack))
    page.goto("/expenses/add")
    page.get_by_label("Amount (").fill("4")
    page.get_by_label("Category", exact=True).fill("Fun")
    two = page.evaluate_handle(
        """() => {
          const held = new DataTransfer();
          for (const name of ["a.pdf", "b.pdf"]) held.items.add(new File(["x"], name));
          return held;
        }"""
    )
    page.get_by_label("Receipt (optional)").dispatch_event(
        "drop", {"dataTransfer": two}
    )
    expect(page.get_by_role("alert")).to_contain_text("Choose a single file")

    choose(page, "bill.pdf", "application/pdf", PDF)
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/expenses")
    expect(page.get_by_role("link", name="receipt for Fun")).to_be_visible()


@WITH_AND_WITHOUT_SCRIPTS
def test_a_receipt_is_shown_replaced_and_removed(windows, stack, javascript):
    person = Person(stack)
    expense = person.post("expenses", category="Fun", amount="5.00")
    page = windows.open(person, width=360, javascript=javascript)

    def save() -> None:
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/expenses")

    edit = f"/expenses/{expense['expense_id']}/edit"
    page.goto(edit)
    choose(page, "till.jpg", "image/jpeg", picture())
    save()

    page.goto(edit)
    stored = page.locator(".receipt-file").first
    expect(stored).to_contain_text(re.compile(r"till\.jpg \d+\sbytes"))
    drawn = stored.locator("img")
    if javascript:
        wait_until(lambda: drawn.evaluate("image => image.naturalWidth") > 0)
        assert flaws(page) == []
    with page.expect_download() as download:
        stored.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "till.jpg"
    page.get_by_label("Replace receipt").set_input_files(
        {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    save()

    page.goto(edit)
    expect(stored).to_contain_text("bill.pdf")
    page.get_by_label("Remove receipt").check()
    save()

    page.goto(edit)
    expect(page.get_by_text("Receipt removed")).to_contain_text("bill.pdf")
    expect(page.get_by_label("Receipt (optional)")).to_be_visible()


def test_a_chosen_file_is_previewed_and_can_be_cleared(windows, stack):
    page = windows.open(Person(stack))
    page.goto("/expenses/add")
    place = page.locator("[data-chosen]")
    drawn = place.locator("canvas")

    choose(page, "till.jpg", "image/jpeg", picture(size=(300, 200)))
    expect(place).to_contain_text("till.jpg")
    expect(place).to_contain_text(re.compile(r"\d\.\d KB"))
    expect(drawn).to_be_visible()
    corner = "canvas => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[3]"
    assert drawn.evaluate(corner) == 255
    assert flaws(page) == []

    page.get_by_role("button", name="Clear").click()
    expect(place).to_be_hidden()
    expect(page.get_by_label("Receipt (optional)")).to_have_value("")

    choose(page, "bill.pdf", "application/pdf", PDF)
    expect(place).to_contain_text("bill.pdf")
    expect(drawn).to_be_hidden()

    choose(page, "huge.jpg", "image/jpeg", b"\xff" * (10 * 1024 * 1024 + 1))
    expect(page.get_by_role("alert")).to_contain_text("10 MB")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("alert")).to_be_hidden()


@WITH_AND_WITHOUT_SCRIPTS
def test_a_phone_takes_a_photo_in_two_taps(windows, stack, javascript):
    page = windows.open(Person(stack), width=360, touch=True, javascript=javascript)
    page.goto("/")

    menu = page.get_by_role("navigation", name="Main")
    menu.get_by_role("link", name="Add expense").tap()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Take a photo").tap()
    chooser.value.set_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    )
    page.get_by_label("Amount (").fill("4")
    page.get_by_label("Category", exact=True).fill("Fun")
    page.get_by_role("button", name="Save").tap()
    page.wait_for_url("**/expenses")

    expect(page.get_by_role("link", name="receipt for Fun")).to_be_visible()


def test_a_computer_offers_no_camera(windows, stack):
    page = windows.open(Person(stack))
    page.goto("/expenses/add")

    expect(page.get_by_label("Receipt (optional)")).to_be_visible()
    expect(page.get_by_text("Take a photo")).to_be_hidden()


@WITH_AND_WITHOUT_SCRIPTS
def test_an_expense_is_edited_filtered_and_deleted(windows, stack, javascript):
    person = Person(stack)
    for category in ("Fun", "Rent"):
        person.post("expenses", category=category, amount="5.00")
    page = windows.open(person, javascript=javascript)

    page.goto("/expenses")
    page.get_by_role("search").get_by_text("Filter", exact=True).click()
    page.get_by_role("search").get_by_label("Category", exact=True).fill("fun")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody").get_by_role("link", name="Fun").click()
    page.get_by_label("Amount (").fill("7.50")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="$7.50")).to_be_visible()
    page.get_by_role("link", name="Remove filter: Category: fun").click()
    page.locator("tbody").get_by_role("link", name="Rent").click()
    page.get_by_role("button", name="Delete").click()

    expect(page.get_by_role("cell", name="$7.50")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)


@WITH_AND_WITHOUT_SCRIPTS
def test_selected_expenses_are_changed_and_deleted_and_the_filter_is_kept(
    windows, stack, javascript
):
    person = Person(stack)
    for category in ("Fun", "Funfair", "Rent"):
        person.post("expenses", category=category, amount="5.00")
    page = windows.open(person, javascript=javascript)

    def act(action):
        for tick in page.get_by_role("checkbox", name="Select Fun").all():
            tick.check()
        page.get_by_role("button", name=action).click()

    page.goto("/expenses?q=fun")
    act("Mark as cleared")
    expect(page.get_by_text("Updated 2 expenses.")).to_be_visible()
    expect(page.get_by_role("cell", name="Cleared")).to_have_count(2)
    page.get_by_role("checkbox", name="Select Fun").first.check()
    page.get_by_role("combobox", name="New category").fill("Funny")
    act("Set category")
    expect(page.get_by_role("link", name="Funny")).to_have_count(2)
    act("Delete")
    page.get_by_role("button", name="Delete").click()

    expect(page.get_by_text("Deleted 2 expenses.")).to_be_visible()
    expect(page.get_by_label("Search")).to_have_value("fun")
    page.goto("/expenses")
    expect(page.locator("tbody").get_by_role("link", name="Rent")).to_be_visible()


@WITH_AND_WITHOUT_SCRIPTS
def test_a_report_is_generated_and_downloaded(windows, rich, javascript):
    page = windows.open(rich, javascript=javascript)
    page.goto("/reports")
    page.get_by_label("Type").select_option("yearly")

    with page.expect_download() as download:
        page.get_by_role("button", name="Create report").click()
        page.get_by_role("cell", name="Yearly report").first.wait_for()
        page.get_by_role("link", name="Yearly report").first.click()

    assert re.fullmatch(r"Smart Budget \d{4}\.pdf", download.value.suggested_filename)
    assert download.value.path().read_bytes().startswith(b"%PDF")


@WITH_AND_WITHOUT_SCRIPTS
def test_a_large_report_appears_once_it_is_created(windows, stack, javascript):
    person = Person(stack)
    row = {"category": "Groceries", "amount": "1.50"}
    person.post("expenses/bulk", expenses=[row] * 1000)
    page = windows.open(person, javascript=javascript)
    page.clock.install()
    page.goto("/reports")
    page.get_by_role("button", name="Create report").click()
    expect(page.get_by_text("so creating it takes a few minutes")).to_be_visible()

    wait_until(lambda: person.get("reports/queued")["results"][0]["download_url"])
    if javascript:
        page.clock.run_for(20_000)  # it checks by itself
        expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    else:
        page.get_by_role("link", name="Check again").click()

    month = f"{datetime.datetime.now(datetime.UTC):%B %Y}"
    with page.expect_download() as download:
        page.get_by_role("link", name=month).first.click()
    assert download.value.path().read_bytes().startswith(b"%PDF")


def test_the_first_expense_can_be_added_by_keyboard(windows, stack):
    page = windows.open(Person(stack))
    page.goto("/expenses/add")

    expect(page.get_by_label("Amount (")).to_be_focused()
    page.keyboard.type("12.50")
    page.keyboard.press("Tab")
    page.keyboard.type("Groceries")
    page.keyboard.press("Enter")

    page.wait_for_url("**/expenses")
    expect(page.get_by_role("cell", name="$12.50")).to_be_visible()


def test_the_skip_link_leads_past_the_menu(windows, stack):
    page = windows.open(Person(stack))
    page.goto("/budgets")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def test_after_logout_the_back_button_shows_nothing_private(windows, stack):
    person = Person(stack)
    person.post("expenses", category="Secret", amount="5.00")
    page = windows.open(person)
    page.goto("/expenses")
    expect(page.get_by_text("Secret").first).to_be_visible()
    page.get_by_role("button", name="Account menu").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login**")

    page.go_back()

    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert "Secret" not in page.content()
