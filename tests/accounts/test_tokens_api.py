"""API tokens over HTTP: creation, list, revocation and scopes."""

import json
import logging

import pytest
import time_machine

from accounts import sessions, tokens
from smartbudget.web.api import SCOPES
from tests.builders import (
    PASSWORD,
    client_for,
    make_token,
    make_user,
    program_with,
    token_of,
)
from tests.money_builders import NOON
from tests.notifications.faults import calls_counted, down
from tests.problems import problem

JSON = "application/json"
GIVEN = {
    "password": PASSWORD,
    "name": "Script",
    "scopes": ["write", "read"],
    "expires_in_days": 30,
}


def post(client, body=GIVEN, **more):
    return client.post("/api/tokens", body, content_type=JSON, **more)


# ------------------------------------------------------------- created in a session


def test_creating_a_token_returns_the_secret_once(aws):
    with time_machine.travel(NOON, tick=False):
        answer = post(client_for(make_user()))

    created = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Location"].endswith(f"/api/tokens/{created['token_id']}")
    assert created["token"].startswith("smartbudget_")
    assert {**created, "token": "", "token_id": ""} == {
        "token_id": "",
        "name": "Script",
        "scopes": ["read", "write"],
        "created_at": "2026-03-18T12:00:00.000000+00:00",
        "last_used_at": None,
        "expires_at": "2026-04-17T12:00:00.000000+00:00",
        "token": "",
    }


def test_tokens_are_listed_and_shown_without_the_secret(alice):
    client = client_for(alice)
    answer = post(client)
    created = answer.json()
    secret = created.pop("token")

    listed, response = client.get("/api/tokens"), client.get(answer.headers["Location"])

    assert listed.json() == [created]
    assert response.json() == created
    assert secret not in listed.content.decode() + response.content.decode()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "wrong"}, "password"),
        ({"name": ""}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": [["read"]]}, "scopes"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 367}, "expires_in_days"),
        ({"expires_in_days": None}, "expires_in_days"),
        ({"expires_in_days": True}, "expires_in_days"),
        ({"color": "red"}, "color"),
    ],
)
def test_an_error_names_its_field(alice, change, field):
    answer = post(client_for(alice), {**GIVEN, **change})

    assert answer.status_code == 400
    assert field in answer.content.decode()
    assert tokens.list_tokens(alice) == []


def test_a_session_needs_the_csrf_token(alice):
    client = client_for(alice, csrf=True)

    assert post(client).status_code == 403
    assert post(client, headers=token_of(client)).status_code == 201


def test_too_many_are_a_conflict(alice):
    for _ in range(20):
        make_token(alice)

    answer = post(client_for(alice))

    assert answer.status_code == 409
    assert "Revoke one first." in answer.content.decode()


def test_another_users_token_is_not_found(alice):
    response = post(client_for(alice))
    address = response.headers["Location"]
    mallory = client_for(make_user("mallory"))

    assert mallory.get(address).status_code == 404
    assert mallory.delete(address).status_code == 404
    assert mallory.get("/api/tokens").json() == []
    assert (
        program_with(response.json()["token"]).get("/api/expenses").status_code == 200
    )


# ------------------------------------------------------------------ used by clients


def test_a_token_needs_no_cookie_and_no_csrf_token(alice):
    program = program_with(make_token(alice, "read", "write"))

    response = program.post(
        "/api/expenses", {"amount": "1.00", "category": "Fun"}, content_type=JSON
    )

    assert response.status_code == 201
    assert program.get("/api/expenses").json()["results"][0]["amount"] == "1.00"
    assert not program.cookies


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_the_scheme_is_case_insensitive(alice, scheme):
    header = {"Authorization": f"{scheme} {make_token(alice)}"}

    assert client_for().get("/api/expenses", headers=header).status_code == 200


@pytest.mark.parametrize(
    "written",
    [
        "Bearer",
        "Bearer ",
        "Bearer smartbudget_",
        "Bearer smartbudget_" + "0" * 64,
        "Bearer {secret} {secret}",
        "Bearer {secret}x",
        "Bearer " + "x" * 5000,
        "Bearer \u00fc",
        'Bearer "{secret}"',
    ],
)
def test_an_invalid_token_is_rejected_even_with_a_valid_cookie(alice, written):
    header = {"Authorization": written.format(secret=make_token(alice))}

    with calls_counted() as calls:
        answer = client_for().get("/api/expenses", headers=header)
    with_cookie = client_for(alice).get("/api/expenses", headers=header)

    assert answer.status_code == with_cookie.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert len(calls) <= 1


