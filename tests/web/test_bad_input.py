"""Bad input to every endpoint that accepts a body: a clean error, nothing stored."""

import json
import re

import boto3
import pytest

from expenses.imports.services import create_import
from smartbudget.web.base_serializers import MAX_FAULTS
from staff import users
from tests.accounts.factors.authenticator import Authenticator
from tests.accounts.factors.builders import store_passkey
from tests.builders import PASSWORD, client_for, make_user, with_factor
from tests.expenses.imports.builders import make_profile
from tests.money_builders import make_budget, make_expense
from tests.notifications.builders import make_notification
from tests.problems import problem
from tests.reports.conftest import generator

__all__ = ["generator"]

JSON = "application/json"
TABLES = ("users", "expenses", "budgets", "notifications")
ROW = {
    "amount": "1.00",
    "category": "Food",
    "merchant": "Bistro",
    "description": "Lunch",
    "notes": "With Sam",
    "date": "2026-03-18",
    "status": "pending",
}
SHA256 = "0" * 64

# Each with a valid body; {expense} and other ids belong to alice.
BUDGET = {
    "category": "x",
    "amount": "1",
    "period": "biweekly",
    "anchor": "2026-03-06",
    "alert_thresholds": [50, 80],
    "rollover": {"mode": "both", "cap": "5", "from_last_period": True},
    "note": "x",
    "paused": True,
}
ENDPOINTS = [
    ("POST", "/login", {"username": "alice", "password": PASSWORD}),
    (
        "POST",
        "/register",
        {
            "username": "carol",
            "email": "carol@example.com",
            "password": PASSWORD,
            "phone_number": "+491511234567",
        },
    ),
    ("POST", "/api/account/password-reset", {"username": "alice"}),
    (
        "POST",
        "/api/account/password-reset/complete",
        {"token": "x" * 43, "new_password": "other 12345"},
    ),
    (
        "PATCH",
        "/api/profile",
        {
            "phone_number": "+491511234567",
            "currency": "EUR",
            "time_zone": "Asia/Tokyo",
            "language": "de",
            "large_expense_threshold": "5.00",
            "email_preferences": {"budget_exceeded": False},
            "quiet_hours": {"from": "22:00", "until": "06:00"},
            "calendar": {
                "week_start": "sunday",
                "month_start_day": 25,
                "month_start_shift": "before",
                "year_start_month": 4,
            },
        },
    ),
    (
        "POST",
        "/api/password",
        {"old_password": PASSWORD, "new_password": "other 12345"},
    ),
    ("POST", "/api/email", {"password": PASSWORD, "email": "new@example.com"}),
    ("DELETE", "/api/account", {"password": "wrong"}),
    ("POST", "/login/second", {"ticket": "x", "code": "123456"}),
    ("POST", "/login/second", {"ticket": "x", "recovery_code": "abcd-efgh"}),
    ("POST", "/login/second", {"ticket": "x", "passkey": {"id": "x"}}),
    ("POST", "/login/passkey", {"passkey": {"id": "x", "response": {}}}),
    ("POST", "/api/account/confirmation", {"password": PASSWORD}),
    ("POST", "/api/account/confirmation", {"passkey": {"id": "x"}}),
    ("PUT", "/api/password", {"new_password": "another good password"}),
    ("DELETE", "/api/password", {"password": PASSWORD}),
    ("POST", "/api/account/passkeys/options", {"password": PASSWORD}),
    ("POST", "/api/account/passkeys", {"passkey": {"id": "x"}, "name": "x"}),
    ("PATCH", "/api/account/passkeys/{passkey}", {"name": "x"}),
    ("DELETE", "/api/account/passkeys/{passkey}", {"password": PASSWORD}),
    ("POST", "/api/account/factors/totp", {"password": PASSWORD}),
    ("DELETE", "/api/account/factors/totp", {"password": "wrong"}),
    (
        "POST",
        "/api/account/factors/totp/confirm",
        {"setup": "x", "codes": ["1", "2"], "recovery_codes_saved": True},
    ),
    ("POST", "/api/account/factors/recovery-codes", {"password": PASSWORD}),
    ("POST", "/api/expenses", {**ROW, "receipt_url": "receipts/x"}),
    ("POST", "/api/expenses/bulk", {"expenses": [ROW]}),
    ("PATCH", "/api/expenses/{expense}", {**ROW, "receipt_url": "receipts/x"}),
    (
        "POST",
        "/api/receipts/presigned-url",
        {
            "file_name": "a.pdf",
            "content_type": "application/pdf",
            "size_bytes": 5,
            "sha256": SHA256,
        },
    ),
    (
        "POST",
        "/api/receipts/confirm",
        {"key": "receipts/x", "expense_id": "{expense}"},
    ),
    (
        "POST",
        "/api/budgets",
        {"category": "x", "amount": "1", "alert_threshold": 5, "period": "weekly"},
    ),
    (
        "PATCH",
        "/api/budgets/{budget}",
        {"category": "x", "amount": "1", "alert_threshold": 5, "period": "weekly"},
    ),
    ("PATCH", "/api/budgets/{budget}", BUDGET),
    ("PATCH", "/api/notifications/{notification}", {"read": True}),
    ("POST", "/api/notifications/read", {"ids": ["{notification}"]}),
    (
        "POST",
        "/api/notifications/read",
        {"all": True, "until": "2026-03-18T12:00:00Z"},
    ),
    ("POST", "/api/notifications/subscribe", {}),
    (
        "POST",
        "/api/reports/generate",
        {
            "report_type": "custom",
            "year": 2026,
            "month": 3,
            "start_date": "2026-03-01",
            "end_date": "2026-03-02",
            "email": False,
        },
    ),
    (
        "POST",
        "/api/expenses/selected",
        {"expense_ids": ["{expense}"], "category": "Fun", "status": "void"},
    ),
    ("POST", "/api/expenses/selected", {"expense_ids": ["{expense}"], "delete": True}),
    (
        "POST",
        "/api/categories/rename",
        {"from": "Groceries", "to": "Food", "budgets": "keep"},
    ),
    (
        "POST",
        "/api/categories/merge",
        {"from": ["Groceries", "Fun"], "into": "Food", "budgets": "add"},
    ),
    (
        "PATCH",
        "/api/imports/{import}",
        {"mapping": {"decimal": ".", "columns": {"date": "Date"}}, "profile": "Bank"},
    ),
    (
        "PATCH",
        "/api/imports/{import}/rows",
        {"rows": [{"row": 2, "decision": "excluded", "category": "Fun"}]},
    ),
    ("POST", "/api/imports/{import}/undo", {"expense_ids": ["{expense}"]}),
    (
        "PUT",
        "/api/import-rules",
        {"rules": [{"text": "kiosk", "match": "contains", "category": "Fun"}]},
    ),
    (
        "POST",
        "/api/import-rules",
        {"import_id": "{import}", "row": 2, "never_guess": True},
    ),
    ("PATCH", "/api/import-profiles/{source}", {"name": "Checking"}),
    ("POST", "/api/merchants/rename", {"from": "Kiosk", "to": "Bakery"}),
    ("POST", "/api/merchants/merge", {"from": ["Kiosk"], "into": "Bakery"}),
    (
        "POST",
        "/api/tokens",
        {"name": "t", "scopes": ["read"], "expires_in_days": 7, "password": "x"},
    ),
    ("POST", "/api/admin/users/find", {"whom": "alice"}),
    ("POST", "/api/admin/users/search", {"whom": "alice", "cursor": "part:al"}),
    ("POST", "/api/admin/users/{user}/lock", {"reason": "why"}),
    ("POST", "/api/admin/users/{user}/reset-link", {"password": PASSWORD}),
    ("POST", "/api/admin/notifications/resend", {"ids": ["{notification}"]}),
]

