import datetime
import json

import pytest
import time_machine

from budgets.services import get_budget, list_budgets
from smartbudget.core.periods import ANCHORED, PERIODS
from tests.builders import account_of, client_for, make_user, token_of
from tests.money_builders import make_budget, make_expense
from tests.problems import messages_of, problem

pytestmark = pytest.mark.usefixtures("aws")

URL = "/api/budgets"
SUMMARY = "/api/summary"
FIELDS = {
    "budget_id",
    "category",
    "categories",
    "amount",
    "alert_threshold",
    "alert_thresholds",
    "period",
    "anchor",
    "month_days",
    "rollover",
    "paused",
    "note",
    "everyday",
    "keep_for_tomorrow",
    "created_at",
    "start",
    "end",
    "carried_over",
    "limit",
    "spent",
    "remaining",
    "level",
}
FOOD = {"category": "Food", "amount": "100"}


def post(client, body):
    return client.post(URL, body, content_type="application/json")


def patch(client, budget, body):
    return client.patch(
        f"{URL}/{budget.budget_id}", body, content_type="application/json"
    )


def test_a_new_budget_returns_all_fields_and_its_location(client):
    response = post(client, FOOD)

    body = response.json()
    assert response.status_code == 201
    assert set(body) == FIELDS
    assert response["Location"].endswith(f"{URL}/{body['budget_id']}")
    assert client.get(response["Location"]).json() == body
    assert (body["category"], body["amount"]) == ("Food", "100.00")
    assert (body["alert_threshold"], body["period"]) == (80, "monthly")


def test_budgets_are_listed_by_category_and_period(client, alice):
    for category, period in (("b", "monthly"), ("A", "yearly"), ("a", "monthly")):
        make_budget(alice, category=category, period=period)

    body = client.get(URL).json()

    listing = [(budget["category"], budget["period"]) for budget in body["results"]]
    assert listing == [("a", "monthly"), ("A", "yearly"), ("b", "monthly")]
    assert (body["next"], body["previous"]) == (None, None)
    assert set(body["results"][0]) == FIELDS


SPENT = ("spent", "remaining", "level")


@pytest.mark.parametrize(
    ("amount", "stands"),
    [
        ("79.99", ("79.99", "20.01", "ok")),
        ("80.00", ("80.00", "20.00", "threshold")),
        ("100.00", ("100.00", "0.00", "threshold")),
        ("100.01", ("100.01", "-0.01", "exceeded")),
    ],
)
def test_a_budget_shows_spent_remaining_and_level(client, alice, amount, stands):
    url = post(client, FOOD)["Location"]
    make_expense(alice, category="Food", amount=amount)

    (listed,) = client.get(URL).json()["results"]
    assert client.get(url).json() == listed
    assert tuple(listed[field] for field in SPENT) == stands
    (line,) = client.get(SUMMARY).json()["budgets"]
    assert {field: line[field] for field in SPENT} == {
        field: listed[field] for field in SPENT
    }


def test_a_new_budget_counts_earlier_expenses_of_its_period(client, alice):
    make_expense(alice, category="food", amount="30.00")

    assert post(client, FOOD).json()["spent"] == "30.00"
    changed = patch(client, list_budgets(alice).items[0], {"amount": "25"}).json()
    assert tuple(changed[field] for field in SPENT) == ("30.00", "-5.00", "exceeded")


RECURRING = [period for period in PERIODS if period != "once"]
ANCHORS = dict.fromkeys(ANCHORED, "2026-03-16")


