"""The finished periods of a budget in the API, and previews of changes."""

import datetime
import itertools

import pytest
import time_machine

from budgets import services
from budgets.models import Budget
from tests.budgets.test_api import FIELDS, FOOD, URL, patch, post
from tests.builders import client_for, make_user
from tests.calls import counted
from tests.money_builders import NOON, alerts, make_budget, make_expense
from tests.problems import problem

pytestmark = pytest.mark.usefixtures("aws")

PERIOD_FIELDS = {
    "start",
    "end",
    "category",
    "categories",
    "amount",
    "carried_over",
    "limit",
    "spent",
    "remaining",
    "percentage",
    "level",
    "alert_thresholds",
    "rollover",
    "was_paused",
}


@pytest.fixture
def budget(alice):
    """Return a weekly budget with three finished weeks; the fourth is current."""
    budget = make_budget(
        alice,
        category="Food",
        period="weekly",
        alert_thresholds=[50, 80],
        rollover={"mode": "both", "cap": "30"},
    )
    for week, spent in enumerate(["20", "150", "40", "10"]):
        with time_machine.travel(NOON + datetime.timedelta(weeks=week), tick=True):
            make_expense(alice, category="Food", amount=spent)
    return services.get_budget(alice, budget.budget_id)


@pytest.fixture
def in_the_fourth_week(budget):
    with time_machine.travel(NOON + datetime.timedelta(weeks=3, minutes=1), tick=True):
        yield


def listed(client, budget, query: str = "") -> dict:
    answer = client.get(f"{URL}/{budget.budget_id}/periods{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.usefixtures("in_the_fourth_week")
class TestFinishedPeriods:
    def test_they_are_listed_newest_first_with_what_held_in_them(self, alice, budget):
        client = client_for(alice)
        services.edit_budget(alice, budget.budget_id, amount="500", category="Meals")
        (moved,) = services.list_budgets(alice).items

        periods = listed(client, moved)["results"]

        assert all(period.keys() == PERIOD_FIELDS for period in periods)
        assert periods[1] == {
            "start": "2026-03-23",
            "end": "2026-03-29",
            "category": "Food",
            "categories": ["Food"],
            "amount": "100.00",
            "carried_over": "30.00",
            "limit": "130.00",
            "spent": "150.00",
            "remaining": "-20.00",
            "percentage": "115.38",
            "level": "exceeded",
            "alert_thresholds": [50, 80],
            "rollover": {"mode": "both", "cap": "30.00"},
            "was_paused": False,
        }
        assert [period["spent"] for period in periods] == ["40.00", "150.00", "20.00"]
        assert [period["limit"] for period in periods] == ["80.00", "130.00", "100.00"]

    def test_pages_lead_to_each_other(self, alice, budget):
        client = client_for(alice)
        address: str | None = f"{URL}/{budget.budget_id}/periods?page_size=2"
        first = client.get(address).json()
        second = client.get(first["next"]).json()
        back = client.get(second["previous"]).json()

        assert [len(page["results"]) for page in (first, second)] == [2, 1]
        assert (second["next"], first["previous"]) == (None, None)
        assert back == first

    def test_a_cursor_of_another_budget_is_rejected(self, alice, budget):
        client = client_for(alice)
        other = make_budget(alice, category="Rent")
        cursor = listed(client, budget, "?page_size=1")["next"].partition("?")[2]

        answer = client.get(f"{URL}/{other.budget_id}/periods?{cursor}")

        assert answer.status_code == 400
        assert problem(answer)["errors"][0]["parameter"] == "cursor"

    def test_they_take_one_call_beside_the_budget(self, alice, budget):
        client = client_for(alice)
        with counted() as calls:
            listed(client, budget)

        assert sorted(calls.names) == [
            "dynamodb.BatchGetItem",
            "dynamodb.GetItem",  # the budget
            "dynamodb.GetItem",  # the session
        ]

    def test_another_user_gets_not_found(self, budget):
        bob = client_for(make_user("bob"))

        assert bob.get(f"{URL}/{budget.budget_id}/periods").status_code == 404


def test_a_period_that_ended_without_a_write_is_listed(alice):
    budget = make_budget(alice, category="Food", period="weekly")
    make_expense(alice, category="Food", amount="20")
    with time_machine.travel(NOON + datetime.timedelta(weeks=1), tick=True):
        (period,) = listed(client_for(alice), budget)["results"]

    assert (period["start"], period["spent"]) == ("2026-03-16", "20.00")


def test_a_new_budget_has_none(client, alice):
    body = listed(client, make_budget(alice))

    assert body == {"results": [], "next": None, "previous": None}


BIWEEKLY = {"period": "biweekly", "anchor": "2026-03-06"}
COMING = [
    {"start": "2026-03-06", "end": "2026-03-19"},
    {"start": "2026-03-20", "end": "2026-04-02"},
    {"start": "2026-04-03", "end": "2026-04-16"},
]


def dry_run(client, body, budget=None, **headers):
    path = f"{URL}/{budget.budget_id}" if budget else URL
    send = client.patch if budget else client.post
    return send(
        f"{path}?dry_run=true", body, content_type="application/json", headers=headers
    )


def test_a_preview_of_a_new_budget_is_what_creating_it_returns(client, alice):
    make_expense(alice, category="Food", amount="90")

    preview = dry_run(client, FOOD | BIWEEKLY)

    assert preview.status_code == 200
    assert "ETag" not in preview
    body = preview.json()
    assert body.pop("periods") == COMING
    assert services.list_budgets(alice).items == []
    assert alerts(alice) == []
    created = post(client, FOOD | BIWEEKLY).json()
    assert body.keys() == created.keys() == FIELDS
    changing = ("created_at",)
    for name in FIELDS - {*changing}:
        assert body[name] == created[name], name
    assert (body["spent"], body["level"]) == ("90.00", "threshold")


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "80"},
        {"period": "yearly"},
        {"category": "Rent"},
        {"rollover": {"mode": "both"}, "paused": True, "note": "x"},
        BIWEEKLY,
        {},
    ],
)
def test_a_preview_of_an_edit_is_what_saving_it_returns(client, alice, changes):
    budget = make_budget(alice, category="Food")
    make_expense(alice, category="Food", amount="90")
    version, sent = services.get_budget(alice, budget.budget_id).version, alerts(alice)

    preview = dry_run(client, changes, budget)

    assert preview.status_code == 200
    assert "ETag" not in preview
    body = preview.json()
    assert len(body.pop("periods")) == 3
    assert services.get_budget(alice, budget.budget_id).version == version
    assert alerts(alice) == sent
    assert body == patch(client, budget, changes).json()


