import pytest


@pytest.fixture(autouse=True)
def _fixed(clock, aws):
    """Use AWS in process and the fixed noon in every test."""
