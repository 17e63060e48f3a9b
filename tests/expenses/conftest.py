"""Fixtures of the tests of expenses."""

import pytest

from smartbudget.core.tables import Writes


@pytest.fixture
def small(monkeypatch):
    """Transactions of a few expenses, beside two budgets and their alerts."""
    monkeypatch.setattr(Writes, "MOST", 20)
