"""Compare visits of pages with those of other programs, with the same expenses.

    make bench ARGS=peers FAVA=fava HLEDGER_WEB=hledger-web ACTUAL=folder

FAVA and HLEDGER_WEB name the programs (pip install fava, apt-get install hledger-web).
ACTUAL is a folder in which npm has installed @actual-app/sync-server and
@actual-app/api. Those not named are left out. Chromium visits each page several times,
in turns, so that drift affects all.

A visit's processor time is that of the server's processes, without the local AWS, and
that of the browser's main thread. Its time ends with the last response or the load
event, and is compared with that of a page without content.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import requests

from benchmarks.history import RARE, Payment, spread
from benchmarks.load import memory_of, server
from smartbudget.core import dates
from tests.browser.windows import running_browser
from tests.stack import free_ports, wait_until

COUNT = 10_000
TIMES = 3
ROWS = 1000  # of a bulk
ACTUAL_SCRIPT = Path(__file__).with_name("actual.js")


@dataclass(frozen=True)
class Site:
    """A program, its pages by name, and the processes that serve them."""

    name: str
    pages: dict[str, str]  # URLs
    pids: list[int]
    cookies: dict[str, str] = field(default_factory=dict)


class Visit(NamedTuple):
    """The cost of one visit to a page."""

    requests: float
    kilobytes: float
    server: float  # milliseconds of processor time
    browser: float  # likewise
    milliseconds: float


def main() -> int:
    """Print the table; return 0, since the others set no aim."""
    payments = list(spread(COUNT, dates.now().date()))
    with contextlib.ExitStack() as running, tempfile.TemporaryDirectory() as folder:
        sites = [
            running.enter_context(start(payments, Path(folder)))
            for name, start in SITES.items()
            if name in REQUIRED or os.environ.get(name)
        ]
        visits = _visit_in_turns(sites)
        _print(sites, visits)
        if actual := os.environ.get("ACTUAL"):
            _query_actual(payments, Path(folder), actual)
    return 0


def _print(sites: list[Site], visits: dict[tuple[str, str], list[Visit]]) -> None:
    print(f"\n{COUNT:,} expenses; medians of {TIMES} visits; processor time in ms\n")
    print(
        f"{'':<34}{'requests':>9}{'kB':>9}{'server':>9}{'browser':>9}{'x bare':>8}"
        f"{'MB':>7}"
    )
    bare = _median(visits["a bare page", "again"]).milliseconds
    for site in sites:
        megabytes = sum(memory_of(pid) for pid in site.pids) / 1024
        for page in ("first visit", "again", "search"):
            if (site.name, page) in visits:
                visit = _median(visits[site.name, page])
                print(
                    f"{site.name + ', ' + page:<34}{visit.requests:>9.0f}"
                    f"{visit.kilobytes:>9.1f}{visit.server:>9.1f}{visit.browser:>9.1f}"
                    f"{visit.milliseconds / bare:>8.1f}{megabytes:>7.0f}"
                )


def _median(visits: list[Visit]) -> Visit:
    return Visit(*map(statistics.median, zip(*visits, strict=True)))


def _visit_in_turns(sites: list[Site]) -> dict[tuple[str, str], list[Visit]]:
    visits: dict[tuple[str, str], list[Visit]] = {}
    with running_browser() as browser:
        for number in range(TIMES + 1):  # the first one warms up
            for site in sites:
                context = browser.new_context(locale="en-GB")
                context.set_default_timeout(300_000)
                context.add_cookies(
                    [
                        {"name": name, "value": value, "url": site.pages["again"]}
                        for name, value in site.cookies.items()
                    ]
                )
                for name, url in site.pages.items():
                    visit = _visit(context, url, site.pids)
                    if number:
                        visits.setdefault((site.name, name), []).append(visit)
                context.close()
    return visits


def _visit(context: Any, url: str, pids: list[int]) -> Visit:
    """Open a page in a new tab and wait until it sends no more requests."""
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    sizes: list[float] = []

    def finished(event: dict[str, Any]) -> None:
        sizes.append(event["encodedDataLength"])

    devtools.send("Network.enable")
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    devtools.on("Network.loadingFinished", finished)
    before = _processor_time(pids)
    page.goto(url, wait_until="networkidle")
    milliseconds = page.evaluate(
        """() => Math.max(
          ...performance.getEntriesByType("navigation").map((e) => e.loadEventEnd),
          ...performance.getEntriesByType("resource").map((e) => e.responseEnd))"""
    )
    own = _busy(devtools) * 1000
    used = (_processor_time(pids) - before) * 1000
    page.close()
    transferred = [size for size in sizes if size]  # the rest came from the cache
    return Visit(len(transferred), sum(transferred) / 1000, used, own, milliseconds)


def _busy(devtools: Any) -> float:
    """Return the seconds of processor time that a page's main thread used so far."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))


def _processor_time(pids: list[int]) -> float:
    """Return the seconds of processor time that processes used so far."""
    return sum(
        int(stat.read_text().split()[0]) / 1e9
        for pid in pids
        for stat in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )


