import pytest

from tests.notifications.mailing import using_ses


@pytest.fixture(params=["ses", "sns"])
def sent(request, clock, aws):
    """Send account mail, with each transport of alerts; return the list of mails."""
    with using_ses(request.param) as mails:
        yield mails
