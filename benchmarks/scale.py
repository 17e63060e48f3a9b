"""Compute which limits are reached at what size: `make bench ARGS=scale`.

It compares what 10,000, a million and a hundred million users need with the limits of
AWS and of the templates, and simulates a Monday. What they need follows from the costs
of an action (benchmarks/costs.py) and the aims of the daily check
(benchmarks/daily_check.py). docs/operations.md has the tables.

A user does what costs.USE assumes. All are in one time zone, get a weekly summary on
Monday, and it is the first of a month, when each budget begins a new period.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import costs, in_process, sweep  # noqa: F401  sets up Django first
from benchmarks.aims import Aims
from benchmarks.daily_check import AIMS, PerUser
from infra import templates
from notifications import schedule
from notifications.models import SUMMARY_SHARDS, URGENT_SHARDS
from tests.infra import rendering

SIZES = (10_000, 1_000_000, 100_000_000)
EVERYONE = 10**10
SHOWN = ("10,000", "1 million", "100 million")

HOURS = 6  # within which Monday's summaries and the daily check end
RELEASE_MINUTES = 120  # of the job in .github/workflows/deploy-stage.yml
MINUTES_A_SERVER = 3  # of a release, one server after another (web.yaml)
LOG_STREAMS, LOG_SECONDS = 3, 5  # of a server's agent, and between its requests

# Of AWS, by the anchors of docs/aws.md.
PARTITION_WRITES = 1_000  # docs/aws.md#index-keys
TABLE_UNITS, NEW_TABLE_WRITES = 40_000, 4_000  # docs/aws.md#throughput-of-a-table
RESTORED_TB = 50  # docs/aws.md#restores-at-once
PREFIX_WRITES, PREFIX_READS = 3_500, 5_500  # docs/aws.md#request-rates
IN_FLIGHT, BATCH = 120_000, 10  # docs/aws.md#visibility-of-one-message
STACK_RESOURCES = 500  # docs/aws.md#resources-of-a-stack
LOG_REQUESTS = 5_000  # docs/aws.md#requests-for-logs
NEW_ACCOUNT_LAMBDAS = 10  # docs/aws.md#concurrency-of-an-account
NEW_ACCOUNT_PROCESSORS = 5  # docs/aws.md#virtual-processors
FILTER_POLICIES = 200  # docs/aws.md#filter-policies
NEW_SES_RATE, NEW_SES_DAY = 14, 50_000  # docs/aws.md#first-sending-quotas

# Of the unsent index, for an item until it is sent (notifications/models.py).
ALERT_UNITS, SUMMARY_UNITS = 5, 12

# Virtual processors by InstanceType, all at the same price for one.
PROCESSORS = {"t3.small": 2, "m7i.large": 2, "m7i.4xlarge": 16, "m7i.16xlarge": 64}
FEW = 20  # servers, before a larger type is chosen


@dataclass(frozen=True)
class Limit:
    """Something that AWS or the templates limit.

    first: the limit of a new account, or as installed. need: what so many users need.
    remedy: for more than `first`. most: the highest limit that the remedy reaches, or
    None if AWS names none.
    """

    what: str
    first: float
    need: Callable[[int], float]
    remedy: str
    most: float | None = None

    def is_reached(self, users: int) -> bool:
        """Return whether so many users need the remedy."""
        return self.need(users) > self.first

    def fails(self, users: int) -> bool:
        """Return whether so many users need more than the remedy gives."""
        return self.most is not None and self.need(users) > self.most

    def users(self, limit: float) -> int:
        """Return up to how many users need no more than `limit`; EVERYONE at most."""
        too_many = 1
        while self.need(too_many) <= limit:
            if too_many >= EVERYONE:
                return EVERYONE
            too_many *= 2
        enough = too_many // 2
        while too_many - enough > 1:
            middle = (enough + too_many) // 2
            if self.need(middle) > limit:
                too_many = middle
            else:
                enough = middle
        return enough


def in_time(number: float) -> float:
    """Return the number a second with which so many are done within HOURS."""
    return number / (HOURS * 3600)


def a_month(name: str, users: int) -> float:
    """Return how often all users do something in a month."""
    return costs.USE[name] * users


def concurrency(users: int) -> int:
    """Return NotificationConcurrency, for summaries and recounts of new periods."""
    seconds = costs.DELIVERY_SECONDS + costs.RECOUNT_SECONDS
    return max(2, math.ceil(in_time(users) * seconds))


def segments(users: int) -> int:
    """Return the number of DailyCheckSegments."""
    calls, reads, writes, milliseconds = AIMS["the first of a month"]
    user = PerUser(calls, reads, writes, milliseconds / 1000)
    return max(1, math.ceil(in_time(users) * user.seconds))


def reports(users: int) -> int:
    """Return how many reports are created at once at peak."""
    return math.ceil(costs.at_peak(costs.REPORTS * users) * costs.REPORT_SECONDS)


def lambdas(users: int) -> int:
    """Return how many Lambdas run at once: those above, bounces, sweep and canary."""
    others = 2 + sweep.PARTS + 1
    return concurrency(users) + segments(users) + reports(users) + others


def servers(users: int) -> tuple[str, int]:
    """Return InstanceType and number of the servers at peak."""
    kind, number = costs.servers(costs.requests_of_a_user() * users)
    processors = number * PROCESSORS[kind]
    if number > FEW:
        larger = [name for name in PROCESSORS if PROCESSORS[name] > PROCESSORS[kind]]
        fitting = [name for name in larger if processors / PROCESSORS[name] <= FEW]
        kind = (fitting or larger)[0 if fitting else -1]
        number = math.ceil(processors / PROCESSORS[kind])
    return kind, number


def processors(users: int) -> int:
    """Return the virtual processors while a change of settings replaces all servers."""
    kind, number = servers(users)
    return 2 * number * PROCESSORS[kind]


def writes(users: int) -> float:
    """Return the write units a second of the busiest table with its indexes."""
    _, monthly = costs.units()
    summary = costs.ACTIONS["sweep and deliver a summary"].writes["notifications"]
    return max(
        *(costs.at_peak(number * users) for number in monthly.values()),
        in_time(summary * users),
        in_time(costs.CHECK_WRITES["budgets"] * users),
    )


def reads(users: int) -> float:
    """Return the read units a second of the busiest table with its indexes."""
    monthly, _ = costs.units()
    return max(costs.at_peak(number * users) for number in monthly.values())


def sweep_limit(users: int) -> int:
    """Return SweepLimit for a sweep a minute."""
    most = _parameter("functions", "SweepLimit")["MaxValue"]
    a_minute = 60 * _allowed(concurrency(users)) / costs.DELIVERY_SECONDS
    return min(int(most), round(a_minute))


def monday(users: int) -> float:
    """Return the hours until Monday's last summary is sent, with all remedies."""
    mailed = _allowed(concurrency(users)) / costs.DELIVERY_SECONDS
    swept = sweep_limit(users) / 60 if SWEPT.is_reached(users) else SWEPT.first
    rate = min(mailed, swept, SWEPT.most or mailed, _INDEX)
    return max(schedule.SPREAD.total_seconds(), users / rate) / 3600


