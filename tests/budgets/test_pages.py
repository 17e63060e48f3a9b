"""The list of budgets and the page of one: what was carried over, pause, history."""

import re

import pytest
import time_machine
from django.utils.html import strip_tags

from budgets import services
from tests.budgets.test_history import budget as budget  # a fixture
from tests.budgets.test_history import in_the_fourth_week as in_the_fourth_week
from tests.budgets.test_views import LIST, after, page, words
from tests.builders import client_for, make_user
from tests.calls import QUERY, counted
from tests.money_builders import NOON, make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")

SESSION = "dynamodb.GetItem"


def of(budget) -> str:
    return f"{LIST}/{budget.budget_id}"


@pytest.mark.usefixtures("in_the_fourth_week")
class TestABudgetWithFinishedPeriods:
    def test_its_card_shows_what_was_carried_over_and_a_strip(self, alice, budget):
        html = page(client_for(alice).get(LIST))

        assert "$100.00 + $30.00 carried over = $130.00" in words(html)
        assert "$10.00 of $130.00, 7%" in words(html)
        assert (
            "<title>Finished periods: 1 within budget, 1 near the limit, 1 over budget"
            "</title>"
        ) in html
        strip = re.search(r'<svg class="strip".*?</svg>', html)[0]
        assert re.findall(r'<rect class="(\w+)"', strip) == [
            "ok",
            "exceeded",
            "threshold",
        ]
        link = re.search(r'<a class="history-link" href="(.*?)"', html)[1]
        assert link == f"{of(budget)}#history"

    def test_its_page_lists_them_newest_first(self, alice, budget):
        text = words(page(client_for(alice).get(of(budget))))

        rows = text.partition("Period Spent Left ")[2].replace("\u2009", " ")
        assert rows.startswith(
            "Mar 30 – Apr 5, 2026 ▲ Near limit $40.00 of $80.00, 50% $100.00 −"
            " $20.00 overspent before = $80.00 $40.00"
            " Mar 23 – 29, 2026 ✖ Over budget $150.00 of $130.00, 115% $100.00 +"
            " $30.00 carried over = $130.00 −$20.00"
        )
        for fact in (
            "How often Every week from Monday",
            "Keep what&#x27;s left, and take overspending from the next period (up to"
            " $30.00)",
            "Alerts 50%, 80%",
        ):
            assert fact in text.replace("&#39;", "&#x27;")

    def test_its_page_has_pages(self, alice, budget):
        client = client_for(alice)

        html = page(client.get(f"{of(budget)}?page_size=2"))
        older = re.search(r'rel="next" href="(.*?)"', html)[1].replace("&amp;", "&")

        assert "Older" in html
        assert "Mar 16" in page(client.get(older))

    def test_lists_take_one_call_more_and_the_dashboard_none(self, alice, budget):
        client = client_for(alice)
        costs = {}
        for path in (LIST, "/", of(budget)):
            with counted() as calls:
                client.get(path)
            costs[path] = sorted(calls.names)

        assert costs[LIST] == ["dynamodb.BatchGetItem", SESSION, QUERY]
        assert costs["/"] == [SESSION, QUERY, QUERY]
        assert costs[of(budget)] == ["dynamodb.BatchGetItem", SESSION, SESSION]


def test_overspending_before_is_shown_where_nothing_is_left(alice):
    make_budget(alice, period="weekly", rollover={"mode": "overspend"})
    make_expense(alice, amount="250")
    with time_machine.travel(NOON.replace(day=25), tick=True):
        text = words(page(client_for(alice).get(LIST)))

    assert "$100.00 − $150.00 overspent before = −$50.00" in text
    assert "Over budget" in text
    assert "$50.00 over" in text


def test_a_budget_without_finished_periods_has_no_strip(client, alice):
    budget = make_budget(alice, note="Only food", alert_thresholds=[50, 100])

    listed, own = page(client.get(LIST)), page(client.get(of(budget)))

    assert "strip" not in listed + own
    assert "carried" not in listed + own
    assert "Only food" in listed
    assert "alert at 50%, 100%" in listed
    assert "Finished periods will be listed here." in own


def test_a_budget_is_paused_and_resumed_with_one_click(client, alice):
    budget = make_budget(alice, category="<b>Fun")
    make_budget(alice, category="Zoo")
    make_expense(alice, category="<b>Fun", amount="200")
    assert 'value="yes">Pause<' in page(client.get(of(budget)))

    paused = after(client, client.post(f"{of(budget)}/pause", {"paused": "yes"}))

    assert "Budget paused: &lt;b&gt;Fun." in paused
    titles = [strip_tags(title) for title in re.findall(r"<h3>(.*?)</h3>", paused)]
    assert titles == ["Zoo", "&lt;b&gt;Fun"]
    assert services.get_budget(alice, budget.budget_id).paused_at
    resume = re.search(r'action="(/budgets/[^"]*/pause[^"]*)".*?value="no"', paused)[1]
    resumed = client.post(resume, {"paused": "no"})
    assert resumed["Location"] == f"{LIST}#budget-{budget.budget_id}"
    assert "Budget resumed: &lt;b&gt;Fun." in page(client.get(resumed["Location"]))
    assert services.get_budget(alice, budget.budget_id).paused_at is None


def test_a_paused_budget_is_out_of_totals_on_the_dashboard(client, alice):
    make_budget(alice, category="Food", amount="100")
    make_budget(alice, category="Fun", amount="70", paused=True)
    make_expense(alice, category="Fun", amount="500")

    text = words(page(client.get("/")))

    assert "Left to spend $100.00" in text
    assert "Fun: $430.00 over" not in text


def test_another_users_budget_can_be_neither_seen_nor_paused(alice):
    budget = make_budget(alice)
    bob = client_for(make_user("bob"))

    assert bob.get(of(budget)).status_code == 404
    assert bob.post(f"{of(budget)}/pause").status_code == 404
    assert services.get_budget(alice, budget.budget_id).version == budget.version


def test_budgets_that_overlap_name_each_other(client, alice):
    make_budget(alice, category="Food")
    make_budget(alice, category="Fun", period="weekly")
    make_budget(alice, category=None, categories=["Food", "Drinks"])
    make_budget(alice, category=None, categories="all")

    cards = page(client.get(LIST)).split('<li class="card"')[1:]

    also_in = {
        re.search(r"<h3><a.*?>(.*?)</a>", card)[1]: (
            re.findall(r"Also counted in: (.*?)</p>", card)
        )
        for card in cards
    }
    assert also_in == {
        "Everything": [],
        "Food": ["Everything; Food and Drinks"],
        "Food and Drinks": ["Everything; Food"],
        "Fun": ["Everything"],
    }
