"""Queued reports: created once, whatever is lost, doubled or killed."""

import datetime
import io
from dataclasses import replace

import boto3
import pypdf
import pytest
import time_machine
from botocore.exceptions import ReadTimeoutError

from lambdas.report_generator.handler import handler
from notifications import jobs, sweep
from notifications.models import Notification
from profiles import deletion
from profiles.services import update_profile
from reports import archive, queued, services
from reports import generator as report_generator
from reports.models import QueuedReports
from smartbudget.core import aws
from smartbudget.core.config import config
from smartbudget.core.dynamodb import is_outage
from tests.builders import PASSWORD, client_for, make_user
from tests.calls import QUERY, TRANSACTION, counted
from tests.lambdas.events import Context
from tests.money_builders import NOON, make_expense
from tests.notifications import faults
from tests.notifications.builders import mails, run_queued_tasks

BUCKET = "smart-budget-receipts"
FILE_NAME = "monthly_report_2026-03-01--2026-03-31_20260318T120000Z.pdf"
GENERATE, QUEUED = "/api/reports/generate", "/api/reports/queued"
MARCH = {"report_type": "monthly", "year": 2026, "month": 3}
FEBRUARY = {**MARCH, "month": 2}


@pytest.fixture(autouse=True)
def clock(aws):
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def direct_limit(monkeypatch):
    """Two expenses are too many to wait for."""
    changed = replace(config, direct_report_expenses=1)
    monkeypatch.setattr(report_generator, "config", changed)


@pytest.fixture
def alice(alice):
    for month in ("01", "02", "03"):
        for day in ("05", "06"):
            make_expense(alice, amount="12.50", date=f"2026-{month}-{day}")
    return alice


def ask(client, body=MARCH):
    return client.post(GENERATE, body, content_type="application/json")


def work(generator, **options):
    """Run what is queued: tasks, then invocations, then what these queued."""
    run_queued_tasks()
    generator.run_events(**options)
    run_queued_tasks()


def files():
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [item["Key"].rpartition("/")[2] for item in listed]


def notices(user):
    return [item.type for item in Notification.by_user.query(user.user_id)]


def status(client):
    return [report["status"] for report in client.get(QUEUED).json()["results"]]


def has_job(user):
    return jobs.find(queued.TASK, user.user_id) is not None


def sweep_again(clock):
    clock.shift(datetime.timedelta(minutes=6))
    sweep.enqueue_overdue()


# Over HTTP.


def test_a_large_report_is_accepted_and_its_status_can_be_followed(
    client, alice, generator
):
    accepted = ask(client)

    assert accepted.status_code == 202
    address = accepted["Location"]
    body = accepted.json()
    assert address.endswith(f"{QUEUED}/{body['report_id']}")
    assert body == {
        "report_id": body["report_id"],
        "status": "creating",
        "report_type": "monthly",
        "period": {"start": "2026-03-01", "end": "2026-03-31"},
        "requested_at": "2026-03-18T12:00:00.000000+00:00",
        "reason": None,
        "download_url": None,
    }
    assert client.get(address).json() == body
    work(generator)
    ready = client.get(address).json()
    assert ready["status"] == "ready"
    assert ready["download_url"].endswith(f"/api/reports/{FILE_NAME}")
    assert client.get(ready["download_url"]).status_code == 302
    assert notices(alice) == ["report_ready"]
    assert not has_job(alice)


def test_the_file_has_all_expenses(client, alice, generator):
    ask(client)
    work(generator)

    key = f"reports/{alice.user_id}/{FILE_NAME}"
    stored = boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert "$25.00" in pypdf.PdfReader(io.BytesIO(stored)).pages[0].extract_text()


def test_a_report_at_the_limit_is_created_directly(client, generator, monkeypatch):
    changed = replace(config, direct_report_expenses=2)
    monkeypatch.setattr(report_generator, "config", changed)

    assert ask(client).status_code == 201
    assert client.get(QUEUED).json() == {"results": []}
    assert generator.events == []


def test_a_report_that_takes_too_long_to_wait_for_is_queued(
    client, alice, generator, monkeypatch
):
    changed = replace(config, direct_report_expenses=100)
    monkeypatch.setattr(report_generator, "config", changed)
    monkeypatch.setattr(report_generator, "MAX_SECONDS", 0)

    assert ask(client).status_code == 202
    work(generator)
    assert files() == [FILE_NAME]


def test_the_same_request_is_queued_once(client, alice, generator, clock):
    first = ask(client)
    clock.shift(1)

    second = ask(client)

    assert second.status_code == 202
    assert first.json() == second.json()
    work(generator)
    assert files() == [FILE_NAME]
    assert notices(alice) == ["report_ready"]


