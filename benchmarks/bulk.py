"""A thousand expenses in one request beside a thousand requests: calls and rates.

Runs in a process under the web role; `python -m benchmarks` starts it. Both go through
Django's test client, one after the other, into one category with a budget.
"""

import statistics
import time
from collections.abc import Callable

from benchmarks.actions import Bench
from expenses.bulk import MOST_ROWS
from tests.calls import counted

TIMES = 3
RATIO_AIM = 10
ROW = {"category": "Groceries", "amount": "1.50"}


def main() -> None:
    """Print the table."""
    bench = Bench(100)
    bench.post("expenses/bulk", expenses=[ROW])
    print(f"\n{MOST_ROWS:,} expenses, median of {TIMES}; the aim is {RATIO_AIM} x\n")
    print(f"{'how':<16}{'AWS calls':>10}{'seconds':>9}{'a second':>10}{'ratio':>8}")
    ways = {
        "one by one": lambda: [bench.post("expenses", **ROW) for _ in range(MOST_ROWS)],
        "in one request": lambda: bench.post(
            "expenses/bulk", expenses=[ROW] * MOST_ROWS
        ),
    }
    first = None
    for name, way in ways.items():
        calls, took = _measure(way)
        first = first or took
        print(
            f"{name:<16}{calls:>10,}{took:>9.2f}{MOST_ROWS / took:>10,.0f}"
            f"{first / took:>8.1f}"
        )


def _measure(way: Callable[[], object]) -> tuple[int, float]:
    times = []
    for _ in range(TIMES):
        with counted() as calls:
            start = time.perf_counter()
            way()
            times.append(time.perf_counter() - start)
    return len(calls.names), statistics.median(times)


if __name__ == "__main__":
    main()
