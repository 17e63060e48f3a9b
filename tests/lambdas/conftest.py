import pytest
import time_machine

from tests.lambdas.events import Context
from tests.notifications.builders import NOON


@pytest.fixture(autouse=True)
def clock(aws):
    """Stop the clock at the fixed noon; `clock.shift(seconds)` moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def context():
    return Context()