def test_a_revoked_token_is_rejected_at_once(alice):
    program = program_with(make_token(alice, "account"))
    (listed,) = program.get("/api/tokens").json()
    address = f"/api/tokens/{listed['token_id']}"

    assert program.delete(address).status_code == 204  # itself

    again = program.delete(address)
    assert again.status_code == 401
    assert again.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_the_token_takes_precedence_over_a_cookie(alice):
    bob = make_user("bob")
    client = client_for(bob, csrf=True)
    header = {"Authorization": f"Bearer {make_token(alice, 'account', 'write')}"}

    assert client.get("/api/profile", headers=header).json()["username"] == "alice"
    written = client.post(
        "/api/expenses",
        {"amount": "1.00", "category": "Fun"},
        content_type=JSON,
        headers=header,
    )
    assert written.status_code == 201  # and no CSRF token is required
    assert client.get("/api/expenses").json()["results"] == []  # bob's

    assert not any(
        session["is_current"]
        for session in client.get("/api/sessions", headers=header).json()
    )
    assert client.delete("/api/sessions", headers=header).status_code == 204
    assert sessions.list_sessions(alice) == []
    assert client.get("/api/profile").status_code == 200  # bob's still work


@pytest.mark.parametrize(
    ("scheme", "credentials"), [("Basic", "YWxpY2U6cGFzc3dvcmQ="), ("Token", "x")]
)
def test_other_authorization_schemes_are_ignored(alice, scheme, credentials):
    header = {"Authorization": f"{scheme} {credentials}"}

    answer = client_for().get("/api/expenses", headers=header)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert client_for(alice).get("/api/expenses", headers=header).status_code == 200


@pytest.mark.parametrize(
    ("scopes", "method", "path", "wanted"),
    [
        (["write"], "GET", "/api/expenses", "read"),
        (["write"], "HEAD", "/api/expenses", "read"),
        (["read"], "POST", "/api/expenses", "write"),
        (["read", "write"], "POST", "/api/reports/generate", "reports"),
        (["write"], "GET", "/api/reports", "read"),
        (["read", "write", "reports"], "GET", "/api/profile", "account"),
        (["export"], "GET", "/api/profile", "account"),
        (["read", "write", "reports"], "GET", "/api/export", "export"),
        (["read", "write", "reports"], "GET", "/api/export.json", "export"),
        (["write"], "GET", "/api/export/expenses.csv", "read"),
    ],
)
def test_a_missing_scope_is_named(alice, scopes, method, path, wanted):
    answer = program_with(make_token(alice, *scopes)).generic(method, path)

    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer error="insufficient_scope", scope="{wanted}"'
    )
    if method != "HEAD":
        assert problem(answer)["code"] == "insufficient_scope"
        assert f"one of these scopes: {wanted}" in problem(answer)["detail"]


@pytest.mark.parametrize("scope", ["export", "account"])
def test_a_backup_needs_only_the_export_scope(alice, scope):
    """The scope `export` replaced `account` for downloads."""
    program = program_with(make_token(alice, scope))

    for path in ("/api/export", "/api/export.json", "/api/export/expenses.csv"):
        answer = program.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert answer.getvalue()


def test_any_token_can_read_its_own_description(alice):
    others = make_token(make_user("bob"), "read")
    for scope in tokens.SCOPES:
        program = program_with(make_token(alice, scope, name=f"For {scope}"))

        current = program.get("/api/tokens/current").json()
        assert (current["name"], current["scopes"]) == (f"For {scope}", [scope])
    assert program_with(others).get("/api/tokens/current").json()["name"] == "Script"
    assert client_for(alice).get("/api/tokens/current").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/tokens"),
        ("POST", "/api/password"),
        ("POST", "/api/email"),
        ("DELETE", "/api/account"),
        ("POST", "/logout"),
        ("GET", "/api/admin/health"),
    ],
)
def test_no_token_can_manage_tokens_or_credentials(alice, method, path):
    """Tokens cannot create tokens, change credentials or use staff endpoints."""
    program = program_with(make_token(alice))
    body = json.dumps({**GIVEN, "old_password": PASSWORD, "new_password": "x" * 20})

    answer = program.generic(method, path, body, JSON, headers={"Accept": JSON})

    assert answer.status_code == 403
    assert "Log in with your password" in answer.content.decode()
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
    assert len(tokens.list_tokens(alice)) == 1


