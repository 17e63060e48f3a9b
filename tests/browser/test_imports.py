"""An import from the file to its undo, on a phone, with and without JavaScript."""

import datetime
import re

import pytest
from playwright.sync_api import expect

from tests.browser.seeds import HUGE, LONG_WORD
from tests.browser.windows import flaws
from tests.expenses.imports.formats.statements import camt_file, camt_statement
from tests.integration.people import Person
from tests.integration.test_main_job import today

DAY = datetime.date(2026, 3, 2)
HEADER = "Date,Description,Amount"


def statement(*rows, day=DAY):
    """Return a bank's file; rows are of a description and an amount."""
    lines = [
        f"{day + datetime.timedelta(number % 20)},{text},{amount}"
        for number, (text, amount) in enumerate(rows)
    ]
    content = "\n".join([HEADER, *lines, ""]).encode()
    return {"name": "bank.csv", "mimeType": "text/csv", "buffer": content}


def upload(page, file):
    page.get_by_label("File from your bank").set_input_files(file)
    page.get_by_role("button", name="Upload").click()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_file_is_imported_and_undone_on_a_phone(windows, stack, javascript):
    def check():
        if javascript:
            assert flaws(page) == []

    person = Person(stack)
    person.post("expenses", amount="4.50", category="Coffee", date=f"{DAY}")
    page = windows.open(person, width=360, javascript=javascript, touch=True)
    page.goto("/expenses")
    page.get_by_role("link", name="Import", exact=True).click()
    rows = [("CAFE XY 4711", "-4.50"), ("REWE SAGT DANKE", "-25.10"), ("ACME", "9.00")]

    upload(page, statement(*rows, ("REWE SAGT DANKE", "-8.00"), ("KIOSK", "-2.00")))

    expect(page.get_by_text("commas, decimal point, year first")).to_be_visible()
    page.get_by_label("Category of REWE SAGT DANKE").first.fill("Groceries")
    page.get_by_label("Import KIOSK").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Category of REWE SAGT DANKE").last).to_have_value(
        "Groceries"
    )
    check()
    for tab in ("Skipped", "Entered by you"):
        page.get_by_role("button", name=tab).click()
        check()
    page.get_by_role("button", name="Import 2 expenses, $33.10").click()

    expect(page.get_by_role("heading", name="Imported 2 expenses")).to_be_visible()
    check()
    page.get_by_role("link", name="Show expenses").click()
    expect(page.get_by_text("3 expenses, $37.60")).to_be_visible()

    page.goto("/expenses/import")
    check()
    page.get_by_role("link", name="Undo bank.csv").click()
    check()
    page.get_by_role("button", name="Undo import").click()
    expect(page.get_by_role("heading", name="Import undone")).to_be_visible()
    (coffee,) = person.get("expenses")["results"]
    assert (coffee["category"], coffee["status"]) == ("Coffee", "pending")


def test_what_is_typed_in_a_row_is_kept_and_enter_comes_back_to_it(windows, stack):
    page = windows.open(Person(stack))
    page.goto("/expenses/import")
    upload(page, statement(*((f"SHOP {n}", "-1.00") for n in range(20))))
    category = page.get_by_label("Category of SHOP 15")
    category.wait_for()
    page.wait_for_load_state()  # until then, the script does not see what is typed
    category.fill("Fun")
    page.on("dialog", lambda dialog: dialog.dismiss())

    with page.expect_event("dialog") as asked:
        page.get_by_role("link", name="Rules").click()
    assert asked.value.type == "beforeunload"
    expect(category).to_have_value("Fun")
    category.press("Enter")

    expect(page).to_have_url(re.compile("#row-17$"))
    expect(category).to_have_value("Fun")
    expect(category).to_be_in_viewport()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Import SHOP 15")).to_be_focused()
    page.get_by_role("link", name="Rules").click()
    expect(page.get_by_role("heading", name="Import rules")).to_be_visible()


def test_a_question_about_a_file_is_answered(windows, stack):
    page = windows.open(Person(stack), width=360)
    page.goto("/expenses/import")
    content = b"Date,Text,Amount\n01/02/2026,SHOP,-5.00\n02/02/2026,SHOP,-7.00\n"
    upload(page, {"name": "x.csv", "mimeType": "text/csv", "buffer": content})

    expect(page.get_by_text("What do these dates mean?")).to_be_visible()
    assert flaws(page) == []
    page.get_by_label("February 1, 2026").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("day first")).to_be_visible()

    page.get_by_role("link", name="Change").click()
    assert flaws(page) == []
    page.get_by_label("Account name").fill("Checking")
    page.get_by_role("button", name="Read again").click()
    expect(page.get_by_text("CSV file from Checking")).to_be_visible()
    page.get_by_role("button", name="Import 2 expenses, $12.00").click()
    expect(page.get_by_role("heading", name="Imported 2 expenses")).to_be_visible()


