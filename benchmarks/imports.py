"""Measure imports of 10,000 rows, beside bare libraries: `make bench ARGS=imports`.

`python -m benchmarks` starts it with the web role. Reading is compared with a library
that reads the same file, and the commit with plain boto3 that writes as many expenses
to the same local AWS, a hundred in a transaction. Each figure is the processor time or
memory of a process of its own, without that of the local AWS. Capacity units are those
of the DynamoDB in memory of the tests, which are exact.
"""

import csv
import datetime
import io
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as ClientConfig

from benchmarks.aims import Aims
from benchmarks.load import memory_of
from expenses.imports import commit, reading, services
from expenses.imports.bookings import Booking
from expenses.imports.limits import MAX_ROWS
from expenses.models import Expense
from smartbudget.core import dates
from smartbudget.core.config import config
from smartbudget.core.user import User
from tests.expenses.imports.formats import statements

TIMES = 2  # the least of so many runs; once for what takes long
ROWS = MAX_ROWS
WARM_UP = 20  # rows of the file that each process reads first
CHUNK = 100  # expenses in a bare transaction
DAYS = 360  # of a file
SHOPS = 200
FORMATS = ("csv", "ofx", "qif", "camt", "mt940")
COUNTED = ("upload", "commit", "boto3")
KINDS = ("calls", "read units", "write units")

# Times the processor time of the bare library.
READ_AIMS = {"csv": 20, "ofx": 0.2, "qif": 1, "camt": 0.2, "mt940": 2}
UPLOAD_AIM = 2  # seconds
COMMIT_AIM = 6  # times the processor time of bare writes
MEGABYTES_AIM = 50
CALLS_AIM = 1.6  # times those of bare writes, the upload included
WRITE_UNITS_AIM = 1.1  # the same
NOISE = 0.25

Figures = dict[str, float]


def main() -> int:
    """Print all figures; return 1 if one misses its aim."""
    print(f"\nImports of {ROWS:,} rows: processor seconds, and MB of peak growth\n")
    columns = ("read", "library", "upload", "commit", "MB upload", "MB commit")
    print(f"{'format':<8}{'kB':>7}" + "".join(f"{name:>11}" for name in columns))
    results = {name: _measure(name) for name in FORMATS}
    bare = _least("boto3")["boto3"]
    print(f"{'boto3':<8}{'':>40}{bare:>11.2f}\n")
    print(f"{'':<8}{'calls':>7}{'read units':>12}{'write units':>13}")
    costs = _run("count")
    for name in COUNTED:
        calls, read, write = (costs[f"{name} {kind}"] for kind in KINDS)
        print(f"{name:<8}{calls:>7,.0f}{read:>12,.1f}{write:>13,.0f}")
    print()
    return _check(results, bare, costs)


def _measure(name: str) -> Figures:
    figures = _least("read", name) | _run("library", name) | _run("import", name)
    seconds = (figures[key] for key in ("read", "library", "upload", "commit"))
    megabytes = (figures[f"MB {key}"] for key in ("upload", "commit"))
    print(
        f"{name:<8}{figures['kB']:>7,.0f}"
        + "".join(f"{value:>11.2f}" for value in seconds)
        + "".join(f"{value:>11.0f}" for value in megabytes),
        flush=True,
    )
    return figures


def _check(results: dict[str, Figures], bare: float, costs: Figures) -> int:
    aims = Aims()
    for name, figures in results.items():
        ratio = figures["read"] / figures["library"]
        title = f"{name}: reading, beside the library"
        aims.check(title, ratio, READ_AIMS[name], noise=NOISE)
        seconds = figures["upload"]
        aims.check(f"{name}: seconds of the upload", seconds, UPLOAD_AIM, noise=NOISE)
        peak = max(figures["MB upload"], figures["MB commit"])
        aims.check(f"{name}: MB of peak growth", peak, MEGABYTES_AIM, noise=NOISE)
    ratio = min(figures["commit"] for figures in results.values()) / bare
    aims.check("commit, beside boto3", ratio, COMMIT_AIM, noise=NOISE)
    for kind, aim in (("calls", CALLS_AIM), ("write units", WRITE_UNITS_AIM)):
        upload, commit, plain = (costs[f"{name} {kind}"] for name in COUNTED)
        aims.check(f"{kind}, beside boto3", (upload + commit) / plain, aim)
    return aims.exit_code


