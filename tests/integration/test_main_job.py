"""The main use cases over HTTP, with the real Lambda processes and mails."""

import datetime
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import requests

from tests.integration.people import PASSWORD, Person
from tests.problems import messages_of
from tests.stack import wait_until


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def history(person: Person) -> list[tuple[str, str]]:
    notifications = person.get("notifications")["results"]
    return [
        (notification["type"], notification["status"]) for notification in notifications
    ]


def test_mails_are_sent_at_the_threshold_and_at_the_limit(stack):
    alice = Person(stack, subscribed=True)
    alice.post("budgets", category="Groceries", amount="100.00")

    alice.post("expenses", category="groceries", amount="79.99")
    page = alice.submit(
        "/expenses/add/", category="Groceries", amount="0.01", date=f"{today()}"
    )
    assert page.status_code == 200, page.text
    (threshold,) = alice.mails(1)
    alice.post("expenses", category="Groceries", amount="20.01")
    mails = alice.mails(2)

    (line,) = alice.get("summary")["budgets"]
    assert (line["spent"], line["remaining"]) == ("100.01", "-0.01")
    assert line["level"] == "exceeded"
    assert "80%" in threshold["subject"]
    assert [mail["to"] for mail in mails] == [alice.email] * 2
    assert mails[1]["subject"] == "Over budget: Groceries"
    wait_until(
        lambda: (
            history(alice)
            == [("budget_exceeded", "sent"), ("budget_threshold", "sent")]
        )
    )


def test_the_alerts_of_a_bulk_are_sent_in_one_mail(stack):
    alice = Person(stack, subscribed=True)
    for category in ("Auto", "Bus"):
        alice.post("budgets", category=category, amount="100.00")
    rows = [
        {"amount": "1.00", "category": category} for category in ("Auto", "Bus")
    ] * 120

    assert alice.post("expenses/bulk", expenses=rows)["alerts"] == 2

    (mail,) = alice.mails(1)
    assert mail["subject"] == "2 budget alerts"
    wait_until(lambda: ("alert_digest", "sent") in history(alice))


def test_a_mail_reaches_only_its_recipient(stack):
    alice, bob = Person(stack, subscribed=True), Person(stack, subscribed=True)
    for person in (alice, bob):
        person.post("budgets", category="Fun", amount="10.00")

    alice.post("expenses", category="Fun", amount="9.00")

    assert len(alice.mails(1)) == 1
    bob.post("expenses", category="Fun", amount="9.00")
    assert len(bob.mails(1)) == 1
    assert len(alice.mails(1)) == 1


def test_without_a_subscription_the_alert_is_in_the_history(stack):
    carol = Person(stack)
    carol.post("budgets", category="Fun", amount="10.00")

    carol.post("expenses", category="Fun", amount="11.00")

    wait_until(lambda: history(carol) == [("budget_exceeded", "skipped")])
    assert stack.messages(carol.email, "notification") == []


def test_fifty_concurrent_expenses_alert_once_per_level(stack):
    dave = Person(stack, subscribed=True)
    budget = dave.post("budgets", category="Fun", amount="100.00")

    def spend(_):
        return dave.request(
            "POST", "expenses", json={"category": "Fun", "amount": "2.50"}
        ).status_code

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(spend, range(50)))

    assert Counter(statuses) == {201: 50}
    (line,) = dave.get("summary")["budgets"]
    assert Decimal(line["spent"]) == Decimal("125.00")
    assert line["budget_id"] == budget["budget_id"]
    dave.mails(2)
    wait_until(lambda: [status for _, status in history(dave)] == ["sent"] * 2)
    subjects = [mail["subject"] for mail in dave.mails(2)]
    assert len(subjects) == 2
    assert sum("Over budget" in subject for subject in subjects) == 1


def test_twenty_registrations_of_one_name_create_one_account(stack):
    name = stack.new_address().partition("@")[0]

    def register(number):
        return requests.post(
            f"{stack.web_url}/register",
            json={
                "username": name.upper() if number % 2 else name,
                "email": f"{name}.{number}@example.com",
                "password": PASSWORD,
            },
            timeout=60,
        )

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(register, range(20)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert list(messages_of(refused)) == ["username"]


def test_with_sqs_down_the_expense_is_stored_and_the_mail_sent_later(stack):
    erin = Person(stack, subscribed=True)
    erin.post("budgets", category="Fun", amount="10.00")
    sqs = stack.admin_session().client("sqs")
    queue = sqs.get_queue_url(QueueName="notification-queue")["QueueUrl"]
    sending = ["sqs:SendMessage", "sqs:SendMessageBatch"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": sending, "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    try:
        expense = erin.post("expenses", category="Fun", amount="9.00")
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})

    assert erin.get(f"expenses/{expense['expense_id']}")["amount"] == "9.00"
    assert history(erin) == [("budget_threshold", "queued")]
    sweep_as_if_five_minutes_later(stack, erin)
    erin.mails(1)
    wait_until(lambda: history(erin) == [("budget_threshold", "sent")])


def sweep_as_if_five_minutes_later(stack, person: Person) -> None:
    (waiting,) = person.get("notifications")["results"]
    session = stack.admin_session()
    session.client("dynamodb").update_item(
        TableName="notifications",
        Key={"notification_id": {"S": waiting["notification_id"]}},
        UpdateExpression="SET unsent_since = :then",
        ExpressionAttributeValues={":then": {"S": "2020-01-01T00:00:00.000000+00:00"}},
    )
    answer = session.client("lambda").invoke(
        FunctionName="notification_processor:live", Payload=b'{"task": "sweep"}'
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
