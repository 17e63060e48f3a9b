"""Expenses that programs add with their source and id: each is added once."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from expenses import bulk_update, deletion, purge, services, undo
from expenses.bulk_create import record_expenses
from expenses.external_ids import MAX_ID_LENGTH, MAX_SOURCE_LENGTH
from expenses.imports import services as imports
from expenses.models import Expense
from profiles import export
from smartbudget.core.errors import DeletedError, InvalidError, InvalidRowsError
from tests.builders import client_for, make_token, make_user, program_with
from tests.expenses.builders import stored
from tests.expenses.imports.builders import commit_all, decisions, undo_all, upload
from tests.expenses.receipts.test_receipts import objects
from tests.money_builders import ALICE, BOB, alerts, make_budget, make_expense, spent
from tests.notifications import faults
from tests.problems import messages_of, problem
from tests.web.test_idempotency import pdf

pytestmark = pytest.mark.usefixtures("aws", "clock")

URL, BULK = "/api/expenses", "/api/expenses/bulk"
LUNCH = {
    "amount": "12.50",
    "category": "Food",
    "date": "2026-03-17",
    "source": "Till",
    "external_id": "A1",
}
DAYS = timedelta(days=1)


def add(user=ALICE, **more):
    return services.record_expense(user, **LUNCH | more)


def add_rows(*rows, user=ALICE):
    return record_expenses(user, [LUNCH | row for row in rows])


def post(client, path=URL, body=LUNCH, **headers):
    return client.post(path, body, content_type="application/json", headers=headers)


def numbers(known):
    return [(one.row, one.expense_id) for one in known]


# ------------------------------------------------------------------ one expense


def test_the_same_expense_is_added_once():
    budget = make_budget(category="Food")

    first, again = add(), add()

    assert again.expense_id == first.expense_id
    assert (first.was_stored, again.was_stored) == (False, True)
    assert (again.source, again.external_id) == ("Till", "A1")
    assert len(stored()) == 1
    assert str(spent(budget)) == "12.5"


def test_an_edited_expense_is_recognized_and_stays_as_it_is():
    first = add()
    services.edit_expense(
        ALICE, first.expense_id, amount="9.00", category="Fun", date="2025-01-01"
    )

    again = add(category="Other", description="Other words")

    assert again.expense_id == first.expense_id
    assert (str(again.amount), again.category) == ("9", "Fun")
    assert len(stored()) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "0.38"},
        {"kind": "refund"},
        {"external_id": "a1"},
        {"external_id": "A2"},
        {"source": "Other till"},
        {"source": "TillA", "external_id": "1"},
    ],
)
def test_another_amount_id_or_source_is_another_expense(other):
    add()

    assert not add(**other).was_stored
    assert add(**other).was_stored
    assert len(stored()) == 2


@pytest.mark.parametrize(
    "same",
    [{"amount": "12.5"}, {"amount": "+12.500"}, {"source": " Till "}, {"date": None}],
)
def test_the_same_values_written_otherwise_are_the_same_expense(same):
    add()

    assert add(**same).was_stored


def test_users_do_not_see_each_others_ids():
    mine, theirs = add(), add(BOB)

    assert not theirs.was_stored
    assert mine.expense_id != theirs.expense_id
    services.delete_expense(BOB, theirs.expense_id)
    assert add().was_stored
    with pytest.raises(DeletedError):
        add(BOB)


def test_what_was_typed_by_hand_is_not_compared():
    make_expense(**LUNCH | {"source": None, "external_id": None})

    assert not add().was_stored


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"source": ""}, "source", "Enter the source of this external_id."),
        ({"source": None}, "source", "Enter the source of this external_id."),
        (
            {"external_id": ""},
            "external_id",
            "Enter an external_id, or leave out the source.",
        ),
        ({"source": "s" * 51}, "source", "Enter at most 50 characters."),
        ({"external_id": "i" * 101}, "external_id", "Enter at most 100 characters."),
        ({"external_id": 7}, "external_id", "Enter some text."),
        (
            {"external_id": "a\nb"},
            "external_id",
            "Control characters are not allowed.",
        ),
    ],
)
def test_an_invalid_source_or_id_is_named(given, field, sentence):
    with pytest.raises(InvalidError, match=sentence) as refused:
        add(**given)
    assert refused.value.field == field

    with pytest.raises(InvalidRowsError) as refused:
        add_rows({}, given | {"amount": "0"})
    assert refused.value.rows == {
        1: {"amount": ["Amount must be above zero."], field: [sentence]}
    }
    assert stored() == []


def test_the_longest_source_and_id_are_accepted():
    longest = {"source": "s" * MAX_SOURCE_LENGTH, "external_id": "i" * MAX_ID_LENGTH}

    assert add(**longest).external_id == longest["external_id"]


# --------------------------------------------------------------------- deleted


def delete_one(expense_id):
    services.delete_expense(ALICE, expense_id)


def delete_selected(expense_id):
    bulk_update.delete_expenses(ALICE, [expense_id])


def delete_and_empty(expense_id):
    services.delete_expense(ALICE, expense_id)
    purge.empty(ALICE)


@pytest.mark.parametrize("delete", [delete_one, delete_selected, delete_and_empty])
def test_a_deleted_expense_is_not_added_again(delete):
    delete(add().expense_id)

    with pytest.raises(DeletedError, match="You deleted this expense") as refused:
        add()
    assert refused.value.field == "external_id"
    recorded = add_rows({})
    assert (recorded.expenses, recorded.duplicates) == ([], [])
    assert stored() == []
    assert not add(amount="0.38").was_stored


def test_an_edited_and_deleted_expense_is_not_added_again():
    expense_id = add().expense_id
    services.edit_expense(ALICE, expense_id, amount="9.00", date="2025-01-01")
    delete_one(expense_id)

    with pytest.raises(DeletedError):
        add()


def test_a_restored_expense_is_a_duplicate_again():
    expense_id = add().expense_id
    delete_one(expense_id)
    services.restore_expense(ALICE, expense_id)

    assert add().was_stored

    undo_id = bulk_update.delete_expenses(ALICE, [expense_id]).undo_id
    with pytest.raises(DeletedError):
        add()
    undo.undo(ALICE, undo_id)
    assert add().was_stored
    assert Expense.get(expense_id).source == "Till"


def test_a_deletion_is_remembered_for_400_days(clock):
    delete_one(add().expense_id)

    clock.shift(400 * DAYS - timedelta(seconds=1))
    with pytest.raises(DeletedError):
        add(date=None)
    assert numbers(add_rows({"date": None}).deleted)
    clock.shift(1)
    assert not add(date=None).was_stored


def test_a_closed_account_leaves_nothing():
    delete_one(add().expense_id)
    add(external_id="A2")

    sum(deletion.delete_all(ALICE.user_id))

    assert [*Expense.scan()] == []


# ------------------------------------------------------------------- many rows


def test_each_row_of_a_bulk_is_new_a_duplicate_or_deleted():
    here = add(external_id="here").expense_id
    gone = add(external_id="gone").expense_id
    delete_one(gone)
    budget = make_budget(category="Food", amount="1000.00")
    by_hand = {"source": None, "external_id": None}

    recorded = add_rows(
        {"external_id": "here"},
        {"external_id": "new", "description": "first"},
        {"external_id": "gone"},
        by_hand,
        {"external_id": "new", "description": "second"},
        {"external_id": "new", "amount": "0.38"},
        {"external_id": "gone"},
        by_hand,
        {"external_id": "here"},
    )

    new, hand, fee, other_hand = recorded.expenses
    assert (new.description, str(fee.amount)) == ("first", "0.38")
    assert hand.expense_id != other_hand.expense_id
    assert numbers(recorded.duplicates) == [(0, here), (4, new.expense_id), (8, here)]
    assert numbers(recorded.deleted) == [(2, gone), (6, gone)]
    assert len(stored()) == 5
    assert str(spent(budget)) == "50.38"


MANY = [{"external_id": f"{number}", "amount": "1.00"} for number in range(48)]


def test_the_same_rows_again_add_nothing():
    budget = make_budget(category="Food", amount="1000.00")
    first = add_rows(*MANY)

    again = add_rows(*MANY)

    ids = [expense.expense_id for expense in first.expenses]
    assert numbers(again.duplicates) == [*enumerate(ids)]
    assert again.expenses == [] == again.deleted
    assert len(stored()) == spent(budget) == 48


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_after_a_crash_the_same_rows_store_the_rest(nth, done):
    budget = make_budget(category="Food", amount="1000.00")
    with faults.killed("TransactWriteItems", nth, done=done):
        add_rows(*MANY)
    before = len(stored())
    assert before < 48

    again = add_rows(*MANY)

    assert (len(again.duplicates), len(again.expenses)) == (before, 48 - before)
    assert len(stored()) == spent(budget) == 48


@pytest.mark.usefixtures("small")
def test_two_bulks_at_once_store_each_row_once():
    budget = make_budget(category="Food", amount="1000.00")
    other = []

    with faults.meanwhile(lambda: other.append(add_rows(*MANY[:30]))):
        mine = add_rows(*MANY)

    assert (len(mine.expenses), len(mine.duplicates)) == (18, 30)
    assert len(other[0].expenses) == 30
    assert len(stored()) == spent(budget) == 48


@pytest.mark.usefixtures("small")
def test_a_row_deleted_meanwhile_stays_deleted():
    first = add_rows(*MANY[:10])

    with faults.meanwhile(lambda: delete_one(first.expenses[3].expense_id)):
        again = add_rows(*MANY[:20])

    assert numbers(again.deleted) == [(3, first.expenses[3].expense_id)]
    assert (len(again.expenses), len(again.duplicates)) == (10, 9)


def test_the_same_expense_from_many_threads_is_added_once():
    budget = make_budget(category="Food")

    with ThreadPoolExecutor(8) as pool:
        added = [*pool.map(lambda _: add(), range(8))]

    assert [expense.was_stored for expense in added].count(False) == 1
    assert len({expense.expense_id for expense in added}) == len(stored()) == 1
    assert str(spent(budget)) == "12.5"


@pytest.mark.parametrize("done", [False, True])
def test_a_crash_adds_an_expense_and_its_alert_once(done):
    make_budget(category="Food", amount="10.00")
    with faults.killed("TransactWriteItems", 1, done=done):
        add()

    assert add().was_stored == done
    assert len(stored()) == 1
    assert alerts().count("budget_exceeded") == 1


def test_an_expense_deleted_meanwhile_is_refused():
    expense_id = add().expense_id

    with (
        faults.meanwhile(lambda: delete_one(expense_id)),
        pytest.raises(DeletedError),
    ):
        add()


# ----------------------------------------------------------------------- files


def test_a_file_matches_a_programs_expense_as_one_entered_by_hand():
    """And the program still knows it, as does the file if it is deleted."""
    expense_id = add(description="Lunch").expense_id
    row = "2026-03-18,CAFE XY,-12.50"

    assert decisions(ALICE, upload(ALICE, row))[1:] == ["match"]
    commit_all(ALICE, upload(ALICE, row))

    [expense] = stored()
    assert (expense.external_id, expense.description) == ("A1", "Lunch")
    assert expense.merchant == "CAFE XY"
    assert add().expense_id == expense_id
    delete_one(expense_id)
    assert decisions(ALICE, upload(ALICE, row))[1:] == ["deleted"]
    with pytest.raises(DeletedError):
        add()


def test_the_undo_of_an_import_leaves_a_programs_expense():
    add()
    record = upload(ALICE, "2026-03-18,CAFE XY,-12.50")
    commit_all(ALICE, record)

    undo_all(ALICE, record)

    assert add().was_stored
    assert len(stored()) == 1


def test_a_deleted_expense_of_a_program_does_not_concern_files():
    delete_one(add().expense_id)

    assert decisions(ALICE, upload(ALICE, "2026-03-17,CAFE,-12.50"))[1:] == ["new"]


def test_an_export_has_both_and_comes_back(alice):
    expense_id = add(alice, source="=Till").expense_id
    content = b"".join(export.csv_chunks(alice))

    text = content.decode().removeprefix("\ufeff")
    [row] = csv.DictReader(text.splitlines())
    assert (row["source"], row["external_id"]) == ("'=Till", "A1")
    record = imports.create_import(alice, content, "expenses.csv")
    assert decisions(alice, record)[1:] == ["duplicate"]
    services.delete_expense(alice, expense_id)
    record = imports.create_import(alice, content, "expenses.csv")
    commit_all(alice, record)
    [restored] = Expense.by_user.query(alice.user_id)
    assert restored.external_id is None
    with pytest.raises(DeletedError):
        add(alice, source="=Till")


# ------------------------------------------------------------------------- API


def test_the_response_is_201_and_then_200_with_the_stored_expense(client, alice):
    first = post(client)
    created = first.json()
    assert (first.status_code, created["source"]) == (201, "Till")
    assert created["external_id"] == "A1"

    services.edit_expense(alice, created["expense_id"], amount="9.00", notes="mine")
    again = post(client)

    assert again.status_code == 200
    assert again.json() == client.get(f"{URL}/{created['expense_id']}").json()
    assert again.json()["notes"] == "mine"
    assert client.get(URL).json()["results"][0]["external_id"] == "A1"


def test_other_expenses_have_neither(client):
    body = {"amount": "1.00", "category": "Fun", "source": None, "external_id": ""}

    answer = post(client, body=body)

    assert answer.status_code == 201
    assert (answer.json()["source"], answer.json()["external_id"]) == (None, None)


def test_a_deleted_expense_is_a_conflict_with_its_own_code(client):
    expense_id = post(client).json()["expense_id"]
    client.delete(f"{URL}/{expense_id}")

    refused = post(client)

    assert refused.status_code == 409
    assert problem(refused)["code"] == "deleted"
    assert list(messages_of(refused)) == ["external_id"]
    client.post(f"{URL}/{expense_id}/restore")
    assert post(client).status_code == 200


def test_a_bulk_answers_what_became_of_each_row(client):
    first = post(client).json()
    rows = [LUNCH, LUNCH | {"external_id": "A2"}, LUNCH | {"external_id": "A2"}]

    answer = post(client, BULK, {"expenses": rows})

    body = answer.json()
    (created,) = body["results"]
    assert answer.status_code == 201
    assert body["duplicates"] == [
        {"row": 0, "expense_id": first["expense_id"]},
        {"row": 2, "expense_id": created["expense_id"]},
    ]
    assert body["deleted"] == []
    client.delete(f"{URL}/{created['expense_id']}")
    again = post(client, BULK, {"expenses": rows}).json()
    assert [one["row"] for one in again["duplicates"]] == [0]
    assert again["deleted"] == [
        {"row": row, "expense_id": created["expense_id"]} for row in (1, 2)
    ]
    assert again["results"] == []


@pytest.mark.parametrize("name", ["source", "external_id"])
def test_neither_can_be_edited(client, name):
    expense_id = post(client).json()["expense_id"]

    answer = client.patch(
        f"{URL}/{expense_id}", {name: "x"}, content_type="application/json"
    )

    assert answer.status_code == 400
    assert messages_of(answer) == {name: ["Unknown field."]}


def test_errors_name_the_field(client):
    one = post(client, body=LUNCH | {"source": ""})
    assert list(messages_of(one)) == ["source"]

    many = post(client, BULK, {"expenses": [LUNCH, LUNCH | {"external_id": None}]})
    assert list(messages_of(many)) == ["expenses/1/external_id"]
    assert stored() == []


def test_another_user_gets_201_for_the_same_id(client):
    bob = client_for(make_user("bob"))

    mine, theirs = post(client), post(bob)

    assert (mine.status_code, theirs.status_code) == (201, 201)
    client.delete(f"{URL}/{mine.json()['expense_id']}")
    assert post(bob).json()["expense_id"] == theirs.json()["expense_id"]


def test_a_token_without_read_scope_does_not_see_a_stored_expense(client, alice):
    writer = program_with(make_token(alice, "write"))
    post(client, body=LUNCH | {"notes": "secret"}, idempotency_key="k")

    for headers in ({}, {"idempotency_key": "new"}):
        answer = post(writer, **headers)
        assert (answer.status_code, answer.content) == (204, b"")
    assert post(writer, body=LUNCH | {"external_id": "A2"}).status_code == 201


def test_a_file_for_an_expense_that_exists_or_was_deleted_is_not_kept(client):
    def send():
        return client.post(URL, {**LUNCH, "file": pdf()})

    first = send()
    (key,) = objects()
    assert (first.status_code, send().status_code) == (201, 200)
    assert objects() == [key]
    client.delete(f"{URL}/{first.json()['expense_id']}")
    assert send().status_code == 409
    assert objects() == [key]
    client.post(f"{URL}/{first.json()['expense_id']}/restore")
    assert send().json()["receipt_url"] == key


def test_the_download_of_all_data_has_both(client):
    post(client)

    data = json.loads(b"".join(client.get("/api/export.json").streaming_content))

    assert data["expenses"][0]["external_id"] == "A1"
