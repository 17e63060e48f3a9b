"""Measure each action's median time beside its bare AWS calls, for several histories.

`python -m benchmarks` starts it with the web role. An action goes through Django's test
client: everything except the socket. Its bare calls are the same requests, in the same
order, made with plain boto3.
"""

import datetime
import json
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import boto3
import django
from botocore.client import BaseClient
from botocore.config import Config as ClientConfig
from django.test import Client

django.setup()

from accounts import services as accounts
from benchmarks.aims import Aims
from expenses.models import Expense
from smartbudget.core.config import config
from smartbudget.core.user import User

HISTORIES = (100, 10_000, 50_000)
TIMES = 25
WARM_UP = 5
RATIO_AIM, RATIO_NOISE = 2.0, 0.15

Call = tuple[str, str, dict[str, Any]]  # service, operation, parameters


class Bench:
    """A user with a history of expenses, and the actions to measure."""

    def __init__(self, history: int) -> None:
        self.password = uuid.uuid4().hex
        login = accounts.register(
            username=f"b{uuid.uuid4().hex[:12]}",
            email=f"{uuid.uuid4().hex[:12]}@example.com",
            password=self.password,
        )
        self.user: User = login.user
        self.client = Client(HTTP_HOST="127.0.0.1")
        self.client.cookies["session"] = login.session_key
        _write_history(self.user, history)
        self.post("budgets", category="Groceries", amount="100000.00")
        self.ids = [self._spend() for _ in range(TIMES + WARM_UP)]

    def actions(self) -> dict[str, Callable[[int], object]]:
        """Return {name: action}; an action takes the number of the repetition."""
        return {
            "add an expense": lambda _: self._spend(),
            "edit an expense": lambda n: self.send(
                "PATCH", f"expenses/{self.ids[n]}", {"amount": f"{n + 2}.50"}
            ),
            "list expenses": lambda _: self.send("GET", "expenses?page_size=25"),
            "list budgets": lambda _: self.send("GET", "budgets"),
            "summary": lambda _: self.send("GET", "summary"),
            "trend": lambda _: self.send("GET", "trends"),
            "dashboard page": lambda _: self.open("/"),
            "expenses page": lambda _: self.open("/expenses/"),
            "delete an expense": lambda n: self.send(
                "DELETE", f"expenses/{self.ids[n]}"
            ),
        }

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Create an item through the API."""
        item: dict[str, Any] = self.send("POST", path, body).json()
        return item

    def send(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to the API; raise AssertionError if it fails."""
        response = self.client.generic(
            method,
            f"/api/{path}",
            b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
        )
        assert response.status_code < 300, response.content
        return response

    def open(self, path: str) -> None:
        """Open a page; raise AssertionError if it fails."""
        assert self.client.get(path).status_code == 200

    def _spend(self) -> str:
        expense = self.post("expenses", category="Groceries", amount="1.50")
        return str(expense["expense_id"])


def main() -> int:
    """Print both tables; return 1 if an action misses its aim."""
    bench = Bench(100)
    aims = Aims()
    print(f"\nAn action beside its bare AWS calls, medians of {TIMES}, milliseconds\n")
    for name, action in bench.actions().items():
        calls, took, _ = measure(action)
        bare = replay(calls)
        name = f"{name}, {len(calls[0])} calls, {took:.1f} / {bare:.1f}"
        aims.check(name, took / bare, RATIO_AIM, noise=RATIO_NOISE)

    print("\nMedian by expenses before the period, milliseconds: action/bare\n")
    print(f"{'action':<20}" + "".join(f"{size:>16,}" for size in HISTORIES))
    rows: dict[str, list[str]] = {}
    for size in HISTORIES:
        for name, action in Bench(size).actions().items():
            calls, took, _ = measure(action)
            rows.setdefault(name, []).append(f"{took:.1f}/{replay(calls):.1f}")
    for name, cells in rows.items():
        print(f"{name:<20}" + "".join(f"{cell:>16}" for cell in cells))
    return aims.exit_code


