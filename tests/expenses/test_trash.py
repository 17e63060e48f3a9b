"""The trash: deleted expenses are listed, restored, purged with receipts, emptied."""

import datetime
import html
import json
import re

import pytest

from expenses import batch, purge, services, trash
from expenses.bulk_update import delete_expenses
from expenses.models import Expense, History, TrashedExpense
from expenses.receipts.services import PURGE_TASK
from expenses.tasks import purge_trash, settle_receipt
from notifications import jobs, sweep
from smartbudget.core import dates
from smartbudget.core.errors import NotFoundError
from tests.builders import client_for, make_user
from tests.expenses.builders import make_expenses
from tests.expenses.receipts.test_receipts import content_of, objects, upload
from tests.money_builders import ALICE, BOB, make_budget, make_expense, spent
from tests.notifications.builders import queued

pytestmark = pytest.mark.usefixtures("aws", "clock")

DAYS = 24 * 3600  # seconds


@pytest.fixture
def alice():
    return make_user()


@pytest.fixture
def client(alice):
    return client_for(alice)


def delete(user, *expenses):
    for expense in expenses:
        services.delete_expense(user, expense.expense_id)


def trashed_ids(user=ALICE) -> list[str]:
    return [item.expense.expense_id for item in trash.list_trash(user).items]


def delete_and_check(user, expense, clock):
    """Delete an expense, and run the orphan check of its receipt."""
    delete(user, expense)
    clock.shift(900)
    settle_receipt(**queued()[-1])


def test_deleted_expenses_are_listed_newest_day_first():
    first = make_expense(date="2026-03-01")
    second = make_expense(date="2026-03-02")
    kept = make_expense()
    theirs = make_expense(BOB)
    delete(ALICE, second, first)
    delete(BOB, theirs)

    assert trashed_ids() == [second.expense_id, first.expense_id]
    services.restore_expense(ALICE, first.expense_id)
    assert trashed_ids() == [second.expense_id]
    assert trashed_ids(BOB) == [theirs.expense_id]
    assert Expense.find(kept.expense_id)


def test_pages_of_the_trash_follow_each_other():
    expenses = make_expenses(5)
    delete_expenses(ALICE, expenses)

    first = trash.list_trash(ALICE, limit=3)
    second = trash.list_trash(ALICE, limit=3, after=first.next)

    ids = [item.expense.expense_id for item in [*first.items, *second.items]]
    assert sorted(ids) == sorted(expenses)
    assert second.next is None


def test_what_is_left_of_a_restored_expense_expires_in_a_day():
    expense = make_expense()
    delete(ALICE, expense)
    services.restore_expense(ALICE, expense.expense_id)

    left = TrashedExpense.get(TrashedExpense.id_of(expense.expense_id))

    assert left.index_key is None
    assert left.expires_at <= dates.now() + datetime.timedelta(days=1)


def test_links_lead_through_the_pages_of_the_api(client, alice):
    expenses = [make_expense(alice).expense_id for _ in range(3)]
    delete_expenses(alice, expenses)

    first = client.get("/api/expenses/trash?page_size=2").json()
    second = client.get(first["next"]).json()
    back = client.get(second["previous"]).json()

    rows = first["results"] + second["results"]
    assert sorted(row["expense_id"] for row in rows) == sorted(expenses)
    assert second["next"] is None
    assert back["results"] == first["results"]
    assert client_for(make_user("bob")).get(first["next"]).status_code == 400


def test_links_lead_through_the_pages_of_the_list(client, alice):
    delete_expenses(alice, [make_expense(alice).expense_id for _ in range(3)])

    first = client.get("/expenses/trash?page_size=2").content.decode()
    (link,) = re.findall(r'href="([^"]*cursor=[^"]*)"', first)
    second = client.get("/expenses/trash" + html.unescape(link)[link.find("?") :])

    assert first.count("/restore") == 2
    assert second.content.decode().count("/restore") == 1


