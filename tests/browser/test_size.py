"""Bytes transferred, as the browser counts them."""

import datetime
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.integration.people import Person

FIRST_VISIT_BYTES = 100_000
NEXT_VISIT_BYTES = 30_000


@pytest.fixture(scope="module")
def busy(stack) -> Person:
    """Return a user whose lists are all full."""
    person = Person(stack)
    today = datetime.datetime.now(datetime.UTC).date()
    for number in range(30):
        person.post("budgets", category=f"Category {number}", amount="100.00")
        person.post(
            "expenses",
            category=f"Category {number}",
            amount="99.00",
            date=f"{today}",
            description=f"Number {number}, {today.replace(day=1)}",
        )
    return person


def counting(page: Page) -> Callable[[], int]:
    """Return a function that returns the bytes received since its last call."""
    started: set[str] = set()
    sizes: dict[str, int] = {}

    def arrived() -> int:
        while started - sizes.keys():
            page.wait_for_timeout(20)
        total = sum(sizes.values())
        started.clear()
        sizes.clear()
        return total

    def note(event: dict) -> None:
        sizes[event["requestId"]] = event["encodedDataLength"]

    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.on(
        "Network.requestWillBeSent", lambda event: started.add(event["requestId"])
    )
    client.on("Network.loadingFinished", note)
    return arrived


@pytest.mark.parametrize(
    "address", ["/", "/expenses", "/budgets", "/notifications", "/reports"]
)
def test_pages_are_small_and_smaller_once_cached(windows, busy, address):
    page = windows.open(busy)
    arrived = counting(page)

    page.goto(address)
    first = arrived()
    page.goto(address)
    following = arrived()

    assert 1_000 < following < first
    assert first < FIRST_VISIT_BYTES
    assert following < NEXT_VISIT_BYTES
