"""Account deletion: closed at once, and completely deleted in the end."""

import datetime
import json

import boto3
import pytest
import time_machine
from django.core.management import call_command

from accounts import services, sessions
from accounts.models import Account
from budgets.models import Budget
from expenses.bulk_create import record_expenses
from expenses.models import Expense
from expenses.receipts import uploads
from notifications import subscriptions, sweep
from notifications.models import Notification
from profiles import deletion
from profiles.services import update_profile
from profiles.tasks import delete_account
from reports import archive
from reports import queued as queued_reports
from reports.periods import resolve
from smartbudget.core import aws as clients
from smartbudget.core.errors import AuthenticationError, ConflictError, InvalidError
from smartbudget.core.files import report_key
from smartbudget.core.periods import period_of
from tests.accounts.factors.builders import with_passkey
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_token,
    make_user,
    program_with,
    token_of,
    with_factor,
)
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import NOON, TODAY, make_budget, make_expense
from tests.notifications import faults
from tests.notifications.builders import mails, queued, run_queued_tasks, sns
from tests.problems import messages_of
from tests.reports.conftest import generator

__all__ = ["generator"]
pytestmark = pytest.mark.usefixtures("generator")  # for a queued report

BUCKET = "smart-budget-receipts"
TABLES = ("users", "expenses", "budgets", "notifications")


@pytest.fixture
def clock(aws):
    with time_machine.travel(NOON, tick=False) as traveller:
        clients.queue_url()
        yield traveller


@pytest.fixture
def alice(clock):
    user = create_everything(make_user("alice"))
    queued_reports.put(user, resolve("yearly", today=TODAY))
    return user


def create_everything(user):
    """Create one of every kind of item for a user."""
    subscriptions.subscribe(user)
    update_profile(
        user, email_preferences={"weekly_summary": True, "monthly_summary": True}
    )
    make_token(user)
    with_passkey(user)
    user = with_factor(user)
    make_budget(user, amount="5.00")
    browser = client_for(user)
    expense = make_expense(user, amount="10.00")  # alerts twice
    browser.post(
        "/api/receipts/upload",
        {"file": receipt(), "expense_id": expense.expense_id},
    )
    make_expense(user, date="2025-06-01")
    browser.get("/api/categories")  # stores the totals of months
    key, *_ = uploads.create_presigned_upload(
        user, file_name="a.pdf", size_bytes=len(PDF), sha256="0" * 64
    )
    s3().put_object(Bucket=BUCKET, Key=key, Body=PDF)
    uploads.create_presigned_upload(
        user, file_name="b.pdf", size_bytes=9, sha256="1" * 64
    )
    report = report_key(user.user_id, "monthly", period_of("monthly", TODAY), NOON)
    s3().put_object(Bucket=BUCKET, Key=report, Body=PDF)
    archive._release(
        archive._take_lease("report#of-" + user.username),
        {"fingerprint": "f", "report_key": report},
    )
    return user


def receipt():
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile("a.pdf", PDF, "application/pdf")


def s3():
    return boto3.client("s3")


def stored_traces(user):
    """Return everything stored that contains the user's id or names."""
    names = [
        (name, item)
        for name in TABLES
        for item in boto3.client("dynamodb").scan(TableName=name)["Items"]
        if user.user_id in json.dumps(item, default=list)
        or user.email in json.dumps(item, default=list)
    ]
    listed = s3().list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return names + [obj["Key"] for obj in listed if user.user_id in obj["Key"]]


def histories():
    """Return the ids of expense histories, which contain no user id."""
    items = boto3.client("dynamodb").scan(TableName="expenses")["Items"]
    ids = [item["expense_id"]["S"] for item in items]
    return [item_id for item_id in ids if item_id.startswith("history#")]


def run_for_minutes(clock, minutes=10):
    """Run the queue and the sweep for some minutes."""
    for _ in range(minutes):
        run_queued_tasks()
        clock.shift(datetime.timedelta(minutes=1))
        if not queued_deletions():
            sweep.enqueue_overdue()


def queued_deletions():
    return [body for body in queued() if set(body) <= {"user_id", "empty_since"}]


def close(user):
    deletion.close_account(user, password=PASSWORD)