BROKEN = [
    b"{",
    b"}",
    b"[" * 20_000,
    b'{"a":' * 20_000,
    b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",  # deep, but complete
    b'{"amount": NaN}',
    b'{"amount": Infinity}',
    b'{"amount": 1e99999999999999999999}',
    b'{"amount": ' + b"9" * 5000 + b"}",
    b'{"amount": 1, "amount": 2}',
    b'{"amount": 01}',
    b'{"text": "\xff"}',
    b'{"text": "\xed\xa0\x80"}',
    b'{"\\ud800": 1}',
    b'{"\\u0000": 1}',
    b'{"text": "a\x00b"}',
    b"\xef\xbb\xbf{}",
    b"\x00",
    '{"amount": 1}'.encode("utf-16"),
    b"[]",
    b'[{"amount": 1}]',
    b"null",
    b"true",
    b"5",
    b"1e400",
    b'"text"',
    b"'a'",
    b"{} {}",
    b"amount=1",
]

BANK_FILE = b"Date,Description,Amount\n2026-03-03,Cafe,-3.00\n"

# As JSON text, replacing each value in turn.
VALUES = [
    '"\\ud800"',
    '"a\\udfffb"',
    '"\\u0000"',
    '"a\\nb"',
    '"\\u202e"',
    '"\u0661"',
    '""',
    '" "',
    '"' + "x" * 100_000 + '"',
    '"2026-02-30"',
    '"9999-12-31T23:59:59-23:59"',
    '"0001-01-01T00:00:00+23:59"',
    "9" * 4000,
    "-" + "9" * 4000,
    "1e400",
    "-1e400",
    "1e-400",
    "1e999999999",
    "1.5",
    "0",
    "-1",
    "true",
    "null",
    "[]",
    "[[]]",
    "[null]",
    "{}",
    '{"a": 1}',
]