@contextlib.contextmanager
def _bare(_payments: list[Payment], _folder: Path) -> Iterator[Site]:
    with server("benchmarks.bare:page") as (port, pids):
        url = f"http://127.0.0.1:{port}/"
        yield Site("a bare page", {"first visit": url, "again": url}, pids)


@contextlib.contextmanager
def _ours(payments: list[Payment], _folder: Path) -> Iterator[Site]:
    with server("smartbudget.wsgi:application") as (port, pids):
        url, http = f"http://127.0.0.1:{port}", requests.Session()
        name = f"p{uuid.uuid4().hex[:12]}"
        login = {"username": name, "email": f"{name}@example.com"}
        response = http.post(f"{url}/register", json=login | {"password": name[::-1]})
        http.headers["X-CSRFToken"] = response.json()["csrf_token"]
        for first in range(0, len(payments), ROWS):
            rows = [
                {
                    "date": payment.day.isoformat(),
                    "category": payment.category,
                    "description": payment.description,
                    "amount": str(payment.amount),
                }
                for payment in payments[first : first + ROWS]
            ]
            response = http.post(f"{url}/api/expenses/bulk", json={"expenses": rows})
            assert response.status_code == 201, response.text
        pages = _pages(f"{url}/expenses", f"{url}/expenses?q={RARE}")
        yield Site("this program", pages, pids, dict(http.cookies))


def _pages(listed: str, search: str) -> dict[str, str]:
    return {"first visit": listed, "again": listed, "search": search}


@contextlib.contextmanager
def _fava(payments: list[Payment], folder: Path) -> Iterator[Site]:
    accounts = {payment.category: _account(payment) for payment in payments}
    opened = [f"1990-01-01 open {name} USD" for name in accounts.values()]
    lines = [
        'option "title" "bench"',
        'option "operating_currency" "USD"',
        "1990-01-01 open Assets:Cash USD",
        *opened,
    ]
    for payment in payments:
        lines += [
            f'{payment.day} * "{payment.description}"',
            f"  {accounts[payment.category]}  {payment.amount} USD",
            "  Assets:Cash",
        ]
    ledger = folder / "ledger.beancount"
    ledger.write_text("\n".join(lines) + "\n")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/bench/journal/"
    command = [os.environ["FAVA"], str(ledger), "--port", str(port)]
    with _running(command, url) as pid:
        yield Site("Fava", _pages(url, f'{url}?filter="{RARE}"'), [pid])


def _account(payment: Payment) -> str:
    return f"Expenses:{payment.category.title().replace(' ', '')}"


@contextlib.contextmanager
def _hledger(payments: list[Payment], folder: Path) -> Iterator[Site]:
    journal = folder / "ledger.journal"
    entries = [
        f"{payment.day} {payment.description}\n"
        f"  {_account(payment)}  {payment.amount} USD\n"
        "  Assets:Cash\n"
        for payment in payments
    ]
    journal.write_text("\n".join(entries))
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    command = [os.environ["HLEDGER_WEB"], "-f", str(journal), "--serve"]
    command += ["--port", str(port), "--base-url", url.rstrip("/")]
    with _running(command, url) as pid:
        pages = _pages(f"{url}journal", f"{url}journal?q=desc:{RARE}")
        yield Site("hledger-web", pages, [pid])


@contextlib.contextmanager
def _actual(_payments: list[Payment], folder: Path) -> Iterator[Site]:
    """Serve Actual, whose login page loads all of its code."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    script = "node_modules/@actual-app/sync-server/build/bin/actual-server.js"
    environment = {
        "ACTUAL_PORT": str(port),
        "ACTUAL_HOSTNAME": "127.0.0.1",
        "ACTUAL_DATA_DIR": str(folder),
    }
    command = ["node", str(Path(os.environ["ACTUAL"]) / script)]
    with _running(command, url, environment) as pid:
        yield Site("Actual, login page", {"first visit": url, "again": url}, [pid])


@contextlib.contextmanager
def _running(
    command: list[str], url: str, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """Run a server during a block, in which it answers; yield its process id."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(url), 300)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=60).status_code == 200
    except requests.ConnectionError:
        time.sleep(0.2)
        return False


def _query_actual(payments: list[Payment], folder: Path, actual: str) -> None:
    """Print the processor time of Actual's queries, which run in the browser."""
    rows = [
        {
            "date": payment.day.isoformat(),
            "amount": -int(payment.amount * 100),
            "category": payment.category,
            "notes": payment.description,
        }
        for payment in payments
    ]
    file = folder / "payments.json"
    file.write_text(json.dumps(rows))
    done = subprocess.run(
        ["node", str(ACTUAL_SCRIPT), str(file), str(folder), RARE, str(TIMES)],
        env={**os.environ, "NODE_PATH": str(Path(actual) / "node_modules")},
        check=True,
        capture_output=True,
        text=True,
    )
    print(f"\nActual's own queries in Node.js: {done.stdout.strip()}")


REQUIRED = ("bare", "ours")
SITES = {
    "bare": _bare,
    "ours": _ours,
    "FAVA": _fava,
    "HLEDGER_WEB": _hledger,
    "ACTUAL": _actual,
}

if __name__ == "__main__":
    sys.exit(main())