def test_an_unsupported_method_is_a_405_with_a_token_too(alice):
    program = program_with(make_token(alice, "read"))

    for path in ("/api/tokens", "/api/expenses", "/api/email"):
        assert program.put(path).status_code == 405
        assert program.options(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/expenses", "/accounts/tokens", "/admin"])
def test_pages_do_not_accept_tokens(alice, path):
    answer = program_with(make_token(alice)).get(path)

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


def test_a_token_request_costs_a_read_and_one_write_a_minute(alice):
    program = program_with(make_token(alice))

    def calls():
        with calls_counted() as seen:
            assert program.get("/api/budgets").status_code == 200
        return seen

    assert calls() == ["GetItem", "UpdateItem", "Query"]
    assert calls() == ["GetItem", "Query"]


def test_an_outage_is_not_reported_as_a_bad_token(alice):
    program = program_with(make_token(alice))

    with down("GetItem"):
        answer = program.get("/api/budgets")

    assert answer.status_code == 503


def test_tokens_are_not_logged(alice, caplog):
    caplog.set_level(logging.DEBUG)
    secret = post(client_for(alice)).json()["token"]
    program = program_with(secret)

    program.get("/api/expenses")
    program.get("/api/profile")
    with down("UpdateItem"), time_machine.travel(NOON):
        program.get("/api/expenses")

    ours = [line for line in caplog.records if not line.name.startswith("boto")]
    assert ours
    assert secret not in " ".join(line.getMessage() for line in ours)


# --------------------------------------------------------------------- the schema


def test_the_schema_names_the_scopes_of_every_operation():
    schema = client_for().get("/api/schema", {"format": "json"}).json()

    def security(method, path):
        return schema["paths"][path][method]["security"]

    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert schema["components"]["securitySchemes"]["session"]["in"] == "cookie"
    session = {"session": []}
    assert security("get", "/api/expenses") == [{"token": ["read"]}, session]
    assert security("post", "/api/expenses") == [{"token": ["write"]}, session]
    assert security("get", "/api/reports") == [
        {"token": ["read"]},
        {"token": ["reports"]},
        session,
    ]
    assert security("post", "/api/tokens") == [session]
    assert security("post", "/login") == [{}]


# ----------------------------------------------------------------------- the page


def make_on_page(client, **change):
    form = {**GIVEN, **change}
    return client.post("/accounts/tokens", form, headers=token_of(client))


def test_the_page_creates_a_token_and_shows_it_once(alice):
    client = client_for(alice, csrf=True)
    empty = client.get("/accounts/tokens").content.decode()

    answer = make_on_page(client, name="Bank <import>")

    page = answer.content.decode()
    secret = page.partition('<code class="secret">')[2].partition("</code>")[0]
    assert "You have no API tokens." in empty
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert program_with(secret).get("/api/expenses").status_code == 200
    assert "Bank &lt;import&gt;" in page
    assert "messages" not in answer.cookies
    assert PASSWORD not in page

    again = client.get("/accounts/tokens").content.decode()
    assert "Bank &lt;import&gt;" in again
    assert secret not in again
    assert "read, write" in again


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"name": ""}, 400, "Fill in this field."),
        ({"scopes": []}, 400, "Select at least one."),
        ({"scopes": ["admin"]}, 400, "Choose one of the options."),
        ({"expires_in_days": 1000}, 400, "Choose one of the options."),
        ({"password": "wrong"}, 400, "Wrong password."),
    ],
)
def test_the_page_shows_errors_and_keeps_the_input(alice, change, status, sentence):
    answer = make_on_page(client_for(alice, csrf=True), **change)

    page = answer.content.decode()
    assert (answer.status_code, sentence in page) == (status, True)
    assert tokens.list_tokens(alice) == []
    if "name" not in change:
        assert 'value="Script"' in page


def test_the_page_reports_too_many_tokens(alice):
    for _ in range(20):
        make_token(alice)

    answer = make_on_page(client_for(alice, csrf=True))

    assert answer.status_code == 409
    assert "Revoke one first." in answer.content.decode()


def test_the_page_revokes_a_token(alice):
    client = client_for(alice, csrf=True)
    secret = make_token(alice, name="Old phone")
    (token,) = tokens.list_tokens(alice)
    address = f"/accounts/tokens/{token.token_id}/revoke"
    assert address in client.get("/accounts/tokens").content.decode()

    answer = client.post(address, headers=token_of(client), follow=True)

    assert "The token has been revoked." in answer.content.decode()
    assert "Old phone" not in answer.content.decode()
    assert program_with(secret).get("/api/expenses").status_code == 401
    assert client.post(address, headers=token_of(client)).status_code == 404


def test_another_users_token_is_not_found_on_the_page(alice):
    make_token(alice)
    (token,) = tokens.list_tokens(alice)
    mallory = client_for(make_user("mallory"))

    answer = mallory.post(f"/accounts/tokens/{token.token_id}/revoke")

    assert answer.status_code == 404
    assert tokens.list_tokens(alice) == [token]


def test_the_profile_links_to_the_page(alice):
    page = client_for(alice).get("/accounts/profile").content.decode()

    assert 'href="/accounts/tokens"' in page


def test_the_api_accepts_every_scope():
    assert SCOPES["any"] == ([*tokens.SCOPES], [])