WRONG_TYPES = [
    "",
    "x",
    "text/plain",
    "application/xml",
    "application/json; charset=utf-16",
    "application/json; charset=hex",
    "application/json; charset=nothing",
    "application/x-www-form-urlencoded; charset=rot13",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=a; charset=base64",
]


@pytest.fixture
def names(alice, generator):
    """Return the ids of existing items; alice is staff, so that all of them work."""
    users.set_staff("alice", is_staff=True)
    return {
        "expense": make_expense(alice).expense_id,
        "import": create_import(alice, BANK_FILE, "bank.csv").import_id,
        "source": make_profile(alice).source,
        "budget": make_budget(alice).budget_id,
        "notification": make_notification("f" * 32, alice.user_id).notification_id,
        "passkey": store_passkey(alice, Authenticator()).passkey_id,
        "user": make_user("bob").user_id,
    }


@pytest.fixture
def send(alice, names):
    client = client_for(with_factor(alice))

    def send(method, url, body, content_type=JSON):
        return client.generic(method, url, body, content_type=content_type)

    return send


def filled(text, names):
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


def test_every_endpoint_that_accepts_json_is_tested():
    paths = client_for().get("/api/schema?format=json").json()["paths"]
    taking = {
        (method.upper(), path)
        for path, item in paths.items()
        for method, operation in item.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }

    objects = {
        (method, re.sub("{(?!source)(.*?)}", r"{\1_id}", url))
        for method, url, _ in ENDPOINTS
    }
    assert taking <= objects


def everything():
    client = boto3.client("dynamodb")
    return [client.scan(TableName=name)["Items"] for name in TABLES]


@pytest.mark.parametrize(("method", "url", "_right"), ENDPOINTS)
def test_a_body_other_than_a_json_object_is_rejected(method, url, _right, names, send):
    before = everything()
    for body in BROKEN:
        answer = send(method, filled(url, names), body)

        assert (body[:50], answer.status_code) == (body[:50], 400)
        assert problem(answer)
    assert everything() == before


@pytest.mark.parametrize(("method", "url", "right"), ENDPOINTS)
def test_other_content_types_are_rejected(method, url, right, names, send):
    before = everything()
    for content_type in WRONG_TYPES:
        answer = send(method, filled(url, names), b'{"amount": 1}', content_type)

        assert (content_type, answer.status_code) in {
            (content_type, 400),
            (content_type, 403),
            (content_type, 415),
        }
    assert everything() == before


def value_paths(body, path=()):
    """Yield the path of each value of a body, including nested ones."""
    if path:
        yield path
    inner = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in inner:
        if isinstance(value, dict | list):
            yield from value_paths(value, (*path, key))
        else:
            yield (*path, key)


def with_value(body, path, value):
    """Return a body as JSON, with one value replaced."""
    copy = json.loads(json.dumps(body))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = "<here>"
    return json.dumps(copy).replace('"<here>"', value)


@pytest.mark.parametrize(
    ("method", "url", "right", "path"),
    [(*endpoint, path) for endpoint in ENDPOINTS for path in value_paths(endpoint[2])],
    ids=lambda value: str(value)[:40],
)
def test_every_odd_value_is_rejected_cleanly(method, url, right, path, names, send):
    for value in VALUES:
        body = filled(with_value(right, path, value), names)
        answer = send(method, filled(url, names), body)

        assert answer.status_code < 500, value[:50]
        assert answer.status_code < 400 or problem(answer)


QUERIES = {
    "/api/expenses": [
        "start",
        "end",
        "category",
        "merchant",
        "status",
        "receipt",
        "q",
        "min_amount",
        "max_amount",
        "ordering",
        "cursor",
        "page_size",
        "format",
        "other",
    ],
    "/api/budgets": ["format", "cursor"],
    "/api/summary": ["month", "format"],
    "/api/trends": ["month", "category", "by"],
    "/api/today": ["month", "format"],
    "/api/notifications": ["type", "status", "unread", "cursor", "page_size"],
    "/api/reports": ["cursor", "page_size"],
    "/api/categories": ["start", "end", "other"],
    "/api/merchants": ["start", "end", "other"],
    "/api/export/expenses.csv": ["start", "end", "other"],
}
ODD = [
    "",
    "%00",
    "%ff",
    "%ed%a0%80",
    "%0a",
    "%D9%A1",
    "x" * 5000,
    "9" * 5000,
    "-1",
    "1e400",
    "NaN",
    "Infinity",
    "0000-00",
    "9999-12-31",
    "9999-12",
    "0001-01",
    "[]",
    "{}",
    "%",
    "a.b.c",
    ":",
    "..",
]


