"""Every API URL: methods, media types, HEAD, OPTIONS and Location.

The URLs come from the URL map, so that new ones are covered.
"""

import json
import re

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver

from accounts import tokens
from accounts.factors.ceremonies import id_of
from reports import queued
from reports.periods import resolve
from tests.accounts.factors.builders import with_passkey, with_totp
from tests.builders import (
    PASSWORD,
    client_for,
    make_staff,
    make_token,
    program_with,
    with_factor,
)
from tests.calls import counted
from tests.expenses.imports.builders import make_profile, upload
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import NOON, make_budget, make_expense
from tests.notifications.builders import make_notification
from tests.problems import problem
from tests.reports.conftest import generator
from tests.staff.test_dead_letters import make_queues

__all__ = ["generator"]

ID = "0" * 32
KEYS = {
    "expense_id": ID,
    "import_id": ID,
    "source": ID,
    "undo_id": ID,
    "budget_id": ID,
    "notification_id": ID,
    "report_id": ID,
    "user_id": ID,
    "passkey_id": "0" * 64,
    "session_id": "0" * 64,
    "token_id": "0" * 64,
    "file_name": "monthly_report_2026-03-01--2026-03-31_20260318T120000Z.pdf",
}
SHARED = ["/register", "/login", "/logout"]  # with pages
DOWNLOADS = {"/api/export", "/api/export.json", "/api/export/expenses.csv"}  # one form


def api_patterns():
    """Return the names and URL patterns of the API's views."""
    return get_resolver().namespace_dict["api"][1].url_patterns


def address_of(pattern):
    """Return a view's URL, with a key that does not exist."""
    return "/api/" + re.sub(
        r"<\w+:(\w+)>", lambda match: KEYS[match[1]], str(pattern.pattern)
    )


ADDRESSES = [address_of(pattern) for pattern in api_patterns()]
READABLE = [
    address_of(pattern)
    for pattern in api_patterns()
    if hasattr(pattern.callback.cls, "get")
]


def allowed(url):
    answer = client_for().options(url, headers={"Accept": "application/json"})
    return set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("url", [*ADDRESSES, *SHARED])
def test_options_lists_methods_without_login_and_aws_calls(aws, url):
    with counted() as calls:
        answer = client_for().options(url, headers={"Accept": "application/json"})

    assert answer.status_code == 200
    assert "OPTIONS" in answer.headers["Allow"]
    assert calls.names == []


@pytest.mark.parametrize("url", [*ADDRESSES, *SHARED])
def test_other_methods_are_405_with_the_allowed_ones(alice, url):
    client = client_for(alice)
    others = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "X"}
    for method in others - allowed(url):
        answer = client.generic(
            method,
            url,
            b"{}",
            content_type="application/json",
            headers={"Accept": "application/json"},
        )

        assert (method, answer.status_code) == (method, 405)
        assert set(answer.headers["Allow"].split(", ")) == allowed(url)
        assert method == "HEAD" or problem(answer)["code"] == "method_not_allowed"


# Operations without a response body; other deletions return 204 too.
DELETABLE = [
    address_of(pattern)
    for pattern in api_patterns()
    if hasattr(pattern.callback.cls, "delete")
]
WITHOUT_BODY = {
    ("POST", "/logout"),
    ("POST", "/api/account/confirmation"),
    ("POST", f"/api/expenses/{ID}/restore"),
    ("GET", f"/api/reports/{KEYS['file_name']}"),
    *(("DELETE", url) for url in DELETABLE),
} - {
    ("DELETE", "/api/account"),
    ("DELETE", "/api/email"),
    ("DELETE", "/api/notifications/subscribe"),
}


@pytest.mark.parametrize("url", sorted({*ADDRESSES, *SHARED} - DOWNLOADS))
def test_an_unavailable_media_type_is_a_406(alice, url):
    client = client_for(alice)
    for method in allowed(url) - {"HEAD", "OPTIONS"}:
        if (method, url) in WITHOUT_BODY:
            continue
        answer = client.generic(
            method,
            url,
            b"{}",
            content_type="application/json",
            headers={"Accept": "image/png"},
        )

        assert (method, answer.status_code) == (method, 406)
        assert problem(answer)["code"] == "not_acceptable"


# The Accept header of generated clients: every type of an operation's responses.
GENERATED = ["application/problem+json", "application/pdf, application/problem+json"]


@pytest.mark.parametrize(
    "accept", [*GENERATED, "Application/Problem+JSON; charset=utf-8; q=0.7"]
)
def test_a_problem_document_counts_as_json(alice, accept):
    """Most of these requests fail later, after their Accept header was checked."""
    for url in sorted({*ADDRESSES, *SHARED}):
        client = client_for(alice)
        for method in allowed(url) - {"HEAD", "OPTIONS"}:
            answer = client.generic(
                method,
                url,
                b'{"x": 1}',
                content_type="application/json",
                headers={"Accept": accept},
            )

            assert (url, method, answer.status_code) != (url, method, 406)
            assert "html" not in answer.headers.get("Content-Type", ""), url