@pytest.mark.parametrize("period", RECURRING)
def test_a_budget_whose_period_has_ended_shows_the_current_period(alice, period):
    """The stored total is outdated until an expense or the daily check updates it."""
    anchor = ANCHORS.get(period)
    make_budget(alice, category="Food", amount="100.00", period=period, anchor=anchor)
    alice = account_of(alice).user
    make_expense(alice, category="Food", amount="90.00")
    with time_machine.travel(datetime.datetime(2027, 4, 14, 9, tzinfo=datetime.UTC)):
        client = client_for(alice)
        (before,) = client.get(URL).json()["results"]
        assert tuple(before[field] for field in SPENT) == ("0.00", "100.00", "ok")

        # Stored directly, as if written at the same moment as the budget.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("budgets.lookup.budgets_for", lambda *_: [])
            make_expense(alice, category="food", amount="85.00", date="2027-04-13")
        (after,) = client.get(URL).json()["results"]
        (line,) = client.get(SUMMARY).json()["budgets"]
    assert tuple(after[field] for field in SPENT) == ("85.00", "15.00", "threshold")
    assert tuple(line[field] for field in SPENT) == ("85.00", "15.00", "threshold")


def test_a_void_expense_is_not_spent(client, alice):
    post(client, FOOD)
    make_expense(alice, category="Food", amount="50.00", status="void")

    assert client.get(URL).json()["results"][0]["spent"] == "0.00"


WRONG_VALUES = {
    "category": ["", " ", "a" * 51, "a\u0000b", "a\nb", "\ud800", None, 5, [], {}],
    "amount": ["0", "-1", "0.001", "1e12", "NaN", "ten", "", None, True, [], {}],
    "alert_threshold": [0, 101, -1, "80.5", 80.5, "most", "", None, True, [], {}],
    "period": ["daily", "", None, 1, []],
    "budget_id": ["0" * 32],
    "spent": ["0.00"],
    "level": ["ok"],
    "color": ["red"],
}


@pytest.mark.parametrize("field", WRONG_VALUES)
def test_an_invalid_field_is_named_and_nothing_is_stored(client, alice, field):
    for value in WRONG_VALUES[field]:
        response = post(client, json.dumps({**FOOD, field: value}))

        body = messages_of(response)
        assert (response.status_code, list(body)) == (400, [field]), value
        assert all(sentence.endswith(".") for sentence in body[field])
    assert list_budgets(alice).items == []


@pytest.mark.parametrize("field", WRONG_VALUES)
def test_an_invalid_change_is_named_and_changes_nothing(client, alice, field):
    budget = make_budget(alice, amount="99")

    for value in WRONG_VALUES[field]:
        response = patch(client, budget, json.dumps({**FOOD, field: value}))

        assert (response.status_code, list(messages_of(response))) == (400, [field]), (
            value
        )
    assert get_budget(alice, budget.budget_id).version == budget.version


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("category", ["a" * 50, "🍜" * 50]),
        ("amount", ["0.01", "999999999999.99"]),
        ("alert_threshold", [1, 100]),
        ("period", ["weekly", "monthly", "yearly"]),
    ],
)
def test_values_at_the_limits_are_accepted(client, field, values):
    for number, value in enumerate(values):
        response = post(client, {**FOOD, "category": f"c{number}", field: value})

        assert (response.status_code, response.json()[field]) == (201, value)


def test_a_body_other_than_a_json_object_is_rejected(client, alice):
    statuses = [post(client, body).status_code for body in ("", "{", "[]", "null")]

    assert set(statuses) == {400}
    assert list_budgets(alice).items == []


def test_an_oversized_body_is_rejected(client):
    assert post(client, {**FOOD, "category": "a" * 2_500_001}).status_code == 413


def test_a_second_budget_for_a_category_and_period_is_a_conflict(client, alice):
    make_budget(alice, category="food")

    response = post(client, FOOD)

    assert response.status_code == 409
    assert list(messages_of(response)) == ["category"]
    assert len(list_budgets(alice).items) == 1


def test_a_patch_changes_only_the_given_fields(client, alice):
    budget = make_budget(alice, alert_threshold=70)

    response = patch(client, budget, {"amount": "150.5"})

    body = response.json()
    assert response.status_code == 200
    assert (body["amount"], body["alert_threshold"]) == ("150.50", 70)
    assert (body["budget_id"], body["category"]) == (budget.budget_id, "Groceries")


