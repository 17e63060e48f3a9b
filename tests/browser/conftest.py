"""Fixtures of the browser tests."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.seeds import everything
from tests.browser.windows import (
    WAIT_SECONDS,
    LastingWindows,
    NoBrowserError,
    Windows,
    running_browser,
)
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
def lasting_windows(browser, stack) -> Iterator[LastingWindows]:
    """Windows that stay open until the end."""
    opened = LastingWindows(browser, stack)
    yield opened
    opened.close()


@pytest.fixture
def window_of(lasting_windows) -> Iterator[Callable[[Person | None], Page]]:
    """Return a person's window, which earlier tests may have used: `window_of(rich)`.

    It fails like `windows`, and takes a third of the processor time: each new window
    starts a process that compiles every script again.
    """
    yield lasting_windows.of
    problems, lasting_windows.problems = lasting_windows.problems, []
    assert problems == []


@pytest.fixture(scope="session")
def rich(stack) -> Person:
    """Return a user with everything that pages show, long words and large sums.

    Tests must not change it.
    """
    return everything(stack)
