"""The account pages in German, and choosing a language."""

import json
import zipfile
from io import BytesIO

import pytest

from accounts import services
from notifications import delivery
from tests.builders import PASSWORD, client_for, make_staff, make_user
from tests.notifications.builders import make_notification
from tests.problems import messages_of

GERMAN = {"Accept-Language": "de"}
ENGLISH = {"Accept-Language": "en"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def greta(aws):
    return make_user("greta", language="de", currency="EUR")


def test_the_response_uses_the_new_language(alice):
    client = client_for(alice)
    chosen = {"currency": "EUR", "time_zone": "Europe/Berlin", "language": "de"}

    page = client.post("/accounts/profile", chosen, headers=ENGLISH, follow=True)

    assert "Einstellungen gespeichert." in page.text
    assert '<html lang="de">' in page.text


def test_switching_back_takes_effect_at_once(greta):
    client = client_for(greta)
    chosen = {"currency": "EUR", "time_zone": "UTC", "language": "en-gb"}

    page = client.post("/accounts/profile", chosen, headers=GERMAN, follow=True)

    assert "Settings saved." in page.text


def test_a_field_error_is_in_german(aws):
    typed = {"username": "greta", "email": "nobody", "password": PASSWORD}

    form = client_for().post("/register", typed, headers=GERMAN)
    api = client_for().post(
        "/register", json.dumps(typed), content_type="application/json", headers=GERMAN
    )

    sentence = "Gib eine E-Mail-Adresse ein, etwa name@example.com."
    assert sentence in form.text
    assert messages_of(api) == {"email": [sentence]}


def test_an_amount_is_entered_and_shown_in_german_format(greta):
    client = client_for(greta)
    typed = {"currency": "EUR", "time_zone": "UTC", "language": "de"}

    client.post("/accounts/profile", {**typed, "large_expense_threshold": "1.000,5"})
    page = client.get("/accounts/profile").text

    assert 'value="1000,50"' in page
    assert services.get_account(greta.user_id).large_expense_threshold == 1000.5


def test_devices_have_german_names(greta):
    client = client_for()
    client.post(
        "/login",
        {"username": "greta", "password": PASSWORD},
        headers={"User-Agent": FIREFOX},
    )

    page = client.get("/accounts/sessions").text

    assert "Firefox auf Linux" in page
    assert "Dieses Gerät" in page


def test_the_export_uses_its_owners_language(greta):
    make_notification("1" * 32, user_id=greta.user_id)
    delivery.deliver("1" * 32)

    answer = client_for(greta).post("/accounts/export", headers=ENGLISH)
    archive = zipfile.ZipFile(BytesIO(b"".join(answer)))

    (exported,) = json.loads(archive.read("notifications.json"))
    assert exported["status_text"].startswith("Nicht per E-Mail gesendet.")
    assert exported["error"] == "E-Mail-Warnungen sind aus."


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/admin", "Alle Systeme laufen"),
        ("/admin/users", "Person suchen"),
        ("/admin/users/{greta}", "Aktive Sitzungen"),
    ],
)
def test_staff_pages_are_german_for_german_speaking_staff(
    greta, monkeypatch, path, text
):
    monkeypatch.setattr("smartbudget.core.health.check", list)
    client = client_for(make_staff(greta))

    page = client.get(path.format(greta=greta.user_id), headers=ENGLISH)

    assert text in page.text
