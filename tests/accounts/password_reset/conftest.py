import pytest

from tests.notifications.mailing import using_ses


@pytest.fixture(autouse=True)
def _fixed(clock, aws):
    """Use AWS in process and the fixed noon in every test."""


@pytest.fixture
def sent(_fixed):
    """Configure a sender; return the mails sent."""
    with using_ses("sns") as mails:
        yield mails
