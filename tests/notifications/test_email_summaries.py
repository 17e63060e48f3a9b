"""Weekly and monthly summaries: planned, written when due, one per period."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from pynamodb.exceptions import PynamoDBException

from accounts import services as accounts
from accounts.models import Account
from notifications import delivery, schedule, services, subscriptions
from notifications.models import Notification, OutboxItem, PlannedSummary
from notifications.sweep import enqueue_overdue
from notifications.transports import DeliveryError
from profiles.services import update_profile
from reports import email_summaries
from smartbudget.core.errors import ConflictError, NotFoundError
from staff import users
from tests.builders import make_staff, make_user
from tests.money_builders import make_budget, make_expense
from tests.notifications import faults
from tests.notifications.builders import mails, make_notification, queued, state

WEEKLY, MONTHLY = "weekly_summary", "monthly_summary"
A_WEEK = datetime.timedelta(days=7)


@pytest.fixture(autouse=True)
def at_seven(monkeypatch):
    """Sweep everyone's summary at seven; tests of the spread are in test_sweep.py."""
    monkeypatch.setattr(schedule, "SPREAD", datetime.timedelta(seconds=1))


@pytest.fixture
def alice():
    """A subscriber; it is noon on Wednesday, March 18, 2026."""
    user = make_user("alice")
    subscriptions.subscribe(user)
    return user


def turn_on(user, kind=WEEKLY, wanted=True):
    update_profile(user, email_preferences={kind: wanted})


def planned() -> list[PlannedSummary]:
    plans = [item for item in OutboxItem.scan() if isinstance(item, PlannedSummary)]
    return sorted(plans, key=lambda plan: plan.planned_for)


def travel_to(clock, written: str, time_zone="UTC") -> None:
    local = datetime.datetime.fromisoformat(written)
    clock.move_to(local.replace(tzinfo=ZoneInfo(time_zone)))


def sweep(**options) -> None:
    """Run the sweep and deliver what it queued."""
    before = len(queued())
    enqueue_overdue()
    for body in queued()[before:]:
        delivery.deliver(body["notification_id"], **options)


def subjects() -> list[str]:
    return [subject for _, subject in mails()]


def history(user) -> list[Notification]:
    return services.list_notifications(user).items


# ---------------------------------------------------------------------- planning


@pytest.mark.parametrize(
    ("kind", "about", "due"),
    [
        (WEEKLY, "2026-03-16", "2026-03-23T06:55"),
        (MONTHLY, "2026-03-01", "2026-04-01T06:55"),
    ],
)
def test_turning_summaries_on_plans_the_next_one(alice, kind, about, due):
    turn_on(alice, kind)

    (plan,) = planned()
    assert (plan.type, plan.planned_for) == (kind, about)
    # The sweep takes items that have waited for five minutes.
    assert plan.unsent_since.startswith(due)


@pytest.mark.parametrize(
    ("now", "about"),
    [
        ("2026-03-23T06:59", "2026-03-16"),
        ("2026-03-23T07:00", "2026-03-23"),
    ],
)
def test_the_next_summary_is_the_first_due(alice, clock, now, about):
    travel_to(clock, now)

    turn_on(alice)

    assert [plan.planned_for for plan in planned()] == [about]


def test_seven_in_the_morning_is_in_the_users_time_zone():
    # Daylight saving time starts on the Sunday between.
    bob = make_user("bob", time_zone="Europe/Berlin")
    noon = datetime.datetime(2026, 3, 25, 12, tzinfo=datetime.UTC)

    week = schedule.last_due(WEEKLY, bob.time_zone, noon)
    next_week = schedule.following(WEEKLY, week)

    assert f"{schedule.due_at(week, bob.time_zone):%d %H:%M}" == "23 06:00"
    assert f"{schedule.due_at(next_week, bob.time_zone):%d %H:%M}" == "30 05:00"


def test_turning_summaries_on_again_plans_nothing_more(alice):
    for wanted in (True, True, False, True):
        turn_on(alice, wanted=wanted)

    assert len(planned()) == 1


def test_a_lost_reply_plans_one_summary(alice):
    with faults.reply_lost("TransactWriteItems"):
        turn_on(alice)

    assert len(planned()) == 1


