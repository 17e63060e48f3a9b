"""E-mails while SES or SNS takes only some of them: late, never lost, never twice."""

import datetime
import statistics

import pytest
from botocore.retries.standard import ThrottledRetryableChecker
from botocore.session import get_session

from accounts import services as accounts
from accounts.password_reset import services as password_reset
from accounts.verification import former_addresses
from accounts.verification import services as verification
from infra import templates
from lambdas.notification_processor.handler import handler
from notifications import (
    delivery,
    digests,
    jobs,
    outbox,
    schedule,
    sns,
    subscriptions,
    sweep,
)
from notifications.models import Notification
from notifications.status_text import describe_delivery
from notifications.tasks import deliver_notification
from notifications.transports import THROTTLING_CODES, TransportThrottledError
from profiles import address_change
from profiles.services import update_profile
from smartbudget.core import tasks
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.tasks import Attempt, RetryLaterError
from tests.builders import PASSWORD, account_of, make_user
from tests.lambdas.events import Context, recorded
from tests.money_builders import make_budget
from tests.notifications import faults
from tests.notifications.builders import (
    leave_unconfirmed,
    make_account,
    make_notification,
    state,
    stored,
)
from tests.notifications.mailing import follow
from tests.notifications.throttled import (
    DAY,
    HOUR,
    MINUTE,
    SWEEP_SECONDS,
    VISIBILITY_SECONDS,
    simulated,
)

ALERTS = 40
LONGEST_WAIT = 600
# After the refusals: the longest wait, and the next sweep.
REST = LONGEST_WAIT + 2 * SWEEP_SECONDS
DAILY_QUOTA = "Daily message quota exceeded."
REFUSAL = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
    "<Message>{message}</Message></Error></ErrorResponse>"
)


@pytest.fixture(params=["sns", "ses"])
def user(request):
    user = make_account().user
    if request.param == "ses":
        request.getfixturevalue("ses")
    return user


@pytest.fixture
def simulation(clock):
    with simulated(clock) as simulation:
        yield simulation


def queue(user, count=ALERTS) -> None:
    alerts = [
        make_notification(f"n{number}", subject=f"Alert {number}")
        for number in range(count)
    ]
    outbox.enqueue(user, alerts)


def statuses() -> dict[str, int]:
    found = [item.status for item in Notification.scan()]
    return {status: found.count(status) for status in set(found)}


def throttled(code="Throttled", message="Rate exceeded", status=429):
    """Refuse every e-mail of SNS."""
    body = REFUSAL.format(code=code, message=message)
    return faults.answered("Publish", status, body)


def run_in(attempt: Attempt, notification_id="n1") -> None:
    """Run the delivery of a notification in an attempt of its message."""
    body = f'{{"notification_id": "{notification_id}", "user_id": "alice"}}'
    tasks.run(body, deliver_notification.name, attempt)


# ---------------------------------------------------------------- simulations


def test_an_hour_of_refusals_delays_alerts_by_minutes(simulation, user):
    queue(user)
    simulation.refuse(0.72, until=HOUR)

    simulation.run(until=HOUR + REST)

    assert statuses() == {"sent": ALERTS}
    assert {len(times) for times in simulation.sent.values()} == {1}
    assert simulation.queue.dead_letters == []
    assert simulation.failed_messages == 0
    assert MINUTE < statistics.median(simulation.waits) < 10 * MINUTE
    assert simulation.waits[int(ALERTS * 0.75)] < HOUR
    assert min(simulation.queue.hidden_for) >= 30
    assert max(simulation.queue.hidden_for) <= LONGEST_WAIT


def test_a_day_of_refusals_delays_alerts_by_a_day(simulation, user):
    queue(user, 1)
    simulation.refuse(1, until=DAY)

    simulation.run(until=DAY + REST)

    assert statuses() == {"sent": 1}
    assert all(DAY <= wait <= DAY + REST for wait in simulation.waits)
    assert simulation.queue.dead_letters == []
    assert simulation.failed_messages == 0
    assert min(simulation.tries.values()) > 100
    assert max(simulation.tries.values()) < 250
    assert {item.attempts for item in Notification.scan()} == {1}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ThrottlingException", DAILY_QUOTA),
        ("TooManyRequestsException", "Daily sending quota exceeded"),
        ("LimitExceededException", "Limit exceeded"),
    ],
)
def test_after_the_quota_of_a_day_alerts_wait_longer(
    simulation, request, code, message
):
    user = make_account().user
    request.getfixturevalue("ses")
    queue(user, 1)
    simulation.code, simulation.message = code, message
    simulation.refuse(1, until=DAY)

    simulation.run(until=DAY + HOUR + SWEEP_SECONDS)

    assert statuses() == {"sent": 1}
    assert simulation.queue.dead_letters == []
    assert simulation.queue.hidden_for == []  # they wait in the outbox
    assert min(simulation.tries.values()) > 20
    assert max(simulation.tries.values()) < 50


