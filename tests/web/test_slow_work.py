"""Limits on slow requests per user and process: excess requests fail at once."""

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile

from expenses.receipts import validation
from smartbudget.core import concurrency
from smartbudget.core.config import config
from smartbudget.core.throttling import Throttle
from tests.builders import client_for, make_user
from tests.expenses.receipts.pictures import PDF, picture
from tests.money_builders import NOON, make_expense
from tests.reports.conftest import generator

__all__ = ["generator"]

pytestmark = pytest.mark.usefixtures("generator")

MARCH = {"report_type": "monthly", "year": 2026, "month": 3}
FORM = {"amount": "12.50", "category": "Lunch", "date": "2026-03-17"}


@pytest.fixture(autouse=True)
def clock(aws):
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def held(request):
    """Return `held(limit, "alice", "bob")`, which holds slots until the test ends."""

    def hold(limit, *user_ids):
        for user_id in user_ids:
            request.addfinalizer(limit.acquire(user_id))

    return hold


@pytest.fixture
def unread(monkeypatch):
    """Fail if a file is read."""

    def look(*_, **__):
        raise AssertionError("the file was looked at")

    monkeypatch.setattr(validation, "check", look)


def send(client, path, body, **more):
    return client.post(path, body, content_type="application/json", **more)


def pdf():
    return SimpleUploadedFile("bill.pdf", PDF, content_type="application/pdf")


def upload(client, expense_id="0" * 32, file=None):
    form = {"expense_id": expense_id, "file": file or pdf()}
    return client.post("/api/receipts/upload", form)


