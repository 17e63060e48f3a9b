"""The budgets that an import would take over their limits, before it is made."""

import datetime
import json
import random
from dataclasses import replace
from decimal import Decimal

import pytest

from budgets.lookup import SHAPES
from budgets.models import OVER, Budget
from budgets.queries import current_lines
from budgets.services import list_budgets
from budgets.tasks import recount_budget
from budgets.updates import RECOUNT_SECONDS
from expenses.bulk_create import record_expenses
from expenses.imports import profiles, services
from expenses.imports.preview import Choice
from profiles import export
from tests.builders import client_for, make_user
from tests.expenses.imports.builders import commit_all, upload
from tests.money_builders import (
    ALICE,
    BOB,
    TODAY,
    alerts,
    make_budget,
    make_budget_last_month,
    make_expense,
)
from tests.notifications.builders import make_account
from tests.sampling import SOAK

pytestmark = pytest.mark.usefixtures("aws", "clock")

AMOUNTS = [("Auto", 11), ("Bus", 9), ("Cats", 12)]
ONE_DAY = datetime.timedelta(days=1)


def over(user, record):
    return [line.category for line in services.budgets_over(user, record)]


def of_category(*rows, category="Groceries"):
    """Upload a file whose rows are all put into one category."""
    record = upload(ALICE, *rows)
    choices = {number: Choice(category=category) for number in range(2, len(rows) + 2)}
    return services.change_rows(ALICE, record.import_id, choices)


def test_a_budget_that_goes_over_has_its_figures_after_the_import():
    budget = make_budget(amount="100.00")
    make_expense(amount="90.00")
    make_budget(amount="500.00", category="Uncategorized")

    record = of_category("2026-03-02,SHOP,-10.00", "2026-03-03,SHOP,-0.01")

    [line] = services.budgets_over(ALICE, record)
    assert (line.budget_id, line.category) == (budget.budget_id, "Groceries")
    assert (line.spent, line.limit) == (Decimal("100.01"), Decimal("100.00"))
    assert line.over == Decimal("0.01")
    assert line.within == budget.current


def test_a_budget_at_its_limit_is_not_over():
    make_budget(amount="100.00")

    assert over(ALICE, of_category("2026-03-02,SHOP,-100.00")) == []
    assert over(ALICE, of_category("2026-03-02,SHOP,-100.01")) == ["Groceries"]


def test_budgets_that_are_over_already_or_paused_are_left_out():
    make_budget(amount="5.00")
    make_expense(amount="6.00")
    make_budget(amount="5.00", period="weekly", paused=True)
    past = {"start": TODAY - 9 * ONE_DAY, "end": TODAY - ONE_DAY}
    make_budget(amount="5.00", period="once", **past)

    assert over(ALICE, of_category(f"{TODAY - ONE_DAY},SHOP,-7.00")) == []


def test_all_kinds_of_budgets_are_checked():
    make_budget(amount="5.00", categories="all", category=None)
    make_budget(amount="5.00", categories=["Groceries", "Fun"], category=None)
    make_budget(amount="5.00", period="yearly")
    make_budget(
        amount="5.00", period="once", start=TODAY - ONE_DAY, end=TODAY + ONE_DAY
    )

    assert len(over(ALICE, of_category(f"{TODAY},SHOP,-7.00"))) == 4


def test_only_the_rows_that_are_written_count():
    make_budget(amount="10.00", category="Uncategorized")
    record = upload(ALICE, "2026-03-02,A,-6.00", "2026-03-03,B,-6.00")
    assert over(ALICE, record) == ["Uncategorized"]

    record = services.change_rows(ALICE, record.import_id, {3: Choice("excluded")})
    assert over(ALICE, record) == []

    choice = {3: Choice("new", category="Fun")}
    record = services.change_rows(ALICE, record.import_id, choice)
    assert over(ALICE, record) == []

    record = services.change_rows(ALICE, record.import_id, {3: Choice(category="")})
    assert over(ALICE, record) == ["Uncategorized"]
    stored = services.get_import(ALICE, record.import_id)
    assert over(ALICE, stored) == ["Uncategorized"]


def test_an_expense_entered_by_hand_counts_once():
    make_budget(amount="10.00")
    typed = make_expense(amount="6.00", description="Shop")

    assert over(ALICE, of_category(f"{typed.date},SHOP,-6.00")) == []


def test_a_refund_is_subtracted_if_it_is_imported():
    make_budget(amount="10.00", category="Uncategorized")
    record = upload(ALICE, "2026-03-02,A,-12.00", "2026-03-03,B,3.00")
    assert over(ALICE, record) == ["Uncategorized"]

    record = services.change_rows(ALICE, record.import_id, {3: Choice("new")})
    assert over(ALICE, record) == []


def test_parts_count_in_their_categories_and_void_expenses_nowhere():
    parts = [
        {"category": "Food", "amount": "30"},
        {"category": "Fun", "amount": "70"},
    ]
    bob = make_user("bob")
    make_expense(bob, amount="100", category="", parts=parts)
    make_expense(bob, amount="100", category="Rent", status="void")
    content = b"".join(export.csv_chunks(bob))
    for category, amount in (("Food", "30"), ("Fun", "69"), ("Rent", "10")):
        make_budget(ALICE, category=category, amount=amount)

    record = services.create_import(ALICE, content, "expenses.csv")

    assert json.loads(record.counts)["new"] == 2
    assert over(ALICE, record) == ["Fun"]


