"""The form of a budget: kinds of period, rollover, thresholds, and its preview."""

import re
from decimal import Decimal

import pytest
import time_machine
from django.utils.html import strip_tags

from budgets.models import Budget
from budgets.services import get_budget, list_budgets
from tests.budgets.test_views import ADD, FOOD, page
from tests.builders import client_for, make_user
from tests.money_builders import NOON, alerts, make_budget, make_expense
from tests.web.test_form_errors import errors

pytestmark = pytest.mark.usefixtures("aws")

CHECK = {"check": "yes"}


def sentence(answer) -> str:
    """Return the periods that a form shows, or an empty string."""
    text = re.search(r'<p id="periods">(.*?)</p>', page(answer))
    return strip_tags(text[1]).replace("\u2009", " ") if text else ""


def added(client, alice, **values) -> Budget:
    """Return the budget that a form with these values stores."""
    answer = client.post(ADD, {**FOOD, **values})
    assert answer.status_code == 302, page(answer)
    (budget,) = list_budgets(alice).items
    return budget


def test_every_field_is_stored_and_shown_again(client, alice):
    budget = added(
        client,
        alice,
        period="biweekly",
        anchor="2026-03-06",
        rollover="surplus",
        rollover_cap="200",
        alert_thresholds="100, 50 80%",
        note="Pocket money",
        paused="on",
        everyday="on",
        keep_for_tomorrow="on",
    )

    assert (budget.period, budget.anchor) == ("biweekly", "2026-03-06")
    assert (budget.rollover, budget.rollover_cap) == ("surplus", 200)
    assert budget.alert_thresholds == (50, 80, 100)
    assert (budget.note, bool(budget.paused_at)) == ("Pocket money", True)
    assert budget.everyday
    assert budget.keep_for_tomorrow
    html = page(client.get(f"/budgets/{budget.budget_id}/edit"))
    for shown in (
        '<option value="biweekly" selected>',
        'name="anchor" value="2026-03-06"',
        'value="surplus" id="id_rollover_1" checked>',
        'name="rollover_cap" value="200.00"',
        'name="alert_thresholds" value="50, 80, 100"',
        'name="note" value="Pocket money"',
        'name="paused" aria-describedby="id_paused_helptext" id="id_paused" checked>',
    ):
        assert shown in html, shown


def test_fields_of_other_kinds_are_ignored(client, alice):
    """They may be filled in, where the browser cannot hide them."""
    budget = added(
        client,
        alice,
        anchor="2026-03-06",
        month_days_first="5",
        month_days_second="20",
        rollover="none",
        rollover_cap="20",
        from_last_period="on",
    )

    assert (budget.period, budget.anchor, budget.month_days) == ("monthly", None, None)
    assert (budget.rollover, budget.rollover_cap) == ("none", None)


def test_a_budget_covers_several_categories(client, alice):
    budget = added(client, alice, more_categories="Drinks\r\n\r\n Tea, green \r\nFOOD")

    assert budget.categories.names == ("Food", "Drinks", "Tea, green")
    path = f"/budgets/{budget.budget_id}/edit"
    html = page(client.get(path))
    assert 'name="category" value="Food"' in html
    assert re.search(">\\s*Drinks Tea, green</textarea>", html)
    client.post(path, {**FOOD, "category": "Drinks"})
    (edited,) = list_budgets(alice).items
    assert edited.categories.names == ("Drinks",)


def test_a_budget_covers_everything(client, alice):
    budget = added(client, alice, category="", everything="on")

    assert budget.categories.are_all
    path = f"/budgets/{budget.budget_id}/edit"
    assert re.search('name="everything"[^>]* checked', page(client.get(path)))
    client.post(path, FOOD)
    (edited,) = list_budgets(alice).items
    assert edited.categories.names == ("Food",)


def test_a_one_off_budget_has_days_and_no_rollover(client, alice):
    trip = {"period": "once", "start": "2026-03-10", "end": "2026-03-20"}
    fields = {**trip, "rollover": "both", "rollover_cap": "5"}
    checked = client.post(ADD, {**FOOD, **fields, **CHECK})

    budget = added(client, alice, **fields)

    assert sentence(checked) == "Once, Mar 10 – 20, 2026."
    assert (budget.only_period, budget.rollover) == ("2026-03-10/2026-03-20", "none")
    html = page(client.get(f"/budgets/{budget.budget_id}/edit"))
    assert 'name="start" value="2026-03-10"' in html
    assert 'name="end" value="2026-03-20"' in html


