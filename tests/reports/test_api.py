"""Reports over HTTP: generated, listed, downloaded, deleted, and private."""

import io

import pypdf
import pytest
import time_machine
from botocore.exceptions import ReadTimeoutError

from notifications.models import Notification
from profiles.services import update_profile
from reports import archive
from smartbudget.core import aws as clients
from smartbudget.core.concurrency import ConcurrencyLimit
from tests.builders import client_for, make_user
from tests.money_builders import NOON, make_expense
from tests.problems import messages_of

pytestmark = pytest.mark.usefixtures("generator")

FILE_NAME = "monthly_report_2026-03-01--2026-03-31_20260318T120000Z.pdf"
URL = "/api/reports"
MARCH = {"report_type": "monthly", "year": 2026, "month": 3}


@pytest.fixture(autouse=True)
def clock(aws):
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def ask(client, body=MARCH):
    return client.post(f"{URL}/generate", body, content_type="application/json")


def stored(key):
    obj = clients.client("s3").get_object(Bucket="smart-budget-receipts", Key=key)
    return obj["Body"].read()


def test_a_report_is_generated_and_its_urls_returned(client, alice):
    make_expense(alice, amount="12.50", category="Café")

    response = ask(client)

    body = response.json()
    assert response.status_code == 201
    assert body["file_name"] == FILE_NAME
    assert body["report_key"] == f"reports/{alice.user_id}/{body['file_name']}"
    assert body["report_key"] in body["report_url"]
    assert "Expires=86400" in body["report_url"]
    assert body["period"] == {"start": "2026-03-01", "end": "2026-03-31"}
    text = pypdf.PdfReader(io.BytesIO(stored(body["report_key"]))).pages[0]
    assert "$12.50" in text.extract_text()


def text_in(body):
    page = pypdf.PdfReader(io.BytesIO(stored(body["report_key"]))).pages[0]
    return page.extract_text().replace("\u00a0", " ")


def test_a_report_is_in_the_users_language_and_not_the_requests(clock):
    greta = make_user("greta", language="de", currency="EUR")
    make_expense(greta, amount="1234.50", category="Café")

    body = ask(client_for(greta)).json()

    assert body["file_name"] == FILE_NAME
    assert "März 2026" in text_in(body)
    assert "1.234,50 €" in text_in(body)


def test_changing_the_language_generates_a_new_file(client, alice, clock):
    make_expense(alice, amount="12.50", category="Café")
    english = ask(client).json()
    clock.shift(60)

    update_profile(alice, language="de")
    german = ask(client).json()
    again = ask(client).json()

    assert "March 2026" in text_in(english)
    assert "März 2026" in text_in(german)
    assert german["report_key"] == again["report_key"] != english["report_key"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "report_type"),
        ({"report_type": "daily"}, "report_type"),
        ({**MARCH, "month": 4}, "month"),
        ({**MARCH, "month": 13}, "month"),
        ({**MARCH, "color": "red"}, "color"),
        (
            {
                "report_type": "custom",
                "start_date": "2026-03-02",
                "end_date": "2026-03-01",
            },
            "end_date",
        ),
        (
            {
                "report_type": "custom",
                "start_date": "2024-01-01",
                "end_date": "2025-01-01",
            },
            "end_date",
        ),
    ],
)
def test_an_invalid_request_is_rejected_without_calling_lambda(
    client, generator, body, field
):
    response = ask(client, body)

    assert response.status_code == 400
    assert list(messages_of(response)) == [field]
    assert generator.calls == []


def test_requesting_twice_generates_one_file(client, generator):
    first, second = ask(client).json(), ask(client).json()

    assert first["report_key"] == second["report_key"]
    assert len(generator.calls) == 2
    assert len(client.get(URL).json()["results"]) == 1


def test_changed_data_generates_another_file(client, alice):
    first = ask(client).json()
    make_expense(alice)

    second = ask(client).json()

    assert first["report_key"] != second["report_key"]
    assert second["file_name"] == FILE_NAME.replace("00Z", "01Z")


def test_a_deleted_report_is_generated_again(client):
    first = ask(client).json()
    client.delete(first["download_url"])

    second = ask(client).json()

    assert stored(second["report_key"])


def test_the_archive_is_sorted_by_period_in_pages(client, clock):
    names = []
    for kind in ("weekly", "monthly", "yearly"):
        names.append(ask(client, {"report_type": kind}).json()["file_name"])
        clock.shift(10)

    first = client.get(f"{URL}?page_size=2").json()
    second = client.get(first["next"]).json()
    back = client.get(second["previous"]).json()

    listed = [report["file_name"] for report in first["results"] + second["results"]]
    assert listed == names[::-1]
    assert first["previous"] is second["next"] is None
    assert back["results"] == first["results"]
    assert first["results"][0]["created_at"] == "2026-03-18T12:00:20+00:00"


def test_a_download_url_is_signed_on_request(client, clock):
    created = ask(client).json()
    clock.shift(3 * 24 * 3600)

    client = client_for(make_user_again("alice"))
    response = client.get(created["download_url"])

    assert response.status_code == 302
    assert created["report_key"] in response["Location"]
    assert "Smart%20Budget%202026-03.pdf" in response["Location"]
    assert "Expires=300" in response["Location"]
    assert "20260321T120000Z" in response["Location"]


def make_user_again(name):
    from accounts.models import Account

    return next(Account.by_username.query(name)).user


