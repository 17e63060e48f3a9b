"""E-mails wait until quiet hours end, and are never lost."""

from contextlib import ExitStack, contextmanager

import pytest
from pynamodb.exceptions import PynamoDBException

from accounts.models import Account
from notifications import delivery, digests, outbox, sweep
from notifications.kinds import SECURITY_KINDS
from notifications.messages import Text
from notifications.transports import DeliveryError
from smartbudget.core.dynamodb import Transaction
from tests.notifications import faults
from tests.notifications.builders import (
    mails,
    make_account,
    make_notification,
    queued,
    state,
    stored,
)

HOUR = 3600


@pytest.fixture(autouse=True)
def _resting():
    """Set quiet hours for Alice until two; it is noon."""
    make_account(quiet_from="11:00", quiet_until="14:00")


def deliver_what_is_queued() -> None:
    for body in queued():
        delivery.deliver(body["notification_id"])


def test_an_email_waits_in_quiet_hours():
    make_notification()

    delivery.deliver("n1")

    assert mails() == []
    assert state() == ("queued", None)
    assert stored().held_until == "2026-03-18T14:00:00.000000+00:00"
    assert stored().attempts == 0


def test_quiet_hours_are_in_the_users_time_zone():
    make_account("bob", quiet_from="11:00", quiet_until="14:00", time_zone="Asia/Tokyo")
    make_notification("n2", user_id="bob")

    delivery.deliver("n2")

    assert len(mails()) == 1


@pytest.mark.parametrize(("later", "is_sent"), [(2 * HOUR, 0), (2 * HOUR + 1, 1)])
def test_the_sweep_after_quiet_hours_sends_it(clock, later, is_sent):
    make_notification()
    delivery.deliver("n1")
    clock.shift(later)

    sweep.enqueue_overdue()
    deliver_what_is_queued()

    assert len(mails()) == is_sent
    assert state()[0] == ("sent" if is_sent else "queued")
    assert (stored().held_until is None) == bool(is_sent)


def test_sweeps_during_quiet_hours_skip_it(clock):
    make_notification()
    delivery.deliver("n1")

    for _ in range(3):
        clock.shift(HOUR / 2)
        assert sweep.enqueue_overdue()["requeued"] == 0


@pytest.mark.parametrize("kind", SECURITY_KINDS)
def test_security_notices_do_not_wait(kind):
    make_notification(type=kind)

    delivery.deliver("n1")

    assert state() == ("sent", None)


def test_a_user_without_subscription_is_skipped_at_once():
    make_account("bob", subscribed=False, quiet_from="11:00", quiet_until="14:00")
    make_notification("n2", user_id="bob")

    delivery.deliver("n2")

    assert state("n2") == ("skipped", "E-mail alerts are off.")


def test_turning_quiet_hours_off_sends_it_at_the_original_end(clock):
    make_notification()
    delivery.deliver("n1")
    account = Account.get("alice")
    account.update(actions=[Account.quiet_from.remove(), Account.quiet_until.remove()])
    clock.shift(2 * HOUR + 1)

    sweep.enqueue_overdue()
    deliver_what_is_queued()

    assert len(mails()) == 1


def test_turning_the_type_off_meanwhile_skips_it(clock):
    make_notification(type="large_expense")
    delivery.deliver("n1")
    Account.get("alice").update(actions=[Account.muted.set({"large_expense"})])
    clock.shift(2 * HOUR + 1)

    delivery.deliver("n1")

    assert state()[0] == "skipped"
    assert stored().held_until is None


def test_the_last_attempt_waits_too():
    make_notification()

    delivery.deliver("n1", last_attempt=True)

    assert state() == ("queued", None)


def test_waiting_does_not_use_up_attempts(clock):
    make_notification()

    for _ in range(delivery.MAX_ATTEMPTS + 1):
        delivery.deliver("n1")
    clock.shift(2 * HOUR + 1)
    delivery.deliver("n1")

    assert state() == ("sent", None)


def test_a_message_that_comes_five_times_is_held_once_and_sent_once(clock):
    make_notification()
    for _ in range(5):
        delivery.deliver("n1")
    clock.shift(2 * HOUR + 1)

    for _ in range(5):
        delivery.deliver("n1")

    assert len(mails()) == 1


@contextmanager
def once_the_account_is_read(fault):
    """Start a fault between taking the lease and storing the hold."""
    with ExitStack() as faulty:
        waiting = [fault]

        def begin(request, operation):
            if waiting:
                faulty.enter_context(waiting.pop())

        with faults.hooked("GetItem", begin):
            yield


def test_a_lost_reply_while_holding_changes_nothing(clock):
    make_notification()

    with once_the_account_is_read(faults.reply_lost("UpdateItem")):
        delivery.deliver("n1")

    assert state() == ("queued", None)
    assert stored().attempts == 0
    clock.shift(2 * HOUR + 1)
    assert sweep.enqueue_overdue()["requeued"] == 1


@pytest.mark.parametrize("last", [False, True])
def test_a_hold_that_was_not_stored_is_left_to_the_sweep(clock, last):
    """The same as after a crash there: nothing else was written."""
    make_notification()

    down = once_the_account_is_read(faults.down("UpdateItem"))
    with down, pytest.raises(PynamoDBException):
        delivery.deliver("n1", last_attempt=last)

    assert state() == ("queued", None)
    clock.shift(2 * HOUR + 1)
    assert sweep.enqueue_overdue()["requeued"] == 1
    deliver_what_is_queued()
    assert len(mails()) == 1


def test_a_failure_after_the_wait_stores_its_reason(clock):
    make_notification()
    delivery.deliver("n1")
    clock.shift(2 * HOUR + 1)

    with faults.down("Publish"), pytest.raises(DeliveryError):
        delivery.deliver("n1", last_attempt=True)

    assert state() == ("failed", "The e-mail service did not answer.")
    assert stored().held_until is None


def test_waiting_costs_no_more_than_sending():
    make_notification()
    delivery.deliver(make_notification("warm-up").notification_id)

    with faults.calls_counted() as calls:
        delivery.deliver("n1")

    assert calls == ["UpdateItem", "GetItem", "UpdateItem"]


def test_a_digest_waits_too_and_respects_settings_at_its_end(clock):
    user = Account.get("alice").user
    alerts = [
        outbox.compose(
            notification_id=kind,
            user_id=user.user_id,
            type=kind,
            text=Text(f"About {kind}", "..."),
        )
        for kind in ("budget_exceeded", "large_expense")
    ]
    writes = Transaction()
    digests.put(user, "digest", alerts, [], writes)
    for alert in alerts:
        outbox.put(alert, writes)
    writes.commit()
    delivery.deliver("digest")
    assert mails() == []
    Account.get("alice").update(actions=[Account.muted.set({"large_expense"})])
    clock.shift(2 * HOUR + 1)

    sweep.enqueue_overdue()
    deliver_what_is_queued()

    assert mails() == [("alice@example.com", "About budget_exceeded")]
