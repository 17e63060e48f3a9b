"""The API's rate limit on a real server with two processes."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.integration.faults import FaultyWeb
from tests.integration.people import Person


def test_a_limit_holds_across_processes(stack, tmp_path):
    """Two processes share a table; each may allow a tenth more."""
    web = FaultyWeb(stack, tmp_path, API_RATE_LIMIT="50")
    try:
        bob = Person(web)
        first = minute()
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(lambda _: bob.request("GET", "budgets"), range(200))
            )
        minutes = minute() - first + 1
    finally:
        web.end()

    counts = Counter(answer.status_code for answer in answers)
    assert set(counts) == {200, 429}
    assert 50 <= counts[200] <= (50 + 2 * 4 + 8) * minutes
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Policy"] == '"default";q=50;w=60'
    assert refused.headers["RateLimit"].startswith('"default";r=0;t=')


def minute():
    """Return the current minute; the limit resets each minute."""
    return int(time.time() // 60)
