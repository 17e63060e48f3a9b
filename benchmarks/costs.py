"""Estimate a month's cost at 100, 10,000 and a million users.

Run `python -m benchmarks.costs`. It measures nothing: tests/test_monthly_costs.py
checks the AWS calls of each action, and the figures marked as assumed are assumptions.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

SIZES = (100, 10_000, 1_000_000)

# List prices of us-east-1 in dollars; docs/operations.md has their sources.
READ_UNIT, WRITE_UNIT = 0.125e-6, 0.625e-6
TABLE_GB, BACKUP_GB = 0.25, 0.20  # a month; point-in-time recovery
GB_SECOND, INVOCATION = 0.0000166667, 0.20e-6
SQS_REQUEST = 0.40e-6
SNS_EMAIL, SNS_PUBLISH, SES_EMAIL = 2.00e-5, 0.50e-6, 1.00e-4
S3_GB, S3_PUT, S3_GET = 0.023, 5.0e-6, 0.4e-6
SERVER_HOUR = {"t3.small": 0.0208, "m7i.large": 0.1008}
BALANCER_HOUR, BALANCER_UNIT_HOUR = 0.0225, 0.008
ADDRESS_HOUR, DISK_GB = 0.005, 0.08
LOG_GB, ALARM, METRIC, SECRET, KEY = 0.50, 0.10, 0.30, 0.40, 1.00
SENT_GB, SENT_FREE_GB = 0.09, 100
WEB_ACL, WEB_ACL_RULE, INSPECTED = 5.00, 1.00, 0.60e-6
COPIED_TABLE_GB, COPIED_FILES_GB = 0.10, 0.05  # AWS Backup, a month

HOURS = 730
DAYS = 30.4


@dataclass(frozen=True)
class Action:
    """The AWS requests of an action.

    calls: by the names of tests/calls.py. reads, writes: capacity units by table, with
    those of its indexes; reads are for items of usual size, in usual numbers.
    """

    calls: tuple[str, ...]
    reads: Mapping[str, float]
    writes: Mapping[str, float] = field(default_factory=dict)


_GET, _BATCH, _QUERY = "dynamodb.GetItem", "dynamodb.BatchGetItem", "dynamodb.Query"
_COMMIT, _UPDATE = "dynamodb.TransactWriteItems", "dynamodb.UpdateItem"
_SEND, _PUT_FILE = "sqs.SendMessageBatch", "s3.PutObject"

# A new expense reads three keys, of its weekly, monthly and yearly budget: 3 units. A
# month of 30 expenses is about 12 KB in its index, read eventually consistently: 1.5.
# The stored totals of past months are about 4 KB a year.
_SESSION = {"users": 1.0}
_NEW_EXPENSE = {"expenses": 4.0, "budgets": 3.0}
ACTIONS = {
    "open a page without a list": Action((_GET,), _SESSION),
    "open a list": Action((_GET, _QUERY), _SESSION | {"expenses": 2}),
    "open the dashboard": Action(
        (_GET, _QUERY, _QUERY), _SESSION | {"budgets": 0.5, "expenses": 3}
    ),
    "its trend": Action((_GET, _QUERY, _QUERY), _SESSION | {"expenses": 2.5}),
    "count the unread": Action((_GET, _QUERY), _SESSION | {"notifications": 3.5}),
    "add an expense": Action(
        (_GET, _BATCH, _COMMIT), _SESSION | {"budgets": 3}, _NEW_EXPENSE
    ),
    "add one that alerts": Action(
        (_GET, _BATCH, _COMMIT, _SEND),
        _SESSION | {"budgets": 3},
        _NEW_EXPENSE | {"notifications": 4},
    ),
    "edit one": Action(
        (_GET, _GET, _BATCH, _COMMIT),
        _SESSION | {"expenses": 1, "budgets": 3},
        {"expenses": 6, "budgets": 3},
    ),
    "add one with a receipt": Action(
        (_GET, _SEND, _PUT_FILE, _BATCH, _COMMIT),
        _SESSION | {"budgets": 3},
        _NEW_EXPENSE,
    ),
    "log in": Action(
        (_GET, _GET, _UPDATE, _UPDATE, _COMMIT), {"users": 2}, {"users": 16}
    ),
    "deliver an alert": Action(
        (_UPDATE, _GET, "sns.Publish", _UPDATE), {"users": 1}, {"notifications": 6}
    ),
    # Planned a period ahead; the sweep queues ten in one message request.
    "sweep and deliver a summary": Action(
        (
            *(_UPDATE, _GET),
            *(_UPDATE, _GET, _QUERY, _QUERY, _COMMIT, "sns.Publish", _UPDATE),
        ),
        {"users": 2, "budgets": 0.5, "expenses": 1.5},
        {"notifications": 22},
    ),
}
# Assumed: what a user does in a month.
USE = {
    "open a page without a list": 40,
    "open a list": 40,
    "open the dashboard": 20,
    "its trend": 20,
    # At the start of 30 visits, of four pages within ten minutes, and after an alert
    # and four marks. Before browsers kept the number: on each of the 120 pages.
    "count the unread": 35,
    "add an expense": 26,
    "add one that alerts": 1,
    "edit one": 3,
    "add one with a receipt": 3,
    "log in": 3,
    "deliver an alert": 1,
    "sweep and deliver a summary": 3,
}
MAILS = USE["deliver an alert"] + USE["sweep and deliver a summary"]
REPORTS, FILES_READ = 1, 10
RECEIPT_MB, REPORT_MB = 0.5, 0.05
YEARS = 3  # of stored history
EXPENSE_KB, SEARCHED_KB, NOTIFICATION_KB = 0.5, 0.3, 0.8
PAGE_KB = 12  # compressed, with its share of static files
LOG_KB = 0.6  # per request, in the logs of application and proxy

# Measured by the other benchmarks, rounded up.
REQUEST_CPU_SECONDS = 0.015  # pages
DELIVERY_SECONDS, DELIVERY_GB = 0.2, 0.5
REPORT_SECONDS, REPORT_GB = 2.0, 1769 / 1024
# From daily_check, per user: 29 ordinary days and the first of the month, and then the
# recounts of three budgets, queued at once.
CHECK_SECONDS, RECOUNT_SECONDS, CHECK_SENDS = 0.7, 0.15, 1
CHECK_READS, CHECK_WRITES = {"budgets": 16, "expenses": 11}, {"budgets": 15}
# The trend stores two years' totals about once a month, in table and index, and reads a
# year of expenses for that.
TOTALS_READS, TOTALS_WRITES = {"expenses": 18}, {"expenses": 2 * (4 + 4)}
REPORT_READS, REPORT_WRITES = {"users": 1, "expenses": 3}, {"users": 3}
# Every five minutes, in four parts. Each query of an empty shard is half a read unit.
SWEEPS, SWEEP_PARTS, SWEEP_QUERIES, SWEEP_SECONDS = DAYS * 288, 4, 24, 0.1
PEAK = 4  # times the average load
BUSY = 0.5  # CPU load at which web.yaml adds a server

ALARMS, QUERY_ALARMS = 26, 8
# Of the application and of filters of its logs; each value of a dimension is a metric.
METRICS = {
    "AlertsQueued": 3,  # levels
    "DailyCheckFinished": 1,  # segments
    "EmailsThrottled": 1,
    "ExpensesRecorded": 1,
    "FilterPolicies": 1,
    "MonthTotalsCorrected": 1,
    "NotificationsDelivered": 3,  # statuses
    "ReportsMade": 1,
    "error-lines": 1,
    "failed-messages": 1,
    "wrong-totals": 1,
}
SECRETS = 3  # SECRET_KEY, HEALTH_KEY, the canary's password

# The canary, every five minutes. Seconds: measured on the local AWS, rounded up. Units:
# of one registration, login, budget, expense and alert, and of their deletion.
CANARY_RUNS = DAYS * 288
CANARY_RUN_SECONDS, CANARY_GB, CANARY_READS, CANARY_WRITES = 10, 0.25, 100, 150

# Of firewall.yaml, backup.yaml and vault.yaml; off by default.
FIREWALL_RULES, BACKUP_DAYS, COPY_DAYS = 4, 2, 14


@dataclass
class Bill:
    """Dollars a month, by service."""

    lines: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The sum of all lines."""
        return sum(self.lines.values())


