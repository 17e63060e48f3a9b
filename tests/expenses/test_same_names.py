"""Categories that look the same are one in totals, lists, budgets and searches."""

import datetime
import uuid
from decimal import Decimal
from types import SimpleNamespace

import pytest

from budgets import checks
from budgets import services as budgets
from budgets.models import _NAMESPACE, Budget
from expenses import queries, services
from expenses.categories.queries import list_categories
from expenses.categories.services import rename_categories
from expenses.models import Expense
from reports import summary, trend
from smartbudget.core import dates
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from smartbudget.core.text import validate_text, without_invisible
from tests.builders import client_for, make_user
from tests.money_builders import ALICE, TODAY, alerts, make_budget, make_expense, spent

pytestmark = pytest.mark.usefixtures("aws")

NAME = "Eating out"
SAME = ["Eating\u00a0out", "eating  out", "Eating \u200bout", "EATING OUT\ufeff"]
OLD_NAME = "Eating\u00a0out"  # as earlier releases stored it
# Cleaning changes the first; the others contain invisible characters.
OLD_NAMES = [OLD_NAME, "Eating \u200bout", "Eat\u00ading out", "Travel \u2708\ufe0f"]


def store_as_before(
    category=OLD_NAME, amount="10.00", user=ALICE, **changes
) -> Expense:
    """Store an expense as earlier releases did."""
    expense = Expense(
        expense_id=uuid.uuid4().hex,
        user_id=user.user_id,
        date=TODAY.isoformat(),
        amount=Decimal(amount),
        category=category,
        category_key=category.casefold(),
        created_at=dates.timestamp(),
        updated_at=dates.timestamp(),
    )
    expense.set_receipt(changes)
    expense.save()
    return expense


def store_budget_as_before(
    category=OLD_NAME, amount="100.00", user=ALICE, **fields
) -> Budget:
    name = f"{user.user_id}\nmonthly\n{category.casefold()}"
    budget = Budget(
        budget_id=uuid.uuid5(_NAMESPACE, name).hex,
        user_id=user.user_id,
        category=category,
        amount=Decimal(amount),
        created_at=dates.timestamp(),
        updated_at=dates.timestamp(),
        period_start=TODAY.replace(day=1).isoformat(),
        spent=Decimal(0),
    )
    for attribute, value in fields.items():
        setattr(budget, attribute, value)
    budget.save()
    return budget


@pytest.mark.parametrize("typed", SAME)
def test_an_expense_counts_in_a_budget_whose_name_looks_the_same(typed):
    budget = make_budget(category=NAME)

    make_expense(category=typed, amount="101.00")

    assert spent(budget) == Decimal("101.00")
    assert alerts()[-1] == "budget_exceeded"


@pytest.mark.parametrize("typed", SAME)
def test_a_second_budget_that_looks_the_same_is_rejected(typed):
    make_budget(category=NAME)

    with pytest.raises(ConflictError):
        make_budget(category=typed)


@pytest.mark.parametrize("typed", ["\u200b", "\u3164 ", "\u00a0"])
@pytest.mark.parametrize("make", [make_expense, make_budget])
def test_an_invisible_category_is_rejected(make, typed):
    with pytest.raises(InvalidError) as refused:
        make(category=typed)

    assert refused.value.field == "category"


def test_spellings_stored_separately_are_one_category_in_totals_and_lists():
    store_as_before()
    make_expense(category=NAME, amount="2.00")
    make_budget(category="Rent")

    (line,) = summary.summary(ALICE).categories
    use = next(use for use in list_categories(ALICE).uses if use.expenses)
    months = trend.trend(ALICE, category=NAME)

    assert line[1] == use.spent == months[-1].spent == Decimal("12.00")
    assert (use.expenses, {*use.spellings}) == (2, {NAME, OLD_NAME})
    for typed in (NAME, *SAME):
        assert len(queries.list_expenses(ALICE, category=typed).items) == 2
    assert len(queries.list_expenses(ALICE, q="ng out").items) == 2
    assert [use.key for use in list_categories(ALICE, q="g  OUT").uses] == [use.key]


