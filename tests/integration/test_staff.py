"""Staff actions on the local AWS: failures are listed, sent again and redriven."""

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.integration.people import PASSWORD, Person
from tests.integration.test_main_job import history
from tests.stack import wait_until
from tests.staff.test_notification_pages import ADDRESSES, PAGE

VISIBILITY_SECONDS = "3"  # longer than an attempt, so that attempts do not overlap
ALL_ATTEMPTS = 180  # maximum seconds
DEAD_LETTERS = "NotificationDeadLetterQueueUrl"
QUEUE = "NotificationQueueUrl"


@pytest.fixture
def sqs(stack) -> Iterator[Any]:
    """Return SQS without other tests' messages and with a short visibility timeout."""
    client = stack.admin_session().client("sqs")
    url, seconds = stack.outputs[QUEUE], "VisibilityTimeout"
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=[seconds])
    for name in (QUEUE, DEAD_LETTERS):
        client.purge_queue(QueueUrl=stack.outputs[name])
    client.set_queue_attributes(QueueUrl=url, Attributes={seconds: VISIBILITY_SECONDS})
    yield client
    client.set_queue_attributes(QueueUrl=url, Attributes=attributes["Attributes"])


@pytest.fixture
def grace(stack) -> Person:
    """Return a user who became staff after login."""
    person = Person(stack)
    person.become_staff()
    return person


@contextlib.contextmanager
def denied(stack, action: str) -> Iterator[None]:
    """Remove a right from the delivering role during a block."""
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    role = "smart-budget-notification_processor"
    outage = {"RoleName": role, "PolicyName": "outage"}
    iam = stack.admin_session().client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(**outage, PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(**outage)


def depth(sqs, url: str) -> int:
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)
    return sum(int(count) for count in attributes["Attributes"].values())


def press(person: Person, address: str, **fields: str) -> str:
    """Press a button of the staff page; return the text of the next page."""
    fields["csrfmiddlewaretoken"] = str(person.http.headers["X-CSRFToken"])
    answer = person.http.post(f"{person.url}{address}", data=fields, timeout=60)
    assert answer.ok, answer.text
    return " ".join(answer.text.split())


def look(person: Person) -> str:
    answer = person.http.get(f"{person.url}{PAGE}", timeout=60)
    assert answer.ok, answer.text
    return " ".join(answer.text.split())


def test_failed_notifications_are_listed_without_content_and_sent_again_once(
    stack, sqs, grace
):
    alice = Person(stack, subscribed=True)
    category = f"Debts {uuid.uuid4().hex[:8]}"
    alice.post("budgets", category=category, amount="7531.00")
    with denied(stack, "sns:Publish"):
        alice.post("expenses", category=category, amount="7429.17")
        failed_at_last = [("budget_threshold", "failed")]
        wait_until(lambda: history(alice) == failed_at_last, ALL_ATTEMPTS)
    (failed,) = alice.get("notifications")["results"]

    page = look(grace)

    assert failed["notification_id"] in page
    assert "The e-mail service rejected it" in page
    private = [alice.email, alice.name, category, failed["subject"]]
    private += ["7531.00", "7,531", "7429.17", "7,429", "98%"]
    assert [text for text in private if text in page] == []

    again = {"id": failed["notification_id"]}
    assert "1 queued again." in press(grace, f"{PAGE}/resend", **again)
    alice.mails(1)
    wait_until(lambda: history(alice) == [("budget_threshold", "sent")])
    page = press(grace, f"{PAGE}/resend", **again)
    assert "already been queued again" in page
    assert failed["notification_id"] not in page
    # Its first message is a dead letter by now and must not send the mail again.
    wait_until(lambda: depth(sqs, stack.outputs[DEAD_LETTERS]) == 1, ALL_ATTEMPTS)
    assert "Moved 1, about 0 left." in press(grace, "/admin/dead-letters/redrive")
    wait_until(lambda: depth(sqs, stack.outputs[QUEUE]) == 0)
    assert len(alice.mails(1)) == 1


def test_redriving_mails_the_good_dead_letter_and_returns_the_poison(stack, sqs, grace):
    bob = Person(stack, subscribed=True)
    bob.post("budgets", category="Fun", amount="10.00")
    queue, dead_letters = stack.outputs[QUEUE], stack.outputs[DEAD_LETTERS]
    poison = f'{{"poison": "{bob.user_id}"'
    sqs.send_message(QueueUrl=queue, MessageBody=poison)
    with denied(stack, "dynamodb:UpdateItem"):
        bob.post("expenses", category="Fun", amount="9.00")
        wait_until(lambda: depth(sqs, dead_letters) == 2, ALL_ATTEMPTS)
    assert history(bob) == [("budget_threshold", "queued")]
    assert "Dead letters: about 2" in look(grace)

    page = press(grace, "/admin/dead-letters/redrive")

    assert "Moved 2, about 0 left." in page
    assert "Dead letters: about 0" in page
    bob.mails(1)
    bob.post("expenses", category="Fun", amount="2.00")  # despite the poison message
    bob.mails(2)
    wait_until(lambda: depth(sqs, dead_letters) == 1, ALL_ATTEMPTS)
    wait_until(lambda: depth(sqs, queue) == 0)
    assert "Dead letters: about 1" in look(grace)
    (left,) = sqs.receive_message(QueueUrl=dead_letters)["Messages"]
    assert left["Body"] == poison
    assert [status for _, status in history(bob)] == ["sent"] * 2
    assert len(bob.mails(2)) == 2


def test_the_web_role_can_check_every_part_of_aws(grace):
    parts = grace.get("admin/health")

    assert [part for part in parts if not part["ok"]] == []
    assert len(parts) == 11


def test_a_locked_user_is_logged_out_at_once_and_can_log_in_when_unlocked(stack, grace):
    bob = Person(stack)
    address = f"/admin/users/{bob.user_id}"
    assert bob.http.get(f"{bob.url}/api/profile", timeout=60).ok

    assert "logged out everywhere" in press(grace, address, reason="Sends spam")

    assert bob.http.get(f"{bob.url}/api/profile", timeout=60).status_code == 401
    again = {"username": bob.name, "password": PASSWORD}
    answer = requests.post(f"{bob.url}/login", json=again, timeout=60)
    assert answer.status_code == 401
    assert "This account is locked." in answer.text
    assert "can log in again" in press(grace, f"{address}/unlock")
    assert requests.post(f"{bob.url}/login", json=again, timeout=60).ok


def test_the_web_role_can_search_the_index_of_names(stack, grace):
    bob = Person(stack)

    for whom in (bob.name[:-1], bob.name[1:], bob.email[:-1]):
        matches = grace.post("admin/users/search", whom=whom)
        assert [user["username"] for user in matches["results"]] == [bob.name]
        assert matches["next"] is None


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_other_users_are_rejected(stack, method, address):
    bob = Person(stack)
    fields = {"csrfmiddlewaretoken": bob.http.headers["X-CSRFToken"], "all": "true"}
    data = {"json": {"all": True}} if address.startswith("/api") else {"data": fields}

    answer = bob.http.request(method, f"{bob.url}{address}", timeout=60, **data)

    assert answer.status_code == 403
    assert "Only staff can do this." in answer.text