def in_flight(users: int) -> float:
    """Return the messages in progress: those of running Lambdas and throttled ones."""
    return _allowed(concurrency(users)) * BATCH + sweep_limit(users)


def log_requests(users: int) -> float:
    """Return the requests of all servers to CloudWatch Logs a second."""
    return servers(users)[1] * LOG_STREAMS / LOG_SECONDS


def stored_tb(users: int) -> float:
    """Return the size of all tables."""
    return costs.stored()[0] * users / 1000


def _parameter(template: str, name: str) -> dict[str, float]:
    declared: dict[str, float] = templates.read(template)["Parameters"][name]
    return declared


def _failing(users: int) -> int:
    return sum(limit.fails(users) for limit in LIMITS)


def _allowed(runs: int) -> int:
    """Return the highest NotificationConcurrency that is not above `runs`."""
    return min(runs, int(_NOTIFICATIONS["MaxValue"]))


def _segments_text(users: int) -> str:
    last = min(segments(users), _most_segments()) - 1
    return f"`0` to `{last}`" if last else "`0`"


def _cell(limit: Limit, users: int) -> str:
    need = _number(limit.need(users))
    if limit.fails(users):
        return f"**{need}, fails**"
    return f"**{need}**" if limit.is_reached(users) else need


def _number(value: float) -> str:
    """Return a number with three digits, or all those before the decimal point."""
    return f"{_rounded(value, 3):,}" if value >= 10 else f"{value:.2g}"


