"""Compare a report of ten thousand expenses with a plain table in ReportLab.

Also compares the import of the Lambda's handler with that of boto3 and ReportLab. Each
figure comes from separate processes, so that nothing is cached.
"""

import subprocess
import sys

EXPENSES = 10_000
TIMES = 3
RATIO_AIM = 1.5
MEGABYTES_AIM = 256

REPORT = f"""
import datetime, io, resource, time
from decimal import Decimal
from expenses.queries import Entry
from reports import pdf
from reports.periods import resolve
from reports.services import compute
from smartbudget.core.i18n import day
from smartbudget.core.money import write_number

today = datetime.date(2026, 12, 31)
first = datetime.date(2026, 1, 1)
names = ["Groceries", "Rent", "Fun", "Продукты", "Ψώνια"]
found = [
    Entry(
        first + datetime.timedelta(days=number * 365 // {EXPENSES}),
        names[number % 5],
        names[number % 5].casefold(),
        Decimal(number % 9999 + 1) / 100,
        f"Purchase {{number}} at the shop round the corner",
    )
    for number in range({EXPENSES})
]
period = resolve("yearly", today=today, year=2026)

def ours():
    report = compute(period, "USD", found, today=today, since=found[0].day)
    return len(pdf.draw(report, username="ada", app_url="http://127.0.0.1"))

def bare():
    from reportlab.platypus import LongTable, SimpleDocTemplate
    rows = [["Date", "Category", "Description", "Amount"]]
    rows += [
        [day(e.day), e.category, e.description, write_number(e.amount, "USD")]
        for e in found
    ]
    file = io.BytesIO()
    SimpleDocTemplate(file).build([LongTable(rows, repeatRows=1)])
    return len(file.getvalue())

start = time.perf_counter()
size = CHOSEN()
took = time.perf_counter() - start
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, size)
"""

IMPORT = """
import time
start = time.perf_counter()
%s
print(time.perf_counter() - start)
"""
HANDLER = "import lambdas.report_generator.handler"
BARE = "\n".join(
    [
        "import boto3",
        "from reportlab.pdfbase import ttfonts",
        "from reportlab.platypus import BaseDocTemplate",
        "boto3.client('s3', region_name='us-east-1')",
    ]
)
# The handler creates its client on first use, which is measured here too.
HANDLER += "\nfrom smartbudget.core import aws; aws.client('s3')"


def main() -> None:
    """Print both comparisons."""
    ours, bare = (_least(REPORT.replace("CHOSEN", name)) for name in ("ours", "bare"))
    print(f"\nA report over {EXPENSES:,} expenses; the least of {TIMES}\n")
    for name, (took, megabytes, size) in {"ours": ours, "bare table": bare}.items():
        print(f"{name:<22}{took:>7.2f} s{megabytes:>8.0f} MB RSS{size:>12,.0f} bytes")
    print(f"ratio {ours[0] / bare[0]:.2f}; the aim is {RATIO_AIM} at most,")
    print(f"and below {MEGABYTES_AIM} MB")

    (handler,), (plain,) = _least(IMPORT % HANDLER), _least(IMPORT % BARE)
    print("\nImporting the handler and making its client, beside boto3 and ReportLab\n")
    print(f"{handler:.3f} s and {plain:.3f} s: ratio {handler / plain:.2f};", end=" ")
    print(f"the aim is {RATIO_AIM} at most")


def _least(code: str) -> list[float]:
    """Run code in fresh processes; return the figures of the fastest."""
    runs = []
    for _ in range(TIMES):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        runs.append([float(word) for word in done.stdout.split()])
    return min(runs)


if __name__ == "__main__":
    main()