def test_a_planned_summary_is_not_in_the_history(alice):
    turn_on(alice)
    (plan,) = planned()

    assert history(alice) == []
    with pytest.raises(NotFoundError):
        services.get_notification(alice, plan.notification_id)


def test_a_failed_request_plans_nothing(alice):
    with faults.down("TransactWriteItems"), pytest.raises(PynamoDBException):
        turn_on(alice)

    assert planned() == []
    assert not accounts.get_account(alice.user_id).wants(WEEKLY)


# ----------------------------------------------------------------------- sending


def test_a_summary_is_sent_after_its_week_ends(alice, clock):
    make_budget(alice, category="Food", period="weekly", amount="50.00")
    make_budget(alice, category="Rent", amount="500.00")
    make_expense(alice, category="Food", amount="30.00", date="2026-03-11")
    make_expense(alice, category="Food", amount="80.00", date="2026-03-17")
    make_expense(alice, category="Rent", amount="500.00", date="2026-03-16")
    turn_on(alice)
    travel_to(clock, "2026-03-23T07:00")
    sweep()  # alerts of the budgets
    sent_before = len(mails())

    clock.shift(1)
    sweep()

    assert subjects()[sent_before:] == ["$580.00 spent in the week of March 16, 2026"]
    summary = history(alice)[0]
    assert (summary.type, summary.status) == (WEEKLY, "sent")
    assert summary.created_at == "2026-03-23T07:00:01.000000+00:00"
    assert summary.message == (
        "You spent $580.00 in the week of March 16, 2026."
        " That's $550.00 more than the week before ($30.00).\n\n"
        "Your budgets:\n"
        "- Food, the week of March 16, 2026: $80.00 of $50.00 spent,"
        " $30.00 over\n"
        "- Rent, March 2026: $500.00 of $500.00 spent, $0.00 left\n\n"
        "http://localhost:8000/budgets/\n"
    )


def test_a_month_is_summarized_in_its_currency(clock):
    bob = make_user("bob", currency="JPY", time_zone="Asia/Tokyo")
    subscriptions.subscribe(bob)
    make_expense(bob, category="寿司", amount="1200", date="2026-02-03")
    make_expense(bob, category="寿司", amount="900", date="2026-03-31")
    turn_on(bob, MONTHLY)
    travel_to(clock, "2026-04-01T07:00:01", "Asia/Tokyo")

    sweep()

    assert subjects() == ["¥900 spent in March 2026"]
    message = history(bob)[0].message
    assert "That's ¥300 less than the month before (¥1,200)." in message
    assert message.endswith(
        "You have no budgets.\n\nhttp://localhost:8000/?month=2026-03\n"
    )


def test_a_summary_without_spending_says_so(alice, clock):
    turn_on(alice)
    travel_to(clock, "2026-03-23T07:00:01")

    sweep()

    assert subjects() == ["Nothing spent in the week of March 16, 2026"]
    assert "You spent nothing the week before." in history(alice)[0].message


def test_every_week_has_a_summary(alice, clock):
    turn_on(alice)
    travel_to(clock, "2026-03-23T07:00:01")
    for _ in range(3):
        sweep()
        sweep()
        clock.shift(A_WEEK)

    assert [subject[-14:] for subject in subjects()] == [
        "March 16, 2026",
        "March 23, 2026",
        "March 30, 2026",
    ]
    assert len(planned()) == 1


def test_delivering_five_times_sends_one_and_plans_one(alice, clock):
    turn_on(alice)
    (plan,) = planned()
    travel_to(clock, "2026-03-23T07:00:01")

    for _ in range(5):
        delivery.deliver(plan.notification_id)

    assert len(mails()) == 1
    assert [plan.planned_for for plan in planned()] == ["2026-03-23"]


def test_aws_calls_of_a_summary(alice, clock):
    """Lease, user, publish and update, plus budgets, expenses and one transaction."""
    turn_on(alice)
    (plan,) = planned()
    travel_to(clock, "2026-03-23T07:00:01")
    # Once a day a delivery checks the subscription.
    delivery.deliver(make_notification("first", alice.user_id).notification_id)

    with faults.calls_counted() as calls:
        delivery.deliver(plan.notification_id)

    writing = ["Query", "Query", "TransactWriteItems"]
    assert calls == ["UpdateItem", "GetItem", *writing, "Publish", "UpdateItem"]


