"""An import from the upload to its undo, through the services."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from expenses import deletion
from expenses import services as expenses
from expenses.bulk_update import change_expenses, delete_expenses
from expenses.history import list_changes
from expenses.imports import commit, files, profiles, services
from expenses.imports.models import Import, ImportSettings
from expenses.imports.preview import Choice
from expenses.models import Expense
from expenses.queries import list_expenses
from expenses.receipts.serializers import checked
from profiles import export
from smartbudget.core import aws as clients
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import (
    ConflictError,
    GoneError,
    InvalidError,
    NotFoundError,
)
from tests.builders import make_user
from tests.expenses.imports.builders import (
    commit_all,
    csv,
    decisions,
    undo_all,
    upload,
)
from tests.expenses.imports.formats.statements import (
    SAMPLES,
    needs_samples,
    ofx_file,
    payment,
)
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import ALICE, BOB, alerts, make_budget, make_expense, spent
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws", "clock")

ROWS = (
    "2026-03-02,CAFE XY 4711,-4.50",
    "2026-03-03,REWE SAGT DANKE,-25.10",
    "2026-03-03,REWE SAGT DANKE,-25.10",
    "2026-03-04,ACME SALARY,2000.00",
)


def stored(user=ALICE):
    return sorted(Expense.by_user.query(user.user_id), key=lambda e: e.expense_id)


def summary(user=ALICE):
    return sorted(
        (e.date, e.amount, e.category, e.details, e.status) for e in stored(user)
    )


def test_a_file_is_previewed_without_storing_an_expense():
    record = upload(ALICE, *ROWS)

    assert decisions(ALICE, record) == ["left_out", "new", "new", "new", "money_in"]
    assert stored() == []
    counts = json.loads(record.counts)
    assert sum(counts.values()) == 5
    assert (counts["new"], counts["money_in"]) == (3, 1)


def test_a_commit_stores_the_new_rows_and_updates_budgets():
    budget = make_budget(category="Uncategorized", amount="500.00")
    record = upload(ALICE, *ROWS)

    progress = commit_all(ALICE, record)

    assert (progress.done, progress.left) == (3, 0)
    rewe = ("REWE SAGT DANKE", "Uncategorized", "cleared", "REWE SAGT DANKE")
    assert [
        (e.amount, e.merchant, e.category, e.status, e.source_text)
        for e in sorted(stored(), key=lambda e: e.date)
    ] == [
        (Decimal("4.50"), "CAFE XY", "Uncategorized", "cleared", "CAFE XY 4711"),
        (Decimal("25.10"), *rewe),
        (Decimal("25.10"), *rewe),
    ]
    assert spent(budget) == Decimal("54.70")


def test_the_same_file_again_adds_nothing():
    commit_all(ALICE, upload(ALICE, *ROWS))
    before = summary()

    again = upload(ALICE, *ROWS)
    progress = commit_all(ALICE, again)

    assert decisions(ALICE, again)[1:] == ["duplicate"] * 3 + ["money_in"]
    assert progress.done == 0
    assert summary() == before


def test_two_previews_of_the_same_file_add_it_once():
    first, second = upload(ALICE, *ROWS), upload(ALICE, *ROWS)

    commit_all(ALICE, first)
    commit_all(ALICE, second)

    assert len(stored()) == 3


def test_two_previews_match_an_expense_once():
    typed = make_expense(amount="4.50", description="Coffee")
    rows = (f"{typed.date},CAFE XY,-4.50",)
    first, second = upload(ALICE, *rows), upload(ALICE, *rows)

    commit_all(ALICE, first)
    commit_all(ALICE, second)

    assert [e.expense_id for e in stored()] == [typed.expense_id]


def test_a_match_keeps_words_and_fills_what_is_empty():
    typed = make_expense(amount="4.50", description="Coffee", category="Fun")
    record = upload(ALICE, f"{typed.date},CAFE XY,-4.50")

    commit_all(ALICE, record)

    [expense] = stored()
    assert (expense.description, expense.category) == ("Coffee", "Fun")
    assert (expense.merchant, expense.status) == ("CAFE XY", "cleared")
    assert decisions(ALICE, upload(ALICE, f"{typed.date},CAFE XY,-4.50"))[1:] == [
        "duplicate"
    ]


def test_the_expense_of_a_match_can_be_chosen():
    days = ("2026-03-03", "2026-03-05")
    typed = [make_expense(amount="12.50", date=day) for day in days]
    record = upload(ALICE, "2026-03-04,CAFE XY,-12.50")
    [_, row] = services.list_rows(ALICE, record.import_id).rows
    assert (row.decision, row.because) == ("new", "several")

    choice = Choice("match", of=typed[1].expense_id)
    services.change_rows(ALICE, record.import_id, {2: choice})
    commit_all(ALICE, record)

    assert {e.expense_id: e.merchant for e in stored()} == {
        typed[0].expense_id: "",
        typed[1].expense_id: "CAFE XY",
    }


def test_a_booking_that_the_bank_moved_gets_its_new_day_if_chosen():
    def file(day):
        row = payment("-9.90", day, "A1")
        return services.create_import(ALICE, ofx_file(row).encode(), "a.ofx")

    pending = file("20260303")
    commit_all(ALICE, pending)
    booked = file("20260305")
    [row] = services.list_rows(ALICE, booked.import_id).rows
    assert (row.decision, row.because) == ("duplicate", "other_day")
    commit_all(ALICE, file("20260305"))
    assert [e.date for e in stored()] == ["2026-03-03"]

    services.change_rows(ALICE, booked.import_id, {1: Choice("match", of=row.of)})
    commit_all(ALICE, booked)
    assert [e.date for e in stored()] == ["2026-03-05"]
    assert decisions(ALICE, file("20260305")) == ["duplicate"]

    undo_all(ALICE, booked)
    assert [e.date for e in stored()] == ["2026-03-03"]


def test_an_expense_deleted_since_the_preview_is_imported_as_new():
    typed = make_expense(amount="4.50", description="Coffee")
    record = upload(ALICE, f"{typed.date},CAFE XY,-4.50")
    expenses.delete_expense(ALICE, typed.expense_id)

    commit_all(ALICE, record)

    assert [e.details for e in stored()] == ["CAFE XY"]


def delete_one():
    expense = stored()[0]
    expenses.delete_expense(ALICE, expense.expense_id)
    return expense


def delete_selected():
    expense = stored()[0]
    delete_expenses(ALICE, [expense.expense_id])
    return expense


@pytest.mark.parametrize("delete", [delete_one, delete_selected])
def test_a_deleted_expense_is_not_imported_again_unless_restored(delete):
    commit_all(ALICE, upload(ALICE, ROWS[0]))
    expense = delete()

    assert decisions(ALICE, upload(ALICE, ROWS[0]))[1:] == ["deleted"]

    expenses.restore_expense(ALICE, expense.expense_id)
    assert decisions(ALICE, upload(ALICE, ROWS[0]))[1:] == ["duplicate"]


@pytest.mark.parametrize("delete", [delete_one, delete_selected])
def test_a_deleted_expense_is_known_by_its_day_in_the_file(delete):
    """Not by the day that the user gave it, which the query of a file may miss."""
    commit_all(ALICE, upload(ALICE, ROWS[0]))
    expenses.edit_expense(ALICE, stored()[0].expense_id, date="2025-01-01")
    delete()

    assert decisions(ALICE, upload(ALICE, ROWS[0]))[1:] == ["deleted"]


def test_a_deleted_match_is_known_by_its_day_in_the_file():
    typed = make_expense(amount="4.50", date="2026-03-06")
    commit_all(ALICE, upload(ALICE, ROWS[0]))
    expenses.edit_expense(ALICE, typed.expense_id, date="2025-01-01")
    delete_one()

    assert decisions(ALICE, upload(ALICE, ROWS[0]))[1:] == ["deleted"]


def test_a_deleted_row_can_be_chosen():
    commit_all(ALICE, upload(ALICE, ROWS[0]))
    delete_one()
    record = upload(ALICE, ROWS[0])

    services.change_rows(ALICE, record.import_id, {2: Choice("new")})
    commit_all(ALICE, record)

    assert len(stored()) == 1


def test_a_duplicate_can_be_imported_all_the_same():
    commit_all(ALICE, upload(ALICE, ROWS[0]))
    record = upload(ALICE, ROWS[0])

    services.change_rows(ALICE, record.import_id, {2: Choice("new")})
    commit_all(ALICE, record)

    assert len(stored()) == 2


def test_a_refund_is_imported_if_chosen_and_linked():
    commit_all(ALICE, upload(ALICE, "2026-03-02,SHOP 4711,-20.00"))
    [purchase] = stored()
    record = upload(ALICE, "2026-03-05,SHOP 4712,20.00", "2026-03-06,X,-1.00")
    [_, row, _] = services.list_rows(ALICE, record.import_id).rows
    assert row.of == purchase.expense_id

    services.change_rows(ALICE, record.import_id, {2: Choice("new")})
    commit_all(ALICE, record)

    refund = next(e for e in stored() if e.kind == "refund")
    assert refund.refund_of == purchase.expense_id
    assert refund.amount == Decimal("-20.00")


def test_refunds_of_one_expense_are_in_separate_transactions():
    commit_all(ALICE, upload(ALICE, "2026-03-02,SHOP,-20.00"))
    [purchase] = stored()
    rows = ("2026-03-05,SHOP,20.00", "2026-03-06,SHOP,20.00")
    record = upload(ALICE, *rows, *(f"2026-03-07,X,-{n}.00" for n in range(1, 4)))
    choice = Choice("new", of=purchase.expense_id)

    services.change_rows(ALICE, record.import_id, {2: choice, 3: choice})
    commit_all(ALICE, record)

    assert sum(e.refund_of == purchase.expense_id for e in stored()) == 2


def test_an_import_waits_for_rows_to_look_at():
    commit_all(ALICE, upload(ALICE, "2026-03-02,REWE SAGT DANKE 4711,-3.50"))
    record = upload(ALICE, "2026-03-02,REWE,-3.50")
    assert decisions(ALICE, record)[1:] == ["look"]

    with pytest.raises(ConflictError, match="Decide what to do with 1 row"):
        commit.commit(ALICE, record.import_id)

    services.change_rows(ALICE, record.import_id, {2: Choice("duplicate")})
    assert commit_all(ALICE, record).done == 0
    assert len(stored()) == 1


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(Transaction, "MAX_ITEMS", 20)
    monkeypatch.setattr(commit, "MAX_ROWS", 30)
    monkeypatch.setattr(commit, "_READ", 10)


MANY = tuple(
    f"2026-03-{1 + number % 17:02},SHOP {number % 5},-{1 + number % 7}.00"
    for number in range(75)
)


@pytest.mark.usefixtures("small")
def test_a_large_file_is_written_in_several_calls():
    record = upload(ALICE, *MANY)

    first = commit.commit(ALICE, record.import_id)
    last = commit_all(ALICE, record)

    assert (first.done, first.left) == (30, 45)
    assert (last.done, last.left) == (75, 0)
    assert len(stored()) == 75
    assert services.get_import(ALICE, record.import_id).state == "committed"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("killed_at", [1, 2, 4])
def test_an_import_that_was_killed_continues_where_it_was(killed_at, done):
    record = upload(ALICE, *MANY)
    with faults.killed("TransactWriteItems", killed_at, done=done):
        commit_all(ALICE, record)
    written = stored()
    if written:  # stays deleted
        expenses.delete_expense(ALICE, written[0].expense_id)

    commit_all(ALICE, record)

    assert len(stored()) == 75 - bool(written)
    undo_all(ALICE, record)
    assert stored() == []


def test_alerts_of_an_import_are_one_digest():
    make_budget(category="Uncategorized", amount="10.00")
    make_budget(category=None, categories="all", amount="20.00")

    progress = commit_all(ALICE, upload(ALICE, *ROWS))

    assert progress.alerts >= 2
    assert alerts().count("alert_digest") == 1


def csv_export(user):
    return b"".join(export.csv_chunks(user))


def test_an_undo_takes_back_everything(alice):
    make_expense(alice, amount="4.50", description="Coffee", date="2026-03-02")
    make_expense(alice, amount="99.00", description="Other")
    budget = make_budget(alice, category="Groceries")
    before, spent_before = csv_export(alice), spent(budget)
    record = upload(alice, *ROWS)
    commit_all(alice, record)
    assert csv_export(alice) != before

    undone = undo_all(alice, record)

    assert (undone.left, undone.changed) == (0, [])
    assert csv_export(alice) == before
    assert spent(budget) == spent_before
    assert services.get_import(alice, record.import_id).state == "undone"
    assert decisions(alice, upload(alice, *ROWS))[1:] == [
        "match",
        "new",
        "new",
        "money_in",
    ]


def test_an_undo_leaves_what_was_changed_until_confirmed():
    record = upload(ALICE, *ROWS)
    commit_all(ALICE, record)
    changed = stored()[0]
    change_expenses(ALICE, [changed.expense_id], category="Groceries")

    undone = undo_all(ALICE, record)
    assert [e.expense_id for e in undone.changed] == [changed.expense_id]
    assert [e.expense_id for e in stored()] == [changed.expense_id]

    undone = undo_all(ALICE, record, [changed.expense_id])
    assert undone.changed == []
    assert stored() == []
    assert expenses.restore_expense(ALICE, changed.expense_id).category == "Groceries"


@pytest.mark.usefixtures("small")
def test_an_undo_is_repeated_until_nothing_is_left():
    record = upload(ALICE, *MANY)
    commit_all(ALICE, record)

    first = commit.undo(ALICE, record.import_id)
    assert first.left > 0
    assert undo_all(ALICE, record).left == 0
    assert stored() == []


def test_an_undone_import_is_not_written_again():
    record = upload(ALICE, *ROWS)
    commit_all(ALICE, record)
    undo_all(ALICE, record)

    with pytest.raises(ConflictError, match="undone"):
        commit.commit(ALICE, record.import_id)


def test_an_undo_is_possible_for_thirty_days(clock):
    record = upload(ALICE, *ROWS)
    commit_all(ALICE, record)
    clock.shift(timedelta(days=30) - timedelta(seconds=1))
    assert commit.undo(ALICE, record.import_id).left == 0

    later = upload(ALICE, *ROWS)
    commit_all(ALICE, later)
    clock.shift(timedelta(days=30))
    with pytest.raises((GoneError, NotFoundError)):
        commit.undo(ALICE, later.import_id)


def test_a_preview_is_kept_for_seven_days(clock):
    record = upload(ALICE, *ROWS)
    clock.shift(timedelta(days=7) - timedelta(seconds=1))
    services.get_import(ALICE, record.import_id)
    clock.shift(1)
    with pytest.raises(NotFoundError):
        services.get_import(ALICE, record.import_id)


def test_nothing_is_undone_before_the_commit():
    record = upload(ALICE, *ROWS)
    with pytest.raises(ConflictError):
        commit.undo(ALICE, record.import_id)


@pytest.mark.parametrize(
    "use",
    [
        lambda i: services.get_import(BOB, i),
        lambda i: services.list_rows(BOB, i),
        lambda i: services.change_rows(BOB, i, {1: Choice("excluded")}),
        lambda i: services.change_mapping(BOB, i, mapping={}),
        lambda i: services.discard_import(BOB, i),
        lambda i: commit.commit(BOB, i),
        lambda i: commit.undo(BOB, i),
    ],
)
def test_an_import_is_its_owners(use):
    record = upload(ALICE, *ROWS)
    commit_all(ALICE, record)
    with pytest.raises(NotFoundError):
        use(record.import_id)
    assert services.list_imports(BOB).items == []
    assert [one.import_id for one in services.list_imports(ALICE).items] == [
        record.import_id
    ]


def test_another_users_expense_is_not_matched():
    other = make_expense(BOB, amount="4.50")
    record = upload(ALICE, f"{other.date},CAFE,-4.50")
    choice = Choice("match", of=other.expense_id)

    services.change_rows(ALICE, record.import_id, {2: choice})
    commit_all(ALICE, record)

    assert stored(BOB)[0].import_id is None
    assert len(stored(ALICE)) == 1


def test_choices_are_kept_when_the_file_is_read_again():
    record = upload(ALICE, *ROWS)
    choices = {2: Choice("excluded"), 3: Choice(category="Fun", merchant="Rewe")}
    services.change_rows(ALICE, record.import_id, choices)

    services.change_mapping(ALICE, record.import_id, mapping={"date": "D.M.Y"})

    rows = services.list_rows(ALICE, record.import_id).rows
    assert rows[1].decision == "excluded"
    assert (rows[2].category, rows[2].merchant) == ("Fun", "Rewe")


@pytest.mark.parametrize(
    ("number", "choice"),
    [
        (0, Choice("new")),
        (6, Choice("new")),
        (1, Choice("new")),
        (2, Choice("wrong")),
        (2, Choice("match")),
        (2, Choice(category="x" * 51)),
    ],
)
def test_a_choice_that_is_not_possible_is_rejected(number, choice):
    record = upload(ALICE, *ROWS)
    with pytest.raises(InvalidError):
        services.change_rows(ALICE, record.import_id, {number: choice})


def test_rows_do_not_change_once_the_import_has_begun():
    record = upload(ALICE, *ROWS)
    commit_all(ALICE, record)
    with pytest.raises(ConflictError):
        services.change_rows(ALICE, record.import_id, {2: Choice("excluded")})


def objects():
    """Return the keys of the objects in the bucket."""
    listed = clients.client("s3").list_objects_v2(Bucket=config.receipts_bucket)
    return [one["Key"] for one in listed.get("Contents", ())]


def test_a_discarded_preview_leaves_nothing():
    record = upload(ALICE, *ROWS)
    services.change_rows(ALICE, record.import_id, {2: Choice("excluded")})

    services.discard_import(ALICE, record.import_id)

    assert objects() == []
    assert services.list_imports(ALICE).items == []
    for use in (services.discard_import, services.list_rows, commit.commit):
        with pytest.raises(NotFoundError):
            use(ALICE, record.import_id)
    assert stored() == []


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("run", [commit.commit, commit_all, undo_all])
def test_an_import_that_was_begun_is_not_discarded(run):
    record = upload(ALICE, *MANY)
    commit.commit(ALICE, record.import_id)
    if run is not commit.commit:
        run(ALICE, record)
    before = (objects(), summary())

    with pytest.raises(ConflictError, match="Undo it instead"):
        services.discard_import(ALICE, record.import_id)

    assert (objects(), summary()) == before


def test_a_discard_that_was_killed_leaves_nothing_that_can_be_seen():
    record = upload(ALICE, *ROWS)

    with faults.killed("DeleteObject", 1, done=False):
        services.discard_import(ALICE, record.import_id)

    assert len(objects()) == 2  # until the lifecycle deletes them
    assert services.list_imports(ALICE).items == []
    with pytest.raises(NotFoundError):
        services.list_rows(ALICE, record.import_id)


def test_a_discard_that_meets_a_change_or_a_commit_leaves_nothing_half_done(
    monkeypatch,
):
    changing, committing = upload(ALICE, *ROWS), upload(ALICE, *ROWS)
    choice = {2: Choice("excluded")}
    meanwhile = [
        lambda: commit_all(ALICE, committing),
        lambda: services.change_rows(ALICE, changing.import_id, choice),
    ]
    read = services.get_import

    def read_then_change(user, import_id):
        record = read(user, import_id)
        monkeypatch.setattr(services, "get_import", read)
        meanwhile.pop()()
        return record

    monkeypatch.setattr(services, "get_import", read_then_change)
    services.discard_import(ALICE, changing.import_id)
    assert not any(changing.import_id in key for key in objects())

    monkeypatch.setattr(services, "get_import", read_then_change)
    with pytest.raises(ConflictError, match="Undo it instead"):
        services.discard_import(ALICE, committing.import_id)
    assert len(stored()) == 3


@pytest.fixture
def changed_before_rows_are_read(monkeypatch):
    """Return a function after which another tab changes an import, once."""

    def prepare(record, choice):
        read, waiting = files.get_rows, [choice]

        def get_rows(user, import_id, revision):
            if waiting:
                services.change_rows(user, record.import_id, {2: waiting.pop()})
            return read(user, import_id, revision)

        monkeypatch.setattr(files, "get_rows", get_rows)

    return prepare


def test_rows_that_are_changed_while_they_are_read_are_the_latest(
    changed_before_rows_are_read,
):
    record = upload(ALICE, *ROWS)
    changed_before_rows_are_read(record, Choice(category="Fun"))

    assert services.list_rows(ALICE, record.import_id).rows[1].category == "Fun"

    changed_before_rows_are_read(record, Choice("excluded"))
    done = commit_all(ALICE, record).done
    assert (
        done
        == len(stored())
        == int(services.get_import(ALICE, record.import_id).writable)
    )


def test_choices_of_two_tabs_are_both_kept_while_rows_are_read(
    changed_before_rows_are_read,
):
    record = upload(ALICE, *ROWS)
    changed_before_rows_are_read(record, Choice(category="Fun"))

    services.change_rows(ALICE, record.import_id, {3: Choice(category="Food")})

    rows = services.list_rows(ALICE, record.import_id).rows
    assert [row.category for row in rows[1:3]] == ["Fun", "Food"]


def test_a_file_is_not_read_again_from_rows_of_before(changed_before_rows_are_read):
    record = upload(ALICE, *ROWS)
    changed_before_rows_are_read(record, Choice(category="Fun"))

    with pytest.raises(ConflictError, match="changed in the meantime"):
        services.change_mapping(ALICE, record.import_id, mapping={"delimiter": ","})

    assert services.list_rows(ALICE, record.import_id).rows[1].category == "Fun"


def test_rows_that_the_bucket_has_lost_are_not_found():
    record = upload(ALICE, *ROWS)
    files.delete_rows(ALICE, record.import_id, record.revision)

    with pytest.raises(NotFoundError):
        services.list_rows(ALICE, record.import_id)


@pytest.mark.parametrize("currency", ["USD", "JPY"])
def test_amounts_are_not_imported_in_another_currency(currency, monkeypatch):
    alice = replace(ALICE, currency="EUR")
    changed = replace(alice, currency=currency)
    begun, record = upload(alice, *ROWS), upload(alice, "2026-03-09,BAR,-1.00")
    monkeypatch.setattr(commit, "MAX_ROWS", 1)
    assert commit.commit(alice, begun.import_id).left

    for one in (begun, record):
        with pytest.raises(ConflictError, match="currency has changed"):
            commit.commit(changed, one.import_id)

    assert len(stored()) == 1
    undo_all(changed, begun)
    assert stored() == []
    again = upload(changed, "2026-03-09,BAR,-1")
    assert commit_all(changed, again).done == 1
    assert commit_all(alice, record).left == 0


def test_a_change_that_meets_a_discard_is_refused(monkeypatch):
    record = upload(ALICE, *ROWS)
    read = services.rows_of

    def read_then_discard(user, record):
        rows = read(user, record)
        services.discard_import(user, record.import_id)
        return rows

    monkeypatch.setattr(services, "rows_of", read_then_discard)
    with pytest.raises(ConflictError):
        services.change_rows(ALICE, record.import_id, {2: Choice("excluded")})

    assert objects() == []
    assert services.list_imports(ALICE).items == []


def test_a_closed_account_leaves_nothing():
    commit_all(ALICE, upload(ALICE, *ROWS))
    delete_one()
    upload(ALICE, *ROWS)

    sum(deletion.delete_all(ALICE.user_id))

    assert [*Expense.scan()] == []
    s3 = clients.client("s3")
    assert s3.list_objects_v2(Bucket=config.receipts_bucket).get("KeyCount") == 0
    assert ImportSettings.find(ImportSettings.id_of(ALICE.user_id)) is None


def test_the_next_file_of_a_bank_has_the_same_source():
    first = upload(ALICE, *ROWS)
    commit_all(ALICE, first)
    named = upload(ALICE, *ROWS, profile="Joint account")

    assert named.source != first.source
    assert decisions(ALICE, named)[1:] == ["new"] * 3 + ["money_in"]
    commit_all(ALICE, named)
    assert upload(ALICE, *ROWS, profile="joint account").source == named.source
    assert [one.name for one in profiles.read_settings(ALICE).profiles] == [
        first.profile,
        "Joint account",
    ]


def test_a_change_whose_reply_is_lost_is_kept():
    record = upload(ALICE, *ROWS)

    with faults.reply_lost("UpdateItem"):
        services.change_rows(ALICE, record.import_id, {2: Choice("excluded")})

    assert decisions(ALICE, record)[1] == "excluded"


CARD = ("01/02/2026,CAFE,4.50", "02/03/2026,REWE,25.10")  # spent, or received?


def test_answers_are_remembered_for_the_next_file_of_a_bank():
    record = upload(ALICE, *CARD)
    answers = {"sign": "positive_is_paid", "date_format": "mdy"}
    asked = {question.about for question in services.questions_of(record)}
    assert asked == answers.keys()
    record = services.change_mapping(ALICE, record.import_id, mapping=answers)
    commit_all(ALICE, record)

    following = upload(ALICE, *CARD, "03/06/2026,CAFE,3.00")

    assert services.questions_of(following) == []
    assert decisions(ALICE, following)[1:] == ["duplicate", "duplicate", "new"]
    assert services.questions_of(upload(BOB, *CARD)) != []


def test_a_wrong_currency_is_not_imported():
    content = b"Date,Description,Amount,Currency\n2026-03-03,CAFE,-4.50,EUR\n"
    record = services.create_import(ALICE, content, "a.csv")

    rows = services.list_rows(ALICE, record.import_id).rows
    assert [row.decision for row in rows if row.decision != "left_out"] == ["wrong"]


def test_a_refused_file_stores_nothing():
    with pytest.raises(InvalidError):
        services.create_import(ALICE, b"%PDF-1.7", "a.pdf")
    assert [*Import.scan()] == []


def test_pages_of_rows_continue():
    record = upload(ALICE, *MANY)
    page = services.list_rows(ALICE, record.import_id, limit=50)
    assert (len(page.rows), page.next) == (50, 51)
    page = services.list_rows(ALICE, record.import_id, limit=50, first=51)
    assert (len(page.rows), page.next) == (26, None)


EXPORTS = {
    "csv": export.csv_chunks,
    "json": export.json_chunks,
    "zip": export.zip_chunks,
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_own_exports_come_back_to_the_cent(alice, kind):
    receipt = checked(SimpleUploadedFile("a.pdf", PDF))
    make_expense(alice, amount="12.34", description="Lunch", notes="a\nb", merchant="X")
    make_expense(alice, amount="2.00", kind="refund", status="void")
    make_expense(alice, amount="1234567.89", receipt=receipt, status="cleared")
    parts = [{"category": "A", "amount": "1.00"}, {"category": "B", "amount": "2.00"}]
    make_expense(alice, amount="3.00", category="", parts=parts)
    content, bob = b"".join(EXPORTS[kind](alice)), make_user("bob")

    record = services.create_import(bob, content, "expenses")
    choices = {
        row.number: Choice("new")
        for row in services.rows_of(bob, record)
        if row.decision == "money_in"
    }
    if choices:
        services.change_rows(bob, record.import_id, choices)
    commit_all(bob, record)

    def facts(user):
        return sorted(
            (e.date, e.amount, e.category, e.details, e.notes, e.status, str(e.parts))
            for e in stored(user)
        )

    assert facts(bob) == facts(alice)
    again = services.create_import(alice, content, "expenses")
    counts = json.loads(again.counts)
    assert (counts["duplicate"], counts["new"], counts["match"]) == (4, 0, 0)


def test_imported_expenses_are_listed_and_have_a_history():
    commit_all(ALICE, upload(ALICE, ROWS[0]))
    [expense] = list_expenses(ALICE).items
    assert [change.created for change in list_changes(ALICE, expense.expense_id)] == [
        True
    ]


SAMPLES_OF = {"EUR": 0, "USD": 2, "AUD": 2}  # new rows of all files together


@needs_samples
@pytest.mark.parametrize("currency", SAMPLES_OF)
def test_every_sample_is_imported_and_undone_or_refused(clock, currency):
    """Each file is imported twice; the second time, nothing in it is new."""
    clock.move_to(datetime(2016, 6, 1, tzinfo=UTC))
    added = 0
    for number, path in enumerate(sorted(SAMPLES.glob("*/*"))):
        user = replace(ALICE, user_id=f"user{number}", currency=currency)
        content = path.read_bytes()
        try:
            record = services.create_import(user, content, path.name)
        except InvalidError:
            continue
        for question in services.questions_of(record):
            answer = {question.about: question.choices[0]}
            import_id = record.import_id
            record = services.change_mapping(user, import_id, mapping=answer)
        added += commit_all(user, record).done
        again = services.create_import(user, content, path.name)
        assert json.loads(again.counts)["new"] == 0
        undo_all(user, record)
        assert stored(user) == []
    assert added == SAMPLES_OF[currency]


def test_a_csv_needs_no_name():
    assert services.create_import(ALICE, csv(ROWS[0]), "..\\x/\x07").file_name == "file"


def test_a_lost_reply_at_the_end_is_no_conflict():
    imported, same = upload(ALICE, *ROWS), upload(ALICE, *ROWS)
    commit_all(ALICE, imported)

    with faults.reply_lost("UpdateItem"):
        assert commit.commit(ALICE, same.import_id).left == 0

    assert services.get_import(ALICE, same.import_id).state == "committed"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("before", [0, 30])
def test_a_level_is_alerted_once_in_whatever_order_refunds_are(before):
    make_budget(category="Uncategorized", amount="100.00")
    rows = [f"2026-03-02,SHOP {number},-5.00" for number in range(60)]
    rows[before:before] = [f"2026-03-13,ACME {number},50.00" for number in range(3)]
    record = upload(ALICE, *rows)
    choices = {before + number: Choice("new") for number in (2, 3, 4)}
    services.change_rows(ALICE, record.import_id, choices)

    commit_all(ALICE, record)
    undo_all(ALICE, record)

    assert alerts().count("budget_exceeded") == 1