ROW = {"amount": "1.00", "category": "Fun"}
REQUESTS = {
    "report": (
        concurrency.REPORTS,
        lambda client: send(client, "/api/reports/generate", MARCH),
    ),
    "report page": (
        concurrency.REPORTS,
        lambda client: client.post(
            "/reports", {"report_type": "monthly", "month": "2026-03"}
        ),
    ),
    "zip": (concurrency.EXPORTS, lambda client: client.get("/api/export")),
    "json": (concurrency.EXPORTS, lambda client: client.get("/api/export.json")),
    "csv": (
        concurrency.EXPORTS,
        lambda client: client.get("/api/export/expenses.csv"),
    ),
    "export page": (
        concurrency.EXPORTS,
        lambda client: client.post("/accounts/export"),
    ),
    "upload": (concurrency.RECEIPTS, upload),
    "confirmation": (
        concurrency.RECEIPTS,
        lambda client: send(client, "/api/receipts/confirm", {"key": "receipts/x"}),
    ),
    "expense with a receipt": (
        concurrency.RECEIPTS,
        lambda client: client.post(
            "/api/expenses", {"amount": "1.00", "category": "Fun", "file": pdf()}
        ),
    ),
    "form with a receipt": (
        concurrency.RECEIPTS,
        lambda client: client.post("/expenses/add", {**FORM, "receipt": pdf()}),
    ),
    "bulk": (
        concurrency.BULK_WRITES,
        lambda client: send(client, "/api/expenses/bulk", {"expenses": [ROW]}),
    ),
    "selection": (
        concurrency.BULK_WRITES,
        lambda client: send(
            client,
            "/api/expenses/selected",
            {"expense_ids": ["0" * 32], "status": "void"},
        ),
    ),
    "rename": (
        concurrency.BULK_WRITES,
        lambda client: send(
            client, "/api/categories/rename", {"from": "Fun", "to": "Joy"}
        ),
    ),
    "commit of an import": (
        concurrency.BULK_WRITES,
        lambda client: client.post(f"/api/imports/{'0' * 32}/commit"),
    ),
    "undo of an import": (
        concurrency.BULK_WRITES,
        lambda client: send(client, f"/api/imports/{'0' * 32}/undo", {}),
    ),
    "empty trash": (
        concurrency.BULK_WRITES,
        lambda client: client.post("/api/expenses/trash/empty"),
    ),
    "rename of a merchant": (
        concurrency.BULK_WRITES,
        lambda client: send(
            client, "/api/merchants/rename", {"from": "Kiosk", "to": "Bakery"}
        ),
    ),
    "mark all": (
        concurrency.BULK_WRITES,
        lambda client: send(client, "/api/notifications/read", {"all": True}),
    ),
    "dashboard": (concurrency.READS, lambda client: client.get("/")),
    "summary": (concurrency.READS, lambda client: client.get("/api/summary")),
    "today": (concurrency.READS, lambda client: client.get("/api/today")),
    "trend": (concurrency.READS, lambda client: client.get("/api/trends")),
    "search": (concurrency.READS, lambda client: client.get("/api/expenses?q=x")),
    "search page": (concurrency.READS, lambda client: client.get("/expenses?q=x")),
    "categories": (concurrency.READS, lambda client: client.get("/api/categories")),
    "merchants": (concurrency.READS, lambda client: client.get("/api/merchants")),
    "notifications": (
        concurrency.READS,
        lambda client: client.get("/api/notifications"),
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_user_over_the_limit_is_rejected_and_another_user_is_not(name, alice, held):
    limit, request = REQUESTS[name]
    held(limit, *[alice.user_id] * limit.per_user)

    refused = request(client_for(alice))
    let_in = request(client_for(make_user("bob")))
    let_in.close()

    assert (refused.status_code, refused["Retry-After"]) == (429, "5")
    assert "too many requests running" in refused.content.decode()
    assert let_in.status_code not in {429, 503}


@pytest.mark.parametrize(
    "name",
    [
        request_name
        for request_name in REQUESTS
        if REQUESTS[request_name][0] is not concurrency.READS
    ],
)
def test_a_full_process_returns_503_with_retry_after(name, client, held):
    limit, request = REQUESTS[name]
    held(limit, *[f"user {number}" for number in range(limit.per_process)])

    refused = request(client)

    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert "The server is busy" in refused.content.decode()


@pytest.mark.parametrize("name", REQUESTS)
def test_a_slot_is_released_after_the_response(name, alice):
    limit, request = REQUESTS[name]
    client = client_for(alice)

    for _ in range(limit.per_user + 2):
        answer = request(client)
        assert answer.status_code not in {429, 503}
        answer.close()


def test_an_upload_over_the_limit_is_rejected_before_its_file_is_read(
    alice, held, unread
):
    expense = make_expense(alice)
    held(concurrency.RECEIPTS, alice.user_id, alice.user_id)

    assert upload(client_for(alice), expense.expense_id).status_code == 429


def test_a_form_with_a_rejected_file_keeps_the_input(alice, held, unread):
    held(concurrency.RECEIPTS, alice.user_id, alice.user_id)

    page = client_for(alice).post("/expenses/add", {**FORM, "receipt": pdf()})

    assert page.status_code == 429
    assert 'value="12.50"' in page.content.decode()
    assert 'value="Lunch"' in page.content.decode()


def test_a_form_without_files_needs_no_slot(alice, held):
    held(concurrency.RECEIPTS, alice.user_id, alice.user_id)

    assert client_for(alice).post("/expenses/add", FORM).status_code == 302


def test_a_rejected_export_is_not_counted_as_a_download(alice, held):
    held(concurrency.EXPORTS, alice.user_id)

    assert client_for(alice).get("/api/export").status_code == 429

    assert list(Throttle.scan(Throttle.user_id.startswith("throttle#export"))) == []


def test_an_export_holds_its_slot_while_it_is_sent(alice):
    client = client_for(alice)
    sending = client.get("/api/export")
    next(iter(sending.streaming_content))

    assert client.get("/api/export").status_code == 429
    sending.close()

    assert client.get("/api/export").status_code == 200


def test_the_key_of_a_rejected_report_can_be_used_again(alice):
    client = client_for(alice)
    key = {"Idempotency-Key": "k"}
    release = concurrency.REPORTS.acquire(alice.user_id)
    assert send(client, "/api/reports/generate", MARCH, headers=key).status_code == 429

    release()

    assert send(client, "/api/reports/generate", MARCH, headers=key).status_code == 201


def test_thumbnails_leave_threads_free_for_other_requests(alice):
    client = client_for(alice)
    expense = make_expense(alice)
    upload(
        client,
        expense.expense_id,
        SimpleUploadedFile("a.jpg", picture(), content_type="image/jpeg"),
    )
    path = f"/expenses/{expense.expense_id}/thumbnail"
    limit = concurrency.THUMBNAILS
    assert limit.per_user < limit.per_process < config.web_threads - 1
    for users, status in [
        ([alice.user_id] * limit.per_user, 429),
        ([f"user {number}" for number in range(limit.per_process)], 503),
    ]:
        releases = [limit.acquire(user) for user in users]

        refused = client.get(path)

        assert (refused.status_code, refused["Retry-After"]) == (status, "5")
        for release in releases:
            release()
    assert client.get(path).status_code == 200