def test_expenses_of_other_periods_do_not_count():
    make_budget(amount="5.00", category="Uncategorized")

    record = upload(ALICE, "2026-02-28,A,-6.00", "2026-04-01,B,-6.00")

    assert over(ALICE, record) == []


def test_what_a_finished_period_overspends_is_carried_over():
    make_budget_last_month(
        amount="10.00", category="Uncategorized", rollover={"mode": "overspend"}
    )
    make_expense(amount="4.00", category="Uncategorized")

    assert over(ALICE, upload(ALICE, "2026-02-28,A,-16.00")) == []
    record = upload(ALICE, "2026-02-28,A,-16.01")
    [line] = services.budgets_over(ALICE, record)
    assert (line.spent, line.limit) == (Decimal("4.00"), Decimal("3.99"))


def test_a_period_that_began_without_a_write_is_counted():
    make_budget_last_month(amount="10.00", category="Uncategorized")

    assert over(ALICE, upload(ALICE, "2026-03-02,A,-10.01")) == ["Uncategorized"]


def test_an_import_that_was_begun_takes_no_more_over():
    make_budget(amount="10.00", category="Uncategorized")
    record = upload(ALICE, "2026-03-02,A,-12.00")

    commit_all(ALICE, record)

    stored = services.get_import(ALICE, record.import_id)
    assert services.budgets_over(ALICE, stored) == []


def test_the_budgets_of_another_user_are_left_out():
    make_budget(BOB, amount="1.00", category="Uncategorized")

    assert over(ALICE, upload(ALICE, "2026-03-02,A,-12.00")) == []


def test_the_page_the_api_and_the_alerts_have_the_same_budgets():
    alice = make_user("alice")
    client = client_for(alice)
    for category in ("Auto", "Bus", "Cats"):
        make_budget(alice, category=category, amount="10.00", alert_threshold=100)
    record = upload(alice, *(f"2026-03-02,{name},-{n}.00" for name, n in AMOUNTS))
    choices = {n: Choice(category=name) for n, (name, _) in enumerate(AMOUNTS, 2)}
    services.change_rows(alice, record.import_id, choices)

    page = client.get(f"/expenses/import/{record.import_id}").content.decode()
    listed = client.get(f"/api/imports/{record.import_id}").json()["budgets_over"]
    commit_all(alice, record)

    assert "2 budgets will be over their limits" in page
    assert "Auto: $1.00 over" in page
    assert "Cats: $2.00 over" in page
    assert [budget["category"] for budget in listed] == ["Auto", "Cats"]
    assert alerts(alice).count("budget_exceeded") == 2


# --- What is said before, and what comes of it ---

CATEGORIES = ("Auto", "Bus", "Cats", "Dogs")
MODES = ("none", "surplus", "overspend", "both")


@pytest.mark.parametrize("seed", range(40 if SOAK else 6))
def test_an_import_takes_over_what_its_preview_said(clock, seed):
    """With budgets of random periods and rollovers, and rows of three months."""
    chance = random.Random(seed)
    user = replace(make_account().user, budget_shapes=SHAPES)
    make_random_budgets(user, chance, clock)
    rules = [{"text": name.upper(), "category": name} for name in CATEGORIES]
    profiles.save_rules(user, rules)
    days = [TODAY - chance.randint(-12, 75) * ONE_DAY for _ in range(60)]
    rows = [
        f"{day},{chance.choice(CATEGORIES).upper()},-{chance.randint(1, 9)}.00"
        for day in sorted(days)
    ]
    lines = current_lines(user, list_budgets(user).items)
    before = {line.budget_id: line.level for line in lines}
    record = upload(user, *rows)
    expected = [
        (line.budget_id, line.spent, line.limit)
        for line in services.budgets_over(user, record)
    ]

    commit_all(user, record)
    recount(user, clock)

    stored = [Budget.get(budget_id) for budget_id in before]
    assert expected == [
        (budget.budget_id, budget.spent, budget.limit)
        for budget in stored
        if budget.reached == OVER and before[budget.budget_id] != "exceeded"
    ]
    assert len(expected) < len(stored)


def make_random_budgets(user, chance, clock):
    """Create budgets in January, and some expenses until yesterday."""
    clock.shift(-76 * ONE_DAY)
    for category in (*CATEGORIES, None):
        for period in ("weekly", "monthly"):
            make_budget(
                user,
                category=category,
                categories=None if category else "all",
                period=period,
                amount=str(chance.randint(5, 60 if category else 200)),
                rollover={"mode": chance.choice(MODES)},
            )
    for _ in range(5):
        clock.shift(15 * ONE_DAY)
        amounts = [
            {"category": chance.choice(CATEGORIES), "amount": chance.randint(1, 9)}
            for _ in range(4)
        ]
        record_expenses(user, amounts)
        recount(user, clock)
    clock.shift(ONE_DAY)


def recount(user, clock):
    """Count the results of finished periods again, as a task does a little later."""
    clock.shift(RECOUNT_SECONDS)
    for budget in list_budgets(user).items:
        recount_budget(user_id=user.user_id, budget_id=budget.budget_id)