def test_deletion_leaves_nothing_and_other_users_keep_everything(clock, alice):
    before = histories()
    bob = create_everything(make_user("bob"))
    remaining = [history for history in histories() if history not in before]
    assert before
    assert remaining
    run_queued_tasks()
    of_bob = stored_traces(bob)
    assert len({name for name, *_ in stored_traces(alice)}) > len(TABLES)

    close(alice)
    run_for_minutes(clock)

    assert stored_traces(alice) == []
    assert histories() == remaining
    assert sorted(map(str, stored_traces(bob))) == sorted(map(str, of_bob))
    assert [subscription.endpoint for subscription in sns().subscriptions.values()] == [
        bob.email
    ]


def test_closing_is_immediate_and_keeps_the_names_taken(clock, alice):
    phone, program = client_for(alice), program_with(make_token(alice))

    close(alice)

    assert program.get("/api/profile").status_code == 401
    assert phone.get("/api/profile").status_code == 401
    with pytest.raises(AuthenticationError):
        services.log_in(identifier="alice", password=PASSWORD, address="127.0.0.1")
    with pytest.raises(ConflictError):
        make_user("alice")

    run_for_minutes(clock)
    assert make_user("alice").user_id != alice.user_id


def test_no_session_starts_for_an_account_closed_meanwhile(clock, alice):
    checked = account_of(alice)  # after the password was verified

    close(alice)

    with pytest.raises(AuthenticationError):
        sessions.begin_session(checked)


def test_closing_requires_the_password(clock, alice):
    with pytest.raises(InvalidError) as refused:
        deletion.close_account(alice, password="something else")

    assert refused.value.field == "password"
    assert account_of(alice).closed_at is None


def test_without_the_queue_the_sweep_starts_deletion(clock, alice):
    run_queued_tasks()
    with faults.down("SendMessageBatch"):
        close(alice)
        sweep.enqueue_overdue()
    assert queued_deletions() == []

    run_for_minutes(clock, minutes=20)

    assert stored_traces(alice) == []


def test_a_task_that_never_runs_is_queued_again_by_the_sweep(clock, alice):
    """Every message is lost except those of the sweep."""
    close(alice)
    for _ in range(12):
        drop_the_queue()
        clock.shift(datetime.timedelta(minutes=6))
        sweep.enqueue_overdue()
        run_queued_tasks()

    assert (
        stored_traces(alice) != []
    )  # each time it restarts and waits for the second pass
    run_for_minutes(clock)
    assert stored_traces(alice) == []


def drop_the_queue():
    clients.client("sqs").purge_queue(QueueUrl=clients.queue_url())


# Every write of a deletion in order; the transaction is last.
WRITES = [
    ("UpdateItem", 1),
    ("TransactWriteItems", 1),  # expenses and their histories
    ("BatchWriteItem", 1),  # uploads
    ("DeleteObjects", 1),  # receipts
    ("BatchWriteItem", 2),  # budgets
    ("BatchWriteItem", 3),  # notifications
    ("BatchWriteItem", 4),  # planned summaries
    ("DeleteObjects", 2),  # reports
    ("Unsubscribe", 1),
    ("TransactWriteItems", 2),
]


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("operation", "nth"), WRITES)
def test_deletion_is_completed_after_a_crash_anywhere(
    clock, alice, operation, nth, done
):
    close(alice)
    drop_the_queue()

    with faults.killed(operation, nth, done=done):
        run_to_the_end(clock, alice)

    is_deleted = (operation, nth, done) == ("TransactWriteItems", 2, True)
    assert (
        stored_account(alice) is None
    ) == is_deleted  # it is deleted last, with its names
    run_to_the_end(clock, alice)
    assert stored_traces(alice) == []


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_closing_is_atomic(clock, alice, done):
    browser = client_for(alice)

    with faults.killed("TransactWriteItems", 1, done=done):
        close(alice)

    assert browser.get("/api/profile").status_code == (401 if done else 200)
    run_for_minutes(clock, minutes=20)
    assert (stored_traces(alice) == []) == done


def run_to_the_end(clock, user):
    later = deletion.NextRun(0, None)
    while later:
        clock.shift(datetime.timedelta(seconds=later.countdown))
        later = deletion.continue_deletion(user.user_id, later.empty_since)


def stored_account(user):
    try:
        return Account.get(user.user_id)
    except Account.DoesNotExist:
        return None


def test_items_written_meanwhile_are_deleted_too(clock, alice):
    """A request that started before closing ends after the first pass."""
    close(alice)
    first = deletion.continue_deletion(alice.user_id)
    make_expense(alice)
    clock.shift(datetime.timedelta(seconds=60))
    second = deletion.continue_deletion(alice.user_id, first.empty_since)
    assert list(Expense.by_user.query(alice.user_id)) == []

    make_budget(alice)
    clock.shift(datetime.timedelta(seconds=60))
    third = deletion.continue_deletion(alice.user_id, second.empty_since)

    assert third.empty_since is None  # items were found, so the wait restarts
    run_to_the_end(clock, alice)
    assert stored_traces(alice) == []


