"""The account API: shapes, statuses, cookies, CSRF."""

import json
from decimal import Decimal

import pytest

from accounts import services, sessions
from smartbudget.core.throttling import Limit
from tests.builders import PASSWORD, account_of, client_for, make_user, token_of
from tests.notifications.faults import calls_counted, down
from tests.problems import messages_of, problem

BOB = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}
NEW = "another long one"


def post(client, path, data, **options):
    return client.post(path, data, content_type="application/json", **options)


def test_register_log_in_and_log_out_with_json(aws):
    client = client_for(csrf=True)

    answer = post(client, "/register", BOB)
    assert answer.status_code == 201
    assert set(answer.json()) == {"user_id", "username", "email", "csrf_token"}
    assert answer.json()["username"] == "bob"

    header = {"X-CSRFToken": answer.json()["csrf_token"]}
    assert post(client, "/logout", {}, headers=header).status_code == 204
    assert client.get("/api/profile").status_code == 401

    answer = post(client, "/login", {"username": "bob", "password": PASSWORD})
    assert answer.status_code == 200
    header = {"X-CSRFToken": answer.json()["csrf_token"]}
    change = {"time_zone": "Asia/Tokyo"}
    answer = client.patch(
        "/api/profile", change, content_type="application/json", headers=header
    )
    assert answer.json()["time_zone"] == "Asia/Tokyo"


def test_scripts_cannot_read_the_session_cookie(aws):
    cookie = post(client_for(), "/register", BOB).cookies["session"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 14 * 24 * 3600
    assert not cookie["domain"]


@pytest.mark.parametrize("path", ["/login", "/register"])
@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml"])
def test_a_malformed_request_gets_a_problem_document(aws, path, content_type):
    answer = client_for(csrf=True).generic("POST", path, content_type=content_type)

    assert problem(answer)["status"] in {
        400,
        415,
    }  # without a content type the body is empty


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded"]
)
def test_registration_accepts_only_json(aws, content_type):
    client = client_for(csrf=True)
    answer = client.post(
        "/register",
        json.dumps(BOB),
        content_type=content_type,
        headers={"Accept": "application/json"},
    )

    assert answer.status_code == 415
    assert "session" not in answer.cookies
    assert services.find_account_by_email("bob@example.com") is None


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"username": None}, ["username"]),
        ({"username": 5, "email": ["a"]}, ["email", "username"]),
        ({"username": "ab"}, ["username"]),
        ({"email": "nowhere"}, ["email"]),
        ({"password": "short"}, ["password"]),
        ({"password": 12345678}, ["password"]),
        ({"phone_number": {}}, ["phone_number"]),
        ({"is_staff": True, "user_id": "x"}, ["is_staff", "user_id"]),
        ({"is_staff": True, "password": ""}, ["is_staff", "password"]),
    ],
)
def test_an_error_names_its_field(aws, changes, fields):
    answer = post(client_for(), "/register", {**BOB, **changes})

    assert answer.status_code == 400
    assert sorted(messages_of(answer)) == fields
    assert services.register(**BOB)


def test_a_taken_name_is_a_conflict(aws):
    make_user("bob")

    answer = post(client_for(), "/register", {**BOB, "email": "else@example.com"})

    assert answer.status_code == 409
    assert messages_of(answer) == {"username": ["This username is taken."]}


def test_a_wrong_password_is_unauthorized(aws):
    make_user("bob")

    answer = post(client_for(), "/login", {"username": "bob", "password": "x" * 9})

    assert answer.status_code == 401
    assert problem(answer)["detail"] == "Wrong username or password."
    assert not answer.cookies.get("session")


def test_too_many_failures_return_retry_after(aws, monkeypatch):
    monkeypatch.setattr(services, "NAME_LOGINS", Limit("login", 1, 900))
    client = client_for()
    wrong = {"username": "bob", "password": "x" * 9}
    post(client, "/login", wrong)

    answer = post(client, "/login", wrong)

    assert answer.status_code == 429
    assert 60 < answer.json()["retry_after"] <= 900
    assert (
        "Retry-After" not in answer.headers
    )  # a client that waits that long would hang