@pytest.mark.parametrize("method", ["get", "delete"])
def test_another_users_report_is_not_found(client, method):
    created = ask(client).json()
    bob = client_for(make_user("bob"))

    assert getattr(bob, method)(created["download_url"]).status_code == 404
    assert bob.get(URL).json()["results"] == []
    assert stored(created["report_key"])


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "..%2Fbob%2Fa.pdf",
        FILE_NAME.replace("00Z", "09Z"),
    ],
)
def test_an_unknown_name_is_not_found(client, name):
    assert client.get(f"{URL}/{name}").status_code == 404


def test_unauthenticated_requests_are_rejected():
    client = client_for()

    assert ask(client).status_code == 401
    assert client.get(URL).status_code == 401


@pytest.mark.parametrize(
    "failure", ["killed", ReadTimeoutError(endpoint_url="http://lambda")]
)
def test_a_crashed_lambda_is_reported_and_can_be_retried(client, generator, failure):
    generator.fails = failure
    response = ask(client)
    generator.fails = None

    assert response.status_code == 503
    assert "be created" in response.json()["detail"]
    assert ask(client).status_code == 201


def test_a_request_for_a_report_being_generated_says_so(client, generator, monkeypatch):
    monkeypatch.setattr(archive, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(archive, "POLL_SECONDS", 0.01)
    # Another process has its own slots.
    monkeypatch.setattr(archive, "REPORTS", ConcurrencyLimit(per_user=2))
    answers = []
    real = generator.invoke

    def invoke(**call):
        if not answers:
            answers.append(None)
            answers.append(ask(client))
        return real(**call)

    generator.invoke = invoke

    assert ask(client).status_code == 201
    assert answers[1].status_code == 503
    assert "being created" in answers[1].json()["detail"]
    assert len(generator.calls) == 1


def test_the_lock_of_a_dead_process_expires(alice, client, generator, clock):
    generator.fails = KeyboardInterrupt()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "_release", lambda *_: None)
        patch.setattr(archive, "WAIT_SECONDS", 0)
        with pytest.raises(KeyboardInterrupt):
            archive.request_report(alice, **MARCH)
        generator.fails = None

        assert ask(client).status_code == 503
        clock.shift(26)
        assert ask(client).status_code == 201


def test_one_e_mail_is_queued_per_report(client, alice):
    for _ in range(2):
        assert ask(client, {**MARCH, "email": True}).status_code == 201

    (notification,) = Notification.by_user.query(alice.user_id)
    assert notification.type == "report_ready"
    assert notification.subject == "Report ready: March 2026"
    assert f"/reports/{FILE_NAME}/" in notification.message


# Pages.


def test_the_page_says_that_there_are_no_reports(client):
    page = client.get("/reports/").content.decode()

    assert "No reports yet" in page
    assert 'data-working="Creating your report…"' in page


def test_a_report_requested_on_the_page_is_offered(client):
    page = client.post(
        "/reports/", {"report_type": "monthly", "month": "2026-03"}, follow=True
    ).content.decode()

    assert "Your March 2026 report is ready." in page
    assert page.count(f'href="/reports/{FILE_NAME}"') == 2


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"report_type": "monthly", "month": "2026-04"}, "started yet."),
        ({"report_type": "monthly", "month": "April"}, "Enter a month as YYYY-MM."),
        (
            {
                "report_type": "custom",
                "start_date": "2026-03-02",
                "end_date": "2026-03-01",
            },
            "The end date is before the start date.",
        ),
        ({"report_type": "custom"}, "Enter a date."),
        ({"report_type": "hourly"}, "Choose one of the options."),
    ],
)
def test_an_invalid_request_on_the_page_names_its_field(client, fields, sentence):
    response = client.post("/reports/", fields)

    assert response.status_code == 400
    assert sentence in response.content.decode()


def test_a_crashed_lambda_is_reported_on_the_page(client, generator):
    generator.fails = "killed"

    response = client.post("/reports/", {"report_type": "monthly"})

    assert response.status_code == 503
    assert "be created. Please try again." in response.content.decode()


def test_deleting_a_report_on_its_page_asks_first(client):
    name = ask(client).json()["file_name"]

    assert (
        "Links to it will stop working."
        in client.get(f"/reports/{name}/delete/").content.decode()
    )
    page = client.post(f"/reports/{name}/delete/", follow=True).content.decode()

    assert "Report deleted." in page
    assert "No reports yet" in page


def test_another_users_pages_are_not_found(client):
    name = ask(client).json()["file_name"]
    bob = client_for(make_user("bob"))

    assert bob.get(f"/reports/{name}/").status_code == 404
    assert bob.get(f"/reports/{name}/delete/").status_code == 404
    assert bob.post(f"/reports/{name}/delete/").status_code == 404


def test_the_pages_are_german_with_iso_dates_in_inputs(clock):
    client = client_for(make_user("greta", language="de"))
    html = client.get("/reports").text

    assert 'value="2026-03-01"' in html  # of an input of type date
    assert "Monatsbericht" in html
    refused = client.post("/reports", {"report_type": "custom"}).text
    assert "Gib ein Datum ein." in refused
    response = client.post("/reports", {"report_type": "monthly", "month": "2026-03"})
    listed = client.get(response["Location"]).text
    assert "Dein Bericht für März 2026 ist fertig." in listed
    assert "18.03.2026, 12:00" in listed