def _rounded(value: float, digits: int = 2) -> int:
    return int(float(f"{value:.{digits}g}"))


def _row(name: str, *cells: str) -> str:
    return f"| {' | '.join([name, *cells])} |"


def _most_segments() -> int:
    """Return how many segments have an alarm in one stack."""
    return STACK_RESOURCES - len(rendering.resources("observability")) + 1


_NOTIFICATIONS = _parameter("functions", "NotificationConcurrency")
_INDEX = len(SUMMARY_SHARDS) * PARTITION_WRITES / SUMMARY_UNITS

SWEPT = Limit(
    "summaries swept a second",
    _parameter("functions", "SweepLimit")["Default"] / 300,
    in_time,
    "[`SweepLimit`, `SweepSchedule`](#many-summaries-at-once)",
    sweep.PARTS * sweep.RUN_SECONDS / 60 / sweep.ITEM_SECONDS,
)
LIMITS = (
    Limit(
        "SNS filter policies",
        FILTER_POLICIES,
        lambda users: users,
        "[`EmailTransport`](#switching-notifications-to-ses)",
    ),
    Limit(
        "e-mails a second, on Monday",
        NEW_SES_RATE,
        in_time,
        "[SES](#asking-for-more)",
    ),
    Limit(
        "e-mails in 24 hours",
        NEW_SES_DAY,
        lambda users: users * (1 + costs.USE["deliver an alert"] / costs.DAYS),
        "[SES](#asking-for-more)",
    ),
    Limit(
        "Lambdas for e-mails and recounts",
        _NOTIFICATIONS["Default"],
        concurrency,
        "[`NotificationConcurrency`](#as-fast-as-ses-allows)",
        _NOTIFICATIONS["MaxValue"],
    ),
    SWEPT,
    Limit(
        "summaries a second in the unsent index",
        _INDEX,
        in_time,
        "none",
        _INDEX,
    ),
    Limit(
        "alerts a second in the unsent index",
        len(URGENT_SHARDS) * PARTITION_WRITES / ALERT_UNITS,
        lambda users: costs.at_peak(a_month("deliver an alert", users)),
        "",
    ),
    Limit(
        "segments of the daily check",
        1,
        segments,
        "`DailyCheckSegments`",
        _most_segments(),
    ),
    Limit(
        "reports at once", NEW_ACCOUNT_LAMBDAS, reports, "[Lambda](#asking-for-more)"
    ),
    Limit(
        "Lambdas at once", NEW_ACCOUNT_LAMBDAS, lambdas, "[Lambda](#asking-for-more)"
    ),
    Limit(
        "write units a second of a table",
        TABLE_UNITS,
        writes,
        "[DynamoDB](#asking-for-more)",
    ),
    Limit("the same, suddenly", NEW_TABLE_WRITES, writes, "`WarmThroughput`"),
    Limit(
        "read units a second of a table",
        TABLE_UNITS,
        reads,
        "[DynamoDB](#asking-for-more)",
    ),
    Limit(
        "registrations a second, all in a month",
        PARTITION_WRITES,
        costs.at_peak,
        "",
    ),
    Limit(
        "servers",
        _parameter("web", "MaxInstances")["Default"],
        lambda users: servers(users)[1],
        "`InstanceType`, `MaxInstances`",
        RELEASE_MINUTES / MINUTES_A_SERVER,
    ),
    Limit(
        "virtual processors, while all are replaced",
        NEW_ACCOUNT_PROCESSORS,
        processors,
        "[EC2](#asking-for-more)",
    ),
    Limit(
        "S3, files written a second",
        PREFIX_WRITES,
        lambda users: costs.at_peak(
            a_month("add one with a receipt", users) + costs.REPORTS * users
        ),
        "",
    ),
    Limit(
        "S3, files read a second",
        PREFIX_READS,
        lambda users: costs.at_peak(costs.FILES_READ * users),
        "",
    ),
    Limit("SQS messages in flight", IN_FLIGHT, in_flight, ""),
    Limit("requests for logs a second", LOG_REQUESTS, log_requests, ""),
    Limit("TB in one restore", RESTORED_TB, stored_tb, "none", RESTORED_TB),
)