def test_registrations_are_limited_by_ip_address(aws, monkeypatch):
    monkeypatch.setattr(services, "REGISTRATIONS", Limit("register", 1, 3600))
    post(client_for(), "/register", BOB)
    other = {**BOB, "username": "other", "email": "other@example.com"}

    assert post(client_for(), "/register", other).status_code == 429
    answer = post(client_for(), "/register", other, REMOTE_ADDR="192.0.2.9")
    assert answer.status_code == 201


def test_logging_in_ends_the_browsers_previous_session(aws):
    client = client_for(make_user("alice"))
    old_key = client.cookies["session"].value
    make_user("bob")

    post(client, "/login", {"username": "bob", "password": PASSWORD})

    assert sessions.find_session(old_key) is None
    assert client.get("/api/profile").json()["username"] == "bob"


def test_logging_out_deletes_the_session(aws):
    client = client_for(make_user())
    stolen = client.cookies["session"].value

    answer = post(client, "/logout", {})

    assert answer.cookies["session"]["max-age"] == 0
    client.cookies["session"] = stolen
    assert client.get("/api/profile").status_code == 401


@pytest.mark.parametrize("key", ["x" * 43, "no key at all", "<script>"])
def test_a_forged_cookie_is_rejected_and_deleted(aws, key):
    client = client_for()
    client.cookies["session"] = key

    answer = client.get("/api/profile")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.cookies["session"]["max-age"] == 0
    assert answer.headers["Clear-Site-Data"] == '"cache"'


def test_a_write_without_the_csrf_token_is_rejected(aws):
    bob = make_user()
    client = client_for(bob, csrf=True)

    answer = client.patch(
        "/api/profile", {"currency": "EUR"}, content_type="application/json"
    )

    assert answer.status_code == 403
    assert "X-CSRFToken" in answer.json()["detail"]
    assert account_of(bob).currency == "USD"


def test_a_csrf_token_from_before_login_is_invalid_after(aws):
    make_user("bob")
    client = client_for(csrf=True)
    before = token_of(client)
    post(client, "/login", {"username": "bob", "password": PASSWORD})

    answer = client.patch(
        "/api/profile", {}, content_type="application/json", headers=before
    )

    assert answer.status_code == 403


def test_each_caller_gets_their_own_profile(aws):
    make_user("alice", phone_number="12345")
    bob = make_user("bob", large_expense_threshold=Decimal(50))

    answer = client_for(bob).get("/api/profile")

    assert answer.json() == {
        "user_id": bob.user_id,
        "username": "bob",
        "email": "bob@example.com",
        "email_verified": False,
        "email_problem": None,
        "pending_email": None,
        "phone_number": None,
        "currency": "USD",
        "time_zone": "UTC",
        "language": "en",
        "calendar": {
            "week_start": "monday",
            "month_start_day": 1,
            "month_start_shift": "none",
            "year_start_month": 1,
        },
        "large_expense_threshold": "50.00",
        "email_preferences": {
            "budget_threshold": True,
            "budget_exceeded": True,
            "large_expense": True,
            "report_ready": True,
            "report_failed": True,
            "weekly_summary": False,
            "monthly_summary": False,
        },
        "quiet_hours": None,
        "created_at": account_of(bob).created_at,
    }