def test_an_unchanged_report_is_not_created_again(client, alice, generator, clock):
    ask(client)
    work(generator)
    clock.shift(60)

    assert ask(client).json()["status"] == "creating"
    work(generator)

    assert status(client) == ["ready"]
    assert files() == [FILE_NAME]
    assert notices(alice) == ["report_ready"]


def test_changed_numbers_create_another_file(client, alice, generator, clock):
    ask(client)
    work(generator)
    clock.shift(60)
    make_expense(alice)

    ask(client)
    work(generator)

    assert sorted(files()) == [FILE_NAME, FILE_NAME.replace("0000Z", "0100Z")]
    assert notices(alice) == ["report_ready"] * 2


def test_a_user_can_have_three_large_reports_created_at_once(
    client, alice, generator, monkeypatch
):
    monkeypatch.setattr(queued, "MAX_CREATING", 2)
    assert ask(client, FEBRUARY).status_code == 202
    assert ask(client).status_code == 202

    refused = ask(client, {"report_type": "yearly", "year": 2026})

    assert refused.status_code == 429
    assert refused["Retry-After"] == "60"
    assert "Wait until one is ready." in refused.json()["detail"]
    assert ask(client).status_code == 202  # one of the two
    work(generator)
    assert ask(client, {"report_type": "yearly", "year": 2026}).status_code == 202


def test_reports_are_created_one_by_one_in_order(client, alice, generator, clock):
    ask(client, FEBRUARY)
    clock.shift(1)
    ask(client)
    run_queued_tasks()
    assert len(generator.events) == 2

    generator.run_events()
    work(generator)

    assert status(client) == ["ready", "ready"]
    assert len(files()) == 2
    assert not has_job(alice)


def test_another_users_report_is_not_found(client, alice, generator):
    address = ask(client)["Location"]
    bob = client_for(make_user("bob"))

    assert bob.get(address).status_code == 404
    assert bob.get(QUEUED).json() == {"results": []}


def test_a_report_of_too_many_expenses_fails_with_a_reason(
    client, alice, generator, monkeypatch
):
    monkeypatch.setattr(services, "MAX_EXPENSES", 1)
    address = ask(client)["Location"]

    work(generator)

    failed = client.get(address).json()
    assert failed["status"] == "failed"
    message = "This month has too many expenses for a report. Choose a week."
    assert failed["reason"] == message
    assert failed["download_url"] is None
    assert files() == []
    (notice,) = Notification.by_user.query(alice.user_id)
    assert notice.subject == "Report failed: March 2026"
    assert "it has too many expenses." in notice.message
    assert not has_job(alice)
    monkeypatch.setattr(services, "MAX_EXPENSES", 2)
    assert ask(client).json()["status"] == "creating"
    work(generator)
    assert client.get(address).json()["status"] == "ready"


def test_results_are_listed_for_a_day(client, alice, generator, clock):
    address = ask(client)["Location"]
    work(generator)
    clock.shift(datetime.timedelta(hours=23, minutes=59))
    assert client.get(address).status_code == 200

    clock.shift(datetime.timedelta(minutes=2))

    assert client.get(address).status_code == 404
    assert client.get(QUEUED).json() == {"results": []}


def test_aws_calls_of_a_large_report(client, alice, generator):
    """Two more writes and a message to accept it; one more read of the page."""
    get, update = "dynamodb.GetItem", "dynamodb.UpdateItem"
    client.get("/reports")
    aws.queue_url()  # looked up once per process
    generator.invoke = lambda **_: {"Payload": io.BytesIO(b'{"deferred": true}')}
    with counted() as calls:
        ask(client)
    lock = [update, update]
    assert calls.names == [get, *lock, get, TRANSACTION, "sqs.SendMessageBatch"]
    del generator.invoke

    with counted() as calls:
        queued.start(alice.user_id)
    assert calls.names == [get, update]
    with counted() as calls:
        generator.run_events()
    stored = [get, "s3.PutObject", get, TRANSACTION, "sqs.SendMessageBatch"]
    totals = update  # of months, which are stored once
    others = [name for name in calls.names if name != QUERY]
    assert others == [get, update, get, totals, *stored]

    with counted() as calls:
        client.get("/reports")
    assert calls.names == [get, "s3.ListObjectsV2", get]


# Faults.


def test_without_sqs_the_sweep_starts_it(client, alice, generator, clock):
    with faults.down("SendMessageBatch"):
        assert ask(client).status_code == 202
    work(generator)
    assert status(client) == ["creating"]

    sweep_again(clock)
    work(generator)

    assert status(client) == ["ready"]
    assert notices(alice) == ["report_ready"]