def test_a_budget_counts_spellings_stored_separately():
    store_as_before(amount="85.00")

    budget = make_budget(category=NAME)

    assert spent(budget) == Decimal("85.00")
    assert alerts() == ["budget_threshold"]


def test_an_expense_stored_under_another_spelling_is_edited_within_its_budget():
    before = store_as_before(amount="30.00")
    budget = make_budget(category=NAME)

    services.edit_expense(ALICE, before.expense_id, amount="40.00")
    assert spent(budget) == Decimal("40.00")

    services.delete_expense(ALICE, before.expense_id)
    assert spent(budget) == 0


def test_renaming_includes_spellings_stored_separately():
    store_as_before()
    make_expense(category=NAME)

    result = rename_categories(ALICE, [NAME], "Dining")

    assert result.changed == 2
    assert len(queries.list_expenses(ALICE, category="Dining").items) == 2


def test_renaming_to_one_spelling_includes_the_others():
    store_as_before()
    make_expense(category=NAME)

    rename_categories(ALICE, [NAME], NAME)

    (use,) = list_categories(ALICE).uses
    assert use.spellings == [NAME]


def test_a_budget_stored_under_another_id_is_counted_by_expenses_of_its_spelling():
    budget = store_budget_as_before("Eating \u200bout")

    expense = make_expense(category="Eating \u200bout", amount="60.00")
    assert spent(budget) == Decimal("60.00")

    services.delete_expense(ALICE, expense.expense_id)
    assert spent(budget) == 0


@pytest.fixture
def person():
    return make_user("carol")


def check():
    result = checks.check_all(None, lambda: True)
    assert not result.errors
    return result


@pytest.mark.parametrize("name", OLD_NAMES)
def test_the_daily_check_corrects_a_budgets_id_and_total(person, name):
    old = store_budget_as_before(name, user=person)
    store_as_before(name, amount="50.00", user=person)
    looks_same = validate_text(without_invisible(name), "category", max_length=50)
    make_expense(person, category=looks_same, amount="60.00")

    assert check().alerts_sent

    (budget,) = budgets.list_budgets(person).items
    assert budget.budget_id == budget.own_id != old.budget_id
    assert budget.category == validate_text(name, "category", max_length=50)
    assert budget.spent == Decimal("110.00")
    make_expense(person, category=looks_same, amount="1.00")
    assert spent(budget) == Decimal("111.00")


@pytest.mark.parametrize("name", OLD_NAMES)
def test_the_daily_check_merges_two_budgets_that_look_the_same(person, name):
    looks_same = validate_text(without_invisible(name), "category", max_length=50)
    store_budget_as_before(name, amount="100.00", user=person)
    make_budget(person, category=looks_same, amount="200.00")
    make_expense(person, category=looks_same, amount="150.00")

    check()

    (budget,) = budgets.list_budgets(person).items
    assert (budget.amount, budget.spent) == (Decimal("300.00"), Decimal("150.00"))
    assert budget.budget_id == budget.own_id


def scan_in_order(monkeypatch, names):
    """Make the daily check read budgets in this order of names."""
    scan = Budget.by_user.scan

    def scanned(**fields):
        (page,) = scan(**fields).page_iter
        page["Items"].sort(key=lambda raw: names.index(raw["category"]["S"]))
        return SimpleNamespace(page_iter=iter([page]))

    monkeypatch.setattr(Budget.by_user, "scan", scanned)


@pytest.mark.parametrize("order", [[NAME, OLD_NAME], [OLD_NAME, NAME]])
def test_merging_two_budgets_adds_their_totals(person, order, caplog, monkeypatch):
    held = {NAME: ("100.00", "80.00"), OLD_NAME: ("50.00", "40.00")}
    before = dates.timestamp(dates.now() - datetime.timedelta(hours=1))
    for name, (amount, already) in held.items():
        store_as_before(name, already, user=person)
        store_budget_as_before(
            name,
            amount,
            user=person,
            spent=Decimal(already),
            level="threshold",
            updated_at=before,
        )

    scan_in_order(monkeypatch, order)

    assert check().alerts_sent == 0

    (budget,) = budgets.list_budgets(person).items
    assert (budget.amount, budget.spent) == (Decimal("150.00"), Decimal("120.00"))
    assert (budget.level, budget.notified_level) == ("threshold", None)
    assert alerts(person) == []
    assert "was wrong" not in caplog.text
    make_expense(person, category=NAME, amount="40.00")
    assert alerts(person) == ["budget_exceeded"]