def test_crashes_and_lost_replies_in_between_lose_nothing(simulation, user):
    queue(user)
    simulation.refuse(0.72, until=HOUR)
    simulation.crash_rate = simulation.loss_rate = 0.03

    simulation.run(until=HOUR + REST)
    simulation.crash_rate = simulation.loss_rate = 0
    simulation.run(until=2 * HOUR + REST)

    assert statuses() == {"sent": ALERTS}
    assert len(simulation.sent) == ALERTS
    # Only those whose sending the Lambda could not know or store are sent again.
    assert simulation.unknown
    sent_again = {name for name, times in simulation.sent.items() if len(times) > 1}
    assert sent_again <= simulation.unknown


def test_without_changes_of_visibility_messages_return_after_the_queues_time(
    simulation, user
):
    queue(user, 10)
    simulation.queue.is_down = True
    simulation.refuse(1, until=MINUTE)

    simulation.run(until=VISIBILITY_SECONDS + 1)

    assert statuses() == {"sent": 10}
    assert set(simulation.waits) == {VISIBILITY_SECONDS}


def test_alerts_arrive_late_while_other_tasks_run(simulation, user):
    budget = make_budget(user_id=user.user_id, amount="10.00")
    queue(user, 10)
    simulation.refuse(1, until=HOUR)
    tasks.send_task(
        "budgets.tasks.recount_budget",
        {"user_id": user.user_id, "budget_id": budget.budget_id},
    )

    simulation.run(until=MINUTE)

    assert len(simulation.queue.messages) == 10
    assert statuses() == {"queued": 10}


# ----------------------------------------------------- one attempt, both sides


@pytest.mark.parametrize("number", [1, config.max_receive_count - 2])
def test_a_throttled_message_returns_and_the_attempt_does_not_count(clock, number):
    make_account()
    make_notification()

    with throttled(), pytest.raises(RetryLaterError) as raised:
        run_in(Attempt(number))

    item = stored()
    assert (item.status, item.error, item.attempts) == ("queued", None, 0)
    assert item.lease_until is None
    assert 30 <= raised.value.seconds <= 60
    # The sweep leaves it alone until five minutes after the message should be back.
    clock.shift(raised.value.seconds + SWEEP_SECONDS)
    assert sweep.enqueue_overdue()["requeued"] == 0
    clock.shift(1)
    assert sweep.enqueue_overdue()["requeued"] == 1


@pytest.mark.parametrize(
    "number", [config.max_receive_count - 1, config.max_receive_count]
)
def test_before_its_last_attempt_a_message_is_replaced_by_the_sweep(clock, number):
    make_account()
    make_notification()

    with throttled():
        run_in(Attempt(number))

    assert state() == ("queued", None)
    clock.shift(30 - 1)
    assert sweep.enqueue_overdue()["requeued"] == 0
    clock.shift(30 + 2)
    assert sweep.enqueue_overdue()["requeued"] == 1


def test_the_lambda_hides_a_throttled_message_and_keeps_it(clock, caplog):
    make_account()
    make_notification()

    with throttled(), faults.calls_counted() as calls:
        result = handler(recorded("sqs_notification"), Context())

    assert not [line for line in caplog.records if line.levelname == "ERROR"]
    assert (result["processed"], result["failed"], result["errors"]) == (0, 0, [])
    assert len(result["batchItemFailures"]) == 1
    assert calls.count("ChangeMessageVisibility") == 1


def test_a_short_throttling_keeps_no_message_until_the_wait_alarm():
    returns = [n for n in range(1, config.max_receive_count) if Attempt(n).may_return]
    alarm = templates.read("observability")["Resources"]["NotificationsWaitAlarm"]

    longest = sum(config.throttle_wait * 2 ** (n - 1) for n in returns)

    assert len(returns) == config.max_receive_count - 2
    assert longest < alarm["Properties"]["Threshold"] / 2