def month(users: int) -> Bill:
    """Return the cost of a month, without any free tier."""
    reads, writes = units()
    table_gb, files_gb = stored()
    mails = MAILS * users
    sends = sum(times * ACTIONS[name].calls.count(_SEND) for name, times in USE.items())
    requests = requests_of_a_user() * users
    lambda_gb_seconds = (
        users
        * (
            MAILS * DELIVERY_SECONDS * DELIVERY_GB
            + REPORTS * REPORT_SECONDS * REPORT_GB
            + (CHECK_SECONDS + RECOUNT_SECONDS) * 0.5
        )
        + SWEEPS * SWEEP_PARTS * SWEEP_SECONDS * 0.5
    )
    sent_gb = requests * PAGE_KB / 1e6 + users * RECEIPT_MB / 1e3
    return Bill(
        {
            "DynamoDB, requests": users
            * (sum(reads.values()) * READ_UNIT + sum(writes.values()) * WRITE_UNIT)
            + SWEEPS * SWEEP_QUERIES * 0.5 * READ_UNIT,
            "DynamoDB, storage and recovery": users * table_gb * (TABLE_GB + BACKUP_GB),
            "Lambda": lambda_gb_seconds * GB_SECOND
            + (mails + users * (REPORTS + 1) + SWEEPS * SWEEP_PARTS) * INVOCATION,
            "SQS": (3 * users * (sends + CHECK_SENDS) + _POLLS) * SQS_REQUEST,
            "e-mail": mails * (SNS_EMAIL + SNS_PUBLISH if users <= 200 else SES_EMAIL),
            "S3": users
            * (files_gb * S3_GB + (3 + REPORTS) * S3_PUT + FILES_READ * S3_GET),
            "web servers": _servers(requests),
            "load balancer": _balancer(requests),
            "transfer": max(0, sent_gb - SENT_FREE_GB) * SENT_GB,
            "logs, alarms, secrets": requests * LOG_KB / 1e6 * LOG_GB
            + (ALARMS + 3 * QUERY_ALARMS) * ALARM
            + sum(METRICS.values()) * METRIC
            + SECRETS * SECRET,
            "canary": CANARY_RUNS
            * (
                CANARY_RUN_SECONDS * CANARY_GB * GB_SECOND
                + INVOCATION
                + CANARY_READS * READ_UNIT
                + CANARY_WRITES * WRITE_UNIT
                + SES_EMAIL
            ),
        }
    )