def price(users: int) -> float:
    """Return the dollars of a month, with an alarm and a metric for each segment."""
    more = segments(users) - 1
    return costs.month(users).total + more * (costs.ALARM + costs.METRIC)


def without_failure() -> int:
    """Return the number of users up to which all remedies are enough."""
    return min(limit.users(limit.most) for limit in LIMITS if limit.most is not None)


def table() -> str:
    """Return the limits, as in docs/operations.md."""
    heads = ("at first", "enough for users", "with the remedy")
    rows = [_row_of(limit) for limit in LIMITS]
    hours = [f"{monday(size):.1f}" for size in SIZES]
    rows.append(_row("hours until Monday's last summary", "", "", "", *hours, ""))
    prices = [f"**{_rounded(price(size), 3):,}**" for size in SIZES]
    rows.append(_row("**dollars a month**", "", "", "", *prices, ""))
    return "\n".join(
        [
            _row("limit", *heads, *SHOWN, "remedy"),
            "| --- |" + " ---: |" * (len(heads) + len(SIZES)) + " --- |",
            *rows,
        ]
    )


def _row_of(limit: Limit) -> str:
    return _row(
        limit.what,
        _number(limit.first),
        _users(limit, limit.first),
        "" if limit.most is None else _users(limit, limit.most),
        *(_cell(limit, size) for size in SIZES),
        limit.remedy,
    )


def _users(limit: Limit, value: float) -> str:
    users = limit.users(value)
    if users == EVERYONE:
        return "any"
    return f"{_rounded(users):,}" if users else "none"


def settings_table() -> str:
    """Return the parameters for each size, as in docs/operations.md."""
    rows: dict[str, Callable[[int], str]] = {
        "EmailTransport": lambda users: "`ses`",
        "NotificationConcurrency": lambda users: f"{_allowed(concurrency(users)):,}",
        "SweepSchedule": lambda users: (
            "`rate(1 minute)`" if SWEPT.is_reached(users) else "`rate(5 minutes)`"
        ),
        "SweepLimit": lambda users: (
            f"{sweep_limit(users):,}" if SWEPT.is_reached(users) else "2,000"
        ),
        "DailyCheckSegments": _segments_text,
        "ReportConcurrency": lambda users: f"{max(10, 2 * reports(users)):,}",
        "InstanceType": lambda users: f"`{servers(users)[0]}`",
        "MaxInstances": lambda users: f"{max(4, 2 * servers(users)[1])}",
    }
    return "\n".join(
        [
            _row("parameter", *SHOWN),
            "| --- |" + " ---: |" * len(SIZES),
            *(_row(f"`{name}`", *map(value, SIZES)) for name, value in rows.items()),
        ]
    )


def main() -> int:
    """Print the tables; return 1 if a size misses its aims."""
    print(f"{table()}\n\n{settings_table()}\n")
    print(f"Nothing fails up to {without_failure():,} users.\n")
    aims = Aims()
    aims.check("limits that fail at a million", _failing(SIZES[1]), 0)
    for size in SIZES[:2]:
        setup = sweep.Setup(concurrency(size), sweep_limit(size), 1)
        outcome = sweep.Monday(setup, size // sweep.SCALE).run()
        simulated = outcome.summaries / 60
        aims.check(f"{size:,}: hours of a simulated Monday", simulated, HOURS)
    return aims.exit_code


if __name__ == "__main__":
    sys.exit(main())
