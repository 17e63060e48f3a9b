"""Count what an action costs with a growing history: `make bench ARGS=growth`.

It needs no local AWS: the application runs against the DynamoDB in memory of the tests,
whose capacity units are exact. So the figures are the same in every run, and
tests/test_growth.py checks those of short histories.

Units are those of whole requests, including one for the session.
"""

import contextlib
import json
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import time_machine
from botocore.client import BaseClient
from django.test import Client

from benchmarks import in_process  # noqa: F401  first, as it sets up Django
from benchmarks.aims import Aims
from benchmarks.history import CATEGORIES, RARE, spread
from expenses import batch
from expenses.models import Expense
from smartbudget.core.user import User
from tests.builders import client_for, make_user
from tests.conftest import empty_aws
from tests.money_builders import NOON, TODAY, make_budget

SIZES = (100, 10_000, 50_000)
OLD_NAME, NEW_NAME = CATEGORIES[1], "Restaurants"

# The aims, with any history.
MAX_SEARCH_REQUESTS = 2
MAX_CATEGORY_CALLS = 5
MAX_CATEGORY_UNITS = 25
# For 1,000 expenses.
MAX_EXPORT_CALLS, MAX_EXPORT_UNITS = 3, 70
MAX_RENAME_CALLS, MAX_RENAME_WRITES = 60, 7000


@dataclass(unsafe_hash=True)
class Cost:
    """AWS calls with their capacity units and items."""

    requests: int = 0  # to the application
    calls: int = 0
    read_units: float = 0
    write_units: float = 0
    items: int = 0  # that calls read, or wrote in transactions

    @property
    def items_per_call(self) -> float:
        """The items that a call reads or writes on average."""
        return self.items / self.calls


def main() -> int:
    """Print the costs for all sizes; return 1 if one misses its aim."""
    print("\nCosts by expenses in eight years; units include those of the session\n")
    print(
        f"{'expenses':>9}  {'action':<34}{'requests':>9}{'calls':>7}{'read':>10}"
        f"{'write':>10}{'items a call':>14}"
    )
    aims = Aims()
    for size in SIZES:
        costs = measure(size)
        for name, cost in costs.items():
            print(
                f"{size:>9,}  {name:<34}{cost.requests:>9,}{cost.calls:>7,}"
                f"{cost.read_units:>10,.1f}{cost.write_units:>10,.0f}"
                f"{cost.items_per_call:>14,.1f}",
                flush=True,
            )
        print()
        _check(aims, size, costs)
    return aims.exit_code


def _check(aims: Aims, size: int, costs: dict[str, Cost]) -> None:
    search, listed = costs["search to the end"], costs["list of categories"]
    aims.check(f"{size:,}: requests of a search", search.requests, MAX_SEARCH_REQUESTS)
    aims.check(f"{size:,}: calls for categories", listed.calls, MAX_CATEGORY_CALLS)
    aims.check(f"{size:,}: units for categories", listed.read_units, MAX_CATEGORY_UNITS)
    if size < 10_000:  # for fewer, most of the cost is the same for any number
        return
    export, rename = costs["export as JSON"], costs["rename a category"]
    thousands = size / 1000
    calls, units = export.calls / thousands, export.read_units / thousands
    aims.check(f"{size:,}: export, calls for 1,000", calls, MAX_EXPORT_CALLS)
    aims.check(f"{size:,}: export, read units for 1,000", units, MAX_EXPORT_UNITS)
    thousands /= len(CATEGORIES)
    calls, units = rename.calls / thousands, rename.write_units / thousands
    aims.check(f"{size:,}: rename, calls for 1,000", calls, MAX_RENAME_CALLS)
    aims.check(f"{size:,}: rename, write units for 1,000", units, MAX_RENAME_WRITES)


