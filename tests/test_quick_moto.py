"""The shortcuts around moto leave nothing behind."""

from tests import quick_moto
from tests.conftest import empty_aws


def test_moto_remembers_no_start_of_tests_before():
    with empty_aws():
        before = len(quick_moto.responses_mock.registered())
    with empty_aws():
        assert len(quick_moto.responses_mock.registered()) == before
