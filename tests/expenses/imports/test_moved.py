"""An imported expense that is moved far from its booking isn't imported again."""

from datetime import timedelta

import pytest

from expenses import deletion, undo
from expenses import services as expenses
from expenses.bulk_create import record_expenses
from expenses.bulk_update import change_expenses, delete_expenses
from expenses.imports import services
from expenses.imports.messages import sentence
from expenses.imports.preview import Choice
from expenses.models import Expense, MissingBooking
from tests.expenses.imports.builders import commit_all, decisions, undo_all, upload
from tests.expenses.imports.formats.statements import ofx_file, payment
from tests.money_builders import ALICE, TODAY, make_expense
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws", "clock")

BOOKED = TODAY - timedelta(13)
ROW = f"{BOOKED},CAFE XY,-12.50"
FAR = [60, -60, -120, -400, 8, -8]  # days


def enter():
    """Import a row that matches an expense entered by hand."""
    make_expense(amount="12.50", description="Lunch", date=BOOKED - timedelta(2))
    return commit_row()


def commit_row():
    record = upload(ALICE, ROW)
    commit_all(ALICE, record)
    return record


# How an expense gets the keys of a booking.
IMPORTED = {"matched": enter, "new": commit_row}


def stored():
    [expense] = Expense.by_user.query(ALICE.user_id)
    return expense


def missing():
    """Return the day of each expense far from its booking; None: it was deleted."""
    key = MissingBooking.index_key_of(ALICE.user_id)
    return [item.moved_to for item in MissingBooking.batch_get(ids_of(key))]


def ids_of(key):
    return [item.expense_id for item in Expense.by_user.query(key)]


def move(days):
    day = BOOKED + timedelta(days)
    expenses.edit_expense(ALICE, stored().expense_id, date=day.isoformat())
    return day


def decided():
    """Return the decision on the row in the file that comes again, with its reason."""
    record = upload(ALICE, ROW)
    [_, row] = services.list_rows(ALICE, record.import_id).rows
    commit_all(ALICE, record)
    return row.decision, sentence(row.because, row.values)


IMPORTED_BEFORE = ("duplicate", "You imported this before.")


def moved_to(day):
    shown = f"{day:%b} {day.day}, {day.year}"
    return "duplicate", f"You imported this before, with the date {shown}."


@pytest.mark.parametrize("days", FAR)
@pytest.mark.parametrize("kind", IMPORTED)
def test_a_moved_expense_is_a_duplicate_wherever_it_is(kind, days):
    IMPORTED[kind]()

    day = move(days)

    assert decided() == moved_to(day)
    assert stored().date == day.isoformat()
    assert missing() == [day.isoformat()]


@pytest.mark.parametrize("kind", IMPORTED)
def test_it_may_be_moved_again_and_back(kind):
    IMPORTED[kind]()
    move(60)

    for days in (90, 7):
        day = move(days)
        assert decided() == moved_to(day)
    assert missing() == []
    move(0)
    assert decided() == IMPORTED_BEFORE


@pytest.mark.parametrize("kind", IMPORTED)
def test_it_may_be_deleted_and_restored(kind):
    IMPORTED[kind]()
    day = move(60)

    expense = expenses.delete_expense(ALICE, stored().expense_id)
    assert decided() == ("deleted", "You imported this before and deleted it.")
    assert missing() == [None]

    expenses.restore_expense(ALICE, expense.expense_id)
    assert decided() == moved_to(day)
    assert missing() == [day.isoformat()]


@pytest.mark.parametrize("kind", IMPORTED)
def test_it_may_be_changed_and_deleted_with_others(kind):
    IMPORTED[kind]()
    day, ids = move(60), [stored().expense_id]

    changed = change_expenses(ALICE, ids, category="Fun", status="pending")
    assert decided() == moved_to(day)
    undo.undo(ALICE, changed.undo_id)
    assert decided() == moved_to(day)

    deleted = delete_expenses(ALICE, ids)
    assert decided()[0] == "deleted"
    undo.undo(ALICE, deleted.undo_id)
    assert decided() == moved_to(day)
    assert missing() == [day.isoformat()]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "matched",
            ("match", f"You entered this yourself on Mar {BOOKED.day - 2}, 2026."),
        ),
        ("new", ("new", "")),
    ],
)
def test_its_import_may_be_undone(kind, expected):
    record = IMPORTED[kind]()
    day = move(60)

    assert len(undo_all(ALICE, record).changed) == 1
    assert decided() == moved_to(day)

    undo_all(ALICE, record, [stored().expense_id])
    assert missing() == []
    assert decided() == expected