@pytest.mark.parametrize("accept", ["application/pdf", "image/png", ";;"])
def test_accept_is_ignored_for_empty_responses(alice, things, accept):
    things[f"sessions/{KEYS['session_id']}"] = "sessions"  # all other operations
    requests = sorted(WITHOUT_BODY, reverse=True)  # GET before DELETE
    last = ("/restore", "/password")  # need a deletion, or a password before
    requests.sort(key=lambda request: request[1].endswith(last))
    for method, url in requests:
        for placeholder, real in things.items():
            url = url.replace(placeholder, real)
        answer = client_for(with_factor(alice)).generic(
            method,
            url,
            json.dumps({"password": PASSWORD})
            if url.endswith(("/totp", "/confirmation"))
            else "",
            content_type="application/json",
            headers={"Accept": accept},
        )

        assert answer.status_code in {204, 302}, (method, url)
        assert answer.content == b""


@pytest.mark.parametrize("accept", GENERATED)
def test_form_errors_are_json_if_problem_documents_are_accepted(accept):
    answer = client_for().post("/login", {"x": "\x00"}, headers={"Accept": accept})

    assert answer.status_code == 415
    assert problem(answer)["code"] == "unsupported_media_type"


@pytest.fixture
def things(alice, generator, monkeypatch):
    """Create an item at every URL, at a fixed time, as signed URLs contain it."""
    make_queues(monkeypatch)
    with time_machine.travel(NOON, tick=False):
        yield made_of(alice)


def made_of(alice):
    client = client_for(make_staff(alice))
    with_totp(alice)
    expense = make_expense(alice)
    client.post(
        "/api/receipts/upload", {"file": pdf(), "expense_id": expense.expense_id}
    )
    response = client.post(
        "/api/reports/generate",
        {"report_type": "monthly"},
        content_type="application/json",
    )
    with_passkey(alice)  # stays, so that the password can be removed
    passkey_id = id_of(with_passkey(alice).credential_id)
    token, _ = tokens.create_token(
        with_factor(alice),
        password=PASSWORD,
        name="t",
        scopes=["read"],
        expires_in_days=7,
    )
    period = resolve("yearly", today=alice.today())
    return {
        f"expenses/{ID}": f"expenses/{expense.expense_id}",
        f"receipts/{ID}": f"receipts/{expense.expense_id}",
        f"imports/{ID}": f"imports/{upload(alice, '2026-03-03,Cafe,-1.00').import_id}",
        f"import-profiles/{ID}": f"import-profiles/{make_profile(alice).source}",
        f"budgets/{ID}": f"budgets/{make_budget(alice).budget_id}",
        f"notifications/{ID}": "notifications/"
        + make_notification("f" * 32, alice.user_id).notification_id,
        f"tokens/{KEYS['token_id']}": f"tokens/{token.token_id}",
        f"passkeys/{KEYS['passkey_id']}": f"passkeys/{passkey_id}",
        KEYS["file_name"]: response.json()["file_name"],
        f"queued/{ID}": f"queued/{queued.put(alice, period).report_id}",
        f"users/{ID}": f"users/{alice.user_id}",
    }


def pdf():
    return SimpleUploadedFile("a.pdf", PDF, "application/pdf")


def headers_of(answer):
    """Return a response's headers without the remaining rate limit."""
    return {name: answer[name] for name in answer.headers if name != "RateLimit"}


def test_head_of_a_download_does_not_generate_it(alice):
    client = client_for(alice)
    with counted() as calls:
        client.head("/api/export")

    assert "dynamodb.Query" not in calls.names


@pytest.mark.parametrize("url", READABLE)
def test_head_returns_the_headers_of_get(alice, things, url):
    for placeholder, real in things.items():
        url = url.replace(placeholder, real)
    client = client_for(with_factor(alice))
    if url == "/api/tokens/current":
        client = program_with(make_token(with_factor(alice)))
    named = {"X-Request-Id": "same"}

    full = client.get(url, headers=named)
    body = full.getvalue()  # a download holds its slot until it is read
    head = client.head(url, headers=named)

    assert full.status_code in {200, 302}, body
    assert head.status_code == full.status_code
    assert headers_of(head) == headers_of(full)
    assert head.getvalue() == b""


ROW = {"amount": "1.00", "category": "Food"}
FILE = {"file_name": "a.pdf", "size_bytes": len(PDF), "sha256": "0" * 64}
NEW = [
    (
        "/register",
        {"username": "carol", "email": "carol@example.com", "password": PASSWORD},
        "/api/profile",
    ),
    ("/api/expenses", ROW, "/api/expenses/"),
    ("/api/expenses/bulk", {"expenses": [ROW]}, "/api/expenses"),
    ("/api/budgets", ROW, "/api/budgets/"),
    ("/api/reports/generate", {"report_type": "monthly"}, "/api/reports/monthly_"),
    ("/api/receipts/presigned-url", FILE, "https://smart-budget-receipts.s3"),
]


@pytest.mark.parametrize(("url", "body", "place"), NEW)
def test_created_items_have_a_location(alice, generator, url, body, place):
    answer = client_for(alice).post(url, body, content_type="application/json")

    assert answer.status_code == 201
    place = place if place.startswith("https:") else f"http://testserver{place}"
    assert answer.headers["Location"].startswith(place)


def test_a_new_receipt_has_a_location(alice):
    client, expense = client_for(alice), make_expense(alice)
    receipt = {"file": pdf(), "expense_id": expense.expense_id}
    answer = client.post("/api/receipts/upload", receipt)

    assert answer.status_code == 201
    assert client.get(answer.headers["Location"]).json()["file_name"] == "a.pdf"
