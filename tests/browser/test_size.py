"""What goes over the wire, as the browser counts it."""

import datetime

import pytest

from tests.integration.people import Person

pytestmark = pytest.mark.xdist_group("stack")

FIRST_VISIT_BYTES = 100_000
NEXT_VISIT_BYTES = 30_000


@pytest.fixture(scope="module")
def busy(stack) -> Person:
    """Somebody whose every list is full."""
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


@pytest.mark.parametrize(
    "address", ["/", "/expenses", "/budgets", "/notifications", "/reports"]
)
def test_a_page_is_small_at_first_and_smaller_afterwards(windows, busy, address):
    page = windows.open(busy)
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    sizes: list[float] = []
    client.on("Network.loadingFinished", lambda e: sizes.append(e["encodedDataLength"]))

    page.goto(address)
    first = sum(sizes)
    sizes.clear()
    page.goto(address)
    following = sum(sizes)

    assert 1_000 < following < first
    assert first < FIRST_VISIT_BYTES
    assert following < NEXT_VISIT_BYTES
