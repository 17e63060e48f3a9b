"""The estimates of benchmarks/costs.py match the AWS calls of the actions."""

import datetime
from collections import Counter
from contextlib import contextmanager
from unittest.mock import patch

import pytest
import time_machine
from botocore.client import BaseClient
from django.core.files.uploadedfile import SimpleUploadedFile

from benchmarks import costs
from notifications import delivery, subscriptions, sweep
from profiles.services import update_profile
from smartbudget.core import aws as clients
from tests.builders import PASSWORD, client_for, make_user
from tests.calls import counted
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import NOON, make_budget, make_expense
from tests.notifications import builders
from tests.notifications.builders import make_account, make_notification


@pytest.fixture
def alice(aws):
    with time_machine.travel(NOON, tick=True):
        user = make_user("alice")
        make_budget(user, amount="100.00")
        clients.queue_url()  # looked up once per process
        yield user


@contextmanager
def measured():
    """Yield the calls of a block, and the units that it writes by table."""
    written = Counter()
    make_call = BaseClient._make_api_call

    def noted(client, operation, parameters):
        if operation not in {"TransactWriteItems", "UpdateItem"}:
            return make_call(client, operation, parameters)
        total = {"ReturnConsumedCapacity": "TOTAL"}
        answer = make_call(client, operation, parameters | total)
        consumed = answer["ConsumedCapacity"]
        for table in consumed if isinstance(consumed, list) else [consumed]:
            written[table["TableName"]] += table["CapacityUnits"]
        return answer

    with patch.object(BaseClient, "_make_api_call", noted), counted() as calls:
        yield calls.names, written


def assert_estimated(name, calls, written):
    assert sorted(calls) == sorted(costs.ACTIONS[name].calls)
    assert written == costs.ACTIONS[name].writes


def spend(browser, amount="1.00", **more):
    body = {"category": "Groceries", "amount": amount, **more}
    return browser.post("/api/expenses", body)


def with_receipt(browser):
    return spend(
        browser, file=SimpleUploadedFile("a.pdf", PDF, content_type="application/pdf")
    )


ACTIONS = {
    "open a page without a list": lambda browser: browser.get("/expenses/add"),
    "open a list": lambda browser: browser.get("/expenses"),
    "open the dashboard": lambda browser: browser.get("/"),
    "its trend": lambda browser: browser.get("/trend"),
    "count the unread": lambda browser: browser.get("/api/notifications/unread"),
    "add an expense": spend,
    "add one that alerts": lambda browser: spend(browser, "90.00"),
    "add one with a receipt": with_receipt,
}


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_costs_what_is_estimated(alice, name):
    browser = client_for(alice)
    browser.get("/trend")  # stores the totals of past months

    with measured() as (calls, written):
        answer = ACTIONS[name](browser)

    assert answer.status_code in {200, 201}
    assert_estimated(name, calls, written)


def test_an_edit_costs_what_is_estimated(alice):
    browser = client_for(alice)
    address = f"/api/expenses/{make_expense(alice).expense_id}"

    with measured() as (calls, written):
        browser.patch(address, {"amount": "2.00"}, content_type="application/json")

    assert_estimated("edit one", calls, written)


def test_a_login_costs_what_is_estimated(alice):
    browser = client_for()
    for _ in range(12 * costs.USE["log in"]):  # which the history has after a year
        browser.post("/login", {"username": "alice", "password": PASSWORD})
        browser.post("/logout")

    with measured() as (calls, written):
        browser.post("/login", {"username": "alice", "password": PASSWORD})

    assert_estimated("log in", calls, written)


def test_a_delivery_costs_what_is_estimated(aws):
    with time_machine.travel(datetime.datetime(2026, 3, 18, 12, tzinfo=datetime.UTC)):
        make_account()
        # Once a day a delivery checks the subscription.
        delivery.deliver(make_notification("first").notification_id)
        make_notification()
        with measured() as (calls, written):
            delivery.deliver("n1")

    assert_estimated("deliver an alert", calls, written)


def test_a_summary_costs_what_is_estimated(alice):
    subscriptions.subscribe(alice)
    for category in ("Rent", "Eating out"):
        make_budget(alice, category=category, amount="100.00")
    for number in range(7):
        make_expense(alice, amount=f"{number + 1}.00")
    update_profile(alice, email_preferences={"weekly_summary": True})
    with time_machine.travel(NOON + datetime.timedelta(days=5), tick=True):
        # Once a day a delivery checks the subscription.
        delivery.deliver(make_notification(user_id=alice.user_id).notification_id)
        with measured() as (calls, written):
            sweep.enqueue_overdue()
            (queued,) = builders.queued()[-1:]
            delivery.deliver(queued["notification_id"])

    of_the_sweep = Counter(["dynamodb.Query"] * costs.SWEEP_QUERIES)
    of_the_sweep.update(
        {"sqs.GetQueueUrl": 1, "sqs.GetQueueAttributes": 1, "sqs.SendMessageBatch": 1}
    )
    assert_estimated(
        "sweep and deliver a summary",
        (Counter(calls) - of_the_sweep).elements(),
        written,
    )


def test_an_empty_sweep_makes_the_calls_of_the_estimate(aws):
    with counted() as calls:
        for part in range(costs.SWEEP_PARTS):
            sweep.enqueue_overdue(part=part, parts=costs.SWEEP_PARTS)

    assert calls.names == ["dynamodb.Query"] * costs.SWEEP_QUERIES


def test_every_estimated_action_is_tested():
    assert set(costs.USE) == set(costs.ACTIONS)
