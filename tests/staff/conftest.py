import pytest
import time_machine

from tests.notifications.builders import NOON


@pytest.fixture
def clock():
    """The fixed noon; `clock.shift(seconds)` moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _fixed(clock, aws):
    """Every test here has moto's AWS and the fixed noon."""
