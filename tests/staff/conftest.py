import pytest


@pytest.fixture(autouse=True)
def _fixed(clock, aws):
    """Every test here has moto's AWS and the fixed noon."""
