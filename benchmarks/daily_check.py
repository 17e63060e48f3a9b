"""Measure the daily check, and extrapolate its cost to a hundred million users.

Measures the real check on the local AWS for a few users, on an ordinary day and on the
first of a month. The check reads page after page, so its cost is proportional to the
number of users, and its time to those of a segment. `python -m benchmarks` starts it
with permission to scan.
"""

import datetime
import math
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import time_machine
from botocore.client import BaseClient

from accounts.models import Account
from benchmarks.aims import Aims
from budgets import checks
from budgets.models import Budget, budget_id_for
from expenses.models import Expense
from smartbudget.core.dynamodb import Transaction

USERS = 40
CATEGORIES = ("Groceries", "Eating out", "Transport")
EXPENSES = 30  # per user and month
SIZES = (10_000, 1_000_000, 100_000_000)
ORDINARY = datetime.datetime(2026, 3, 18, 6, tzinfo=datetime.UTC)
FIRST = datetime.datetime(2026, 4, 1, 6, tzinfo=datetime.UTC)

# Figures of AWS, not measured here: DynamoDB's latency is a few milliseconds within a
# region; prices are those of us-east-1, on demand.
LATENCY = 0.005  # seconds per call
LAMBDA_GB = 0.5
CPU_SHARE = 512 / 1769  # of a core, at 512 MB (docs/aws.md#processor-share)
DOLLARS_A_READ_UNIT = 0.125e-6
DOLLARS_A_WRITE_UNIT = 0.625e-6
DOLLARS_A_GB_SECOND = 0.0000166667
RUN_SECONDS = 210  # of a run's 300 s; it starts the next run 90 s before the end
SEGMENT_HOURS = 6  # for a segment, on the first of a month


# The aims for a user: calls, read units, write units, milliseconds of processor time.
AIMS = {
    "an ordinary day": (1.1, 0.6, 0, 6),
    "the first of a month": (6.1, 1.6, 15, 20),
}
NOISE = 0.5  # of processor time, between two runs on a shared machine


@dataclass(frozen=True)
class PerUser:
    """The average cost of one user on one day."""

    calls: float
    read_units: float
    write_units: float
    cpu_seconds: float

    @property
    def seconds(self) -> float:
        """The time of a run, for waiting and computing."""
        return self.calls * LATENCY + self.cpu_seconds / CPU_SHARE

    @property
    def dollars(self) -> float:
        """The price of reading, writing and running."""
        return (
            self.read_units * DOLLARS_A_READ_UNIT
            + self.write_units * DOLLARS_A_WRITE_UNIT
            + self.seconds * LAMBDA_GB * DOLLARS_A_GB_SECOND
        )


def main() -> int:
    """Print the costs and their extrapolation; return 1 if one misses its aim."""
    for number in range(USERS):
        _create_user(f"{number:032x}")
    days = {
        "an ordinary day": _measure(ORDINARY),
        "the first of a month": _measure(FIRST),
    }
    print(f"\nDaily check, measured with {USERS} users; a user costs\n")
    for name, user in days.items():
        print(
            f"  on {name}: {user.calls:.2f} calls, {user.read_units:.1f} read units,"
            f" {user.write_units:.1f} write units, {user.cpu_seconds * 1000:.1f} ms CPU"
        )
    print("\n  A segment checks in an hour\n")
    for name, user in days.items():
        print(f"  on {name}: {3600 / user.seconds:,.0f} users")
    print(
        f"\n{'users':>12}{'day':>23}{'calls':>15}{'runs':>9}{'hours':>9}{'dollars':>10}"
        f"{'segments':>10}{'hours of one':>14}"
    )
    slowest = max(user.seconds for user in days.values())
    for size in SIZES:
        for name, user in days.items():
            seconds = user.seconds * size
            segments = _segments(size, slowest)
            print(
                f"{size:>12,}{name:>23}{user.calls * size:>15,.0f}"
                f"{seconds / RUN_SECONDS:>9,.0f}{seconds / 3600:>9,.1f}"
                f"{user.dollars * size:>10,.2f}"
                f"{segments:>10,}{seconds / 3600 / segments:>14,.1f}"
            )
    print("\nThe first limits reached\n")
    for size in SIZES:
        print(f"{size:>12,}  {'; then '.join(_limits(size, slowest))}")
    print()
    aims = Aims()
    for name, user in days.items():
        calls, read_units, write_units, milliseconds = AIMS[name]
        aims.check(f"{name}, calls", user.calls, calls)
        aims.check(f"{name}, read units", user.read_units, read_units)
        aims.check(f"{name}, write units", user.write_units, write_units)
        own = user.cpu_seconds * 1000
        aims.check(f"{name}, ms of processor time", own, milliseconds, noise=NOISE)
    return aims.exit_code


def _limits(size: int, seconds_a_user: float) -> list[str]:
    limits = ["SNS filter policies, 200 a topic: mails must go through SES"]
    if size * seconds_a_user > RUN_SECONDS:
        limits.append("one run's time: further runs do the rest")
    if (segments := _segments(size, seconds_a_user)) > 1:
        limits.append(
            f"{SEGMENT_HOURS} hours: DailyCheckSegments 0 to {segments - 1:,}"
        )
    return limits


def _segments(size: int, seconds_a_user: float) -> int:
    """Return the number of segments that finish within SEGMENT_HOURS."""
    return math.ceil(size * seconds_a_user / (SEGMENT_HOURS * 3600))


def _measure(day: datetime.datetime) -> PerUser:
    calls: Counter[str] = Counter()
    units: Counter[str] = Counter()
    make_call = BaseClient._make_api_call

    def counting(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        response = make_call(client, operation, parameters)
        calls[operation] += 1
        consumed = response.get("ConsumedCapacity", [])
        for table in consumed if isinstance(consumed, list) else [consumed]:
            kind = "write" if operation == "TransactWriteItems" else "read"
            units[kind] += table["CapacityUnits"]
        return response

    with time_machine.travel(day, tick=True):
        start = time.process_time()
        with patch.object(BaseClient, "_make_api_call", counting):
            result = checks.check_all(None, lambda: True)
        cpu = time.process_time() - start
    assert not result.errors, result.errors
    return PerUser(
        calls=calls.total() / USERS,
        read_units=units["read"] / USERS,
        write_units=units["write"] / USERS,
        cpu_seconds=cpu / USERS,
    )


def _create_user(user_id: str) -> None:
    created = ORDINARY - datetime.timedelta(days=1)
    stamps = {"created_at": created.isoformat(), "updated_at": created.isoformat()}
    transaction = Transaction()
    transaction.put(
        Account(
            user_id=user_id,
            username=user_id[:30],
            email=f"{user_id}@example.com",
            password_hash="none",
            **stamps,
        )
    )
    for number in range(EXPENSES):
        category = CATEGORIES[number % len(CATEGORIES)]
        transaction.put(
            Expense(
                expense_id=uuid.uuid4().hex,
                user_id=user_id,
                date=f"2026-03-{number % 18 + 1:02}",
                amount=Decimal("10.00"),
                category=category,
                category_key=category.casefold(),
                description="What was bought, in a few words",
                **stamps,
            )
        )
    for category in CATEGORIES:
        transaction.put(
            Budget(
                budget_id=budget_id_for(user_id, "monthly", category),
                user_id=user_id,
                category=category,
                amount=Decimal("500.00"),
                period_start="2026-03-01",
                spent=Decimal("10.00") * EXPENSES / len(CATEGORIES),
                **stamps,
            )
        )
    transaction.commit()


if __name__ == "__main__":
    sys.exit(main())