def test_a_doubled_message_creates_one_file(client, alice, generator):
    ask(client)
    queued.start(alice.user_id)
    run_queued_tasks()
    assert len(generator.events) == 2

    generator.run_events()

    assert files() == [FILE_NAME]
    assert notices(alice) == ["report_ready"]


def test_two_lambdas_do_not_create_it_at_once(client, alice, generator, monkeypatch):
    ask(client)
    run_queued_tasks()
    event = dict(generator.events[0])
    real, results = report_generator.build_report, []

    def build(*args, **options):
        results.append(handler(event, Context(300_000)))
        return real(*args, **options)

    monkeypatch.setattr(report_generator, "build_report", build)
    generator.run_events()

    assert results == [{"created": False}]
    assert notices(alice) == ["report_ready"]


def test_a_lost_reply_of_lambda_starts_it_twice_and_creates_it_once(
    client, alice, generator
):
    ask(client)
    generator.fails = ReadTimeoutError(endpoint_url="http://lambda")
    with pytest.raises(ReadTimeoutError):
        run_queued_tasks()
    generator.fails = None

    queued.start(alice.user_id)
    generator.run_events()

    assert notices(alice) == ["report_ready"]


@pytest.mark.parametrize("operation", ["TransactWriteItems", "UpdateItem", "PutObject"])
def test_a_lost_reply_doubles_nothing(client, alice, generator, operation):
    ask(client)
    run_queued_tasks()
    with faults.reply_lost(operation):
        generator.run_events()

    assert status(client) == ["ready"]
    assert files() == [FILE_NAME]
    assert notices(alice) == ["report_ready"]


@pytest.mark.parametrize(
    ("operation", "nth", "done"),
    [
        ("UpdateItem", 1, False),
        ("UpdateItem", 1, True),
        ("PutObject", 1, False),
        ("PutObject", 1, True),
        ("TransactWriteItems", 1, False),
        ("TransactWriteItems", 1, True),
    ],
)
def test_a_killed_lambda_loses_and_doubles_nothing(
    client, alice, generator, clock, operation, nth, done
):
    ask(client)
    run_queued_tasks()
    with faults.killed(operation, nth, done=done):
        generator.run_events()

    for _ in range(3):
        sweep_again(clock)
        work(generator)

    assert status(client) == ["ready"]
    assert files() == [FILE_NAME]
    assert notices(alice) == ["report_ready"]
    assert not has_job(alice)


def test_a_failed_attempt_frees_the_lease_for_the_next(client, alice, generator):
    ask(client)
    run_queued_tasks()
    event = dict(generator.events[0])
    with faults.down("PutObject"), pytest.raises(Exception) as failed:
        generator.run_events()
    assert is_outage(failed.value)

    assert handler(event, Context(300_000)) == {"created": True}
    assert status(client) == ["ready"]


def test_a_report_fails_after_its_last_attempt(client, alice, generator, monkeypatch):
    ask(client)
    run_queued_tasks()
    event = generator.events.pop()

    def crash(*_args, **_options):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(report_generator, "build_report", crash)
        for _ in range(queued.MAX_ATTEMPTS):
            with pytest.raises(MemoryError):
                handler(event, Context(300_000))
        assert status(client) == ["creating"]
        handler(event, Context(300_000))

    (failed,) = client.get(QUEUED).json()["results"]
    assert failed["reason"] == "The report couldn't be created. Please try again."
    assert notices(alice) == ["report_failed"]
    assert not has_job(alice)


def test_a_run_ends_before_the_lambda_is_stopped(client, alice, generator):
    ask(client)
    work(generator, left=1_000)

    (failed,) = client.get(QUEUED).json()["results"]
    assert "too many expenses" in failed["reason"]


def test_a_run_that_lost_its_lease_stores_no_result(
    client, alice, generator, clock, monkeypatch
):
    ask(client)
    run_queued_tasks()
    event = dict(generator.events[0])
    real = report_generator._put

    def put(*args):
        monkeypatch.setattr(report_generator, "_put", real)
        clock.shift(datetime.timedelta(minutes=6))
        handler(event, Context(300_000))
        real(*args)

    monkeypatch.setattr(report_generator, "_put", put)
    generator.run_events()

    assert files() == [FILE_NAME]
    assert notices(alice) == ["report_ready"]


