"""The history of an expense: complete, written without reads, and private."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from unittest.mock import patch

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from expenses import deletion, history, services, trash
from expenses.history import Edit, list_changes
from expenses.models import Expense, History
from expenses.queries import list_expenses
from smartbudget.core import aws, dates
from smartbudget.core.errors import NotFoundError
from tests.budgets.test_random_writes import SETTINGS
from tests.builders import client_for, make_user
from tests.calls import counted
from tests.conftest import empty_aws
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import ALICE, BOB, NOON, make_budget, make_expense
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws")


def edit(expense, **changes):
    return services.edit_expense(ALICE, expense.expense_id, **changes)


def edits_of(expense) -> list[tuple[Edit, ...]]:
    return [change.edits for change in list_changes(ALICE, expense.expense_id)]


def stored() -> int:
    return sum(1 for _ in History.scan())


def test_a_new_expense_has_one_entry_and_no_history_item():
    expense = make_expense()

    with counted() as calls:
        (created,) = list_changes(ALICE, expense.expense_id)

    assert (created.created, created.at) == (True, expense.created_at)
    assert calls.names == ["dynamodb.GetItem"]
    assert stored() == 1


def test_each_change_has_time_field_old_and_new_value():
    expense = make_expense(amount="5.00", description="tea")

    edit(expense, amount="6.50", category="Café ☕")
    changed = edit(expense, description="", status="void", date="2026-03-01")

    newest, older, created = list_changes(ALICE, expense.expense_id)
    assert newest.at == changed.updated_at > older.at > created.at
    assert set(newest.edits) == {
        Edit("description", "tea", ""),
        Edit("status", "pending", "void"),
        Edit("date", "2026-03-18", "2026-03-01"),
    }
    assert older.edits == (
        Edit("amount", Decimal("5"), Decimal("6.5")),
        Edit("category", "Groceries", "Café ☕"),
    )


def test_edits_without_effect_are_not_recorded():
    expense = make_expense(amount="5.00")

    edit(expense, amount="5", category="Groceries")

    assert edits_of(expense) == [()]
    assert stored() == 1


@pytest.mark.parametrize("lost", [False, True])
def test_a_change_sent_twice_is_recorded_once(lost):
    expense = make_expense()

    if lost:
        with faults.reply_lost("TransactWriteItems", 1):
            edit(expense, amount="7.00")
    edit(expense, amount="7.00")
    edit(expense, amount="7.00")

    assert edits_of(expense) == [(Edit("amount", Decimal(10), Decimal(7)),), ()]


def test_the_last_fifty_are_kept_and_the_first_entry():
    expense = make_expense(amount="1.00")

    for amount in range(2, 64):
        edit(expense, amount=amount)

    *changes, created = edits_of(expense)
    assert changes == [
        (Edit("amount", Decimal(amount - 1), Decimal(amount)),)
        for amount in range(63, 13, -1)
    ]
    assert len(changes) == 50
    assert created == ()


def test_concurrent_changes_are_all_recorded():
    expense = make_expense()
    make_budget()
    wanted = [{"amount": "1.00"}, {"description": "x"}, {"status": "cleared"}]
    wanted += [{"date": "2026-03-02"}, {"category": "Fun"}]

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda changes: edit(expense, **changes), wanted))

    fields = [change.field for edits in edits_of(expense) for change in edits]
    assert sorted(fields) == ["amount", "category", "date", "description", "status"]


def test_history_of_a_read_expense_excludes_later_changes():
    expense = make_expense(amount="1.00")
    read = edit(expense, amount="2.00")
    edit(expense, amount="3.00")

    newest, _ = history.changes_of(read)

    assert newest.edits == (Edit("amount", Decimal(1), Decimal(2)),)


def test_the_history_expires_with_a_deleted_expense():
    expense, other = make_expense(), make_expense()
    edit(expense, amount="2.00")
    edit(other, amount="2.00")

    services.delete_expense(ALICE, expense.expense_id)

    deleted, kept = (
        History.get(History.id_of(item.expense_id)) for item in (expense, other)
    )
    assert deleted.expires_at > dates.now() + trash.KEPT
    assert kept.expires_at is None


@pytest.mark.parametrize("nth", [None, 1])
def test_the_history_is_deleted_with_the_account_even_after_a_crash(nth):
    for _ in range(30):
        edit(make_expense(), amount="2.00")
    theirs = make_expense(BOB)

    if nth:
        with faults.killed("TransactWriteItems", nth, done=True):
            list(deletion.delete_all("alice"))
    list(deletion.delete_all("alice"))

    assert [item.expense_id for item in Expense.scan()] == [theirs.expense_id]


def test_lists_never_contain_histories():
    expense = make_expense()
    edit(expense, amount="2.00")

    assert [item.expense_id for item in list_expenses(ALICE).items] == [
        expense.expense_id
    ]


def test_other_users_cannot_read_it():
    expense = make_expense()
    edit(expense, amount="2.00")

    for expense_id in (expense.expense_id, f"history#{expense.expense_id}", "0" * 32):
        with pytest.raises(NotFoundError):
            list_changes(BOB, expense_id)


def test_the_longest_history_can_be_stored_and_read():
    """Fifty changes of the longest texts stay below the 400 kB of an item."""
    expense = make_expense(description="🛒" * 500, category="🛒" * 50)

    for number in range(51):
        sign = "🍵🛒"[number % 2]
        edit(expense, description=sign * 498 + "\n!", category=sign * 50)

    assert len(edits_of(expense)) == 51
    (raw,) = (
        item
        for item in aws.client("dynamodb").scan(TableName="expenses")["Items"]
        if item["expense_id"]["S"].startswith("history#")
    )
    size = sum(len(name) + len(str(value["S"]).encode()) for name, value in raw.items())
    assert 100_000 < size < 250_000  # bytes; DynamoDB takes 400 kB


def test_api_and_page_show_the_history_with_receipt_names():
    user = make_user(currency="JPY")
    client = client_for(user)
    expense = make_expense(user, amount="100")
    path = f"/api/expenses/{expense.expense_id}"
    file = SimpleUploadedFile("<bill>.pdf", PDF, content_type="application/pdf")
    body = {"file": file, "expense_id": expense.expense_id}
    assert client.post("/api/receipts/upload", body).status_code == 201
    client.patch(path, {"amount": "250"}, content_type="application/json")
    client.delete(f"/api/receipts/{expense.expense_id}")

    answer = client.get(f"{path}/history").json()["results"]
    html = client.get(f"/expenses/{expense.expense_id}/edit").content.decode()

    name = answer[0]["edits"][0]["before"]
    assert name.endswith(".pdf")
    assert [entry["edits"] for entry in answer] == [
        [{"field": "receipt", "before": name, "after": None}],
        [{"field": "amount", "before": "100", "after": "250"}],
        [{"field": "receipt", "before": None, "after": name}],
        [],
    ]
    assert [entry["created"] for entry in answer] == [False, False, False, True]
    assert "<del>¥100</del> to <ins>¥250</ins>" in html
    assert "<bill>" not in html


def test_other_users_find_no_history_through_the_api():
    expense = make_expense(make_user())
    path = f"/api/expenses/{expense.expense_id}/history"

    assert client_for(make_user()).get(path).status_code == 404
    assert client_for().get(path).status_code == 401


some_edits = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.integers(1, 3).map(Decimal),
        "category": st.sampled_from(["Bus", "bus", "Rent"]),
        "description": st.sampled_from(["", "tea", "a\n=b"]),
        "status": st.sampled_from(["pending", "cleared", "void"]),
        "date": st.sampled_from(["2026-03-01", "2026-02-01"]),
    },
)


@pytest.mark.parametrize("letter", ["😀", '"', "\\"])
def test_the_longest_changes_fit_in_one_item(letter):
    expense = make_expense(amount="15")

    for number in range(history.MAX_CHANGES + 2):
        last = chr(ord("A") + number % 2)  # so that all values change
        row = {"amount": "1", "category": letter * 49 + last, "note": letter * 99}
        edit(
            expense,
            category=None,
            parts=[row] * 15,
            merchant=letter * 79 + last,
            notes=letter * 1999 + last,
            description=letter * 499 + last,
            status=("pending", "void")[number % 2],
            date=f"2026-03-0{1 + number % 2}",
        )

    changes = list_changes(ALICE, expense.expense_id)
    assert len(changes) == history.MAX_CHANGES + 1
    edits = {edit.field: edit.before for edit in changes[0].edits}
    assert edits["notes"] == letter * history.SHORTENED + "…"
    assert history.display("parts", edits["parts"], "USD").count("$1.00") == 15


def test_a_change_that_is_not_very_long_is_kept_whole():
    expense = make_expense(notes="x" * 2000)

    edit(expense, notes="y" * 2000)

    (edited,) = edits_of(expense)[0]
    assert edited == Edit("notes", "x" * 2000, "y" * 2000)


@pytest.mark.soak
@SETTINGS
@given(st.lists(some_edits, max_size=12))
def test_every_earlier_state_can_be_derived_from_the_history(drawn):
    with (
        empty_aws(),
        time_machine.travel(NOON, tick=True),
        patch.object(history, "MAX_CHANGES", 5),
    ):
        expense = make_expense(amount="1", category="Bus", date="2026-03-01")
        seen = []
        for changes in drawn:
            before = Expense.get(expense.expense_id)
            edited = edit(expense, **changes)
            if edited.version > before.version:
                seen.append((before, edited))

        edits = edits_of(expense)

        assert edits == [
            *(
                tuple(
                    Edit(name, getattr(before, name), getattr(after, name))
                    for name in ("amount", "category", "description", "date", "status")
                    if getattr(before, name) != getattr(after, name)
                )
                for before, after in seen[:-6:-1]
            ),
            (),
        ]