def measure(size: int) -> dict[str, Cost]:
    """Return {action: cost} for a user with as many expenses."""
    with empty_aws(), time_machine.travel(NOON, tick=True):
        user = make_user(f"u{uuid.uuid4().hex[:8]}")
        make_budget(user, category=OLD_NAME, amount="100000.00")
        store(user, size)
        client = client_for(user)
        _open(client, "/expenses/categories")  # stores the totals of past months
        actions: dict[str, Callable[[], int]] = {
            "page of the list": lambda: _open(client, "/api/expenses?page_size=25"),
            "search to the end": lambda: _search(client, f"/api/expenses?q={RARE}"),
            "list of categories": lambda: _open(client, "/expenses/categories"),
            "export as JSON": lambda: _open(client, "/api/export.json"),
            "export of expenses as CSV": lambda: _open(
                client, "/api/export/expenses.csv"
            ),
            "rename a category": lambda: _rename(client),
            "export as JSON after the rename": lambda: _open(
                client, "/api/export.json"
            ),
        }
        return {name: _cost(action) for name, action in actions.items()}


def store(user: User, size: int) -> None:
    """Store a history that ends today."""
    with Expense.batch_write() as batch:
        for number, payment in enumerate(spread(size, TODAY)):
            expense = Expense(
                expense_id=f"{number:032x}",
                user_id=user.user_id,
                date=payment.day.isoformat(),
                amount=payment.amount,
                category=payment.category,
                category_key=payment.category.casefold(),
                description=payment.description,
                created_at="2016-06-01T00:00:00.000000+00:00",
                updated_at="2016-06-01T00:00:00.000000+00:00",
                version=1,
            )
            expense.index_text(version=1)
            batch.save(expense)


def _open(client: Client, path: str) -> int:
    """Read a response to its end; return the number of requests."""
    response = client.get(path)
    assert response.status_code == 200, (path, response.status_code)
    if response.streaming:
        for _ in response.streaming_content:
            pass
    return 1


def _search(client: Client, url: str | None) -> int:
    """Follow a list to its end; return the number of requests."""
    requests, results = 0, 0
    while url:
        response = client.get(url)
        assert response.status_code == 200, response.content
        requests += 1
        results += len(response.json()["results"])
        url = response.json()["next"]
    assert results == 1
    return requests


def _rename(client: Client) -> int:
    """Rename a category until none are left; return the number of requests."""
    body = json.dumps({"from": OLD_NAME, "to": NEW_NAME})
    path = "/api/categories/rename"
    requests, left = 0, True
    # A call stops after some seconds, which depends on the machine.
    with patch.object(batch, "MAX_SECONDS", sys.maxsize):
        while left:
            response = client.post(path, body, content_type="application/json")
            assert response.status_code == 200, response.content
            requests += 1
            left = response.json()["left"]
    return requests


def _cost(action: Callable[[], int]) -> Cost:
    with counting() as cost:
        cost.requests = action()
    return cost


@contextlib.contextmanager
def counting() -> Iterator[Cost]:
    """Count the AWS calls of a block."""
    cost = Cost()
    make_call = BaseClient._make_api_call

    def counted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        cost.calls += 1
        if client.meta.service_model.service_name != "dynamodb":
            return make_call(client, operation, parameters)
        parameters = {**parameters, "ReturnConsumedCapacity": "TOTAL"}
        response = make_call(client, operation, parameters)
        consumed = response.get("ConsumedCapacity", [])
        for table in consumed if isinstance(consumed, list) else [consumed]:
            if operation in {"Query", "Scan", "GetItem", "BatchGetItem"}:
                cost.read_units += table["CapacityUnits"]
            else:
                cost.write_units += table["CapacityUnits"]
        cost.items += _items(operation, parameters, response)
        return response

    with patch.object(BaseClient, "_make_api_call", counted):
        yield cost


def _items(operation: str, parameters: dict[str, Any], response: Any) -> int:
    """Return how many items a call looked at or wrote."""
    if operation == "TransactWriteItems":
        return len(parameters["TransactItems"])
    if operation == "BatchGetItem":
        return sum(len(keys["Keys"]) for keys in parameters["RequestItems"].values())
    return int(response.get("ScannedCount", 1))


if __name__ == "__main__":
    sys.exit(main())