def test_a_request_while_the_last_one_ends_is_not_lost(client, alice, generator):
    ask(client)
    run_queued_tasks()

    with faults.meanwhile(lambda: ask(client, FEBRUARY)):
        generator.run_events()
    work(generator)
    work(generator)

    assert status(client) == ["ready", "ready"]
    assert not has_job(alice)


# Accounts.


def test_nothing_is_left_of_an_account_closed_meanwhile(
    client, alice, generator, clock, monkeypatch
):
    ask(client)
    run_queued_tasks()
    real = report_generator.build_report

    def build(user, *args, **options):
        deletion.close_account(alice, password=PASSWORD)
        return real(user, *args, **options)

    monkeypatch.setattr(report_generator, "build_report", build)
    generator.run_events()
    for _ in range(10):
        run_queued_tasks()
        generator.run_events()
        clock.shift(datetime.timedelta(minutes=1))
        sweep.enqueue_overdue()

    assert files() == []
    assert not has_job(alice)
    assert QueuedReports.find(f"queued-reports#{alice.user_id}") is None
    assert notices(alice) == []


def test_a_start_after_the_deletion_removes_the_job(alice, generator):
    queued.put(alice, archive.resolve("monthly", today=alice.today()))
    queued.delete_all(alice.user_id)

    run_queued_tasks()

    assert generator.events == []
    assert not has_job(alice)


# Notifications.


def test_the_e_mail_is_in_the_users_language(generator, aws):
    greta = make_user("greta", language="de")
    for day in ("05", "06"):
        make_expense(greta, date=f"2026-03-{day}")
    client = client_for(greta)

    ask(client)
    work(generator)

    (notice,) = Notification.by_user.query(greta.user_id)
    assert notice.subject == "Bericht fertig: März 2026"
    assert f"/reports/{FILE_NAME}/" in notice.message


@pytest.mark.parametrize(
    ("kind", "limit"), [("report_ready", 100), ("report_failed", 1)]
)
def test_each_kind_of_e_mail_can_be_turned_off(
    client, alice, generator, monkeypatch, kind, limit
):
    from notifications import subscriptions

    subscriptions.subscribe(alice)
    monkeypatch.setattr(services, "MAX_EXPENSES", limit)
    update_profile(alice, email_preferences={kind: False})

    ask(client)
    work(generator)

    assert notices(alice) == [kind]
    assert mails() == []
    update_profile(alice, email_preferences={kind: True})
    make_expense(alice, date="2026-02-07")
    ask(client, FEBRUARY)
    work(generator)
    assert len(mails()) == 1


def test_the_e_mail_is_sent_after_quiet_hours(client, alice, generator, clock):
    from notifications import subscriptions

    subscriptions.subscribe(alice)
    update_profile(alice, quiet_hours={"from": "11:00", "until": "13:00"})
    ask(client)
    work(generator)
    assert mails() == []
    assert notices(alice) == ["report_ready"]

    clock.shift(datetime.timedelta(hours=1, minutes=10))
    sweep.enqueue_overdue()
    run_queued_tasks()

    assert len(mails()) == 1


# Pages.


def test_the_page_says_that_it_is_being_created(client, alice, generator):
    page = client.post(
        "/reports", {"report_type": "monthly", "month": "2026-03"}, follow=True
    ).text

    assert "so creating it takes a few minutes" in page
    assert "Being created" in page
    assert 'href="/reports">Check again' in page
    assert "No reports yet" not in page
    part = client.get("/reports/queued", headers={"HX-Request": "true"}).text
    assert "Being created" in part
    assert "hx-trigger" in part
    work(generator)
    part = client.get("/reports/queued", headers={"HX-Request": "true"}).text
    assert f'href="/reports/{FILE_NAME}"' in part
    assert "hx-trigger" not in part
    page = client.get("/reports").text
    assert "Large reports" not in page
    assert f'href="/reports/{FILE_NAME}"' in page


def test_the_fragment_for_htmx_is_not_a_page(client):
    assert client.get("/reports/queued")["Location"] == "/reports"


def test_the_page_says_why_a_report_failed(client, alice, generator, monkeypatch):
    monkeypatch.setattr(services, "MAX_EXPENSES", 1)
    ask(client)
    work(generator)

    page = client.get("/reports").text

    assert "Failed" in page
    assert "This month has too many expenses for a report. Choose a week." in page
    assert "Check again" not in page


def test_a_refused_request_on_the_page_says_why(client, alice, generator, monkeypatch):
    monkeypatch.setattr(queued, "MAX_CREATING", 1)
    ask(client, FEBRUARY)

    response = client.post("/reports", {"report_type": "monthly", "month": "2026-03"})

    assert response.status_code == 429
    assert "1 large report is being created. Wait until it is ready." in response.text
