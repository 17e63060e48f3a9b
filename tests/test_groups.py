"""Tests that share an expensive fixture are in one group, run by one worker."""

import pytest


@pytest.mark.xdist_group("together")
def test_xdist_reads_the_group_of_a_test(request):
    """xdist reads the group from this suffix; a new pytest may change that."""
    distributed = request.config.getoption("loadgroup", False)

    assert not distributed or request.node.nodeid.endswith("@together")
