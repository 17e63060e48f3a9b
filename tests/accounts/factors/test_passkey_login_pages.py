"""Logging in with a passkey: the pages and the API."""

import dataclasses
import json

import pytest

from accounts.factors import ceremonies, passkeys
from tests.accounts.factors.authenticator import Authenticator
from tests.accounts.factors.builders import with_passkey, with_totp
from tests.builders import PASSWORD, client_for
from tests.money_builders import TODAY
from tests.web.test_form_drafts import fields_of

LUNCH = {"amount": "12.50", "category": "Food", "date": str(TODAY)}

pytestmark = pytest.mark.usefixtures("aws", "clock")


def response_of(device, client):
    options = send_json(client, "/login/passkey/options").json()["options"]
    return device.use(options)


def send_json(client, path, **body):
    return client.post(path, body, content_type="application/json")


def send_page(client, device, page, path="/login/passkey", **more):
    """Send the page's form as passkeys.js does."""
    fields = fields_of(page.text, path)
    passkey = json.dumps(response_of(device, client))
    return client.post(path, {**fields, "passkey": passkey, **more})


def is_logged_in(client):
    return client.get("/accounts/profile").status_code == 200


def unavailable(monkeypatch):
    config = dataclasses.replace(ceremonies.config, app_url="http://192.0.2.1:8000")
    monkeypatch.setattr(ceremonies, "config", config)


def test_the_login_page_offers_passkeys_to_scripts_only(client):
    page = client.get("/login").text

    assert "Log in with a passkey" in page
    assert 'data-options="/login/passkey/options"' in page
    form = page.partition('action="/login/passkey"')[2].partition(">")[0]
    assert form.endswith(" hidden")
    assert "<noscript><p" in page
    assert "Passkeys need JavaScript." in page
    assert "/passkeys." in page


def test_the_login_page_offers_no_passkeys_at_an_ip_address(client, monkeypatch):
    unavailable(monkeypatch)

    page = client.get("/login").text

    assert "passkey" not in page.lower()


def test_other_pages_load_no_script_of_passkeys(client):
    assert "/passkeys." not in client.get("/register").text


def test_the_page_logs_in_and_returns_to_the_page_before(client, phone):
    page = client.get("/login?next=/budgets")

    answer = send_page(client, phone, page)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/budgets")
    assert is_logged_in(client)


def test_the_page_returns_only_within_the_site(client, phone):
    page = client.get("/login")

    answer = send_page(client, phone, page, next="https://evil.example/")

    assert answer.headers["Location"] == "/"


def test_a_draft_survives_a_login_with_a_passkey(client, phone):
    page = client.post("/expenses/add", LUNCH)

    answer = send_page(client, phone, page)

    assert "Welcome back" in answer.text
    assert fields_of(answer.text, "/expenses/add")["amount"] == "12.50"
    assert is_logged_in(client)


def test_a_refused_passkey_shows_the_login_page_with_what_it_carried(client, phone):
    page = client.get("/login?next=/budgets")

    answer = send_page(client, Authenticator(), page)

    assert answer.status_code == 401
    assert "Your passkey wasn&#39;t accepted." in answer.text
    assert 'name="next" value="/budgets"' in answer.text
    assert "session" not in client.cookies


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "[" * 20_000, "{}" + " " * 20_000, "\x00"]
)
def test_a_form_without_a_response_shows_the_login_page(client, text):
    answer = client.post("/login/passkey", {"passkey": text})

    assert answer.status_code == 400
    assert 'action="/login"' in answer.text


def test_the_page_of_a_passkey_login_has_no_address(client):
    assert client.get("/login/passkey").headers["Location"] == "/login"


def test_the_page_needs_the_csrf_token(client, phone):
    page = client.get("/login")
    response = json.dumps(response_of(phone, client))
    del client.defaults["HTTP_X_CSRFTOKEN"]
    fields = {"next": fields_of(page.text, "/login/passkey")["next"]}

    answer = client.post("/login/passkey", {**fields, "passkey": response})

    assert answer.status_code == 403
    assert "session" not in client.cookies


def send_password(client, **more):
    return client.post("/login", {"username": "bob", "password": PASSWORD, **more})


def test_the_second_step_offers_a_passkey_only_to_accounts_with_one(client, bob):
    with_totp(bob)
    assert "passkey" not in send_password(client).text.lower()

    with_passkey(bob)

    page = send_password(client).text
    assert "Use a passkey" in page
    assert "/passkeys." in page
    assert "Code from your authenticator app" in page


def test_a_passkey_completes_the_login_of_the_page(client, phone):
    page = send_password(client, next="/budgets")

    answer = send_page(client, phone, page, "/login/second")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/budgets")
    assert is_logged_in(client)


def test_a_refused_passkey_shows_the_second_step_again(client, phone):
    page = send_password(client)

    answer = send_page(client, Authenticator(), page, "/login/second")

    assert answer.status_code == 401
    assert "Your passkey wasn&#39;t accepted." in answer.text
    answer = send_page(client, phone, answer, "/login/second")
    assert answer.status_code == 302


def test_the_api_logs_in_with_a_passkey_and_no_csrf_token(phone):
    client = client_for(csrf=True)

    answer = send_json(client, "/login/passkey", passkey=response_of(phone, client))

    assert answer.status_code == 200
    assert answer.json()["username"] == "bob"
    assert client.get("/api/profile").status_code == 200


def test_the_api_refuses_an_unknown_passkey():
    client = client_for(csrf=True)

    answer = send_json(
        client, "/login/passkey", passkey=response_of(Authenticator(), client)
    )

    assert answer.status_code == 401
    assert answer.json()["detail"] == passkeys.REFUSAL
    assert answer.json()["errors"][0]["pointer"] == "/passkey"
    assert "session" not in client.cookies


def test_the_api_completes_a_login_with_a_passkey(phone):
    client = client_for(csrf=True)
    answer = send_json(client, "/login", username="bob", password=PASSWORD)
    assert answer.json()["second_factor"] == ["passkey"]

    answer = send_json(
        client,
        "/login/second",
        ticket=answer.json()["ticket"],
        passkey=response_of(phone, client),
    )

    assert answer.status_code == 200
    assert client.get("/api/profile").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/login/passkey", {}),
        ("/login/passkey", {"passkey": "text"}),
        ("/login/passkey", {"passkey": None}),
        ("/login/passkey", {"passkey": {}, "password": PASSWORD}),
        ("/login/second", {"ticket": "x"}),
        ("/login/second", {"ticket": "x", "passkey": []}),
        ("/login/second", {"ticket": "x", "passkey": {}, "code": "1"}),
    ],
)
def test_the_api_refuses_a_malformed_body(path, body):
    assert send_json(client_for(), path, **body).status_code == 400


def test_the_api_says_why_passkeys_are_not_available(phone, monkeypatch):
    client = client_for()
    response = response_of(phone, client)
    unavailable(monkeypatch)

    for path, body in [
        ("/login/passkey/options", {}),
        ("/login/passkey", {"passkey": response}),
    ]:
        answer = send_json(client, path, **body)
        assert answer.status_code == 409
        assert "not an IP address" in answer.json()["detail"]