def test_a_match_that_was_chosen_may_be_far():
    typed = make_expense(amount="12.50", date=BOOKED - timedelta(20))
    record = upload(ALICE, ROW)
    services.change_rows(
        ALICE, record.import_id, {2: Choice("match", of=typed.expense_id)}
    )
    commit_all(ALICE, record)

    assert decided() == moved_to(BOOKED - timedelta(20))
    undo_all(ALICE, record)
    assert missing() == []


def test_the_day_of_the_bank_may_be_chosen():
    def file(day):
        row = payment("-9.90", day, "A1")
        return services.create_import(ALICE, ofx_file(row).encode(), "a.ofx")

    commit_all(ALICE, file("20260305"))
    move(60)
    record = file("20260306")
    [row] = services.list_rows(ALICE, record.import_id).rows
    assert (row.decision, row.because) == ("duplicate", "other_day")

    services.change_rows(ALICE, record.import_id, {1: Choice("match", of=row.of)})
    commit_all(ALICE, record)

    assert (stored().date, missing()) == ("2026-03-06", [])
    assert decisions(ALICE, file("20260306")) == ["duplicate"]
    undo_all(ALICE, record)
    assert missing() == [stored().date]


def test_equal_bookings_are_counted():
    rows = [ROW, ROW]
    commit_all(ALICE, upload(ALICE, *rows))
    first, _second = Expense.by_user.query(ALICE.user_id)
    expenses.edit_expense(ALICE, first.expense_id, date=TODAY.isoformat())

    again = upload(ALICE, *rows, ROW)

    assert decisions(ALICE, again)[1:] == ["duplicate", "duplicate", "new"]
    commit_all(ALICE, again)
    assert len(ids_of(ALICE.user_id)) == 3


def test_other_edits_leave_no_item():
    other = make_expense(amount="3.00", date=TODAY)
    day = (TODAY - timedelta(100)).isoformat()
    expenses.edit_expense(ALICE, other.expense_id, date=day)
    commit_row()
    [imported] = {*ids_of(ALICE.user_id)} - {other.expense_id}

    expenses.edit_expense(ALICE, imported, amount="13.00", category="Fun")

    assert missing() == []


@pytest.mark.parametrize("days", [(60,), (60, 0)])
def test_an_edit_whose_reply_is_lost_moves_it_once(days):
    enter()
    for one in days:
        with faults.reply_lost("TransactWriteItems"):
            day = move(one)

    assert missing() == [day.isoformat()] * (days[-1] != 0)
    assert decided()[0] == "duplicate"


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("days", [(60,), (60, 0)])
def test_after_an_edit_that_was_killed_it_is_still_a_duplicate(days, is_done):
    enter()
    *before, last = days
    for one in before:
        move(one)
    with faults.killed("TransactWriteItems", 1, done=is_done):
        move(last)
    assert decided()[0] == "duplicate"

    day = move(last)

    assert missing() == [day.isoformat()] * (last != 0)
    assert decided()[0] == "duplicate"


def test_an_edit_and_a_deletion_at_once_leave_what_is_stored():
    enter()
    expense_id = stored().expense_id

    with faults.meanwhile(lambda: move(90)):
        expenses.delete_expense(ALICE, expense_id)
    assert missing() == [None]

    expenses.restore_expense(ALICE, expense_id)
    assert missing() == [(BOOKED + timedelta(90)).isoformat()]


def test_a_program_still_finds_it():
    sent = {"source": "till", "external_id": "A1", "date": BOOKED.isoformat()}
    make_expense(amount="12.50", **sent)
    commit_row()
    move(60)

    assert make_expense(amount="12.50", **sent).was_stored
    row = {"amount": "12.50", "category": "Groceries", **sent}
    recorded = record_expenses(ALICE, [row])

    assert [len(recorded.duplicates), len(recorded.deleted)] == [1, 0]
    assert missing() == [stored().date]


def test_a_closed_account_leaves_no_item():
    enter()
    move(60)

    sum(deletion.delete_all(ALICE.user_id))

    assert [*Expense.scan()] == []