def test_what_cannot_be_restored_any_more_is_not_listed(clock):
    old = make_expense()
    delete(ALICE, old)
    clock.shift(DAYS)
    new = make_expense()
    delete(ALICE, new)
    clock.shift(29 * DAYS)

    assert trashed_ids() == [new.expense_id]


class TestPurge:
    def test_a_receipt_is_kept_as_long_as_its_expense(self, client, alice, clock):
        expense = make_expense(alice)
        key = upload(client, expense).json()["receipt_url"]
        delete_and_check(alice, expense, clock)

        clock.shift(30 * DAYS - 901)
        purge_trash(user_id=alice.user_id)
        assert objects() == [key]
        services.restore_expense(alice, expense.expense_id)
        assert content_of(Expense.get(expense.expense_id).receipt_url)

    def test_the_sweep_deletes_it_after_30_days(self, client, alice, clock):
        expense = make_expense(alice)
        upload(client, expense)
        delete_and_check(alice, expense, clock)
        clock.shift(30 * DAYS - 900)
        assert not queued_purges()

        clock.shift(600)
        assert queued_purges() == [{"user_id": alice.user_id}]
        purge_trash(user_id=alice.user_id)

        assert objects() == []
        assert TrashedExpense.find(TrashedExpense.id_of(expense.expense_id)) is None
        assert jobs.find(PURGE_TASK, alice.user_id) is None
        purge_trash(user_id=alice.user_id)  # a repetition

    def test_a_later_deletion_waits_for_its_own_time(self, client, alice, clock):
        first, second = make_expense(alice), make_expense(alice)
        for expense in (first, second):
            upload(client, expense)
        delete_and_check(alice, first, clock)
        clock.shift(10 * DAYS)
        delete_and_check(alice, second, clock)
        clock.shift(20 * DAYS)
        kept = Expense.from_raw_data(
            TrashedExpense.get(TrashedExpense.id_of(second.expense_id)).item
        ).receipt_url

        purge_trash(user_id=alice.user_id)
        assert objects() == [kept]
        assert jobs.find(PURGE_TASK, alice.user_id)
        clock.shift(11 * DAYS)
        purge_trash(user_id=alice.user_id)

        assert objects() == []
        assert jobs.find(PURGE_TASK, alice.user_id) is None

    def test_a_check_during_a_purge_keeps_the_job(self, client, alice, clock):
        expense = make_expense(alice)
        upload(client, expense)
        delete_and_check(alice, expense, clock)
        job = jobs.find(PURGE_TASK, alice.user_id)
        clock.shift(1)
        jobs.put_due(PURGE_TASK, alice.user_id, dates.now() + trash.KEPT)

        jobs.finish(job)
        jobs.postpone_until(job, dates.now() + datetime.timedelta(days=99))

        stored = jobs.find(PURGE_TASK, alice.user_id)
        assert stored.unsent_since == job.unsent_since

    def test_one_run_purges_a_limited_number(self, client, alice, clock, monkeypatch):
        monkeypatch.setattr(purge, "MAX_PURGED", 1)
        for _ in range(2):
            expense = make_expense(alice)
            upload(client, expense)
            delete_and_check(alice, expense, clock)
        clock.shift(31 * DAYS)

        purge_trash(user_id=alice.user_id)
        assert len(objects()) == 1
        assert jobs.find(PURGE_TASK, alice.user_id)
        purge_trash(user_id=alice.user_id)

        assert objects() == []


def queued_purges() -> list[dict]:
    """Return the calls of the purge that a sweep queues now."""
    before = queued()
    sweep.enqueue_overdue()
    return queued()[len(before) :]


