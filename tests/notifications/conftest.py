import pytest

from tests.notifications.mailing import using_ses


@pytest.fixture(autouse=True)
def _fixed(clock, aws):
    """Use AWS in process and the fixed noon in every test."""


@pytest.fixture
def ses(_fixed):
    """Use SES instead of SNS; yield the mails sent, oldest first."""
    with using_ses() as sent:
        yield sent