def _least(*arguments: str) -> Figures:
    """Run a step several times; return the least of each figure."""
    runs = [_run(*arguments) for _ in range(TIMES)]
    return {name: min(run[name] for run in runs) for name in runs[0]}


def _run(step: str, *arguments: str) -> Figures:
    """Run a step in a process of its own."""
    first = "from benchmarks import in_process; " if step == "count" else ""
    code = f"{first}from benchmarks import imports; imports.print_step()"
    done = subprocess.run(
        [sys.executable, "-c", code, step, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def print_step() -> None:
    """Print the figures of the step that the arguments name, as JSON."""
    step, *arguments = sys.argv[1:]
    print(json.dumps(STEPS[step](*arguments)))


# The file


Payment = tuple[datetime.date, Decimal, str]  # amount: as the bank


def payments(count: int) -> Iterator[Payment]:
    """Yield payments of the last months."""
    first = dates.now().date() - datetime.timedelta(DAYS)
    for number in range(count):
        day = first + datetime.timedelta(number * DAYS // count)
        amount = -Decimal(100 + number * 7 % 9900).scaleb(-2)
        yield day, amount, f"SHOP {number % SHOPS} REFERENCE {number:05}"


def file_of(name: str, count: int = ROWS) -> bytes:
    """Return payments as a bank's file."""
    return FILES[name](payments(count)).encode()


def _csv(rows: Iterable[Payment]) -> str:
    lines = "".join(f"{day},{text},{amount}\n" for day, amount, text in rows)
    return f"Date,Description,Amount\n{lines}"


def _ofx(rows: Iterable[Payment]) -> str:
    return statements.ofx_file(
        *(
            statements.payment(str(amount), f"{day:%Y%m%d}120000", f"A{number}", text)
            for number, (day, amount, text) in enumerate(rows)
        )
    )


def _qif(rows: Iterable[Payment]) -> str:
    records = (
        f"D{day:%m/%d/%Y}\nT{amount}\nP{text}\n^\n" for day, amount, text in rows
    )
    return "!Type:Bank\n" + "".join(records)


def _camt(rows: Iterable[Payment]) -> str:
    entries = (
        statements.entry(
            str(-amount),
            day=str(day),
            more=f"<AddtlNtryInf>{text}</AddtlNtryInf>",
            currency="USD",
        )
        for day, amount, text in rows
    )
    return statements.camt_file(statements.camt_statement(*entries))


def _mt940(rows: Iterable[Payment]) -> str:
    fields = (
        f":61:{day:%y%m%d%m%d}D{-amount:f}NMSC\n:86:{text}".replace(".", ",")
        for day, amount, text in rows
    )
    end = f":62F:C{dates.now().date():%y%m%d}USD1,\n-"
    return statements.mt940_file(*fields, end=end).replace("EUR", "USD")


FILES = {"csv": _csv, "ofx": _ofx, "qif": _qif, "camt": _camt, "mt940": _mt940}


# Bare libraries


def _by_csv(content: bytes) -> int:
    rows = [
        (datetime.date.fromisoformat(row["Date"]), Decimal(row["Amount"]))
        for row in csv.DictReader(io.StringIO(content.decode()))
    ]
    return len(rows)


def _by_ofxparse(content: bytes) -> int:
    from ofxparse import OfxParser

    [account] = OfxParser.parse(io.BytesIO(content)).accounts
    return len(account.statement.transactions)


def _by_quiffen(content: bytes) -> int:
    from quiffen import Qif

    parsed = Qif.parse_string(content.decode(), day_first=False)
    return sum(
        len(rows)
        for account in parsed.accounts.values()
        for rows in account.transactions.values()
    )


def _by_pycamt(content: bytes) -> int:
    from pycamt.parser import Camt053Parser

    return len(Camt053Parser(content).get_transactions())


def _by_mt940(content: bytes) -> int:
    import mt940

    return len(mt940.parse(content.decode()))


LIBRARIES: dict[str, Callable[[bytes], int]] = {
    "csv": _by_csv,
    "ofx": _by_ofxparse,
    "qif": _by_quiffen,
    "camt": _by_pycamt,
    "mt940": _by_mt940,
}


# Steps, each in a process of its own


@contextmanager
def _measuring(figures: Figures, name: str) -> Iterator[None]:
    """Add the processor time and the peak growth of a block to figures."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before, start = memory_of(os.getpid()), time.process_time()
    yield
    figures[name] = time.process_time() - start
    figures[f"MB {name}"] = (memory_of(os.getpid(), "VmHWM") - before) / 1024


def _read(name: str) -> Figures:
    def read(content: bytes) -> int:
        today = dates.now().date()
        statement = reading.read(content, currency="USD", today=today)
        return sum(isinstance(row, Booking) for row in statement.rows)

    return _measure_reading(read, name, "read")


def _read_by_library(name: str) -> Figures:
    return _measure_reading(LIBRARIES[name], name, "library")


def _measure_reading(read: Callable[[bytes], int], name: str, title: str) -> Figures:
    assert read(file_of(name, WARM_UP)) == WARM_UP
    content = file_of(name)
    figures: Figures = {"kB": len(content) / 1000}
    with _measuring(figures, title):
        assert read(content) == ROWS
    return figures


def _import(name: str) -> Figures:
    from benchmarks.actions import Bench

    bench = Bench(0)
    bench.post("budgets", categories="all", amount="1000000.00")
    commit_all(bench.user, upload(bench.user, file_of(name, WARM_UP)))
    content = file_of(name)
    figures: Figures = {}
    with _measuring(figures, "upload"):
        import_id = upload(bench.user, content)
    with _measuring(figures, "commit"):
        commit_all(bench.user, import_id)
    return figures


def upload(user: User, content: bytes) -> str:
    """Upload a file; return the id of the import."""
    record = services.create_import(user, content, "bank")
    assert not services.questions_of(record), services.questions_of(record)
    return str(record.import_id)


def commit_all(user: User, import_id: str) -> None:
    """Commit an import until no rows are left."""
    while commit.commit(user, import_id).left:
        pass


def _write() -> Figures:
    """Write expenses as an import does, with plain boto3."""
    client, items = _client(), [*map(_item, payments(ROWS + CHUNK))]
    _write_all(client, items[:CHUNK])
    figures: Figures = {}
    with _measuring(figures, "boto3"):
        _write_all(client, items[CHUNK:])
    return figures


def _client() -> Any:
    return boto3.client(
        "dynamodb",
        region_name=config.region,
        endpoint_url=config.aws_endpoint,
        config=ClientConfig(parameter_validation=False),
    )


def _write_all(client: Any, items: list[dict[str, Any]]) -> None:
    table = Expense.Meta.table_name
    puts = [{"Put": {"TableName": table, "Item": item}} for item in items]
    for start in range(0, len(puts), CHUNK):
        client.transact_write_items(TransactItems=puts[start : start + CHUNK])


def _item(payment: Payment) -> dict[str, Any]:
    day, amount, text = payment
    shop, _, _ = text.partition(" REFERENCE")
    now = dates.timestamp()
    expense = Expense(
        expense_id=uuid.uuid4().hex,
        user_id="boto3",
        date=day.isoformat(),
        amount=-amount,
        category="Uncategorized",
        category_key="uncategorized",
        merchant=shop,
        description=text,
        status="cleared",
        import_id=uuid.uuid4().hex,
        source_key=uuid.uuid4().hex,
        source_text=text,
        created_at=now,
        updated_at=now,
        version=1,
    )
    expense.index_text(version=1)
    item: dict[str, Any] = expense.serialize()
    return item


def _count() -> Figures:
    """Count the AWS calls and capacity units of an import."""
    from benchmarks.growth import counting
    from tests.builders import make_user
    from tests.conftest import empty_aws
    from tests.money_builders import make_budget

    with empty_aws():
        user = make_user()
        make_budget(user, category=None, categories="all", amount="1000000.00")
        with counting() as of_upload:
            import_id = upload(user, file_of("csv"))
        with counting() as of_commit:
            commit_all(user, import_id)
        with counting() as of_boto3:
            _write_all(_client(), [*map(_item, payments(ROWS))])
    costs = zip(COUNTED, (of_upload, of_commit, of_boto3), strict=True)
    return {
        f"{name} {kind}": getattr(cost, kind.replace(" ", "_"))
        for name, cost in costs
        for kind in KINDS
    }


STEPS: dict[str, Callable[..., Figures]] = {
    "read": _read,
    "library": _read_by_library,
    "import": _import,
    "boto3": _write,
    "count": _count,
}

if __name__ == "__main__":
    sys.exit(main())
