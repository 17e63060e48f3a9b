"""AWS fails, answers get lost and processes die; nothing acknowledged does."""

import json

import pytest
import requests

from tests.integration.faults import FaultyWeb
from tests.integration.people import PASSWORD, Person
from tests.integration.test_main_job import (
    history,
    sweep_as_if_five_minutes_later,
    today,
)
from tests.stack import wait_until

pytestmark = pytest.mark.xdist_group("stack")

ATTEMPTS = 3  # at each call to DynamoDB


@pytest.fixture
def web(stack, tmp_path):
    """A web server of this test's own, behind a proxy that fails when asked to."""
    faulty = FaultyWeb(stack, tmp_path)
    yield faulty
    faulty.end()


def amounts(person: Person) -> list[str]:
    return [each["amount"] for each in person.get("expenses")["results"]]


def spend(person: Person, amount: str, **headers: str) -> requests.Response:
    given = {"category": "Fun", "amount": amount}
    return person.request("POST", "expenses", json=given, headers=headers)


def test_without_dynamodb_people_are_asked_to_wait_and_nothing_is_lost(web):
    alice = Person(web)
    alice.post("expenses", category="Fun", amount="1.00")
    form = {"category": "Fun", "amount": "3.00", "date": f"{today()}"}
    form["csrfmiddlewaretoken"] = alice.http.headers["X-CSRFToken"]
    login = {"username": alice.name, "password": PASSWORD}

    with web.proxy.down("DynamoDB"):
        programs = [
            alice.request("GET", "expenses"),
            spend(alice, "2.00"),
            alice.http.post(f"{web.web_url}/login", json=login, timeout=30),
        ]
        pages = [
            alice.http.get(f"{web.web_url}/expenses", timeout=30),
            alice.http.post(f"{web.web_url}/expenses/add", data=form, timeout=30),
        ]

    for answer in [*programs, *pages]:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert all("detail" in answer.json() for answer in programs)
    assert all("<h1" in answer.text for answer in pages)
    assert amounts(alice) == ["1.00"]


@pytest.mark.parametrize("lost", [1, ATTEMPTS])
def test_who_registered_is_not_told_that_the_name_is_taken(web, lost):
    with web.proxy.losing_replies("TransactWriteItems", lost):
        bob = Person(web)

    assert bob.get("profile")["username"] == bob.name
    again = {"username": bob.name, "email": "x@example.com", "password": PASSWORD}
    taken = requests.post(f"{web.web_url}/register", json=again, timeout=30)
    assert (taken.status_code, list(taken.json())) == (409, ["username"])


def test_an_expense_whose_reply_was_lost_counts_once(web):
    carol = Person(web)
    carol.post("budgets", category="Fun", amount="100.00")

    with web.proxy.losing_replies("TransactWriteItems", 1):
        assert spend(carol, "85.00").status_code == 201

    assert amounts(carol) == ["85.00"]
    (line,) = carol.get("summary")["budgets"]
    assert line["spent"] == "85.00"
    assert [kind for kind, _ in history(carol)] == ["budget_threshold"]


def test_an_expense_of_unknown_fate_can_be_sent_again_with_its_key(web):
    carol = Person(web)
    carol.post("budgets", category="Fun", amount="100.00")

    with web.proxy.losing_replies("TransactWriteItems", ATTEMPTS):
        unknown = spend(carol, "85.00", **{"Idempotency-Key": "lunch"})
    again = spend(carol, "85.00", **{"Idempotency-Key": "lunch"})

    assert [unknown.status_code, again.status_code] == [503, 201]
    assert amounts(carol) == ["85.00"]
    (line,) = carol.get("summary")["budgets"]
    assert line["spent"] == "85.00"


def test_a_web_server_killed_after_the_commit_leaves_the_mail_to_the_sweep(web):
    dave = Person(web, subscribed=True)
    dave.post("budgets", category="Fun", amount="10.00")

    def die() -> bool:
        web.process.kill()
        return False

    with (
        web.proxy.fault("SendMessageBatch", die),
        pytest.raises(requests.ConnectionError),
    ):
        spend(dave, "9.00")

    dave.url = web.stack.web_url
    assert amounts(dave) == ["9.00"]
    assert history(dave) == [("budget_threshold", "queued")]
    sweep_as_if_five_minutes_later(web.stack, dave)
    wait_until(lambda: history(dave) == [("budget_threshold", "sent")])
    assert len(dave.mails(1)) == 1


def test_a_message_that_comes_five_times_is_one_mail(web):
    erin = Person(web, subscribed=True)
    erin.post("budgets", category="Fun", amount="10.00")
    with web.proxy.down("SendMessageBatch"):
        erin.post("expenses", category="Fun", amount="9.00")
    (waiting,) = erin.get("notifications")["results"]
    assert waiting["status"] == "queued"

    sqs = web.admin_session().client("sqs")
    queue = web.outputs["NotificationQueueUrl"]
    body = json.dumps({"notification_id": waiting["notification_id"]})
    for _ in range(5):
        sqs.send_message(QueueUrl=queue, MessageBody=body)

    erin.mails(1)
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def is_empty() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)
        return set(found["Attributes"].values()) == {"0"}

    wait_until(is_empty)
    assert history(erin) == [("budget_threshold", "sent")]
    assert len(erin.mails(1)) == 1
