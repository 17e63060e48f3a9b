"""Compare how long a login and a password reset take for known and unknown names.

Anyone can time these requests, so a difference would show which names exist. Requests
for both are made in turn, so that both see the same load. The limit of a difference is
what chance alone exceeds once in a thousand times: a permutation test deals the
measured times to the two groups at random.
"""

import os
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable

os.environ["LOGIN_ACCOUNT_LIMIT"] = os.environ["LOGIN_ADDRESS_LIMIT"] = "1000000"

import django
from django.test import Client

django.setup()

from accounts import services as accounts
from benchmarks.aims import Aims

RUNS = 200  # of each kind
WARM_UP = 10
DEALS = 5_000

Request = Callable[[str, int], int]  # name and number of the run -> status


def main() -> int:
    """Measure both requests; return 0 if neither shows which names exist."""
    known = f"b{uuid.uuid4().hex[:12]}"
    accounts.register(
        username=known, email=f"{known}@example.com", password=uuid.uuid4().hex
    )
    aims = Aims()
    requests: dict[str, tuple[Request, int]] = {
        "log in": (_log_in, 401),
        "reset a password": (_request_link, 202),
    }
    for title, (request, expected) in requests.items():
        _compare(title, request, expected, known, aims)
    return aims.exit_code


def _compare(
    title: str, request: Request, expected: int, known: str, aims: Aims
) -> None:
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(-WARM_UP, RUNS):
        kinds = [True, False]
        random.shuffle(kinds)
        for is_known in kinds:
            name = known if is_known else f"u{uuid.uuid4().hex[:12]}"
            started = time.perf_counter()
            status = request(name, number)
            milliseconds = (time.perf_counter() - started) * 1000
            if status != expected:
                raise RuntimeError(f"{title} got {status} instead of {expected}")
            if number >= 0:
                times[is_known].append(milliseconds)
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    print(f"{title}: {medians[True]:.2f} ms known, {medians[False]:.2f} ms unknown")
    aims.check(
        f"{title}: difference of the medians (ms)",
        abs(medians[True] - medians[False]),
        round(_limit(times[True] + times[False]), 2),
    )


def _limit(times: list[float]) -> float:
    """Return the difference of medians that chance exceeds once in a thousand times."""
    differences = []
    for _ in range(DEALS):
        random.shuffle(times)
        known, unknown = map(statistics.median, (times[:RUNS], times[RUNS:]))
        differences.append(abs(known - unknown))
    return sorted(differences)[-DEALS // 1000]


def _log_in(name: str, number: int) -> int:
    body = {"username": name, "password": "not the password"}
    return _post("/login", body, number)


def _request_link(name: str, number: int) -> int:
    return _post("/api/account/password-reset", {"username": name}, number)


def _post(path: str, body: dict[str, str], number: int) -> int:
    # Network addresses change, since twenty requests an hour are accepted from each.
    address = f"10.0.{number % 250}.{random.randrange(1, 250)}"
    client = Client(HTTP_HOST="127.0.0.1", REMOTE_ADDR=address)
    return client.post(path, body, "application/json").status_code


if __name__ == "__main__":
    sys.exit(main())