def test_a_throttled_direct_notification_is_left_to_the_sweep(clock):
    make_account()
    make_notification()

    with throttled(), faults.calls_counted() as calls:
        result = handler(recorded("direct_notification"), Context())

    assert result["batchItemFailures"] == result["errors"] == []
    assert "ChangeMessageVisibility" not in calls
    clock.shift(MINUTE + SWEEP_SECONDS + 1)
    assert sweep.enqueue_overdue()["requeued"] == 1


def test_throttling_does_not_use_up_the_attempts_of_failures():
    make_account()
    make_notification()
    with throttled(), pytest.raises(RetryLaterError):
        run_in(Attempt(1))

    with faults.down("Publish"):
        run_in(Attempt(config.max_receive_count))

    assert state() == ("queued", "The e-mail service did not answer.")
    with faults.down("Publish"), pytest.raises(Exception, match="did not answer"):
        run_in(Attempt(config.max_receive_count))
    assert stored().status == "failed"


def test_a_lost_reply_of_the_postponement_counts_nothing():
    make_account()
    make_notification()

    lost = faults.reply_lost("UpdateItem", nth=2)
    with throttled(), lost, pytest.raises(RetryLaterError):
        run_in(Attempt())

    assert (stored().attempts, stored().lease_until) == (0, None)
    run_in(Attempt(2))
    assert state() == ("sent", None)


def test_a_crash_after_the_refusal_is_retried_when_the_lease_has_expired(clock):
    make_account()
    make_notification()

    with throttled(), faults.killed("UpdateItem", 2, done=False):
        run_in(Attempt())

    assert stored().attempts == 1
    clock.shift(61)
    run_in(Attempt(2))
    assert state() == ("sent", None)


def test_a_throttled_notification_waits_to_be_sent_in_words():
    make_account()
    make_notification()

    with throttled(), pytest.raises(RetryLaterError):
        run_in(Attempt())

    assert describe_delivery(stored(), "UTC") == "Waiting to be sent."


def test_a_throttled_look_at_the_subscription_does_not_count():
    leave_unconfirmed(make_account())
    make_notification()
    body = REFUSAL.format(code="Throttled", message="Rate exceeded")

    look = faults.answered("GetSubscriptionAttributes", 429, body)
    with look, pytest.raises(RetryLaterError):
        run_in(Attempt())

    assert (state(), stored().attempts) == (("queued", None), 0)


# ------------------------------------------------------------- codes of errors


def test_each_code_for_which_botocore_waits_is_throttling():
    known = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    (of_publish,) = {
        shape.error_code
        for shape in get_session()
        .get_service_model("sns")
        .operation_model("Publish")
        .error_shapes
        if "KMSThrottling" in shape.name
    }

    assert known | {of_publish, "Throttled"} == THROTTLING_CODES


@pytest.mark.parametrize(
    ("code", "status"), [("Throttling", 400), ("Throttled", 429), ("SomethingNew", 429)]
)
def test_throttling_is_known_by_its_code_or_status(code, status):
    make_account()

    with throttled(code, status=status), pytest.raises(TransportThrottledError):
        sns.send_email_notification("alice@example.com", "Over budget", "By far.")


@pytest.mark.parametrize(
    ("code", "status"), [("AuthorizationError", 403), ("InternalError", 500)]
)
def test_other_refusals_count_as_attempts(code, status):
    make_account()
    make_notification()

    with throttled(code, status=status), pytest.raises(Exception, match=code):
        run_in(Attempt())

    assert stored().attempts == 1


# -------------------------------------------------------- other kinds of mail


def test_a_notice_to_an_unverified_address_is_not_counted_while_throttled(
    simulation, ses
):
    user = make_account(subscribed=False).user
    notice = make_notification(type="password_changed", subject="Changed")
    outbox.enqueue(user, [notice])
    simulation.refuse(1, until=DAY)

    simulation.run(until=DAY + REST)

    assert simulation.tries["Changed"] > delivery.TO_UNVERIFIED.tries
    assert len(simulation.sent["Changed"]) == 1
    assert state() == ("sent", None)


