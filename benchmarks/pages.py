"""Measure the processor time of each page without its AWS calls.

The time of the calls is measured and subtracted for each page: with 10,000 expenses a
query of the local AWS takes half a second, and two runs differ by more than the rest of
the page takes.

`python -m benchmarks` starts it with the web role. The user has 10,000 expenses of
history, many expenses in this month and the last one, and items in every list.
"""

import gc
import sys
from collections.abc import Callable

from benchmarks.actions import TIMES, Bench, measure
from benchmarks.aims import Aims

HISTORY = 10_000
EACH_MONTH = 100  # expenses in this month and the one before
BUDGETS = 12
NOISE = 0.25  # between two runs on a quiet machine

# The aim of each page's own part, in milliseconds.
PAGES = {
    "/": 15,
    "/expenses": 10,
    "/expenses?q=grocer": 50,  # adds up the amounts of all 10,000
    "/expenses?q=nothing": 10,  # reads to the end
    "/budgets": 10,
    "/notifications": 10,
    "/reports": 10,
}


def main() -> int:
    """Print each page's own part; return 1 if one misses its aim."""
    bench = Bench(HISTORY)
    _fill(bench)
    gc.freeze()  # like smartbudget/wsgi.py
    aims = Aims()
    print(f"\nOwn part of a page, median of {TIMES}, milliseconds")
    print(f"({HISTORY:,} expenses of history, {EACH_MONTH} in each of two months)\n")
    for path, aim in PAGES.items():
        calls, took, own = measure(_open(bench, path))
        name = f"{path}, {len(calls[0])} calls, {took:.1f} with them"
        aims.check(name, own, aim, noise=NOISE)
    return aims.exit_code


def _open(bench: Bench, path: str) -> Callable[[int], None]:
    return lambda _: bench.open(path)


def _fill(bench: Bench) -> None:
    """Record two months of expenses and budgets, half of which are exceeded."""
    today = bench.user.today()
    last_month = today.replace(day=1).fromordinal(today.replace(day=1).toordinal() - 1)
    for number in range(BUDGETS):
        amount = "10.00" if number % 2 else "100000.00"
        bench.post("budgets", category=f"Category {number}", amount=amount)
    for day in (today, last_month):
        rows = [
            {
                "category": f"Category {number % BUDGETS}",
                "amount": f"{number + 1}.50",
                "description": f"Number {number}, bought on the way home",
                "date": day.isoformat(),
            }
            for number in range(EACH_MONTH)
        ]
        bench.post("expenses/bulk", expenses=rows)


if __name__ == "__main__":
    sys.exit(main())
