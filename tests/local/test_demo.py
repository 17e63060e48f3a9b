"""The demo data is complete, and loading it again adds only what is missing."""

import datetime
from collections import Counter

import pytest
import time_machine

from budgets import history
from budgets import services as budgets
from notifications.models import Notification
from smartbudget.local import demo
from tests.builders import make_user
from tests.calls import TRANSACTION, counted
from tests.conftest import NOON
from tests.expenses.builders import stored


@pytest.fixture
def user(aws, monkeypatch):
    """Return the demo user, without the mailbox that confirms the subscription."""
    user = make_user("demo", large_expense_threshold=1000)
    monkeypatch.setattr(demo, "_demo_user", lambda: user)
    return user


def loaded(user) -> Counter[tuple[object, ...]]:
    """Return what the user has stored, without the status, which depends on the day."""
    return Counter(
        (expense.date, expense.category, expense.description, expense.amount)
        for expense in stored()
        if expense.user_id == user.user_id
    )


def test_it_is_more_than_a_year_of_expenses_with_budgets_and_alerts(user):
    with time_machine.travel(NOON), counted() as calls:
        demo.load()

    expenses = loaded(user)
    assert len(expenses) > 400
    assert sum(amount < 0 for *_, amount in expenses) == 4  # refunds
    assert len({date[:7] for date, *_ in expenses}) == 13
    assert max(date for date, *_ in expenses) <= NOON.date().isoformat()
    assert calls.names.count(TRANSACTION) < 40
    stored_budgets = budgets.list_budgets(user).items
    assert len(stored_budgets) == len(demo.BUDGETS)
    with time_machine.travel(NOON):
        finished = history.recent_periods(user, stored_budgets)
    numbers = {
        budget.category: len(finished[budget.budget_id]) for budget in stored_budgets
    }
    assert numbers.pop("Travel") == 1
    assert {*numbers.values()} == {history.RECENT}
    types = Counter(n.type for n in Notification.scan())
    assert (types["large_expense"], types["alert_digest"]) == (1, 0)


@pytest.mark.parametrize("days_later", [0, 12, 40])
def test_after_an_interruption_only_the_missing_is_added(user, days_later, monkeypatch):
    record, calls = demo.record_expenses, []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return record(*arguments, **options)

    with time_machine.travel(NOON), monkeypatch.context() as patched:
        patched.setattr(demo, "record_expenses", interrupted)
        with pytest.raises(KeyboardInterrupt):
            demo.load()
    before = loaded(user)

    with time_machine.travel(NOON + datetime.timedelta(days=days_later)):
        demo.load()
        after = loaded(user)
        demo.load()

    assert before < after
    assert set(after.values()) == {1}
    assert loaded(user) == after
