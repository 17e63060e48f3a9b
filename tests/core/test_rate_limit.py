"""The rate limit per minute, shared by processes through one table."""

import datetime
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine

from smartbudget.core import rate_limit
from smartbudget.core.rate_limit import Limiter
from smartbudget.core.throttling import Throttle
from tests.calls import counted
from tests.money_builders import NOON
from tests.notifications import faults


@pytest.fixture(autouse=True)
def clock(aws):
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def let_through(limiters, requests: int, caller: str = "user alice") -> int:
    """Send requests to the limiters in turn; return how many were allowed."""
    return sum(
        not limiters[number % len(limiters)].count(caller).is_over
        for number in range(requests)
    )


def test_requests_up_to_the_limit_are_allowed():
    limiter = Limiter(100)

    assert let_through([limiter], 100) == 100
    assert let_through([limiter], 100) == 0


def test_each_caller_has_their_own_limit():
    limiter = Limiter(100)
    let_through([limiter], 200)

    assert not limiter.count("user bob").is_over
    assert not limiter.count("address 192.0.2.1").is_over


def test_remaining_requests_and_reset_time_are_reported(clock):
    limiter = Limiter(100)
    clock.move_to(NOON + datetime.timedelta(seconds=42.5))
    first = limiter.count("user alice")
    let_through([limiter], 200)
    last = limiter.count("user alice")

    assert (first.limit, first.remaining, first.reset, first.is_over) == (
        100,
        99,
        18,
        False,
    )
    assert (last.remaining, last.reset, last.is_over) == (0, 18, True)


def test_the_limit_resets_each_minute(clock):
    limiter = Limiter(100)
    let_through([limiter], 200)

    clock.move_to(NOON + datetime.timedelta(seconds=60))

    assert let_through([limiter], 200) == 100


@pytest.mark.parametrize(
    ("requests", "writes"), [(59, 0), (60, 1), (600, 10), (5000, 10)]
)
def test_one_write_per_tenth_of_the_limit_and_none_above_it(requests, writes):
    with counted() as calls:
        let_through([Limiter(600)], requests)

    assert calls.names == ["dynamodb.UpdateItem"] * writes


@pytest.mark.parametrize("processes", [2, 3, 8])
@pytest.mark.parametrize("limit", [5, 60, 600])
def test_each_further_process_allows_at_most_a_tenth_more(processes, limit):
    limiters = [Limiter(limit) for _ in range(processes)]

    allowed = let_through(limiters, 3 * limit * processes)

    assert limit <= allowed <= limit + processes * (max(1, limit // 10) - 1)


def test_a_process_sees_requests_counted_by_another():
    let_through([Limiter(100)], 100)

    assert let_through([Limiter(100)], 100) == 9  # of ten, before it reads the table


def test_threads_count_every_request():
    limiter = Limiter(1000)

    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(lambda _: let_through([limiter], 250), range(8)))

    assert allowed == 1000


def test_stored_counters_contain_no_names_and_expire():
    Limiter(1).count("address 192.0.2.1")

    (counter,) = Throttle.scan()
    assert "192.0.2.1" not in counter.user_id
    assert counter.tries == 1
    assert 60 < counter.expires_at - NOON.timestamp() <= 120


def test_without_dynamodb_each_process_enforces_the_limit_alone(caplog):
    limiters = [Limiter(50), Limiter(50)]

    with faults.down("UpdateItem"), caplog.at_level(logging.WARNING):
        assert let_through(limiters, 200) == 100

    assert "requests counted by this process alone" in caplog.text


def test_the_number_of_remembered_callers_is_bounded(monkeypatch):
    monkeypatch.setattr(rate_limit, "MAX_CALLERS", 10)
    limiter = Limiter(100)
    let_through([limiter], 100, "address 0")
    for number in range(1, 10):
        limiter.count(f"address {number}")
    assert limiter.count("address 0").is_over

    limiter.count("address 10")

    assert len(limiter._counts) == 10
    assert not limiter.count("address 0").is_over