def measure(
    action: Callable[[int], object],
) -> tuple[list[list[Call]], float, float]:
    """Measure an action.

    Returns the AWS calls of each repetition, its median time in milliseconds, and the
    median of this process's processor time outside these calls, also in milliseconds.
    """
    calls: list[list[Call]] = []
    times, own = [], []
    inside = 0.0
    make_call = BaseClient._make_api_call

    def recording(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        nonlocal inside
        service = client.meta.service_model.service_name
        calls[-1].append((service, operation, parameters))
        start = time.process_time()
        try:
            return make_call(client, operation, parameters)
        finally:
            inside += time.process_time() - start

    BaseClient._make_api_call = recording
    try:
        for number in range(WARM_UP + TIMES):
            calls.append([])
            inside = 0.0
            start, start_of_own = time.perf_counter(), time.process_time()
            action(number)
            times.append(time.perf_counter() - start)
            own.append(time.process_time() - start_of_own - inside)
    finally:
        BaseClient._make_api_call = make_call
    took = statistics.median(times[WARM_UP:]) * 1000
    return calls[WARM_UP:], took, statistics.median(own[WARM_UP:]) * 1000


def replay(repetitions: list[list[Call]]) -> float:
    """Measure the same calls with plain boto3, and writes without their conditions."""
    clients: dict[str, Any] = {}
    for service in {service for calls in repetitions for service, _, _ in calls}:
        clients[service] = boto3.client(
            service,
            region_name=config.region,
            endpoint_url=config.aws_endpoint,
            config=ClientConfig(parameter_validation=False),
        )
    times = []
    for calls in repetitions:
        prepared = [(clients[s], o, unconditional(o, p)) for s, o, p in calls]
        start = time.perf_counter()
        for client, operation, parameters in prepared:
            client._make_api_call(operation, parameters)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def unconditional(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if operation != "TransactWriteItems":
        return parameters
    items = []
    for item in parameters["TransactItems"]:
        ((kind, write),) = item.items()
        # The write was done before, so its condition would fail. DynamoDB also rejects
        # unused names and values. A put without a condition costs the same.
        if kind == "Update":
            items.append({"Update": _without_condition(write)})
        else:
            plain = {
                key: write[key] for key in ("TableName", "Item", "Key") if key in write
            }
            items.append({kind: plain})
    return {"TransactItems": items, "ClientRequestToken": uuid.uuid4().hex}


def _without_condition(write: dict[str, Any]) -> dict[str, Any]:
    update = write["UpdateExpression"]
    return {
        **{key: write[key] for key in ("TableName", "Key", "UpdateExpression")},
        "ExpressionAttributeNames": {
            name: value
            for name, value in write["ExpressionAttributeNames"].items()
            if name in update
        },
        "ExpressionAttributeValues": {
            name: value
            for name, value in write["ExpressionAttributeValues"].items()
            if name in update
        },
    }


def _write_history(user: User, count: int) -> None:
    """Store old expenses, a hundred per transaction."""
    client = boto3.client(
        "dynamodb", region_name=config.region, endpoint_url=config.aws_endpoint
    )
    first = datetime.date(2017, 1, 1)
    for start in range(0, count, 100):
        items = []
        for number in range(start, min(start + 100, count)):
            expense = Expense(
                expense_id=uuid.uuid4().hex,
                user_id=user.user_id,
                date=(first + datetime.timedelta(days=number % 3000)).isoformat(),
                amount=Decimal(number + 1),
                category="Groceries",
                category_key="groceries",
                created_at="2017-01-01T00:00:00.000000+00:00",
                updated_at="2017-01-01T00:00:00.000000+00:00",
                version=1,
            )
            expense.index_text(version=1)
            items.append(expense.serialize())
        table = Expense.Meta.table_name
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": item}} for item in items
            ]
        )


if __name__ == "__main__":
    sys.exit(main())