@pytest.mark.parametrize("message", ["Maximum sending rate exceeded.", DAILY_QUOTA])
def test_a_link_of_a_registration_arrives_after_a_day(simulation, ses, message):
    simulation.message = message
    simulation.refuse(1, until=DAY)
    user = accounts.register(
        username="alice", email="alice@example.com", password=PASSWORD
    ).user

    simulation.run(until=DAY + HOUR + REST)

    subject = "Confirm your e-mail address"
    assert simulation.tries[subject] > subscriptions.CONFIRMATIONS.tries
    assert len(simulation.sent[subject]) == 1
    assert simulation.queue.dead_letters == []
    assert simulation.failed_messages == 0
    assert follow(ses[-1].account_link).status_code == 200
    assert account_of(user).is_verified
    assert jobs.find(verification.TASK, user.user_id) is None


def test_a_throttled_summary_is_sent_once_and_the_next_one_is_planned(
    simulation, clock
):
    user = make_user("alice")
    subscriptions.subscribe(user)
    update_profile(user, email_preferences={"weekly_summary": True})
    monday = schedule.due_at(schedule.last_due("weekly_summary", "UTC"), "UTC")
    clock.move_to(monday + datetime.timedelta(days=7))
    end = simulation.seconds + schedule.SPREAD.total_seconds() + HOUR
    simulation.refuse(1, until=end)

    simulation.run(until=end + REST)

    assert statuses() == {"sent": 1, "queued": 1}
    ((sent,),) = simulation.sent.values()
    assert end <= sent


def test_a_throttled_digest_is_sent_once_with_all_its_alerts(simulation, user):
    alerts = [make_notification(f"n{n}", subject=f"Alert {n}") for n in range(2)]
    transaction = Transaction()
    digest, _ = digests.put(user, "digest", alerts, [], transaction)
    transaction.commit()
    for alert in alerts:
        alert.save()
    outbox.enqueue(user, [digest])
    simulation.refuse(1, until=HOUR)

    simulation.run(until=HOUR + REST)

    assert {subject: len(at) for subject, at in simulation.sent.items()} == {
        "2 budget alerts": 1
    }
    assert stored("digest").status == "sent"
    assert "Alert 1" in stored("digest").message


def test_a_mail_to_a_former_address_arrives_after_a_day(simulation, ses):
    user = accounts.register(
        username="alice", email="alice@example.com", password=PASSWORD
    ).user
    address_change.change_email(user, password=PASSWORD, email="new@example.com")
    simulation.run(until=MINUTE)
    link = [mail for mail in ses if mail.to == ["new@example.com"]][-1]
    simulation.refuse(1, until=DAY)
    follow(link.account_link)

    simulation.run(until=DAY + REST)

    subject = "Your e-mail address was changed"
    assert simulation.tries[subject] > subscriptions.CONFIRMATIONS.tries
    assert len(simulation.sent[subject]) == 1
    assert jobs.find(former_addresses.TASK, user.user_id) is None


@pytest.mark.parametrize(
    ("seconds", "mails"), [(10 * MINUTE, 1), (29 * MINUTE, 0), (HOUR, 0)]
)
def test_a_link_for_a_new_password_arrives_while_it_is_expected(
    simulation, ses, seconds, mails
):
    accounts.register(username="alice", email="alice@example.com", password=PASSWORD)
    simulation.run(until=MINUTE)
    follow(ses[-1].account_link)
    simulation.refuse(1, until=MINUTE + seconds)
    password_reset.request_link("alice", address="192.0.2.1")

    simulation.run(until=2 * HOUR)

    assert len(simulation.sent.get("Reset your password", [])) == mails
    assert simulation.queue.messages == simulation.queue.dead_letters == []
    assert simulation.failed_messages == 0


def test_a_job_that_was_throttled_has_all_its_attempts(ses):
    user = accounts.register(
        username="alice", email="alice@example.com", password=PASSWORD
    ).user
    body = f'{{"user_id": "{user.user_id}"}}'
    refusal = '{"__type": "TooManyRequestsException", "message": "slow down"}'
    last = Attempt(config.max_receive_count)
    with faults.answered("SendEmail", 429, refusal), pytest.raises(RetryLaterError):
        tasks.run(body, verification.TASK, Attempt())

    with faults.down("SendEmail"):
        tasks.run(body, verification.TASK, last)
        assert jobs.find(verification.TASK, user.user_id)
        tasks.run(body, verification.TASK, last)

    assert jobs.find(verification.TASK, user.user_id) is None