@pytest.mark.parametrize("threshold", ["12.10", 12.10, 12])
def test_a_threshold_is_exact_as_a_string_or_a_number(aws, threshold):
    bob = make_user()

    answer = client_for(bob).patch(
        "/api/profile",
        {
            "large_expense_threshold": threshold,
            "email_preferences": {"large_expense": False},
        },
        content_type="application/json",
    )

    assert Decimal(answer.json()["large_expense_threshold"]) == Decimal(str(threshold))
    assert account_of(bob).large_expense_threshold == Decimal(str(threshold))
    assert account_of(bob).muted == {"large_expense"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "eve"}, "username"),
        ({"email": "eve@example.com"}, "email"),
        ({"is_staff": True}, "is_staff"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": 5}, "currency"),
        ({"currency": "\ud800"}, "currency"),
        ({"time_zone": "\ud800"}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"large_expense_threshold": "-1"}, "large_expense_threshold"),
        ({"large_expense_threshold": "1e400"}, "large_expense_threshold"),
        ({"large_expense_threshold": True}, "large_expense_threshold"),
        ({"large_expense_threshold": "\u0661"}, "large_expense_threshold"),
        ({"email_preferences": []}, "email_preferences"),
        ({"email_preferences": {"large_expense": "yes"}}, "email_preferences"),
        ({"email_preferences": {"newsletter": True}}, "email_preferences"),
        ({"email_preferences": {"password_changed": False}}, "email_preferences"),
        ({"email_preferences": {"weekly_summary": None}}, "email_preferences"),
        ({"phone_number": "\u0000"}, "phone_number"),
        ({"quiet_hours": "22:00-07:00"}, "quiet_hours"),
        ({"quiet_hours": {}}, "quiet_hours"),
        ({"quiet_hours": {"from": "22:00"}}, "quiet_hours"),
        ({"quiet_hours": {"from": "22:00", "until": None}}, "quiet_hours"),
        ({"quiet_hours": {"from": "22:00", "until": "22:00"}}, "quiet_hours"),
        ({"quiet_hours": {"from": "22:00", "until": "24:00"}}, "quiet_hours"),
        ({"quiet_hours": {"from": "22:00", "until": "7:00"}}, "quiet_hours"),
        ({"quiet_hours": {"from": "22:00", "until": "\u0660\u0667:00"}}, "quiet_hours"),
        ({"quiet_hours": {"from": "22:00", "until": 7}}, "quiet_hours"),
        ({"quiet_hours": {"from": "22:00", "until": "07:00", "x": 1}}, "quiet_hours"),
    ],
)
def test_an_invalid_change_names_its_field_and_changes_nothing(aws, change, field):
    bob = make_user()

    answer = client_for(bob).patch(
        "/api/profile", change, content_type="application/json"
    )

    assert answer.status_code == 400
    assert [place.partition("/")[0] for place in messages_of(answer)] == [field]
    assert account_of(bob).updated_at == account_of(bob).created_at


def test_quiet_hours_are_set_and_removed(aws):
    bob = make_user()
    client = client_for(bob)
    hours = {"from": "22:00", "until": "07:00"}

    def change(quiet_hours):
        return client.patch(
            "/api/profile",
            {"quiet_hours": quiet_hours},
            content_type="application/json",
        ).json()["quiet_hours"]

    assert change(hours) == hours
    assert client.get("/api/profile").json()["quiet_hours"] == hours
    assert change(None) is None
    assert account_of(bob).quiet_from is None


def test_changing_the_password_ends_all_other_sessions(aws):
    bob = make_user()
    own, stolen = client_for(bob), client_for(bob)

    answer = post(own, "/api/password", {"old_password": PASSWORD, "new_password": NEW})

    assert answer.status_code == 200
    assert own.get("/api/profile").status_code == 200
    assert stolen.get("/api/profile").status_code == 401


def test_a_wrong_old_password_is_reported_on_its_field(aws):
    answer = post(
        client_for(make_user()),
        "/api/password",
        {"old_password": "x" * 9, "new_password": NEW},
    )

    assert answer.status_code == 400
    assert list(messages_of(answer)) == ["old_password"]


def test_a_signed_in_request_costs_one_call_more_than_its_own(aws):
    client = client_for(make_user())

    with calls_counted() as calls:
        client.get("/api/profile")

    assert calls == ["GetItem", "GetItem"]


def test_an_outage_is_a_503(aws):
    client = client_for(make_user())

    with down("GetItem"):
        answer = client.get("/api/profile")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "detail" in answer.json()


def test_the_browsable_api_does_not_show_the_callers_e_mail_address(aws):
    bob = make_user("bob")

    answer = client_for(bob).get("/api/password", headers={"Accept": "text/html"})

    assert answer.status_code == 405
    assert b"bob" in answer.content
    assert b"bob@example.com" not in answer.content
