"""Fixtures for expenses."""

import pytest

from smartbudget.core.dynamodb import Transaction


@pytest.fixture
def small(monkeypatch):
    """Limit transactions to a few expenses besides two budgets and their alerts."""
    monkeypatch.setattr(Transaction, "MAX_ITEMS", 20)
