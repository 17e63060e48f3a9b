"""Limits on concurrent slow work: excess requests are rejected, slots are released."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from smartbudget.core import concurrency
from smartbudget.core.concurrency import RETRY_AFTER, ConcurrencyLimit
from smartbudget.core.config import config
from smartbudget.core.errors import ThrottledError, UnavailableError


@dataclass(frozen=True)
class SomeUser:
    user_id: str = "alice"


def fill(limit, *users):
    """Acquire a slot for each user; return the functions that release them."""
    return [limit.acquire(user) for user in users]


def test_a_user_over_the_limit_is_told_when_to_retry():
    limit = ConcurrencyLimit(per_user=2)
    held = fill(limit, "alice", "alice")

    with pytest.raises(ThrottledError) as caught:
        limit.acquire("alice")

    assert caught.value.retry_after == RETRY_AFTER
    limit.acquire("bob")
    held[0]()
    limit.acquire("alice")


def test_a_process_has_a_total_limit():
    limit = ConcurrencyLimit(per_user=2, per_process=3)
    held = fill(limit, "alice", "bob", "carol")

    with pytest.raises(UnavailableError):
        limit.acquire("dave")

    held[1]()
    limit.acquire("dave")


def test_zero_is_no_limit():
    limit = ConcurrencyLimit(per_user=0, per_process=0)

    assert len(fill(limit, *["alice"] * 100)) == 100


def test_nested_limits_share_the_outer_limit_and_a_refusal_holds_no_slot():
    both = ConcurrencyLimit(per_user=2, per_process=3)
    first, second = (ConcurrencyLimit(per_user=2, within=both) for _ in "12")
    held = fill(first, "alice", "bob") + fill(second, "carol")

    for _ in range(5):
        with pytest.raises(UnavailableError):
            second.acquire("dave")
    held[0]()

    fill(second, "dave")


def test_releasing_twice_frees_one_slot():
    limit = ConcurrencyLimit(per_user=1, per_process=1)
    release = limit.acquire("alice")
    release()
    fill(limit, "bob")

    release()

    with pytest.raises(UnavailableError):
        limit.acquire("carol")


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_a_slot_is_released_after_an_error(error):
    limit = ConcurrencyLimit(per_user=1)

    with pytest.raises(error), limit.slot("alice"):
        raise error

    with limit.slot("alice"):
        pass


def test_a_decorated_service_holds_a_slot_of_its_user():
    limit = ConcurrencyLimit(per_user=1)

    @limit.limited
    def add(user, one, *, two):
        """Add."""
        with pytest.raises(ThrottledError):
            limit.acquire(user.user_id)
        return one + two

    assert add(SomeUser(), 1, two=2) == add(SomeUser(), 2, two=1) == 3
    assert (add.__name__, add.__doc__) == ("add", "Add.")


def test_threads_never_hold_more_than_the_limit():
    limit = ConcurrencyLimit(per_user=2, per_process=3)
    running, most, lock = 0, 0, threading.Lock()

    def work(number):
        nonlocal running, most
        try:
            with limit.slot(f"user {number % 4}"):
                with lock:
                    running += 1
                    most = max(most, running)
                with lock:
                    running -= 1
        except (ThrottledError, UnavailableError):
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert any(pool.map(work, range(2000)))

    assert most <= 3
    assert len(fill(limit, "alice", "bob", "carol")) == 3


# -------------------------------------------------------------- streamed responses


def chunks():
    yield b"a"
    yield b"b"


def is_free(limit):
    try:
        limit.acquire("alice")()
    except ThrottledError:
        return False
    return True


def test_a_download_holds_its_slot_until_the_last_chunk():
    limit = ConcurrencyLimit(per_user=1)
    sent = limit.held_while_sent("alice", chunks)

    assert (next(sent), is_free(limit)) == (b"a", False)
    assert (list(sent), is_free(limit)) == ([b"b"], True)


@pytest.mark.parametrize("read_chunks", [0, 1])
def test_an_aborted_download_frees_its_slot(read_chunks):
    limit = ConcurrencyLimit(per_user=1)
    sent = limit.held_while_sent("alice", chunks)
    for _ in range(read_chunks):
        next(sent)

    sent.close()

    assert is_free(limit)


def test_an_unclosed_download_frees_its_slot():
    limit = ConcurrencyLimit(per_user=1)

    limit.held_while_sent("alice", chunks)

    assert is_free(limit)


def test_a_failed_download_frees_its_slot():
    limit = ConcurrencyLimit(per_user=1)

    def broken():
        yield b"a"
        raise KeyError

    sent = limit.held_while_sent("alice", broken)
    next(sent)
    with pytest.raises(KeyError):
        next(sent)

    assert is_free(limit)


def test_a_download_that_cannot_start_frees_its_slot():
    limit = ConcurrencyLimit(per_user=1)

    def refuse():
        raise KeyError

    with pytest.raises(KeyError):
        limit.held_while_sent("alice", refuse)

    assert is_free(limit)


def test_slow_requests_leave_threads_for_quick_ones():
    assert concurrency.ALL.per_process == config.web_threads - 2
    assert concurrency.READS.per_user < config.web_threads
