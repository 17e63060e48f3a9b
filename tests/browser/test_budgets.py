"""Budgets that repeat in any way, as they are set on a phone."""

import datetime

import pytest
from playwright.sync_api import expect

from tests.browser.seeds import HUGE, LONG_WORD
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
    page.get_by_label("Category", exact=True).fill("Clothes")
    page.get_by_label("Amount (").fill("300")
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


@pytest.fixture
def months_ago(stack) -> Person:
    """Return a user with a budget of two months ago: long words, large sums."""
    person = Person(stack)
    today = datetime.datetime.now(datetime.UTC).date()
    last = today.replace(day=1) - datetime.timedelta(days=1)
    before = last.replace(day=1) - datetime.timedelta(days=1)
    budget = person.post(
        "budgets",
        categories=[LONG_WORD, "W" * 50],
        amount=HUGE,
        alert_thresholds=[50, 80, 100],
        rollover={"mode": "both"},
        note="N" * 200,
    )
    for day in (before, before, last):
        person.post("expenses", category=LONG_WORD, amount=HUGE, date=f"{day}")
    begun = {"S": f"{before.replace(day=1)}"}
    days = {"S": f"{before.replace(day=1)}/{before}"}
    stack.admin_session().client("dynamodb").update_item(
        TableName="budgets",
        Key={"budget_id": {"S": budget["budget_id"]}},
        UpdateExpression=(
            "SET period_start = :b, results_since = :b, current_period = :d"
        ),
        ExpressionAttributeValues={":b": begun, ":d": days},
    )
    person.patch(f"budgets/{budget['budget_id']}", note="n" * 200)
    return person


def test_pages_of_a_budget_with_finished_periods_are_flawless(windows, months_ago):
    page = windows.open(months_ago)
    page.goto("/budgets")
    assert flaws(page) == []
    page.locator(".history-link").click()
    expect(page.locator(".history-table tbody tr")).to_have_count(2)
    assert flaws(page) == []
    page.get_by_role("link", name="Edit").click()
    assert flaws(page) == []


def test_a_budget_is_paused_and_resumed_without_javascript(windows, stack):
    person = Person(stack)
    budget = person.post("budgets", category="Fun", amount="5.00")
    page = windows.open(person, width=360, javascript=False)
    page.goto(f"/budgets/{budget['budget_id']}")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Budget paused: Fun.")).to_be_visible()
    page.goto("/budgets")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Budget resumed: Fun.")).to_be_visible()
    assert not person.get(f"budgets/{budget['budget_id']}")["paused"]
