"""The second step of a login: the page, the API, and what a login carries."""

import pytest

from accounts import services, sessions
from accounts.factors import second_step
from tests.accounts.factors.builders import STEP
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    with_factor,
)
from tests.money_builders import TODAY
from tests.notifications import faults
from tests.web.test_form_drafts import fields_of

LUNCH = {"amount": "12.50", "category": "Food", "date": str(TODAY)}

pytestmark = pytest.mark.usefixtures("aws", "clock")


def send_password(client, **more):
    data = {"username": "bob", "password": PASSWORD, **more}
    return client.post("/login", data)


def fields(answer, number=0) -> dict[str, str]:
    """Return the hidden fields of one of the page's forms."""
    text = answer.text.split('action="/login/second"')[number + 1]
    return fields_of(f'<form action="/login/second"{text}', "/login/second")


def send_code(client, answer, **code):
    return client.post("/login/second", {**fields(answer), **code})


def is_logged_in(client):
    return client.get("/accounts/profile").status_code == 200


def test_the_password_leads_to_the_second_step_and_starts_no_session(client, app):
    answer = send_password(client)

    assert answer.status_code == 200
    assert "Code from your authenticator app" in answer.text
    assert "Use a recovery code" in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    assert "session" not in client.cookies
    assert not is_logged_in(client)


def test_the_code_logs_in_and_returns_to_the_page(client, app):
    answer = send_password(client, next="/budgets?month=2026-03")

    answer = send_code(client, answer, code=app.code())

    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "/budgets?month=2026-03",
    )
    assert is_logged_in(client)


def test_the_second_step_returns_only_within_the_site(client, app):
    answer = send_password(client)
    data = {**fields(answer), "code": app.code(), "next": "https://evil.example/"}

    assert client.post("/login/second", data).headers["Location"] == "/"


def test_a_wrong_code_is_shown_at_its_field_and_can_be_corrected(client, app):
    answer = send_code(
        client, send_password(client, next="/budgets"), code=app.wrong_code()
    )

    assert answer.status_code == 401
    assert "Wrong code, or it was used before." in answer.text
    assert "session" not in client.cookies
    answer = send_code(client, answer, code=app.code())
    assert answer.headers["Location"] == "/budgets"


@pytest.mark.parametrize("form", [{"code": ""}, {"recovery_code": ""}, {}])
def test_an_empty_code_is_no_attempt(client, bob, app, form):
    answer = send_code(client, send_password(client), **form)

    assert answer.status_code == 400
    assert "Fill in this field." in answer.text
    assert account_of(bob).factor_tries is None


def test_a_recovery_code_logs_in(client, codes):
    answer = send_password(client)

    data = {**fields(answer, 1), "recovery_code": codes[0]}
    answer = client.post("/login/second", data)

    assert answer.status_code == 302
    assert "recovery codes left" not in client.get("/").text


def test_a_wrong_recovery_code_keeps_its_form_open(client, app):
    answer = send_code(client, send_password(client), recovery_code="abcd-efgh")

    assert answer.status_code == 401
    assert "Wrong recovery code" in answer.text
    assert '<details class="card" open>' in answer.text


def test_the_login_warns_when_three_recovery_codes_are_left(client, codes):
    for code in codes[:7]:
        send_code(client, send_password(client), recovery_code=code)
        client.defaults["HTTP_X_CSRFTOKEN"] = client.cookies["csrftoken"].value

    assert "You have 3 recovery codes left." in client.get("/").text


def test_a_draft_survives_the_second_step(client, bob, app):
    client.cookies["session"] = sessions.begin_session(account_of(bob)).session_key
    sessions.log_out(client.cookies["session"].value)
    page = client.post("/expenses/add", LUNCH)
    data = {**fields_of(page.text, "/login"), "username": "bob", "password": PASSWORD}

    answer = send_code(client, client.post("/login", data), code=app.wrong_code())
    answer = send_code(client, answer, code=app.code())

    assert "Welcome back" in answer.text
    assert fields_of(answer.text, "/expenses/add")["amount"] == "12.50"
    assert is_logged_in(client)


def test_a_draft_survives_an_expired_ticket(client, bob, app, clock):
    client.cookies["session"] = sessions.begin_session(account_of(bob)).session_key
    sessions.log_out(client.cookies["session"].value)
    page = client.post("/expenses/add", LUNCH)
    data = {**fields_of(page.text, "/login"), "username": "bob", "password": PASSWORD}
    answer = client.post("/login", data)
    clock.shift(second_step.LIFETIME_SECONDS)

    answer = send_code(client, answer, code=app.code())

    assert answer.status_code == 401
    assert "Your login has expired. Log in again." in answer.text
    data = {**fields_of(answer.text, "/login"), "username": "bob", "password": PASSWORD}
    answer = send_code(client, client.post("/login", data), code=app.code())
    assert "Welcome back" in answer.text