def test_without_a_subscription_the_summary_is_in_the_app(clock):
    bob = make_user("bob")
    turn_on(bob)
    travel_to(clock, "2026-03-23T07:00:01")

    sweep()

    (summary,) = history(bob)
    assert (summary.status, summary.error) == ("skipped", "E-mail alerts are off.")
    assert len(planned()) == 1


def test_quiet_hours_delay_the_email_and_not_the_summary(alice, clock):
    update_profile(alice, quiet_hours={"from": "22:00", "until": "08:00"})
    turn_on(alice)
    travel_to(clock, "2026-03-23T07:00:01")

    sweep()
    assert mails() == []
    assert history(alice)[0].status == "queued"

    travel_to(clock, "2026-03-23T08:00:01")
    sweep()
    assert len(mails()) == 1
    assert history(alice)[0].status == "sent"


# ------------------------------------------------------------- changed preferences


def test_turning_summaries_off_sends_and_plans_nothing(alice, clock):
    turn_on(alice)
    turn_on(alice, wanted=False)
    travel_to(clock, "2026-03-23T07:00:01")

    sweep()
    clock.shift(A_WEEK)
    sweep()

    assert mails() == []
    assert history(alice) == []
    assert enqueue_overdue()["requeued"] == 0


def test_turning_summaries_on_again_sends_them_again(alice, clock):
    turn_on(alice)
    turn_on(alice, wanted=False)
    travel_to(clock, "2026-03-23T07:00:01")
    sweep()

    turn_on(alice)
    travel_to(clock, "2026-03-30T07:00:01")
    sweep()

    assert subjects() == ["Nothing spent in the week of March 23, 2026"]


def test_turning_summaries_on_again_after_moving_west_misses_none(alice, clock):
    """The summary skipped in London is due again in Honolulu."""
    turn_on(alice)
    turn_on(alice, wanted=False)
    travel_to(clock, "2026-03-23T07:00:01")
    sweep()
    time_zone = "Pacific/Honolulu"

    update_profile(alice, time_zone=time_zone, email_preferences={WEEKLY: True})
    travel_to(clock, "2026-03-23T07:00:01", time_zone)
    sweep()

    assert subjects() == ["Nothing spent in the week of March 16, 2026"]
    assert [plan.planned_for for plan in planned()] == ["2026-03-23"]


def test_the_summary_of_a_deleted_account_ends_quietly(alice, clock):
    turn_on(alice)
    Account.get(alice.user_id).delete()
    travel_to(clock, "2026-03-23T07:00:01")

    sweep()

    assert mails() == []
    assert [notification.status for notification in Notification.scan()] == ["skipped"]


def test_a_locked_account_gets_the_next_summary_once_unlocked(alice, clock):
    grace = make_staff()
    turn_on(alice)
    users.lock(grace, alice.user_id, reason="Sends spam")
    travel_to(clock, "2026-03-23T07:00:01")
    sweep()
    assert mails() == []
    assert history(alice)[0].error == "The account is locked."

    users.unlock(grace, alice.user_id)
    travel_to(clock, "2026-03-30T07:00:01")
    sweep()

    assert len(mails()) == 1
    assert [notification.status for notification in history(alice)] == [
        "sent",
        "skipped",
    ]


def test_after_moving_west_the_summary_waits_for_seven_there(alice, clock):
    turn_on(alice)
    update_profile(alice, time_zone="America/New_York")
    travel_to(clock, "2026-03-23T07:00:01")
    sweep()
    assert mails() == []

    travel_to(clock, "2026-03-23T07:00:01", "America/New_York")
    sweep()

    assert len(mails()) == 1


# ------------------------------------------------------------------------- faults


def test_after_a_long_outage_only_the_latest_week_is_sent(alice, clock):
    turn_on(alice)
    travel_to(clock, "2026-04-29T12:00")

    for _ in range(3):
        sweep()
        clock.shift(60)

    assert subjects() == ["Nothing spent in the week of April 20, 2026"]
    assert [notification.subject for notification in history(alice)] == subjects()
    (plan,) = [item for item in planned() if item.status == "queued"]
    assert plan.planned_for == "2026-04-27"


