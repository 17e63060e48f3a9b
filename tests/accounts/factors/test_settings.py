"""Second factors in Settings, and the same through the API."""

import json
import re

import pytest

from accounts import sessions
from tests.accounts.factors.builders import STEP, App, with_totp
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_token,
    make_user,
    program_with,
    with_factor,
)
from tests.notifications import faults
from tests.web.test_form_drafts import fields_of

pytestmark = pytest.mark.usefixtures("aws", "clock")

PAGES = "/accounts/factors"
API = "/api/account/factors"


@pytest.fixture
def client(bob):
    return client_for(bob)


def app_of(page) -> App:
    return App(re.search(r'class="secret">([A-Z2-7]{32})<', page.text)[1])


def codes_of(page) -> list[str]:
    return re.findall(r"<code>([a-z2-7-]{19})</code>", page.text)


def begin(client):
    return client.post(f"{PAGES}/totp", {"password": PASSWORD})


def confirm(client, page, **changes):
    app = app_of(page)
    data = {
        "setup": fields_of(page.text, f"{PAGES}/totp/confirm")["setup"],
        "recovery_codes_saved": "on",
        "code": app.code(-STEP),
        "next_code": app.code(),
    }
    return client.post(f"{PAGES}/totp/confirm", {**data, **changes})


def test_settings_lead_to_the_second_factors(client):
    assert f'href="{PAGES}"' in client.get("/accounts/profile").text
    page = client.get(PAGES)
    assert f'href="{PAGES}/totp"' in page.text
    assert "Recovery codes" not in page.text


def test_an_app_is_set_up_with_a_qr_code_a_link_and_a_key(client, bob):
    page = begin(client)

    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "<svg" in page.text
    assert "style=" not in page.text.partition("<main")[2]  # the CSP has no inline one
    secret = re.search(r'class="secret">(\w+)<', page.text)[1]
    assert f'href="otpauth://totp/Smart%20Budget%20Planner:bob?secret={secret}' in (
        page.text
    )
    assert len(codes_of(page)) == 10

    answer = confirm(client, page)
    assert answer.headers["Location"] == PAGES
    page = client.get(PAGES)
    assert "Two-factor login is on." in page.text
    assert "10 of 10 left." in page.text
    assert f'href="{PAGES}/totp/remove"' in page.text
    assert account_of(bob).totp


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recovery_codes_saved": ""}, "Save your recovery codes first."),
        ({"code": ""}, "Fill in this field."),
        ({"code": "123456"}, "Enter two codes that your app shows one after"),
        ({"code": "1" * 21}, "Use at most 20 characters."),
    ],
)
def test_a_mistake_shows_the_same_app_and_codes_again(client, changes, sentence):
    page = begin(client)

    again = confirm(client, page, **changes)

    assert again.status_code == 400
    assert sentence in again.text
    assert codes_of(again) == codes_of(page)
    assert confirm(client, again).status_code == 302


def test_a_wrong_password_shows_nothing(client):
    page = client.post(f"{PAGES}/totp", {"password": "wrong password"})

    assert page.status_code == 400
    assert "Wrong password." in page.text
    assert "<code" not in page.text


@pytest.mark.parametrize("setup", ["", "x", "\x00"])
def test_an_expired_set_up_starts_again(client, setup):
    answer = client.post(f"{PAGES}/totp/confirm", {"setup": setup})

    assert answer.headers["Location"] == f"{PAGES}/totp"
    assert "This page has expired. Start again." in client.get(f"{PAGES}/totp").text


def test_recovery_codes_are_downloaded_as_text(client):
    page = begin(client)
    encrypted = fields_of(page.text, f"{PAGES}/recovery-codes/text")["codes"]

    answer = client.post(f"{PAGES}/recovery-codes/text", {"codes": encrypted})

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "Recovery codes of bob" in answer.text
    assert re.findall(r"^[a-z2-7-]{19}$", answer.text, re.M) == codes_of(page)


def test_another_user_cannot_read_or_confirm_them(client):
    page = begin(client)
    carol = client_for(make_user("carol"))
    encrypted = fields_of(page.text, f"{PAGES}/recovery-codes/text")["codes"]

    assert (
        carol.post(f"{PAGES}/recovery-codes/text", {"codes": encrypted}).status_code
        == 410
    )
    confirm(carol, page)
    assert "Two-factor login is on." not in carol.get(PAGES).text


def test_new_recovery_codes_are_shown_once(bob):
    with_totp(bob)
    client = client_for(with_factor(bob))

    page = client.post(f"{PAGES}/recovery-codes", {"password": PASSWORD})

    assert page.headers["Cache-Control"] == "no-store"
    assert len(codes_of(page)) == 10
    assert codes_of(client.get(f"{PAGES}/recovery-codes")) == []


def test_few_recovery_codes_are_warned_of(bob):
    with_totp(bob)
    client = client_for(with_factor(bob))
    assert "Create new ones soon." not in client.get(PAGES).text
    account = account_of(bob)
    account.update([type(account).recovery_codes.set({"a", "b", "c"})])

    assert "Create new ones soon." in client.get(PAGES).text


def test_the_app_is_turned_off_with_the_password(bob):
    with_totp(bob)
    client = client_for(with_factor(bob))

    answer = client.post(f"{PAGES}/totp/remove", {"password": PASSWORD})

    assert answer.headers["Location"] == PAGES
    assert "has been turned off" in client.get(PAGES).text
    assert account_of(bob).totp is None