def test_a_password_changed_meanwhile_starts_the_login_over(client, bob, app):
    answer = send_password(client, next="/budgets")
    services.change_password(
        with_factor(bob), old=PASSWORD, new="another good password"
    )

    answer = send_code(client, answer, code=app.code())

    assert answer.status_code == 401
    assert "Your password has just been changed. Log in again." in answer.text
    assert 'name="next" value="/budgets"' in answer.text


@pytest.mark.parametrize("data", [{}, {"ticket": "x"}, {"ticket": "\ud7ff\x00"}])
def test_a_missing_or_forged_ticket_starts_the_login_over(client, app, data):
    answer = client.post("/login/second", {**data, "code": app.code()})

    assert answer.status_code == 401
    assert 'action="/login"' in answer.text


def test_the_page_itself_has_no_address(client):
    assert client.get("/login/second").headers["Location"] == "/login"


def test_the_second_step_needs_the_csrf_token(client, app):
    answer = send_password(client)
    del client.defaults["HTTP_X_CSRFTOKEN"]

    data = {**fields(answer), "code": app.code()}
    del data["csrfmiddlewaretoken"]
    refused = client.post("/login/second", data)

    assert refused.status_code == 403
    assert "session" not in client.cookies


def test_the_second_step_ends_the_browsers_previous_session(client, bob, app):
    old = sessions.begin_session(account_of(bob)).session_key
    client.cookies["session"] = old

    send_code(client, send_password(client), code=app.code())

    assert client.cookies["session"].value != old
    assert sessions.find_session(old) is None


def test_the_wait_is_shown(client, bob, app, monkeypatch):
    monkeypatch.setattr("accounts.factors.attempts.TRIES", 1)
    answer = send_code(client, send_password(client), code=app.wrong_code())

    answer = send_code(client, answer, code=app.code())

    assert answer.status_code == 429
    assert "Too many attempts. Try again in 15 minutes." in answer.text


def test_an_outage_keeps_the_ticket(client, app):
    answer = send_password(client)
    with faults.down("UpdateItem"):
        answer = send_code(client, answer, code=app.code())

    assert answer.status_code == 503
    assert send_code(client, answer, code=app.code()).status_code == 302


def send_json(client, path, **body):
    return client.post(path, body, content_type="application/json")


def begin(client):
    return send_json(client, "/login", username="bob", password=PASSWORD)


def test_the_api_answers_with_the_factors_and_a_ticket(app):
    client = client_for(csrf=True)

    answer = begin(client)

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "second_factor_required"
    assert body["second_factor"] == ["totp", "recovery"]
    assert "session" not in client.cookies

    answer = send_json(client, "/login/second", ticket=body["ticket"], code=app.code())
    assert answer.status_code == 200
    assert answer.json()["username"] == "bob"
    assert client.get("/api/profile").status_code == 200


def test_the_api_takes_a_recovery_code(codes):
    client = client_for(csrf=True)
    ticket = begin(client).json()["ticket"]

    for status in (200, 401):
        answer = send_json(
            client, "/login/second", ticket=ticket, recovery_code=codes[0]
        )
        assert answer.status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"code": "123456"},
        {"ticket": "x"},
        {"ticket": "x", "code": "1", "recovery_code": "2"},
        {"ticket": "x", "code": "1" * 21},
        {"ticket": "x" * 2001, "code": "1"},
        {"ticket": "x", "code": 123456},
        {"ticket": "x", "code": "123456", "user_id": "0" * 32},
    ],
)
def test_the_api_refuses_a_malformed_second_step(body):
    assert send_json(client_for(), "/login/second", **body).status_code == 400


def test_the_api_reports_a_wrong_code_and_an_invalid_ticket(app, clock):
    client = client_for(csrf=True)
    ticket = begin(client).json()["ticket"]

    wrong = send_json(client, "/login/second", ticket=ticket, code=app.wrong_code())
    forged = send_json(client, "/login/second", ticket="x", code=app.code())
    clock.shift(STEP * 10)
    expired = send_json(client, "/login/second", ticket=ticket, code=app.code())

    assert [wrong.status_code, forged.status_code, expired.status_code] == [401] * 3
    assert wrong.json()["errors"][0]["pointer"] == "/code"
    assert forged.json()["detail"] == "Your login has expired. Log in again."
    assert "errors" not in forged.json()
    assert expired.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded"])
def test_the_api_of_the_second_step_takes_no_form_without_the_csrf_token(
    app, content_type
):
    """A browser sends a form from another site without a preflight request."""
    client = client_for(csrf=True)
    ticket = begin(client).json()["ticket"]

    body = f"ticket={ticket}&code={app.code()}"
    answer = client.post("/login/second", body, content_type=content_type)

    assert answer.status_code == 403
