"""Fixtures of the tests of expenses."""

import pytest

from smartbudget.core.dynamodb import Transaction


@pytest.fixture
def small(monkeypatch):
    """Transactions of a few expenses, beside two budgets and their alerts."""
    monkeypatch.setattr(Transaction, "MOST", 20)
