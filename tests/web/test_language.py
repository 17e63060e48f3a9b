"""The language of pages and the API."""

import pytest
from django.test import Client

from accounts import services
from smartbudget.core import i18n
from tests.builders import client_for, make_user

GERMAN = {"Accept-Language": "de-AT, de;q=0.9, en;q=0.5"}


def test_anonymous_pages_follow_accept_language(aws):
    response = Client().get("/login", headers=GERMAN)

    assert '<html lang="de">' in response.text
    assert "Zum Inhalt springen" in response.text
    assert response.headers["Content-Language"] == "de"
    assert "Accept-Language" in response.headers["Vary"]


@pytest.mark.parametrize("language", ["fr", "tlh", "*", "en;q=x", "", "a" * 500])
def test_other_languages_fall_back_to_english(aws, language):
    response = Client().get("/login", headers={"Accept-Language": language})

    assert '<html lang="en">' in response.text


def test_the_users_language_overrides_the_browsers(aws):
    client = client_for(make_user(language="de"))

    html = client.get("/expenses/", headers={"Accept-Language": "en"}).text

    assert '<html lang="de">' in html
    assert "Übersicht" in html


def test_the_language_does_not_leak_into_the_next_request(aws):
    client_for(make_user(language="de")).get("/expenses/")

    assert i18n.current() == "en"
    assert '<html lang="en">' in Client().get("/login").text


def test_registering_in_german_creates_a_german_account(aws):
    Client().post(
        "/register",
        {
            "username": "greta",
            "email": "greta@example.com",
            "password": "acht Wörter sind genug, sagt man so",
        },
        headers=GERMAN,
    )

    assert services.get_account_by_username("greta").language == "de"


def test_the_api_follows_accept_language(alice):
    client = client_for(alice)

    english = client.get("/api/expenses?page_size=0").text
    german = client.get("/api/expenses?page_size=0", headers=GERMAN).text

    assert "Enter a whole number from 1 to 100." in english
    assert "Gib eine ganze Zahl von 1 bis 100 ein." in german


def test_an_error_page_is_in_the_users_language(aws):
    client = client_for(make_user(language="de"))

    response = client.get(f"/expenses/{'0' * 32}/edit")

    assert response.status_code == 404
    assert "Nicht gefunden" in response.text


def test_amounts_are_entered_and_shown_in_german_format(aws):
    greta = make_user(language="de", currency="EUR")
    client = client_for(greta)

    client.post(
        "/expenses/add",
        {"amount": "1.234,5", "category": "Miete", "date": "2026-03-02"},
    )
    html = client.get("/expenses/").text

    assert "1.234,50\u00a0€" in html
    assert "02.03.2026" in html