@pytest.mark.parametrize(
    ("days", "stored"), [(("1", "16"), None), (("15", "31"), [15, 31])]
)
def test_twice_a_month_has_two_days(client, alice, days, stored):
    fields = {"month_days_first": days[0], "month_days_second": days[1]}

    assert added(client, alice, period="semimonthly", **fields).month_days == stored


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"period": "biweekly", "anchor": ""}, "anchor"),
        ({"period": "biweekly", "anchor": "6.3.2026"}, "anchor"),
        ({"period": "semimonthly", "month_days_first": "16"}, "month_days"),
        (
            {
                "period": "semimonthly",
                "month_days_first": "16",
                "month_days_second": "1",
            },
            "month_days",
        ),
        (
            {
                "period": "semimonthly",
                "month_days_first": "1",
                "month_days_second": "x",
            },
            "month_days",
        ),
        ({"rollover": "both", "rollover_cap": "0"}, "rollover_cap"),
        ({"rollover": "both", "rollover_cap": "a"}, "rollover_cap"),
        ({"rollover": "all"}, "rollover"),
        ({"alert_thresholds": "1, 2, 3, 4, 5, 6"}, "alert_thresholds"),
        ({"alert_thresholds": "0, 80"}, "alert_thresholds"),
        ({"alert_thresholds": "80, 101"}, "alert_thresholds"),
        ({"alert_thresholds": "٣"}, "alert_thresholds"),
        ({"alert_thresholds": " , "}, "alert_thresholds"),
        ({"note": "n" * 201}, "note"),
        ({"more_categories": "a" * 51}, "more_categories"),
        ({"more_categories": "\n".join(map(str, range(20)))}, "more_categories"),
        ({"period": "once", "end": "2026-03-20"}, "start"),
        ({"period": "once", "start": "2026-03-20"}, "end"),
        ({"period": "once", "start": "2026-03-20", "end": "2026-03-19"}, "end"),
        ({"period": "once", "start": "2026-03-20", "end": "2027-03-21"}, "end"),
    ],
)
def test_an_error_is_shown_at_its_field(client, alice, values, field):
    for more in ({}, CHECK, {"amount": ""}):
        answer = client.post(ADD, {**FOOD, **values, **more})

        assert errors(answer).keys() == {field, *more} - {"check"}
    assert list_budgets(alice).items == []


SENTENCES = [
    (
        {},
        "Every month; now March 2026, then April 2026 and May 2026.",
    ),
    (
        {"period": "weekly"},
        "Every week from Monday; now Mar 16 – 22, then Mar 23 – 29 and Mar 30 – Apr 5.",
    ),
    (
        {"period": "biweekly", "anchor": "2026-03-06"},
        "Every two weeks from Friday; now Mar 6 – 19, then Mar 20 – Apr 2"
        " and Apr 3 – 16.",
    ),
    (
        {"period": "four_weekly", "anchor": "2027-01-03"},
        "Every four weeks from Sunday; now Mar 1 – 28, then Mar 29 – Apr 25"
        " and Apr 26 – May 23.",
    ),
    (
        {"period": "semimonthly", "month_days_first": "15", "month_days_second": "31"},
        "Twice a month, on the 15th and the last day; now Mar 15 – 30,"
        " then Mar 31 – Apr 14 and Apr 15 – 29.",
    ),
    (
        {"period": "quarterly"},
        "Every three months; now Jan 1 – Mar 31, then Apr 1 – Jun 30"
        " and Jul 1 – Sep 30.",
    ),
    (
        {"period": "yearly"},
        "Every year; now 2026, then 2027 and 2028.",
    ),
]


@pytest.mark.parametrize(("values", "expected"), SENTENCES)
def test_check_shows_the_periods_and_stores_nothing(client, alice, values, expected):
    answer = client.post(ADD, {**FOOD, "note": "Kept", **values, **CHECK})

    assert answer.status_code == 200
    assert sentence(answer) == expected
    assert 'name="category" value="Food"' in page(answer)
    assert 'name="note" value="Kept"' in page(answer)
    assert list_budgets(alice).items == []


