"""Fixtures of the browser tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.seeds import everything
from tests.browser.windows import WAIT_SECONDS, NoBrowserError, Windows, running_browser
from tests.integration.people import Person


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once a run; without one the tests fail."""
    expect.set_options(timeout=WAIT_SECONDS * 1000)
    try:
        with running_browser() as running:
            yield running
    except NoBrowserError as exc:
        pytest.fail(str(exc), pytrace=False)


@pytest.fixture
def windows(browser, stack) -> Iterator[Windows]:
    """Open windows: `page = windows.open(person, width=360)`.

    The test fails if one of them logs an error, breaks the content policy, throws, is
    refused a part of a page, or asks a third party.
    """
    opened = Windows(browser, stack)
    yield opened
    opened.close()
    assert opened.problems == []


@pytest.fixture(scope="session")
def rich(stack) -> Person:
    """Return a user with everything that pages show, long words and large sums.

    Tests must not change it.
    """
    return everything(stack)
