"""AWS failures, lost responses and killed processes: one alert stays one e-mail."""

import contextlib
import json
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.integration.faults import (
    ATTEMPTS,
    DOWN,
    HELD,
    HELD_AFTER,
    REPLY_LOST,
    FaultyProcessor,
    refused,
    slow,
)
from tests.integration.people import PASSWORD, Person
from tests.integration.test_main_job import history, today
from tests.problems import messages_of
from tests.stack import wait_until

COMMIT = "dynamodb:TransactWriteItems"
QUEUE = "sqs:SendMessageBatch"
UPDATE = "dynamodb:UpdateItem"
CLAIM = "contains(values(ExpressionAttributeNames), 'attempts')"
MARK = "contains(values(ExpressionAttributeNames), 'unsent_shard')"
ACCOUNT = "TransactItems[0].Update.TableName == 'users'"
LONG_AGO = "2020-01-01T00:00:00.000000+00:00"
pytestmark = pytest.mark.xdist_group("faulty_web")


@pytest.fixture(scope="module")
def processor(stack, tmp_path_factory):
    """Run the queue's Lambda with calls to AWS that can be made to fail."""
    faulty = FaultyProcessor(stack, tmp_path_factory.mktemp("processor"))
    yield faulty
    faulty.end()


def amounts(person: Person) -> list[str]:
    return [expense["amount"] for expense in person.get("expenses")["results"]]


def spend(person: Person, amount: str, **headers: str) -> requests.Response:
    fields = {"category": "Fun", "amount": amount}
    return person.request("POST", "expenses", json=fields, headers=headers)


def about_to_cross(stack) -> Person:
    """Return a user whose next expense of 9.00 sends a mail."""
    person = Person(stack, subscribed=True)
    person.post("budgets", category="Fun", amount="10.00")
    return person


def move_back(stack, person: Person, name: str = "claimed_until") -> None:
    """Move a stored time back, as if minutes or a day had passed.

    `claimed_until` only for a dead process: a live one would lose its lease.
    """
    table = stack.admin_session().client("dynamodb")
    for notification in person.get("notifications")["results"]:
        with contextlib.suppress(table.exceptions.ConditionalCheckFailedException):
            table.update_item(
                TableName="notifications",
                Key={"notification_id": {"S": notification["notification_id"]}},
                UpdateExpression=f"SET {name} = :then",
                ConditionExpression=f"attribute_exists({name})",
                ExpressionAttributeValues={":then": {"S": LONG_AGO}},
            )


def sweep(stack, person: Person) -> None:
    """Make this user's notifications overdue and run the sweep."""
    move_back(stack, person, "unsent_since")
    functions = stack.admin_session().client("lambda")

    def swept() -> bool:
        answer = functions.invoke(
            FunctionName="notification_processor:live", Payload=b'{"task": "sweep"}'
        )
        return "FunctionError" not in answer

    wait_until(swept)


def assert_one_mail(person: Person, mails: int = 1) -> None:
    """Assert one alert, one notification and one mail, or `mails` if it may repeat."""
    wait_until(lambda: history(person) == [("budget_threshold", "sent")])
    assert len(person.mails(mails)) == mails


# ------------------------------------------------------------------ DynamoDB


def test_without_dynamodb_requests_fail_with_503_and_nothing_is_lost(web):
    alice = Person(web)
    alice.post("expenses", category="Fun", amount="1.00")
    form = {"category": "Fun", "amount": "3.00", "date": f"{today()}"}
    form["csrfmiddlewaretoken"] = alice.http.headers["X-CSRFToken"]
    login = {"username": alice.name, "password": PASSWORD}

    with web.faults("dynamodb", DOWN):
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
def test_a_registration_with_a_lost_reply_is_not_a_conflict(web, lost):
    with web.faults(COMMIT, REPLY_LOST, times=lost) as fired:
        bob = Person(web)

    assert fired() == lost
    assert bob.get("profile")["username"] == bob.name
    again = {"username": bob.name, "email": "x@example.com", "password": PASSWORD}
    response = requests.post(f"{web.web_url}/register", json=again, timeout=30)
    assert (response.status_code, list(messages_of(response))) == (409, ["username"])


@pytest.mark.parametrize(
    "fault",
    [
        REPLY_LOST,
        refused("ThrottlingException"),
        refused("ProvisionedThroughputExceededException"),
        slow(1.5),
        slow(2.5),  # than the client waits: it arrives after its own retry
    ],
    ids=["reply lost", "throttled", "over capacity", "slow", "late"],
)
def test_an_expense_whose_write_fails_once_counts_once(web, fault):
    carol = Person(web)
    carol.post("budgets", category="Fun", amount="100.00")

    with web.faults(COMMIT, fault, times=1) as fired:
        assert spend(carol, "85.00").status_code == 201
        assert fired() == 1

    assert amounts(carol) == ["85.00"]
    (line,) = carol.get("summary")["budgets"]
    assert line["spent"] == "85.00"
    assert [kind for kind, _ in history(carol)] == ["budget_threshold"]