def test_a_preview_of_other_periods_cuts_the_running_one_short(client, alice):
    budget = make_budget(alice, category="Food")

    body = dry_run(client, BIWEEKLY, budget).json()

    assert body["periods"] == [
        {"start": "2026-03-01", "end": "2026-03-19"},
        *COMING[1:],
    ]
    assert (body["start"], body["end"]) == ("2026-03-01", "2026-03-19")


def test_a_preview_reports_what_saving_would(client, alice):
    budget = make_budget(alice, category="Food")
    make_budget(alice, category="Rent")
    other = {"category": "rent"}

    assert dry_run(client, FOOD).status_code == 409
    assert dry_run(client, other, budget).status_code == 409
    assert dry_run(client, FOOD | {"amount": "0"}).status_code == 400
    assert dry_run(client, {"anchor": "2026-03-06"}, budget).status_code == 400
    assert dry_run(client, {}, budget, **{"If-Match": '"x"'}).status_code == 412
    assert dry_run(client_for(make_user("bob")), {}, budget).status_code == 404


def test_dry_run_is_true_or_false_and_no_other_parameter_is_accepted(client, alice):
    budget = make_budget(alice, category="Rent")
    kind = {"content_type": "application/json"}
    for query, (send, path) in itertools.product(
        ("dry_run=yes", "dry_run=", "dryrun=true"),
        ((client.post, URL), (client.patch, f"{URL}/{budget.budget_id}")),
    ):
        assert send(f"{path}?{query}", FOOD, **kind).status_code == 400

    assert client.post(f"{URL}?dry_run=false", FOOD, **kind).status_code == 201
    assert Budget.get(budget.budget_id).category == "Rent"
