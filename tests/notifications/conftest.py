import pytest

from tests.notifications.mailing import using_ses


@pytest.fixture(autouse=True)
def _fixed(clock, aws):
    """Every test here has moto's AWS and the fixed noon."""


@pytest.fixture
def ses(_fixed):
    """SES instead of SNS; what it was asked to send, oldest first."""
    with using_ses() as sent:
        yield sent
