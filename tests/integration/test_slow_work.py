"""Slow work on a real server: excess requests are rejected, others continue."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice

import pytest
import requests

from smartbudget.core.concurrency import REPORTS
from tests.integration.faults import HELD, FaultyWeb
from tests.integration.people import Person

PROCESSES = 2


@pytest.fixture
def web(stack, tmp_path):
    web = FaultyWeb(stack, tmp_path, WEB_CONCURRENCY=str(PROCESSES))
    yield web
    web.end()


def test_twenty_concurrent_reports_leave_the_server_responsive(web):
    """The reports in progress are held; all other requests are answered meanwhile."""
    alice = Person(web)

    def ask(number):
        body = {"report_type": "monthly", "year": 2025, "month": 1 + number % 12}
        return alice.request("POST", "reports/generate", json=body)

    most_held = PROCESSES * REPORTS.per_user
    with ThreadPoolExecutor(20) as pool:
        with web.faults("lambda:Invoke", HELD) as held:
            jobs = [pool.submit(ask, number) for number in range(20)]
            refused = islice(as_completed(jobs), 20 - most_held)
            assert {job.result().status_code for job in refused} == {429}
            for _ in range(5):
                health = requests.get(f"{web.web_url}/health", timeout=10)
                assert health.status_code == 200
            assert alice.get("expenses")["results"] == []
            assert 1 <= held() <= most_held
        web.faults.process.kill()  # and the reports it holds

    counts = Counter(job.result().status_code for job in jobs)
    assert set(counts) == {429, 503}
    assert counts[503] <= most_held
    assert {job.result().headers["Retry-After"] for job in jobs} == {"5"}