def test_an_outdated_summary_ends_even_if_its_first_try_crashed(alice, clock):
    turn_on(alice)
    (plan,) = planned()
    travel_to(clock, "2026-04-29T12:00")

    # The next one is already planned when this one is retried.
    with faults.killed("UpdateItem", 2, done=False):
        delivery.deliver(plan.notification_id)
    clock.shift(600)
    with faults.calls_counted() as calls:
        delivery.deliver(plan.notification_id)

    assert state(plan.notification_id)[0] == "skipped"
    # moto accepts an empty transaction; DynamoDB does not.
    assert calls.count("TransactWriteItems") == 1


@pytest.mark.parametrize("operation", ["Query", "TransactWriteItems"])
@pytest.mark.parametrize("last", [False, True])
def test_a_summary_that_cannot_be_written_is_retried(alice, clock, operation, last):
    turn_on(alice)
    (plan,) = planned()
    travel_to(clock, "2026-03-23T07:00:01")

    with faults.down(operation), pytest.raises(PynamoDBException):
        delivery.deliver(plan.notification_id, last_attempt=last)
    clock.shift(600)
    sweep()

    assert len(mails()) == 1
    assert len(planned()) == 1


def test_a_lost_reply_of_the_write_creates_no_second_summary(alice, clock):
    turn_on(alice)
    (plan,) = planned()
    travel_to(clock, "2026-03-23T07:00:01")

    with faults.reply_lost("TransactWriteItems"):
        delivery.deliver(plan.notification_id)

    assert len(mails()) == 1
    assert len(planned()) == 1


def test_a_written_but_unsent_summary_is_sent_unchanged(alice, clock):
    turn_on(alice)
    (plan,) = planned()
    travel_to(clock, "2026-03-23T07:00:01")
    with faults.down("Publish"), pytest.raises(DeliveryError):
        delivery.deliver(plan.notification_id)
    make_expense(alice, amount="5.00", date="2026-03-18")

    delivery.deliver(plan.notification_id)

    assert subjects() == ["Nothing spent in the week of March 16, 2026"]
    assert len(planned()) == 1


def test_a_process_that_lost_the_lease_writes_nothing(alice, clock):
    turn_on(alice)
    (plan,) = planned()
    travel_to(clock, "2026-03-23T07:00:01")
    slow = delivery._take_lease(plan.notification_id, "slow", 60)
    clock.shift(61)
    delivery.deliver(plan.notification_id)

    with pytest.raises(ConflictError):
        email_summaries.write(slow, accounts.get_account(alice.user_id))

    assert len(mails()) == 1
    assert len(planned()) == 1


def test_a_summary_that_fails_for_good_is_visible_and_the_next_one_is_planned(
    alice, clock, monkeypatch
):
    def crash(*_):
        raise RuntimeError("a bug")

    turn_on(alice)
    (plan,) = planned()
    travel_to(clock, "2026-03-23T07:00:01")
    with monkeypatch.context() as broken:
        broken.setattr(email_summaries, "write", crash)
        for _ in range(delivery.MAX_ATTEMPTS):
            with pytest.raises(RuntimeError):
                delivery.deliver(plan.notification_id, last_attempt=True)
    delivery.deliver(plan.notification_id)
    assert [notification.status for notification in history(alice)] == ["failed"]
    clock.shift(A_WEEK)

    sweep()

    assert subjects() == ["Nothing spent in the week of March 23, 2026"]


def test_hostile_categories_stay_on_their_line(alice, clock):
    category = "a\u2028- Rent: all\u202e" + "🎉" * 20
    make_budget(alice, category=category)
    turn_on(alice)
    travel_to(clock, "2026-03-23T07:00:01")

    sweep()

    lines = history(alice)[0].message.split("Your budgets:\n")[1].splitlines()
    assert lines[0].startswith("- a - Rent: all🎉")
    assert lines[1:] == ["", "http://localhost:8000/budgets/"]


def test_long_budget_lists_are_truncated(alice, clock):
    for number in range(52):
        make_budget(alice, category=f"c{number:03}")
    turn_on(alice)
    travel_to(clock, "2026-03-23T07:00:01")

    sweep()

    message = history(alice)[0].message
    assert message.count("\n- c") == 50
    assert "\n- and 2 more\n" in message
