"""Count the AWS calls of the original design, taken literally, beside this one's.

`make bench ARGS=original_design` repeats it, in memory like `benchmarks.growth`. In the
original design the index of expenses has the user's id alone, so a list, a sum and the
check of a budget read all expenses of a user.

Only this design's figures include a session, since the original's are signed cookies,
which read nothing.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from unittest.mock import patch

import time_machine
from django.test import Client

from benchmarks import in_process  # noqa: F401  first, as it sets up Django
from benchmarks.growth import Cost, counting, store
from benchmarks.history import CATEGORIES
from budgets import checks
from smartbudget.core import aws
from smartbudget.core.user import User
from tests.builders import PASSWORD, client_for, make_user
from tests.conftest import empty_aws
from tests.dynamodb.fake import Index
from tests.money_builders import NOON, make_budget
from tests.quick_moto import dynamo

SIZES = (100, 10_000)
BUDGETS = CATEGORIES[:3]
BY_USER = {"user_id-index": Index("user_id", None, None)}

Costs = dict[str, Cost]


def main() -> int:
    """Print the costs of both designs; return 0."""
    print(f"\nThe original design and this one, with {len(BUDGETS)} budgets\n")
    print(f"{'expenses':>9}  {'action':<24}{'calls':>14}{'read':>18}{'write':>14}")
    for size in SIZES:
        now, original = measure(size)
        for name, cost in original.items():
            ours = now[name]
            print(
                f"{size:>9,}  {name:<24}{cost.calls:>8,}{ours.calls:>6,}"
                f"{cost.read_units:>11,.1f}{ours.read_units:>7,.1f}"
                f"{cost.write_units:>8,.0f}{ours.write_units:>6,.0f}",
                flush=True,
            )
    return 0


def measure(size: int) -> tuple[Costs, Costs]:
    """Return {action: cost} of this design and of the original one."""
    with empty_aws(), time_machine.travel(NOON, tick=True):
        user = make_user("ada")
        store(user, size)
        for category in BUDGETS:
            make_budget(user, category=category, amount="100000.00")
        aws.queue_url()  # looked up once per process
        with _original_indexes():
            original = {name: _cost(do) for name, do in _original(user).items()}
        return {name: _cost(do) for name, do in _ours(user).items()}, original


def _cost(action: Callable[[], object]) -> Cost:
    with counting() as cost:
        action()
    return cost


def _ours(user: User) -> dict[str, Callable[[], object]]:
    browser = client_for(user)

    def send(method: str, path: str, client: Client = browser, **body: str) -> None:
        content = json.dumps(body).encode()
        response = client.generic(method, path, content, "application/json")
        assert response.status_code < 300, response.content

    def spend(amount: str) -> None:
        send("POST", "/api/expenses", amount=amount, category=BUDGETS[0])

    return {
        "page of the list": lambda: send("GET", "/api/expenses"),
        "summary": lambda: send("GET", "/api/summary"),
        "daily check": lambda: checks.check_all(None, lambda: True),
        "add an expense": lambda: spend("1.00"),
        "add one that alerts": lambda: spend("99990.00"),
        "log in": lambda: send(
            "POST", "/login", client_for(), username="ada", password=PASSWORD
        ),
    }


def _original(user: User) -> dict[str, Callable[[], object]]:
    """Return the actions as the original design describes their data flow."""
    dynamodb = aws.client("dynamodb")

    def read_all(table: str) -> None:
        pages = dynamodb.get_paginator("query").paginate(
            TableName=table,
            IndexName="user_id-index",
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": {"S": user.user_id}},
        )
        for _ in pages:
            pass

    def summarize() -> None:
        read_all("budgets")
        read_all("expenses")

    def add() -> None:
        item = next(iter(dynamo.tables["expenses"].items.values()))
        new = item | {"expense_id": {"S": "f" * 32}}
        dynamodb.put_item(TableName="expenses", Item=new)
        summarize()  # whether a budget is exceeded

    def add_and_alert() -> None:
        add()
        notification = {
            "notification_id": {"S": "n"},
            "user_id": {"S": user.user_id},
            "message": {"S": "You have spent 90% of your budget for groceries."},
        }
        dynamodb.put_item(TableName="notifications", Item=notification)
        queue = aws.client("sqs")
        url = queue.get_queue_url(QueueName="notification-queue")["QueueUrl"]
        queue.send_message(QueueUrl=url, MessageBody="{}")

    def check_daily() -> None:
        budgets = dynamodb.scan(TableName="budgets")["Items"]
        for _ in budgets:
            read_all("expenses")

    def log_in() -> None:
        dynamodb.query(
            TableName="users",
            IndexName="username-index",
            KeyConditionExpression="username = :name",
            ExpressionAttributeValues={":name": {"S": user.username}},
        )

    return {
        "page of the list": lambda: read_all("expenses"),
        "summary": summarize,
        "daily check": check_daily,
        "add an expense": add,
        "add one that alerts": add_and_alert,
        "log in": log_in,
    }


@contextlib.contextmanager
def _original_indexes() -> Iterator[None]:
    """Give expenses and notifications the original indexes during a block."""
    with contextlib.ExitStack() as patches:
        for name in ("expenses", "notifications"):
            indexes = dynamo.tables[name].indexes
            patches.enter_context(patch.dict(indexes, BY_USER, clear=True))
        yield


if __name__ == "__main__":
    sys.exit(main())