def units() -> tuple[dict[str, float], dict[str, float]]:
    """Return the units that a user reads and writes in a month, by table."""
    reads: defaultdict[str, float] = defaultdict(float)
    writes: defaultdict[str, float] = defaultdict(float)
    done: list[tuple[Mapping[str, float], Mapping[str, float], int]] = [
        (CHECK_READS, CHECK_WRITES, 1),
        (TOTALS_READS, TOTALS_WRITES, 1),
        (REPORT_READS, REPORT_WRITES, REPORTS),
        *((ACTIONS[name].reads, ACTIONS[name].writes, USE[name]) for name in USE),
    ]
    for read, written, times in done:
        for table in read:
            reads[table] += read[table] * times
        for table in written:
            writes[table] += written[table] * times
    return reads, writes


def options(users: int) -> Bill:
    """Return the cost of what is off by default; staging with one server."""
    table_gb, files_gb = stored()
    idle = month(0)
    return Bill(
        {
            "staging": idle.total - idle.lines["web servers"] / 2,
            "firewall": WEB_ACL
            + FIREWALL_RULES * WEB_ACL_RULE
            + users * requests_of_a_user() * INSPECTED,
            # A table's backup is always full; of a bucket only the changes are stored.
            "copies in a second account": 2 * KEY
            + users * table_gb * (BACKUP_DAYS + COPY_DAYS) * COPIED_TABLE_GB
            + users * files_gb * 2 * COPIED_FILES_GB,
        }
    )


def stored() -> tuple[float, float]:
    """Return the GB of a user in (tables, files) after some years."""
    months = 12 * YEARS
    expenses = USE["add an expense"] + USE["add one with a receipt"]
    stored_kb = 2 * (expenses * EXPENSE_KB + 6 * NOTIFICATION_KB)
    table_gb = months * (stored_kb + expenses * SEARCHED_KB) / 1e6
    files_gb = months * (USE["add one with a receipt"] * RECEIPT_MB + REPORT_MB) / 1e3
    return table_gb, files_gb


# Lambda polls a queue with at least five pollers, for 20 seconds each time.
_POLLS = 5 * DAYS * 86_400 / 20


def requests_of_a_user() -> float:
    """Return the requests of a user in a month, without static files."""
    return sum(USE.values()) - MAILS


def _servers(requests: float) -> float:
    """Return the price of the web servers, at least two small ones."""
    kind, count = servers(requests)
    return count * (HOURS * (SERVER_HOUR[kind] + ADDRESS_HOUR) + 8 * DISK_GB)


def servers(requests: float) -> tuple[str, int]:
    """Return kind and number of the servers for the requests of a month."""
    cpus = at_peak(requests) * REQUEST_CPU_SECONDS / BUSY
    if cpus > 2 * 0.4:  # what two of these burstable servers can use permanently
        return "m7i.large", max(2, math.ceil(cpus / 2))
    return "t3.small", 2


def at_peak(number: float) -> float:
    """Return the number a second at peak of what happens so often in a month."""
    return number / (HOURS * 3600) * PEAK


def _balancer(requests: float) -> float:
    """Return the load balancer's price; a unit is 25 connections a second or 1 GB/h."""
    connections = requests / (HOURS * 3600) / 25
    volume = requests * PAGE_KB / 1e6 / HOURS
    units = max(connections, volume)
    return HOURS * (BALANCER_HOUR + 2 * ADDRESS_HOUR + units * BALANCER_UNIT_HOUR)


def table() -> str:
    """Return the table of docs/operations.md."""
    bills = [month(size) for size in SIZES]
    totals = [f"**{bill.total:,.2f}**" for bill in bills]
    per_user = [
        f"{bill.total / size:,.4f}" for bill, size in zip(bills, SIZES, strict=True)
    ]
    rows = _rows("dollars a month", bills)
    return "\n".join([*rows, _row("**all**", totals), _row("a user", per_user)])


def options_table() -> str:
    """Return the table of options in docs/operations.md."""
    return "\n".join(
        _rows("optional, dollars a month", [options(size) for size in SIZES])
    )


def _rows(title: str, bills: list[Bill]) -> list[str]:
    head = [
        _row(title, [f"{size:,} users" for size in SIZES]),
        "| --- |" + " ---: |" * len(SIZES),
    ]
    return head + [
        _row(name, [f"{bill.lines[name]:,.2f}" for bill in bills])
        for name in bills[0].lines
    ]


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    print(f"{table()}\n\n{options_table()}")
