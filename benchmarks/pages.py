"""Measure the time of each page without its AWS calls.

The time of the calls is measured and subtracted for each page: with 10,000 expenses a
query of the local AWS takes half a second, and two runs differ by more than the rest of
the page takes.

`python -m benchmarks` starts it with the web role. The user has 10,000 expenses of
history, many expenses in this month and the last one, and items in every list.
"""

from collections.abc import Callable

from benchmarks.actions import TIMES, Bench, measure

HISTORY = 10_000
EACH_MONTH = 100  # expenses in this month and the one before
BUDGETS = 12
AIM_MS = 15

PAGES = (
    "/",
    "/expenses",
    "/expenses?q=grocer",
    "/budgets",
    "/notifications",
    "/reports",
)


def main() -> None:
    """Print the table."""
    bench = Bench(HISTORY)
    _fill(bench)
    print(f"\nPages, median of {TIMES}, milliseconds; our own part is at most {AIM_MS}")
    print(f"({HISTORY:,} expenses of history, {EACH_MONTH} in each of two months)\n")
    print(f"{'page':<20}{'calls':>6}{'page':>9}{'own part':>10}")
    for path in PAGES:
        calls, took, own = measure(_open(bench, path))
        print(f"{path:<20}{len(calls[0]):>6}{took:>9.2f}{own:>10.2f}")


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
    main()