def test_a_new_form_shows_the_periods(client):
    assert sentence(client.get(ADD)) == SENTENCES[0][1]


def test_check_reports_a_conflict(client, alice):
    make_budget(alice, category="FOOD")

    answer = client.post(ADD, {**FOOD, **CHECK})

    assert answer.status_code == 409
    assert errors(answer).keys() == {"category"}


def test_check_of_an_edit_ends_the_running_period_and_changes_nothing(client, alice):
    budget = make_budget(alice, category="Food", amount="100")
    make_expense(alice, category="Food", amount="70")
    path = f"/budgets/{budget.budget_id}/edit"
    values = {"period": "biweekly", "anchor": "2026-03-06", "amount": "10"}

    answer = client.post(path, {**FOOD, **values, **CHECK})

    assert sentence(answer) == (
        "Every two weeks from Friday; now Mar 1 – 19, then Mar 20 – Apr 2"
        " and Apr 3 – 16."
    )
    stored = get_budget(alice, budget.budget_id)
    assert (stored.period, stored.amount, stored.spent) == ("monthly", 100, 70)
    assert alerts(alice) == []
    assert sentence(client.get(path)) == SENTENCES[0][1]


def test_a_script_gets_the_sentence_alone_from_an_unfinished_form(client, alice):
    values = {"period": "biweekly", "anchor": "2026-03-06", "amount": "", "note": "x"}
    headers = {"HX-Request": "true"}

    answer = client.post(ADD, values, headers=headers)
    unfinished = client.post(ADD, {**values, "anchor": ""}, headers=headers)
    finished = client.post(ADD, FOOD, headers=headers)

    assert strip_tags(page(answer)).strip() == sentence(answer) == SENTENCES[2][1]
    assert (unfinished.status_code, sentence(unfinished)) == (200, "")
    assert (finished.status_code, sentence(finished)) == (200, SENTENCES[0][1])
    assert list_budgets(alice).items == []


def test_the_sentence_is_translated(aws):
    client = client_for(make_user("grete", language="de"))
    values = {"period": "biweekly", "anchor": "2026-03-06"}

    answer = client.post(ADD, {**FOOD, **values, **CHECK})

    assert sentence(answer) == (
        "Alle zwei Wochen ab Freitag; jetzt 6.–19. März, dann 20. März – 2. Apr. und"
        " 3.–16. Apr."
    )


def test_an_edit_can_carry_over_from_the_last_period(client, alice):
    budget = make_budget(alice, category="Food", period="weekly")
    make_expense(alice, category="Food", amount="70")
    with time_machine.travel(NOON.replace(day=25), tick=True):
        client = client_for(alice)
        make_expense(alice, category="Food", amount="1")
        path = f"/budgets/{budget.budget_id}/edit"
        assert "Carry over from the last period, too" in page(client.get(path))
        values = {"period": "weekly", "rollover": "both", "from_last_period": "on"}
        assert client.post(path, {**FOOD, **values}).status_code == 302
        stored = get_budget(alice, budget.budget_id)

    assert "Carry over from the last period" not in page(client.get(ADD))
    assert stored.carried_over == Decimal("30.00")


def test_an_edit_clears_what_is_emptied(client, alice):
    budget = added(
        client,
        alice,
        rollover="both",
        rollover_cap="5",
        note="x",
        paused="on",
        alert_thresholds="50, 100",
    )

    client.post(f"/budgets/{budget.budget_id}/edit", {**FOOD, "rollover": "both"})

    stored = get_budget(alice, budget.budget_id)
    assert (stored.rollover, stored.rollover_cap, stored.note) == ("both", None, None)
    assert (stored.paused_at, stored.alert_thresholds) == (None, (80,))


def test_a_form_without_a_rollover_keeps_the_stored_one(client, alice):
    """A form that the version before rendered has no such field."""
    rollover = {"mode": "both", "cap": "5"}
    budget = make_budget(alice, category="Food", rollover=rollover)

    client.post(f"/budgets/{budget.budget_id}/edit", FOOD)

    stored = get_budget(alice, budget.budget_id)
    assert (stored.rollover, stored.rollover_cap) == ("both", 5)