def test_a_long_import_continues_without_javascript(windows, stack):
    page = windows.open(Person(stack), width=360, javascript=False)
    page.goto("/expenses/import")
    upload(page, statement(*((f"SHOP {n % 9}", "-1.00") for n in range(1050))))
    page.get_by_role("button", name="Import 1,050 expenses, $1,050.00").click()

    expect(page.get_by_text("1,000 of 1,050 expenses")).to_be_visible()
    expect(page.get_by_role("heading", name="Imported 1,050 expenses")).to_be_visible()


def test_rows_with_long_words_and_large_sums_are_flawless(windows, stack):
    person = Person(stack)
    for number in range(5):
        names = ["Uncategorized", f"{number}{LONG_WORD}"[:50]]
        person.post("budgets", categories=names, amount="1.00")
    page = windows.open(person, width=360)
    page.goto("/expenses/import")
    rows = [(LONG_WORD, f"-{HUGE}"), ("W" * 300, f"-{HUGE}"), ("W" * 300, HUGE)]
    rows.append(("X" * 200, "twelve " + "Y" * 60))
    upload(page, statement(*rows, day=today()))

    expect(page.get_by_text("year first")).to_be_visible()
    page.get_by_text("5 budgets will be over their limits").click()
    expect(page.get_by_text(f"0{LONG_WORD[:40]}")).to_be_visible()
    assert flaws(page) == []
    for tab in ("Skipped", "Can't be imported"):
        page.get_by_role("button", name=tab).click()
        expect(page.get_by_role("button", name=tab)).to_have_attribute(
            "aria-current", "true"
        )
        assert flaws(page) == []


@pytest.mark.parametrize("javascript", [True, False])
def test_a_large_file_is_read_in_the_background(windows, stack, javascript):
    page = windows.open(Person(stack), width=360, javascript=javascript)
    page.goto("/expenses/import")
    rows = [(f"SHOP {n} {'x' * 450}", "-1.00") for n in range(5000)]
    upload(page, statement(*rows))

    expect(page.get_by_role("heading", name="Reading the file")).to_be_visible()
    button = page.get_by_role("button", name="Import 5,000 expenses")
    expect(button).to_be_visible()


def test_a_large_file_that_is_refused_says_why(windows, stack):
    page = windows.open(Person(stack), width=360)
    page.goto("/expenses/import")
    content = camt_file(camt_statement()).replace("</Stmt>", " " * 2_200_000)
    name = f"{LONG_WORD}.xml"
    upload(page, {"name": name, "mimeType": "text/xml", "buffer": content.encode()})

    expect(
        page.get_by_text("The file is damaged or incomplete at line 3.")
    ).to_be_visible()
    assert flaws(page) == []
    page.get_by_role("link", name="Discard").click()
    assert flaws(page) == []
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Nothing was imported.")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_one_click_makes_a_rule_on_a_phone(windows, stack, javascript):
    page = windows.open(Person(stack), width=360, javascript=javascript, touch=True)
    page.goto("/expenses/import")
    rows = [("REWE SAGT DANKE", "-25.10"), ("REWE SAGT DANKE", "-8.00")]
    upload(page, statement(*rows, ("KIOSK", "-2.00")))
    always = page.get_by_role("button", name="Always REWE SAGT DANKE")
    expect(page.get_by_label("Category of KIOSK")).to_be_visible()
    expect(always).to_have_count(0)  # shown with a category

    page.get_by_label("Category of REWE SAGT DANKE").first.fill("Groceries")
    always.click()

    expect(page.get_by_text("always gets the category Groceries.")).to_be_visible()
    expect(page.get_by_label("Category of REWE SAGT DANKE").last).to_have_value(
        "Groceries"
    )
    expect(always).to_have_count(0)
    if javascript:
        assert flaws(page) == []
    page.get_by_role("link", name="Edit").click()
    rule = page.get_by_role("cell", name="Text is “REWE SAGT DANKE”", exact=True)
    expect(rule).to_be_visible()