@pytest.mark.parametrize(
    ("url", "name"), [(url, name) for url in QUERIES for name in QUERIES[url]]
)
def test_every_odd_parameter_is_rejected_cleanly(url, name, names, send):
    for value in ODD:
        answer = send("GET", f"{url}?{name}={value}", b"")

        assert answer.status_code in {200, 400, 406}, value[:50]
        assert answer.status_code == 200 or problem(answer)


HEADERS = {
    "Accept": [";;;", "*", "a/b/c", "text/html;q=x", "application/json;indent=x"],
    "Accept-Encoding": ["gzip;q=x", "br", "*"],
    "Accept-Language": ["xx", "*", "a" * 5000],
    "Authorization": ["Basic eDp5", "Bearer", "Bearer \u00e9", "x"],
    "Cookie": ["session=\u00e9", "session=" + "a" * 5000, ";;=;", "csrftoken=\u00e9"],
    "Host": ["", "a b", "evil.example", "testserver:x"],
    "If-None-Match": ['"', "W/", "\u00e9", "," * 5000],
    "Idempotency-Key": ["\u00e9\u00ff", "\t", "a" * 300],
    "Referer": ["nonsense", "https://["],
    "Origin": ["null", "https://[", "\u00e9"],
    "X-CSRFToken": ["\u00e9", "a" * 5000],
    "X-Forwarded-For": ["nonsense", "," * 500],
    "X-Request-Id": ["\u00e9", "a" * 5000],
    "Content-Length": ["x", "-1"],
}


@pytest.mark.parametrize("csrf", [False, True])
@pytest.mark.parametrize("name", HEADERS)
def test_every_odd_header_is_rejected_cleanly(alice, name, csrf):
    client = client_for(alice, csrf=csrf)
    for value in HEADERS[name]:
        for method, url in [("GET", "/api/expenses"), ("POST", "/api/expenses")]:
            answer = client.generic(
                method,
                url,
                json.dumps(ROW),
                content_type=JSON,
                headers={name: value},
            )

            kind = answer.headers["Content-Type"].partition(";")[0]
            refusals = {"application/problem+json", "text/html"}  # as requested
            assert answer.status_code < 500, (value[:50], method)
            assert answer.status_code < 400 or kind in refusals


@pytest.mark.parametrize(
    "url",
    [
        "/api/%00",
        "/api/%ff",
        "/api/%ed%a0%80",
        "/api/expenses/%00",
        "/api/expenses/" + "f" * 5000,
        "/api/expenses/..%2f..",
        "/api/reports/..%2fx.pdf",
        "/api//expenses",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_every_odd_url_is_not_found(method, url, send):
    answer = send(method, url, b"{}")

    assert answer.status_code == 404
    assert problem(answer)


def test_a_multipart_body_with_over_a_thousand_parts_is_rejected(send):
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="f{number}"\r\n\r\n1\r\n'
        for number in range(1001)
    )
    answer = send(
        "POST", "/api/expenses", f"{parts}--x--\r\n", "multipart/form-data; boundary=x"
    )

    assert answer.status_code == 400
    assert problem(answer)["code"] == "bad_request"


# --------------------------------------------------------- many errors, at low cost

MUCH = 19_000  # values, the limit of a body
STRANGE = {f"k{number}": 1 for number in range(MUCH)}
ROWS = [dict.fromkeys("abcdefghijklmnopqr", 1)] * 1000


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("post", "/api/notifications/read", {"ids": ["x"] * MUCH}, 1),
        ("post", "/api/notifications/read", {"ids": ["x"] * 100}, MAX_FAULTS),
        ("post", "/api/expenses/selected", {"expense_ids": ["x"] * MUCH}, 1),
        ("post", "/api/tokens", {"scopes": ["x"] * MUCH}, 3),
        ("post", "/api/expenses", STRANGE, MAX_FAULTS + 2),
        ("post", "/api/expenses/bulk", {"expenses": [1] * 1000}, MAX_FAULTS),
        ("post", "/api/expenses/bulk", {"expenses": ROWS}, MAX_FAULTS * 20),
        ("patch", "/api/profile", {"email_preferences": STRANGE}, MAX_FAULTS),
        ("post", "/login", STRANGE, MAX_FAULTS + 2),
    ],
)
def test_only_the_first_of_many_errors_are_named(client, method, path, body, named):
    answer = getattr(client, method)(path, body, content_type="application/json")

    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == named


@pytest.mark.parametrize(
    ("path", "named"), [("/expenses/add", 1001), ("/api/expenses", 1001)]
)
def test_a_form_with_more_than_a_thousand_fields_is_rejected(client, path, named):
    answer = client.post(path, {f"k{number}": "" for number in range(named)})

    assert answer.status_code == 400
