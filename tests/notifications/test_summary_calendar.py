"""Planned summaries in the recipient's calendar, and after a change of it."""

import pytest

from notifications import schedule
from notifications.models import OutboxItem, PlannedSummary
from notifications.recipients import Recipient
from profiles.services import update_profile
from tests.builders import account_of, make_user
from tests.calls import counted
from tests.money_builders import make_budget, make_expense
from tests.notifications.test_email_summaries import (
    MONTHLY,
    WEEKLY,
    alice,
    at_seven,
    history,
    planned,
    subjects,
    sweep,
    travel_to,
    turn_on,
)

__all__ = ["alice", "at_seven"]


def change(user, **calendar):
    update_profile(user, calendar=calendar)


def due(plans):
    return [(plan.planned_for, plan.unsent_since[:16]) for plan in plans]


@pytest.mark.parametrize(
    ("kind", "calendar", "about", "at"),
    [
        # March 22 is a Sunday, on which clocks are as before.
        (WEEKLY, {"week_start": "sunday"}, "2026-03-16", "2026-03-22T06:55"),
        (MONTHLY, {"month_start_day": 25}, "2026-03-01", "2026-03-25T06:55"),
        (MONTHLY, {"month_start_day": 10}, "2026-03-01", "2026-04-01T06:55"),
        (MONTHLY, {"month_start_shift": "before"}, "2026-03-01", "2026-04-01T06:55"),
    ],
)
@pytest.mark.parametrize("is_on_first", [True, False])
def test_a_summary_is_due_when_the_running_period_ends(
    alice, kind, calendar, about, at, is_on_first
):
    if is_on_first:
        turn_on(alice, kind)
        change(alice, **calendar)
    else:
        change(alice, **calendar)
        turn_on(alice, kind)

    assert due(planned()) == [(about, at)]


def test_every_period_has_a_summary_across_a_change(alice, clock):
    turn_on(alice, MONTHLY)
    change(alice, month_start_day=10)
    for days in ("2026-04-01", "2026-04-10", "2026-05-10"):
        travel_to(clock, f"{days}T07:00:01")
        sweep()
        sweep()

    assert subjects() == [
        "Nothing spent in March 2026",
        "Nothing spent in the period Apr 1 – 9, 2026",
        "Nothing spent in the period Apr 10 – May 9, 2026",
    ]
    assert due(planned()) == [("2026-05-10", "2026-06-10T06:55")]


def test_a_summary_has_the_days_and_totals_of_the_users_month(alice, clock):
    change(alice, month_start_day=25)
    turn_on(alice, MONTHLY)
    make_expense(alice, amount="4.00", date="2026-03-24")
    make_expense(alice, amount="8.00", date="2026-03-25")
    travel_to(clock, "2026-03-25T07:00:01")

    sweep()

    (summary,) = history(alice)
    assert summary.subject == "$4.00 spent in the period Mar 1 – 24, 2026"
    assert summary.message.endswith("http://localhost:8000/?month=2026-03-01\n")


def test_a_summarys_budgets_have_the_users_periods(alice, clock):
    change(alice, month_start_day=25)
    user = account_of(alice).user
    turn_on(alice, MONTHLY)
    make_budget(user, category="Food", amount="50.00")
    make_expense(user, category="Food", amount="20.00", date="2026-03-24")
    travel_to(clock, "2026-03-25T07:00:01")

    sweep()

    days = "Mar 1\u2009–\u200924, 2026"
    line = f"- Food, {days}: $20.00 of $50.00 spent, $30.00 left"
    assert line in history(alice)[0].message


def test_a_change_costs_a_call_for_each_summary_that_is_on(alice):
    def cost(**calendar):
        with counted() as calls:
            change(alice, **calendar)
        return calls.names

    without = cost(month_start_day=25)
    turn_on(alice, WEEKLY)
    turn_on(alice, MONTHLY)

    with_both = cost(month_start_day=20)
    assert len(with_both) == len(without) + 2


def test_all_summaries_of_a_changed_calendar_are_found_for_deletion(clock):
    user = make_user("bob")
    turn_on(user, WEEKLY)
    turn_on(user, MONTHLY)
    for number in range(20):
        clock.shift(3 * 24 * 3600)
        change(user, month_start_day=1 + number, week_start="sunday")
        change(user, week_start=("monday", "friday")[number % 2])
        sweep()
    turn_on(user, WEEKLY, wanted=False)

    recipient = Recipient.get(user.user_id)
    plans = {plan.notification_id for plan in planned()}
    assert plans
    assert plans <= {*schedule.all_ids(recipient)}
    assert all(
        not isinstance(item, PlannedSummary) or item.notification_id in plans
        for item in OutboxItem.scan()
    )