def test_an_empty_patch_is_accepted(client, alice):
    budget = make_budget(alice)

    response = patch(client, budget, {})

    assert response.status_code == 200
    assert response.json()["amount"] == "100.00"


def test_changing_the_category_changes_the_url(client, alice):
    budget = make_budget(alice)

    moved = patch(client, budget, {"category": "Food"}).json()

    assert moved["budget_id"] != budget.budget_id
    assert client.get(f"{URL}/{budget.budget_id}").status_code == 404
    assert client.get(f"{URL}/{moved['budget_id']}").json() == moved


def test_a_move_onto_another_budget_is_a_conflict(client, alice):
    budget = make_budget(alice)
    make_budget(alice, category="Food")

    response = patch(client, budget, {"category": "FOOD"})

    assert response.status_code == 409
    assert list(messages_of(response)) == ["category"]
    assert get_budget(alice, budget.budget_id).version == budget.version


def test_a_deleted_budget_is_gone(client, alice):
    budget = make_budget(alice)

    first = client.delete(f"{URL}/{budget.budget_id}")
    again = client.delete(f"{URL}/{budget.budget_id}")

    assert (first.status_code, first.content) == (204, b"")
    assert again.status_code == 404
    assert list_budgets(alice).items == []


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_another_users_budget_is_not_found(client, alice, method):
    budget = make_budget(alice)
    bob = client_for(make_user("bob"))

    response = getattr(bob, method)(
        f"{URL}/{budget.budget_id}",
        {"amount": "1.00"} if method == "patch" else None,
        content_type="application/json",
    )

    assert response.status_code == 404
    assert get_budget(alice, budget.budget_id).version == budget.version


def test_another_users_budgets_are_not_listed(alice):
    make_budget(alice)

    assert client_for(make_user("bob")).get(URL).json()["results"] == []


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_an_unknown_id_is_not_found(client, method):
    for strange in ("0" * 32, "0" * 33, "a" * 1000, "%00", "%0a"):
        ask = getattr(client, method)
        response = ask(f"{URL}/{strange}", content_type="application/json")

        assert response.status_code == 404, strange


def test_unauthenticated_requests_get_401(aws):
    client, item = client_for(), f"{URL}/{'0' * 32}"

    answers = [
        client.get(URL),
        post(client, FOOD),
        client.get(item),
        client.patch(item, FOOD, content_type="application/json"),
        client.delete(item),
        client.get(SUMMARY),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert {problem(answer)["code"] for answer in answers} == {"not_authenticated"}


def test_a_write_needs_the_csrf_token(alice):
    budget = make_budget(alice)
    client = client_for(alice, csrf=True)
    address = f"{URL}/{budget.budget_id}"

    statuses = [
        post(client, FOOD).status_code,
        patch(client, budget, {"amount": "1.00"}).status_code,
        client.delete(address).status_code,
    ]

    assert statuses == [403, 403, 403]
    assert [stored.version for stored in list_budgets(alice).items] == [budget.version]
    assert client.delete(address, headers=token_of(client)).status_code == 204


def test_other_methods_are_rejected(client, alice):
    item = f"{URL}/{make_budget(alice).budget_id}"

    answers = [
        *(client.put(URL), client.patch(URL), client.delete(URL)),
        *(client.put(item), client.post(item), client.post(SUMMARY)),
    ]

    assert {answer.status_code for answer in answers} == {405}


def test_unknown_parameters_are_rejected_by_name(client):
    for url, name in ((URL, "category"), (SUMMARY, "year")):
        response = client.get(url, {name: "1"})

        assert (response.status_code, list(messages_of(response))) == (400, [name])


def test_the_api_can_be_browsed(client, alice):
    make_budget(alice)

    for url in (URL, SUMMARY):
        response = client.get(url, headers={"accept": "text/html"})

        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/html")