@pytest.mark.parametrize("fault", [REPLY_LOST, refused("ThrottlingException")])
def test_an_expense_of_unknown_outcome_can_be_repeated_with_its_key(web, fault):
    carol = Person(web)
    carol.post("budgets", category="Fun", amount="100.00")

    with web.faults(COMMIT, fault, times=ATTEMPTS):
        unknown = spend(carol, "85.00", **{"Idempotency-Key": "lunch"})
    again = spend(carol, "85.00", **{"Idempotency-Key": "lunch"})

    assert [unknown.status_code, again.status_code] == [503, 201]
    assert amounts(carol) == ["85.00"]
    (line,) = carol.get("summary")["budgets"]
    assert line["spent"] == "85.00"


# ------------------------------------------------------------------ web server


@pytest.mark.parametrize(
    ("call", "body"),
    [("sns:Subscribe", ""), (COMMIT, ACCOUNT)],
    ids=["SNS", "account"],
)
def test_a_lost_reply_of_subscribe_creates_one_subscription(web, call, body):
    dora = Person(web)

    with web.faults(call, REPLY_LOST, times=1, body=body) as fired:
        dora.subscribe()
        assert fired() == 1

    assert dora.get("notifications/subscribe")["status"] == "confirmed"
    dora.post("budgets", category="Fun", amount="10.00")
    spend(dora, "9.00")
    assert_one_mail(dora)


@pytest.mark.parametrize(
    "fault",
    [DOWN, refused("RequestThrottled"), REPLY_LOST],
    ids=["down", "throttled", "replies lost"],
)
def test_notifications_sqs_rejects_are_sent_by_the_sweep(web, processor, fault):
    erin = about_to_cross(web)

    with web.faults(QUEUE, fault) as fired:
        assert spend(erin, "9.00").status_code == 201
        assert fired()

    if fault is not REPLY_LOST:  # then SQS has it twice
        assert history(erin) == [("budget_threshold", "queued")]
    sweep(web, erin)
    assert_one_mail(erin)
    wait_until(processor.is_idle)
    assert_one_mail(erin)


@pytest.mark.parametrize(
    ("call", "fault", "stored"),
    [
        (COMMIT, HELD, False),
        (COMMIT, HELD_AFTER, True),
        (QUEUE, HELD, True),
        (QUEUE, HELD_AFTER, True),
    ],
    ids=["before the commit", "after it", "before SQS", "after SQS"],
)
def test_a_web_server_killed_between_two_side_effects(
    web, processor, call, fault, stored
):
    dave = about_to_cross(web)

    with web.faults(call, fault) as fired, ThreadPoolExecutor() as pool:
        answer = pool.submit(spend, dave, "9.00")
        wait_until(fired)
        web.kill()
        assert isinstance(answer.exception(30), requests.ConnectionError)

    dave.url = web.stack.web_url
    assert amounts(dave) == (["9.00"] if stored else [])
    if not stored:
        assert history(dave) == []
        spend(dave, "9.00")
    sweep(web, dave)
    assert_one_mail(dave)
    wait_until(processor.is_idle)
    assert_one_mail(dave)


# ---------------------------------------------------------------------- Lambda


@pytest.mark.parametrize(
    ("call", "body", "fault", "times", "mails"),
    [
        (UPDATE, CLAIM, REPLY_LOST, 1, 1),
        (UPDATE, CLAIM, refused("ProvisionedThroughputExceededException"), 4, 1),
        (UPDATE, CLAIM, slow(2.5), 1, 1),
        ("sns:Publish", "", refused("Throttled"), 1, 1),
        ("sns:Publish", "", DOWN, 1, 1),
        # SNS cannot tell whether it was sent, so these repeat that one mail.
        ("sns:Publish", "", REPLY_LOST, 1, 2),
        (UPDATE, MARK, refused("ThrottlingException"), ATTEMPTS, 2),
        (UPDATE, MARK, REPLY_LOST, 1, 1),
    ],
    ids=[
        "claim's reply lost",
        "claim throttled",
        "claim late",
        "SNS throttles",
        "SNS down",
        "publish's reply lost",
        "mark throttled",
        "mark's reply lost",
    ],
)
def test_faults_during_a_delivery(stack, processor, call, body, fault, times, mails):
    frank = about_to_cross(stack)

    with processor.faults(call, fault, times=times, body=body) as fired:
        spend(frank, "9.00")
        wait_until(lambda: fired() == times)
        if body == MARK:  # the lease is still held
            move_back(stack, frank)
        assert_one_mail(frank, mails)

    wait_until(processor.is_idle)
    assert_one_mail(frank, mails)


