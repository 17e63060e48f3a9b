"""The estimates of benchmarks/costs.py match the AWS calls of the actions."""

import datetime
from unittest.mock import patch

import pytest
import time_machine
from botocore.client import BaseClient
from django.core.files.uploadedfile import SimpleUploadedFile

from benchmarks import costs
from notifications import delivery, sweep
from smartbudget.core import aws as clients
from tests.builders import PASSWORD, client_for, make_user
from tests.calls import counted
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import NOON, make_budget, make_expense
from tests.notifications.builders import make_account, make_notification


@pytest.fixture
def alice(aws):
    with time_machine.travel(NOON, tick=True):
        user = make_user("alice")
        make_budget(user, amount="100.00")
        clients.queue_url()  # looked up once per process
        yield user


@pytest.fixture
def committed():
    """Yield the number of items that each transaction changes."""
    sizes = []
    make_call = BaseClient._make_api_call

    def noted(client, operation, parameters):
        if operation == "TransactWriteItems":
            sizes.append(len(parameters["TransactItems"]))
        return make_call(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", noted):
        yield sizes


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
def test_an_action_makes_the_calls_of_the_estimate(alice, committed, name):
    browser = client_for(alice)
    browser.get("/trend")  # stores the totals of past months
    committed.clear()

    with counted() as calls:
        answer = ACTIONS[name](browser)

    assert answer.status_code in {200, 201}
    assert sorted(calls.names) == sorted(costs.ACTIONS[name].calls)
    assert sum(committed) == costs.ACTIONS[name].items


def test_an_edit_makes_the_calls_of_the_estimate(alice, committed):
    browser = client_for(alice)
    address = f"/api/expenses/{make_expense(alice).expense_id}"
    committed.clear()

    with counted() as calls:
        browser.patch(address, {"amount": "2.00"}, content_type="application/json")

    assert sorted(calls.names) == sorted(costs.ACTIONS["edit one"].calls)
    assert sum(committed) == costs.ACTIONS["edit one"].items


def test_a_login_makes_the_calls_of_the_estimate(alice, committed):
    browser = client_for()
    committed.clear()

    with counted() as calls:
        browser.post("/login", {"username": "alice", "password": PASSWORD})

    assert sorted(calls.names) == sorted(costs.ACTIONS["log in"].calls)
    assert sum(committed) == costs.ACTIONS["log in"].items


def test_a_delivery_makes_the_calls_of_the_estimate(aws):
    with time_machine.travel(datetime.datetime(2026, 3, 18, 12, tzinfo=datetime.UTC)):
        make_account()
        # Once a day a delivery checks the subscription.
        delivery.deliver(make_notification("first").notification_id)
        make_notification()
        with counted() as calls:
            delivery.deliver("n1")

    assert sorted(calls.names) == sorted(costs.ACTIONS["deliver an e-mail"].calls)


def test_an_empty_sweep_makes_the_calls_of_the_estimate(aws):
    with counted() as calls:
        for part in range(costs.SWEEP_PARTS):
            sweep.enqueue_overdue(part=part, parts=costs.SWEEP_PARTS)

    assert calls.names == ["dynamodb.Query"] * costs.SWEEP_QUERIES


def test_every_estimated_action_is_tested():
    assert set(costs.USE) == set(costs.ACTIONS)
