"""Measure reports of many expenses beside a bare ReportLab canvas.

The canvas draws the same rows in the same fonts, line by line, and lays out nothing.
Also compares the import of the Lambda's handler with that of boto3 and ReportLab.

Each figure is processor time, and from separate processes, so that nothing is cached.
"""

import subprocess
import sys

from benchmarks.aims import Aims
from reports.services import MAX_EXPENSES
from smartbudget.core.config import config

DIRECT = config.direct_report_expenses  # larger ones are created in the background
# By number of expenses; more than MAX_EXPENSES are refused.
TIMES = {100: 5, 10_000: 5, DIRECT: 3, MAX_EXPENSES: 1}
COMPARED = 10_000
RATIO_AIM = 1.5
MEGABYTES_AIM = 128  # that the process grows by with the largest report
SECONDS_AIM = 7.5  # of the largest that a user waits for: half of what it may take
IMPORT_TIMES = 5
NOISE = 0.2

REPORT = """
import datetime, io, resource, time
from decimal import Decimal
from expenses.queries import Entry
from reports import fonts, pdf
from reports.periods import resolve
from reports.services import compute
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from smartbudget.core.i18n import day
from smartbudget.core.money import write_number

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

imported = peak()
today = datetime.date(2026, 12, 31)
days = [datetime.date(2026, 1, 1) + datetime.timedelta(n) for n in range(365)]
names = ["Groceries", "Rent", "Fun", "Продукты", "Ψώνια"]
entries = [
    Entry(
        days[number * 365 // COUNT],
        names[number % 5],
        names[number % 5].casefold(),
        Decimal(number % 9999 + 1) / 100,
        f"Purchase {number} at the shop around the corner",
        f"{number:032x}",
        f"2026-01-01T00:00:00.{number:06}+00:00",
    )
    for number in range(COUNT)
]
before = [
    Entry(
        entry.day.replace(year=2025),
        entry.category,
        entry.category_key,
        +entry.amount,
    )
    for entry in entries[: COUNT // 2]
]
period = resolve("yearly", today=today, year=2026)
fonts.lay("loaded", bold=True)

def report():
    since = before[0].day
    report = compute(period, "USD", before + entries, today=today, since=since)
    return pdf.draw(report, username="ada", app_url="http://127.0.0.1")

def bare():
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for first in range(0, COUNT, 40):
        for place, entry in enumerate(entries[first : first + 40]):
            y = 780 - 18 * place
            cells = (
                (60, day(entry.day)),
                (130, entry.category),
                (250, entry.description),
                (500, write_number(entry.amount, "USD")),
            )
            for x, text in cells:
                for run in fonts.lay(text):
                    canvas.setFont(run.font, 9)
                    canvas.drawString(x, y, run.text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()

start = time.process_time()
size = len(CHOSEN())
took = time.process_time() - start
print(took, imported, peak() - imported, size / 1000)
"""

IMPORT = """
import time
start = time.process_time()
%s
print(time.process_time() - start)
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


def main() -> int:
    """Print all figures and whether they meet their aims; return the exit code."""
    aims = Aims()
    print(
        "\nReports, and a bare canvas that draws the same rows; the least of some runs"
    )
    print(
        f"\n{'rows':>9}{'seconds':>9}{'bare':>9}{'ratio':>7}{'MB':>11}{'kB of PDF':>11}"
    )
    results = {}
    for count in TIMES:
        took, imported, megabytes, kilobytes = _measure(count, "report")
        bare, *_rest = _measure(count, "bare")
        results[count] = (took, took / bare, megabytes)
        print(
            f"{count:>9,}{took:>9.2f}{bare:>9.2f}{took / bare:>7.2f}"
            f"{imported:>6.0f} +{megabytes:>3.0f}{kilobytes:>11,.0f}",
            flush=True,
        )
    handler, bare_import = (
        _least(IMPORT % code, IMPORT_TIMES)[0] for code in (HANDLER, BARE)
    )
    print(f"\nImporting the handler {handler:.3f} s, boto3 and ReportLab", end=" ")
    print(f"{bare_import:.3f} s\n")
    took, ratio, _megabytes = results[COMPARED]
    aims.check(f"{COMPARED:,} rows, ratio to the canvas", ratio, RATIO_AIM, noise=NOISE)
    took, _ratio, _megabytes = results[DIRECT]
    aims.check(f"{DIRECT:,} rows, seconds", took, SECONDS_AIM, noise=NOISE)
    _took, _ratio, megabytes = results[MAX_EXPENSES]
    aims.check(f"{MAX_EXPENSES:,} rows, MB more", megabytes, MEGABYTES_AIM)
    ratio = handler / bare_import
    aims.check("import of the handler, ratio", ratio, RATIO_AIM, noise=NOISE)
    return aims.exit_code


def _measure(count: int, chosen: str) -> list[float]:
    """Return seconds, megabytes imported and more, and kilobytes of the file."""
    code = REPORT.replace("COUNT", str(count)).replace("CHOSEN", chosen)
    return _least(code, TIMES[count])


def _least(code: str, times: int) -> list[float]:
    """Run code in fresh processes; return the figures of the fastest."""
    runs = []
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        runs.append([float(word) for word in done.stdout.split()])
    return min(runs)


if __name__ == "__main__":
    sys.exit(main())