def test_a_throttled_message_returns_after_its_own_wait(stack, processor):
    frank = about_to_cross(stack)
    processor.set_retry(600)  # it cannot return otherwise

    with processor.faults("sns:Publish", refused("Throttled"), times=2) as fired:
        spend(frank, "9.00")
        assert_one_mail(frank)
        assert fired() == 2

    processor.set_retry(processor.RETRY_SECONDS)
    wait_until(processor.is_idle)
    assert_one_mail(frank)
    assert history(frank) == [("budget_threshold", "sent")]
    assert processor.take_dead_letters() == []


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.parametrize(
    ("call", "body", "fault", "mails"),
    [
        ("sns:Publish", "", HELD, 1),
        (UPDATE, MARK, HELD, 2),  # the fault that repeats a mail
        (UPDATE, MARK, HELD_AFTER, 1),
    ],
    ids=["after claiming", "after publishing", "after marking"],
)
def test_a_lambda_killed_between_two_side_effects(
    stack, processor, call, body, fault, mails
):
    heidi = about_to_cross(stack)

    with processor.faults(call, fault, body=body) as fired:
        spend(heidi, "9.00")
        wait_until(fired)
        processor.kill()

    move_back(stack, heidi)
    wait_until(processor.is_idle)
    assert_one_mail(heidi, mails)


def test_a_message_received_five_times_and_after_a_day_is_one_mail(stack, processor):
    erin = about_to_cross(stack)
    with processor.faults(UPDATE, slow(0.5), body=MARK):  # so that they overlap
        spend(erin, "9.00")
        (waiting,) = erin.get("notifications")["results"]
        message = {"notification_id": waiting["notification_id"]}
        for _ in range(5):  # separate batches, so that runs overlap
            processor.send(message)
        assert_one_mail(erin)
        wait_until(processor.is_idle)

    move_back(stack, erin)
    processor.send(*[message] * 5)

    wait_until(processor.is_idle)
    assert_one_mail(erin)


def test_with_sns_down_delivery_fails_with_a_reason_and_redriving_sends_nothing(
    stack, processor
):
    grace, heidi = about_to_cross(stack), about_to_cross(stack)
    poison = [f"not JSON {uuid.uuid4()}", json.dumps({"notification_id": "unknown"})]
    dead_letters = []

    def hers() -> list[str]:
        (queued,) = grace.get("notifications")["results"]
        return [
            letter for letter in dead_letters if queued["notification_id"] in letter
        ]

    def are_dead() -> bool:
        dead_letters.extend(processor.take_dead_letters())
        return set(poison) < set(dead_letters) and bool(hers())

    with processor.faults(
        "sns:Publish", DOWN, body=f"contains(values(@), '{grace.email}')"
    ):
        spend(grace, "9.00")
        processor.send(*poison)
        spend(heidi, "9.00")
        assert_one_mail(heidi)
        wait_until(are_dead, 180)  # five attempts, each with retries and a wait

    (failed,) = grace.get("notifications")["results"]
    assert failed["status"] == "failed"
    assert failed["error"] == "The e-mail service did not answer."
    processor.send(*hers())
    wait_until(processor.is_idle)
    assert history(grace) == [("budget_threshold", "failed")]
    assert stack.messages(grace.email, "notification") == []


def test_any_subject_arrives_as_one_short_line(stack, processor):
    ivan = Person(stack, subscribed=True)
    hostile = {
        "newlines": "Budget\r\nBcc: everyone@example.com\n\nexceeded",
        "500 characters": "Food " * 100,
        "control characters": "\x00\x1b[31mBudget\x07\u202e\u2028exceeded\x7f",
    }
    table = stack.admin_session().client("dynamodb")
    for subject in hostile.values():  # bypassing the cleaning of the composed text
        item = {
            "notification_id": uuid.uuid4().hex,
            "user_id": ivan.user_id,
            "type": "budget_exceeded",
            "subject": subject,
            "message": "You have spent $12.00 of $10.00.",
            "status": "queued",
            "created_at": LONG_AGO,
            "updated_at": LONG_AGO,
        }
        table.put_item(
            TableName="notifications",
            Item={name: {"S": value} for name, value in item.items()},
        )
        processor.send({"notification_id": item["notification_id"]})

    subjects = sorted(mail["subject"] for mail in ivan.mails(3))

    assert all(subject.isprintable() and len(subject) < 100 for subject in subjects)
    assert subjects[0].startswith("Budget Bcc: everyone@example.com exceeded")
    assert subjects[1].startswith("Food Food")
    assert "Budget" in subjects[2]