class TestEmpty:
    def test_it_deletes_all_for_good(self, client, alice, clock):
        budget = make_budget(alice)
        expense, edited = make_expense(alice), make_expense(alice)
        upload(client, expense)
        services.edit_expense(alice, edited.expense_id, amount="7")
        kept = make_expense(alice, amount="3")
        theirs = make_expense(BOB)
        delete(alice, expense, edited)
        delete(BOB, theirs)

        assert purge.empty(alice) == purge.Emptied(2, False)

        assert trashed_ids(alice) == []
        assert spent(budget) == 3
        with pytest.raises(NotFoundError):
            services.restore_expense(alice, expense.expense_id)
        assert History.find(History.id_of(edited.expense_id)) is None
        assert Expense.find(kept.expense_id)
        assert trashed_ids(BOB) == [theirs.expense_id]
        assert len(objects()) == 1  # its check is queued
        settle_receipt(**queued()[-1])
        assert objects() == []
        assert purge.empty(alice) == purge.Emptied(0, False)

    def test_what_is_restored_meanwhile_stays(self, monkeypatch):
        expense, other = make_expense(), make_expense()
        services.edit_expense(ALICE, expense.expense_id, amount="7")
        delete(ALICE, expense, other)
        find = trash.find_all

        def restored_first(user, ids):
            found = find(user, ids)
            monkeypatch.setattr(trash, "find_all", find)
            services.restore_expense(ALICE, expense.expense_id)
            return found

        monkeypatch.setattr(trash, "find_all", restored_first)
        emptied = purge.empty(ALICE)

        assert emptied == purge.Emptied(1, False)
        assert Expense.get(expense.expense_id).amount == 7
        assert History.find(History.id_of(expense.expense_id))

    def test_it_stops_in_time(self, monkeypatch):
        monkeypatch.setattr(batch, "MAX_SECONDS", 0)
        delete_expenses(ALICE, make_expenses(2))

        assert purge.empty(ALICE) == purge.Emptied(2, True)
        assert purge.empty(ALICE) == purge.Emptied(0, False)


def test_the_api_lists_restores_and_empties(client, alice):
    expense = make_expense(alice, merchant="Kiosk")
    other = make_expense(alice)
    delete(alice, expense, other)

    page = client.get("/api/expenses/trash?page_size=50").json()
    rows = {row["expense_id"]: row for row in page["results"]}
    restored = client.post(f"/api/expenses/{expense.expense_id}/restore")
    emptied = client.post("/api/expenses/trash/empty")

    assert rows.keys() == {expense.expense_id, other.expense_id}
    row = rows[expense.expense_id]
    assert row["merchant"] == "Kiosk"
    deleted, until = (
        datetime.datetime.fromisoformat(row[name])
        for name in ("deleted_at", "restorable_until")
    )
    assert until - deleted == datetime.timedelta(days=30)
    assert restored.status_code == 204
    assert emptied.json() == {"deleted": 1, "left": False}
    assert client.get("/api/expenses/trash").json()["results"] == []


def test_the_page_lists_restores_and_empties(client, alice):
    expense = make_expense(alice, merchant="Kiosk")
    assert "The trash is empty" in client.get("/expenses/trash").content.decode()
    delete(alice, expense)

    page = client.get("/expenses/trash").content.decode()
    question = client.get("/expenses/trash/empty").content.decode()
    path = f"/expenses/{expense.expense_id}/restore"
    restored = client.post(path, {"next": "/expenses/trash"}, follow=True)

    assert "Kiosk" in page
    assert 'data-label="Kept until"' in page
    assert "Empty the trash?" in question
    assert "Restored Groceries, $10.00." in restored.content.decode()
    delete(alice, expense)
    emptied = client.post("/expenses/trash/empty", follow=True)
    assert "Deleted 1 expense for good." in emptied.content.decode()


def test_the_download_has_the_trash_apart(client, alice):
    expense, kept = make_expense(alice), make_expense(alice)
    delete(alice, expense)

    data = json.loads(b"".join(client.get("/api/export.json").streaming_content))

    assert [row["expense_id"] for row in data["expenses"]] == [kept.expense_id]
    (row,) = data["trash"]
    assert row["expense_id"] == expense.expense_id
    assert row["deleted_at"]