def test_the_second_pass_waits_even_if_messages_are_repeated(clock, alice):
    close(alice)
    while (later := deletion.continue_deletion(alice.user_id)).empty_since is None:
        pass

    again = deletion.continue_deletion(alice.user_id, later.empty_since)

    assert again.empty_since == later.empty_since
    assert 60 <= again.countdown <= 61
    assert stored_account(alice) is not None


def test_a_run_stops_at_its_deadline(clock, alice):
    record_expenses(alice, [{"amount": "1.00", "category": "Fun"}] * 60)
    close(alice)

    later = deletion.continue_deletion(alice.user_id, keep_going=lambda: False)

    assert later == deletion.NextRun(0, None)
    assert len(list(Expense.by_user.query(alice.user_id))) == 62 - 50


def test_an_outage_of_the_mail_service_keeps_the_account_until_it_is_over(clock, alice):
    close(alice)
    with faults.down("Unsubscribe"), pytest.raises(Exception, match="connect"):
        run_to_the_end(clock, alice)
    assert stored_account(alice) is not None
    assert list(Budget.by_user.query(alice.user_id)) == []

    run_to_the_end(clock, alice)
    assert stored_traces(alice) == []


def test_running_deliveries_end_quietly(clock, alice):
    """Notifications may be deleted, or still exist while the account is closed."""
    waiting = [body for body in queued() if "notification_id" in body]
    assert waiting
    drop_the_queue()
    close(alice)
    from notifications.tasks import deliver_notification

    deliver_notification(**waiting[0])
    stored = Notification.get(waiting[0]["notification_id"])
    assert (stored.status, stored.error) == ("skipped", "The account was deleted.")

    run_to_the_end(clock, alice)
    deliver_notification(**waiting[0])
    assert mails() == []


def test_a_task_for_an_account_that_is_not_closed_does_nothing(clock, alice):
    before = stored_traces(alice)

    delete_account(user_id=alice.user_id)
    delete_account(user_id="nobody")

    assert stored_traces(alice) == before


def test_the_api_closes_the_account_and_deletes_the_cookie(clock, alice):
    client = client_for(alice)
    send = {"content_type": "application/json"}

    wrong = client.delete("/api/account", {"password": "wrong"}, **send)
    assert (wrong.status_code, list(messages_of(wrong))) == (400, ["password"])
    answer = client.delete("/api/account", {"password": PASSWORD}, **send)
    assert answer.status_code == 202
    assert answer.cookies["session"].value == ""
    assert client_for().delete("/api/account", {}, **send).status_code == 401
    assert services.find_account(alice.user_id) is None


def test_the_page_requires_username_and_password(clock, alice):
    client = client_for(alice, csrf=True)
    token = token_of(client)

    def post(**data):
        return client.post("/accounts/delete", data, headers=token, follow=True)

    assert "can't be undone" in client.get("/accounts/delete").content.decode()
    html = post(username="bob", password=PASSWORD).content.decode()
    assert "Wrong username." in html
    html = post(username="alice", password="wrong").content.decode()
    assert "Wrong password." in html
    assert services.find_account(alice.user_id)

    page = post(username="Alice", password=PASSWORD).content.decode()
    assert "Your account has been closed." in page
    assert "Log in" in page
    assert services.find_account(alice.user_id) is None


def test_operators_close_accounts_that_a_restore_brought_back(clock, alice, capsys):
    bob = make_user("bob")
    missing = "0" * 32

    call_command("close_accounts", alice.user_id, missing)
    assert services.find_account(alice.user_id)
    for _ in range(2):
        call_command("close_accounts", alice.user_id, missing, "--apply")

    assert services.find_account(alice.user_id) is None
    run_for_minutes(clock)
    assert stored_account(alice) is None
    assert account_of(bob).closed_at is None
    assert capsys.readouterr().out.splitlines() == [
        f"{alice.user_id} (alice) would be closed.",
        f"{missing} is closed, or does not exist.",
        "Nothing was changed. Add --apply to close them.",
        f"{alice.user_id} (alice) closed.",
        f"{missing} is closed, or does not exist.",
        f"{alice.user_id} is closed, or does not exist.",
        f"{missing} is closed, or does not exist.",
    ]
