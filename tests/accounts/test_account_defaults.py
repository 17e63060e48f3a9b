"""A new account takes language, currency and time zone from the form or the browser."""

import re

import pytest

from accounts.services import register
from smartbudget.core.errors import InvalidError
from tests.builders import PASSWORD, client_for, token_of

BOB = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}
CHOSEN = {"language": "de", "currency": "CHF", "time_zone": "Europe/Zurich"}


def profile(client):
    body = client.get("/api/profile").json()
    return {name: body[name] for name in CHOSEN}


def test_the_form_stores_what_was_chosen(aws):
    client = client_for(csrf=True)

    client.post("/register", {**BOB, **CHOSEN}, headers=token_of(client))

    assert profile(client) == CHOSEN


def test_the_api_stores_what_was_chosen(aws):
    client = client_for()

    client.post("/register", {**BOB, **CHOSEN}, content_type="application/json")

    assert profile(client) == CHOSEN


@pytest.mark.parametrize("content_type", ["application/json", None])
def test_the_defaults_need_no_choice(aws, content_type):
    client = client_for()
    options = {"content_type": content_type} if content_type else {}

    client.post("/register", BOB, headers={"Accept-Language": "de"}, **options)

    assert profile(client) == {"language": "de", "currency": "USD", "time_zone": "UTC"}


@pytest.mark.parametrize(
    ("languages", "language", "currency"),
    [
        ("en-US,en;q=0.9", "en", "USD"),
        ("en-GB", "en-gb", "GBP"),
        ("de-CH, de;q=0.9", "de", "CHF"),
        ("de;q=0.8", "de", "EUR"),
        ("ja", "en", "JPY"),
        ("pt-BR", "en", "BRL"),
        ("en-AQ", "en", "USD"),  # Antarctica has no currency
        ("*", "en", "USD"),
        ("x" * 500, "en", "USD"),
        ("", "en", "USD"),
    ],
)
def test_the_form_proposes_the_browsers_language_and_currency(
    aws, languages, language, currency
):
    page = client_for().get("/register", headers={"Accept-Language": languages})

    selected = re.findall(r'<option value="([^"]+)" selected', page.content.decode())
    assert selected == [language, currency, "UTC"]


@pytest.mark.parametrize("name", [*CHOSEN])
def test_an_unknown_choice_is_rejected_at_its_field(aws, name):
    with pytest.raises(InvalidError) as error:
        register(**BOB, **{name: "nowhere"})
    assert error.value.field == name

    answer = client_for().post("/register", {**BOB, name: "nowhere"})
    assert answer.status_code == 400
    assert "Choose one of the options." in answer.content.decode()


def test_the_form_has_no_phone_but_the_api_takes_one(aws):
    assert 'name="phone_number"' not in client_for().get("/register").content.decode()

    client = client_for()
    body = {**BOB, "phone_number": "+49 30 123456"}
    assert (
        client.post("/register", body, content_type="application/json").status_code
        == 201
    )
    assert client.get("/api/profile").json()["phone_number"] == "+49 30 123456"
