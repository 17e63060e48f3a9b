"""A user's lost budgets and expenses are copied back from restored tables."""

import datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from budgets import services as budgets
from expenses import history, month_totals, recovery
from expenses import services as expenses
from expenses.models import Expense, Upload
from expenses.queries import all_expenses
from tests import quick_moto
from tests.builders import account_of, make_user
from tests.expenses.imports.builders import commit_all, decisions, upload
from tests.money_builders import make_budget, make_expense, spent

PREFIX = "restored-20260318-120000-"
TABLES = ("users", "expenses", "budgets", "notifications")

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def restore(aws):
    """Return a function that restores all tables to what they have now."""

    def restore():
        for name in TABLES:
            copy = quick_moto.dynamo.tables[name].copy()
            copy.name = f"{PREFIX}{name}"
            quick_moto.dynamo.tables[copy.name] = copy

    yield restore
    for name in TABLES:
        quick_moto.dynamo.tables.pop(f"{PREFIX}{name}", None)


def copy_back(user="alice", *, apply=True):
    call_command("copy_user", user, "--from", PREFIX, *(["--apply"] if apply else []))


def item_of(expense):
    return quick_moto.dynamo.tables["expenses"].items[expense.expense_id]


def everything():
    """Return all items by table, without when a budget was changed."""
    stored = {
        name: {
            key: dict(item)
            for key, item in quick_moto.dynamo.tables[name].items.items()
        }
        for name in ("expenses", "budgets")
    }
    for item in stored["budgets"].values():
        item.pop("updated_at", None)
        item.pop("version", None)
    return stored


def test_lost_expenses_come_back_as_they_were(alice, restore, capsys):
    lunch = make_expense(alice, description="Lunch", amount="8.00")
    lunch = expenses.edit_expense(alice, lunch.expense_id, amount=Decimal("9.00"))
    changes = history.list_changes(alice, lunch.expense_id)
    before = item_of(lunch)
    restore()
    expenses.delete_expense(alice, lunch.expense_id)

    copy_back()

    assert item_of(lunch) == before
    assert history.list_changes(alice, lunch.expense_id) == changes
    output = capsys.readouterr().out
    assert "lacks 0 budgets and 1 expenses" in output
    assert "1 expenses copied." in output


def test_what_was_imported_and_moved_comes_back_with_its_booking(alice, restore):
    commit_all(alice, upload(alice, "2026-03-05,CAFE,-4.50"))
    [cafe] = all_expenses(alice)
    expenses.edit_expense(alice, cafe.expense_id, date="2026-01-05")
    restore()
    expenses.delete_expense(alice, cafe.expense_id)
    copy_back()

    again = upload(alice, "2026-03-05,CAFE,-4.50")

    assert decisions(alice, again) == ["left_out", "duplicate"]


def test_budgets_count_what_comes_back(alice, restore):
    budget = make_budget(alice)
    lunch, _ = make_expense(alice), make_expense(alice)
    restore()
    expenses.delete_expense(alice, lunch.expense_id)
    make_expense(alice, amount="5.00")
    assert spent(budget) == 15

    copy_back()
    copy_back()

    assert spent(budget) == 25


def test_a_lost_budget_counts_what_was_spent_since(alice, restore):
    several = {"categories": ["Groceries", "Coffee"]}
    budget = budgets.create_budget(alice, amount=Decimal(100), **several)
    lunch = make_expense(alice)
    restore()
    expenses.delete_expense(alice, lunch.expense_id)
    budgets.delete_budget(alice, budget.budget_id)
    make_expense(alice, amount="5.00", category="Coffee")

    copy_back()

    assert spent(budget) == 15
    alice = account_of(alice).user
    make_expense(alice, amount="1.00", category="Coffee")  # it is in the directory
    assert spent(budget) == 16


def test_results_of_finished_periods_come_back(alice, restore, clock):
    budget = make_budget(alice)
    make_expense(alice)
    clock.shift(datetime.timedelta(days=31))
    make_expense(alice)
    before = everything()
    restore()
    budgets.delete_budget(alice, budget.budget_id)

    copy_back()

    assert everything() == before


def test_what_was_changed_since_is_left_alone(alice, restore):
    budget, lunch = make_budget(alice), make_expense(alice)
    restore()
    expenses.edit_expense(alice, lunch.expense_id, amount=Decimal("7.00"))
    budgets.edit_budget(alice, budget.budget_id, category="Food")  # moves it
    before = everything()

    copy_back()

    assert everything() == before


def test_totals_of_closed_months_are_counted_again(alice, restore, clock):
    day = datetime.date(2026, 1, 15)
    lunch = make_expense(alice, date=day)
    restore()
    expenses.delete_expense(alice, lunch.expense_id)
    clock.shift(datetime.timedelta(days=2))
    read = lambda: month_totals.read(  # noqa: E731
        alice, datetime.date(2026, 1, 1), datetime.date(2026, 1, 31), max_pages=5
    ).uses.get("2026-01")
    assert not read()

    copy_back()

    (use,) = read()
    assert use.spent == 10


def test_the_item_of_a_direct_upload_comes_back(alice, restore):
    """It is deleted with the file, which `infra.restore receipts` undeletes."""
    lunch, key = make_expense(alice), f"receipts/{alice.user_id}/{'0' * 32}.png"
    Expense(lunch.expense_id).update(
        [Expense.receipt_url.set(key)], add_version_condition=False
    )
    upload = Upload(
        f"upload#{key}",
        owner_id=alice.user_id,
        content_type="image/png",
        size_bytes=1,
        sha256="0" * 64,
        file_name="lunch.png",
        is_confirmed=True,
        attached_to=lunch.expense_id,
    )
    upload.save()
    restore()
    expenses.delete_expense(alice, lunch.expense_id)
    upload.delete()

    copy_back()

    assert Upload.get(upload.expense_id).attached_to == lunch.expense_id


def test_a_copy_that_was_killed_goes_on(alice, restore, monkeypatch):
    lunches = [make_expense(alice) for _ in range(3)]
    budget = make_budget(alice)
    restore()
    for lunch in lunches:
        expenses.delete_expense(alice, lunch.expense_id)
    copy_expense, calls = recovery.copy_expense, []

    def copy_or_die(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return copy_expense(*args)

    monkeypatch.setattr(recovery, "copy_expense", copy_or_die)
    with pytest.raises(KeyboardInterrupt):
        copy_back()
    copy_back()

    assert spent(budget) == 30


def test_without_apply_nothing_is_copied(alice, restore, capsys):
    lunch = make_expense(alice)
    restore()
    expenses.delete_expense(alice, lunch.expense_id)
    before = everything()

    copy_back(apply=False)

    assert everything() == before
    assert "lacks 0 budgets and 1 expenses" in capsys.readouterr().out


def test_only_the_users_own_items_are_copied(alice, restore):
    bob = make_user("bob")
    lunch = make_expense(bob)
    restore()
    expenses.delete_expense(bob, lunch.expense_id)

    copy_back("alice")
    assert Expense.find(lunch.expense_id) is None
    copy_back(bob.user_id)
    assert Expense.find(lunch.expense_id)


@pytest.mark.parametrize("prefix", ["", "test-", "test-restored-20260318-120000-"])
def test_the_tables_of_another_stage_are_refused(alice, prefix):
    with pytest.raises(CommandError, match="not the prefix of this stage's backups"):
        call_command("copy_user", "alice", "--from", prefix, "--apply")


def test_a_missing_user_is_named(restore):
    restore()

    with pytest.raises(CommandError, match="There is no user nobody"):
        copy_back("nobody")
