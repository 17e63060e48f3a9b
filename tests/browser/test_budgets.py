"""Budgets that repeat in any way, as they are set on a phone."""

import datetime

import pytest
from playwright.sync_api import expect

from tests.browser.windows import flaws
from tests.integration.people import Person


@pytest.fixture
def friday() -> datetime.date:
    """Return the last Friday."""
    today = datetime.datetime.now(datetime.UTC).date()
    return today - datetime.timedelta(days=(today.weekday() - 4) % 7)


@pytest.mark.parametrize("javascript", [False, True])
def test_a_budget_for_two_weeks_that_keeps_what_is_left(
    windows, stack, friday, javascript
):
    person = Person(stack)
    page = windows.open(person, width=360, javascript=javascript)
    page.goto("/budgets/add")
    page.get_by_label("Category").fill("Clothes")
    page.get_by_label("Amount").fill("300")
    page.get_by_label("How often").select_option("Every two weeks")
    page.get_by_label("Starting on").fill(friday.isoformat())
    page.get_by_label("Keep what's left", exact=True).check()
    page.get_by_label("Up to (USD, optional)").fill("200")
    if not javascript:
        page.get_by_role("button", name="Check").click()

    expect(page.locator("#periods")).to_contain_text(
        "Every two weeks from Friday; now "
    )
    if javascript:
        assert flaws(page) == []
    assert person.get("budgets")["results"] == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Clothes")).to_be_visible()
    (budget,) = person.get("budgets")["results"]
    assert (budget["period"], budget["anchor"]) == ("biweekly", friday.isoformat())
    assert budget["start"] == friday.isoformat()
    assert budget["rollover"] == {"mode": "surplus", "cap": "200.00"}


def test_fields_that_do_not_apply_are_hidden(windows, stack):
    page = windows.open(Person(stack), width=360, javascript=False)
    page.goto("/budgets/add")
    fields = [
        page.get_by_label(label)
        for label in ("Starting on", "First day of the month", "Up to")
    ]

    for field in fields:
        expect(field).to_be_hidden()
    page.get_by_label("How often").select_option("Twice a month")
    expect(fields[1]).to_be_visible()
    page.get_by_label("Take overspending from the next period", exact=True).check()
    expect(fields[2]).to_be_visible()
    expect(fields[0]).to_be_hidden()