@pytest.mark.parametrize("path", ["totp", "totp/remove", "recovery-codes"])
def test_a_session_without_the_factor_is_led_to_log_in_again(bob, path):
    with_totp(bob)
    client = client_for(bob)

    answer = client.post(f"{PAGES}/{path}", {"password": PASSWORD})

    assert answer.status_code == 403
    assert "log in again with your second factor" in answer.text
    assert "log out and log in again" in client.get(PAGES).text
    assert account_of(bob).totp


@pytest.mark.parametrize(
    "path", ["totp", "totp/confirm", "totp/remove", "recovery-codes"]
)
def test_forms_need_the_csrf_token(bob, path):
    client = client_for(bob, csrf=True)

    answer = client.post(f"{PAGES}/{path}", {"password": PASSWORD})

    assert answer.status_code == 403
    assert "out of date" in answer.text


def send(client, method, path="", **body):
    return client.generic(
        method, f"{API}{path}", json.dumps(body), content_type="application/json"
    )


def test_the_api_sets_up_an_app(client, bob):
    assert client.get(API).json() == {"totp": False, "recovery_codes_left": 0}
    setup = send(client, "POST", "/totp", password=PASSWORD).json()
    app = App(setup["secret"])

    answer = send(
        client,
        "POST",
        "/totp/confirm",
        setup=setup["setup"],
        codes=[app.code(-STEP), app.code()],
        recovery_codes_saved=True,
    )

    assert answer.status_code == 200
    assert answer.json() == {"totp": True, "recovery_codes_left": 10}
    assert client.get(API).json() == answer.json()
    key = client.cookies["session"].value
    assert sessions.find_session(key).has_second_factor


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"codes": ["123456", "234567"]}, "/codes"),
        ({"codes": ["123456"]}, "/codes"),
        ({"codes": []}, "/codes"),
        ({"codes": ["1", "2", "3"]}, "/codes"),
        ({"recovery_codes_saved": False}, "/recovery_codes_saved"),
        ({"setup": ""}, "/setup"),
    ],
)
def test_the_api_names_what_is_wrong(client, changes, pointer):
    setup = send(client, "POST", "/totp", password=PASSWORD).json()["setup"]
    body = {"setup": setup, "codes": ["1", "2"], "recovery_codes_saved": True}

    answer = send(client, "POST", "/totp/confirm", **{**body, **changes})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


def test_the_api_replaces_recovery_codes_and_removes_the_app(bob):
    with_totp(bob)
    client = client_for(with_factor(bob))

    codes = send(client, "POST", "/recovery-codes", password=PASSWORD).json()
    removed = send(client, "DELETE", "/totp", password=PASSWORD)
    again = send(client, "DELETE", "/totp", password=PASSWORD)

    assert len(codes["recovery_codes"]) == 10
    assert (removed.status_code, again.status_code) == (204, 404)
    assert client.get(API).json() == {"totp": False, "recovery_codes_left": 0}


def test_api_tokens_see_the_factors_but_cannot_change_them(bob):
    program = program_with(make_token(bob))

    assert program.get(API).status_code == 200
    for method, path in (
        ("POST", "/totp"),
        ("DELETE", "/totp"),
        ("POST", "/totp/confirm"),
        ("POST", "/recovery-codes"),
    ):
        assert send(program, method, path, password=PASSWORD).status_code == 403


def test_the_list_costs_the_session_and_the_account(bob, client):
    with faults.calls_counted() as calls:
        client.get(PAGES)

    assert calls == ["GetItem", "GetItem"]


def test_a_copy_of_all_data_has_the_factors_without_secrets(bob):
    _, codes = with_totp(bob)
    stored = account_of(bob)

    answer = client_for(bob).get("/api/export.json")

    text = b"".join(answer.streaming_content).decode()
    factors = {"totp": True, "recovery_codes_left": 10, "passkeys": []}
    assert json.loads(text)["second_factors"] == factors
    for secret in (stored.totp, *stored.recovery_codes, *codes):
        assert secret not in text


def test_pages_are_german_for_german_speakers():
    greta = make_user("greta", language="de")
    client = client_for(greta)

    assert "Zwei-Faktor-Anmeldung" in client.get(PAGES).text
    assert "Scanne diesen Code" in begin(client).text


CHANGES = [("POST", "/totp"), ("DELETE", "/totp"), ("POST", "/recovery-codes")]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_within_ten_minutes_of_a_login_no_password_is_needed(bob, method, path, clock):
    if (method, path) != CHANGES[0]:
        with_totp(bob)
    client = client_for(with_factor(bob))
    clock.shift(600)
    old = send(client, method, path)

    client = client_for(with_factor(bob))
    clock.shift(599)
    recent = send(client, method, path)

    assert (old.status_code, old.json()["code"]) == (403, "step_up_required")
    assert recent.status_code in {200, 204}


def test_the_page_asks_for_the_password_ten_minutes_after_the_login(client, clock):
    assert 'name="password"' not in client.get(f"{PAGES}/totp").text
    assert client.post(f"{PAGES}/totp").status_code == 200

    clock.shift(600)
    assert 'name="password"' in client.get(f"{PAGES}/totp").text
    assert client.post(f"{PAGES}/totp").status_code == 400
    assert begin(client).status_code == 200