def test_a_level_notified_for_one_of_two_merged_budgets_alerts_again(person):
    before = dates.timestamp(dates.now() - datetime.timedelta(hours=1))
    store_as_before(NAME, "101.00", user=person)
    store_budget_as_before(
        NAME, user=person, spent=Decimal(101), level="exceeded", updated_at=before
    )
    store_budget_as_before(OLD_NAME, user=person, updated_at=before)

    assert check().alerts_sent == 0

    make_expense(person, category=NAME, amount="100.00")
    assert alerts(person) == ["budget_exceeded"]


def test_editing_an_earlier_budget_corrects_its_id_without_alerting_again():
    store_as_before(amount="90.00")
    old = store_budget_as_before(spent=Decimal(90), level="threshold")

    edited = budgets.edit_budget(
        ALICE, old.budget_id, category=OLD_NAME, amount="110.00", alert_threshold=70
    )

    (budget,) = budgets.list_budgets(ALICE).items
    assert edited.budget_id == budget.budget_id == budget.own_id != old.budget_id
    assert (budget.amount, budget.alert_threshold) == (Decimal("110.00"), 70)
    assert alerts() == []
    make_expense(category=NAME, amount="21.00")
    assert alerts() == ["budget_exceeded"]


def test_editing_an_earlier_budget_merges_it_with_the_existing_one():
    make_budget(category=NAME, amount="100.00")
    old = store_budget_as_before(amount="50.00")

    budgets.edit_budget(ALICE, old.budget_id, amount="50.00", alert_threshold=70)

    (budget,) = budgets.list_budgets(ALICE).items
    assert (budget.amount, budget.alert_threshold) == (Decimal("150.00"), 70)


def test_another_user_cannot_edit_an_earlier_budget(person):
    old = store_budget_as_before()

    with pytest.raises(NotFoundError):
        budgets.edit_budget(person, old.budget_id, amount="50.00")

    assert [budget.budget_id for budget in budgets.list_budgets(ALICE).items] == [
        old.budget_id
    ]


def test_a_budget_spelled_like_an_earlier_one_is_rejected(person):
    name = "Eating \u200bout"
    store_budget_as_before(name)

    with pytest.raises(ConflictError, match="already have a monthly budget"):
        make_budget(category=name)

    make_budget(category=name, period="weekly")
    make_budget(person, category=name)


def test_checking_again_changes_nothing(person):
    store_budget_as_before(user=person)
    check()
    (moved,) = budgets.list_budgets(person).items

    assert check().alerts_sent == 0

    (again,) = budgets.list_budgets(person).items
    assert again.version == moved.version


def test_other_users_budgets_are_unchanged(person):
    other = make_user("dave")
    theirs = make_budget(other, category=NAME)
    store_budget_as_before(user=person)

    check()

    assert [b.budget_id for b in budgets.list_budgets(other).items] == [
        theirs.budget_id
    ]


def test_page_and_api_treat_them_as_one(person):
    client = client_for(person)
    data = {"category": OLD_NAME, "amount": "1.00", "date": f"{TODAY}"}
    client.post("/api/budgets", {"category": NAME, "amount": "9"}, "application/json")

    assert client.post("/api/expenses", data, "application/json").status_code == 201
    assert client.post("/expenses/add", data).status_code == 302

    (line,) = client.get("/api/summary").json()["budgets"]
    assert line["spent"] == "2.00"
    answer = client.get("/api/expenses", {"category": "eating\u2009OUT"})
    assert [e["category"] for e in answer.json()["results"]] == [NAME, NAME]


def test_page_and_api_reject_an_invisible_category(person):
    client = client_for(person)
    data = {"category": "\u200b", "amount": "1.00", "date": f"{TODAY}"}

    refused = client.post("/api/expenses", data, "application/json")
    assert refused.status_code == 400
    assert client.post("/expenses/add", data).status_code == 400
