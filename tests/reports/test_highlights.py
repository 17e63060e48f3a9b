"""The highlights of a month on the dashboard."""

import re

import pytest

from budgets.models import Budget
from tests.budgets.test_views import HOME, page
from tests.money_builders import make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")


def sentences(client, month: str = "2026-03") -> list[str]:
    html = page(client.get(HOME, {"month": month}))
    part = re.search(r'<ul class="card highlights">(.*?)</ul>', html)
    return re.findall(r"<li>(.*?)</li>", part[1]) if part else []


def test_a_rise_since_the_month_before_is_written(client, alice):
    make_expense(alice, amount="50.00", date="2026-02-01")
    make_expense(alice, amount="40.00")
    make_expense(alice, amount="60.00", date="2026-03-02")

    (sentence,) = sentences(client)

    assert sentence.startswith("Groceries is up 100% from February.")


def test_a_month_that_is_not_known_to_be_complete_is_not_compared_with(client, alice):
    make_expense(alice, amount="50.00", date="2026-02-02")
    make_expense(alice, amount="100.00")
    assert sentences(client) == []

    budget = make_budget(alice, category="Rent")
    budget.update(actions=[Budget.created_at.set("2026-01-31T12:00:00+00:00")])

    assert len(sentences(client)) == 1


def test_budgets_are_left_to_their_cards(client, alice):
    make_budget(alice)
    make_expense(alice, amount="150.00")

    assert sentences(client) == []


def test_a_category_that_stands_out_is_named(client, alice):
    make_expense(alice, amount="90.00", category="<b>Pet")
    make_expense(alice, amount="10.00")

    assert sentences(client) == ["&lt;b&gt;Pet alone is 90% of your spending ($90.00)."]


def test_a_month_without_expenses_has_none(client, alice):
    make_expense(alice)

    assert sentences(client, "2026-02") == []
    assert sentences(client, "2026-04") == []
    assert sentences(client, "9998-12") == []
