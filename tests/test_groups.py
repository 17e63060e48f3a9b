"""Tests that share something expensive are of one group, which workers keep to."""

import pytest


@pytest.mark.xdist_group("together")
def test_xdist_reads_the_group_of_a_test(request):
    """By this name xdist finds a group; a pytest that it does not know may lose it."""
    distributed = request.config.getoption("loadgroup", False)

    assert not distributed or request.node.nodeid.endswith("@together")
