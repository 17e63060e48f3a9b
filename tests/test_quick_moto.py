"""The shortcuts around moto leave nothing behind."""

from tests import quick_moto
from tests.conftest import empty_aws


def test_moto_keeps_no_state_of_earlier_tests():
    with empty_aws():
        before = len(quick_moto.responses_mock.registered())
    with empty_aws():
        assert len(quick_moto.responses_mock.registered()) == before
