"""One e-mail a notification: take the lease, publish, store the status."""

from contextlib import suppress

import pytest
from botocore.exceptions import BotoCoreError
from pynamodb.exceptions import PynamoDBException

from accounts.models import Account
from notifications import delivery, jobs, subscriptions, sweep
from notifications.models import Job, Notification, failed_shard_of
from notifications.transports import DeliveryError
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import ConflictError, NotFoundError
from tests.notifications import faults
from tests.notifications.builders import (
    NOON,
    account_arn,
    confirm,
    leave_unconfirmed,
    mails,
    make_account,
    make_notification,
    sns,
    state,
    stored,
)


def test_a_notification_is_sent_to_its_user():
    make_account()
    make_notification(subject="Over budget: Food")

    delivery.deliver("n1")

    assert mails() == [("alice@example.com", "Over budget: Food")]
    assert state() == ("sent", None)


def test_a_sent_notification_leaves_the_sweeps_index():
    make_account()
    make_notification()

    delivery.deliver("n1")

    assert stored().unsent_shard is None
    assert stored().unsent_since is None


def test_delivering_twice_sends_once():
    make_account()
    make_notification()

    delivery.deliver("n1")
    delivery.deliver("n1")

    assert len(mails()) == 1
    assert stored().attempts == 1


def test_a_delivery_costs_lease_user_publish_and_update():
    make_account()
    make_notification()
    delivery.deliver(make_notification("warm-up").notification_id)

    with faults.calls_counted() as calls:
        delivery.deliver("n1")

    assert calls == ["UpdateItem", "GetItem", "Publish", "UpdateItem"]


def test_a_delivery_to_a_pending_subscriber_costs_one_more_lookup():
    leave_unconfirmed(make_account())
    make_notification()

    with faults.calls_counted() as calls:
        delivery.deliver("n1")

    assert calls == ["UpdateItem", "GetItem", "GetSubscriptionAttributes", "UpdateItem"]


def test_an_unknown_notification_is_not_found():
    with pytest.raises(NotFoundError):
        delivery.deliver("nobody's")


def test_a_job_is_not_a_notification_and_stays_for_the_sweep(clock):
    make_account()
    writes = Transaction()
    jobs.put("profiles.tasks.x", "alice", writes)
    writes.commit()
    (job,) = Job.scan()

    with pytest.raises(NotFoundError):
        delivery.deliver(job.notification_id)

    assert mails() == []
    clock.shift(301)
    assert sweep.enqueue_overdue() == {"requeued": 1, "refused": 0}


# ------------------------------------------------------------------ skipped deliveries


def test_a_user_without_subscription_is_skipped():
    make_account(subscribed=False)
    make_notification()

    delivery.deliver("n1")

    assert state() == ("skipped", "E-mail alerts are off.")
    assert mails() == []


def test_an_unconfirmed_subscription_is_skipped():
    leave_unconfirmed(make_account())
    make_notification()

    delivery.deliver("n1")

    assert state() == ("skipped", "The e-mail address is not confirmed yet.")


def test_a_subscription_confirmed_meanwhile_gets_the_mail_and_is_stored():
    account = make_account()
    leave_unconfirmed(account)
    confirm(account)
    make_notification()

    delivery.deliver("n1")

    assert state() == ("sent", None)
    assert Account.get("alice").subscription_status == "confirmed"


def test_an_expired_confirmation_is_skipped_and_cleared(clock):
    account = make_account()
    leave_unconfirmed(account)
    clock.shift(48 * 3600)
    sns().subscriptions.pop(account_arn(account))
    make_notification()

    delivery.deliver("n1")

    assert state() == ("skipped", subscriptions.LINK_EXPIRED)
    assert Account.get("alice").subscription_status == "none"
    assert Account.get("alice").subscription_arn is None


def test_a_type_turned_off_is_skipped():
    make_account(muted={"large_expense"})
    make_notification("n1", type="large_expense")
    make_notification("n2", type="budget_exceeded")

    delivery.deliver("n1")
    delivery.deliver("n2")

    assert stored("n1").status == "skipped"
    assert "turned off" in stored("n1").error
    assert stored("n2").status == "sent"


def test_a_deleted_user_is_skipped():
    make_notification()

    delivery.deliver("n1")

    assert state() == ("skipped", "The account was deleted.")


# --------------------------------------------------------------------- the lease


def test_a_running_delivery_blocks_others():
    make_account()
    make_notification()
    delivery._take_lease("n1", "somebody", 60)

    with pytest.raises(ConflictError):
        delivery.deliver("n1")

    assert mails() == []


@pytest.mark.parametrize(("later", "is_sent"), [(59, 0), (60, 1)])
def test_the_lease_of_a_crashed_delivery_expires(clock, later, is_sent):
    make_account()
    make_notification()
    delivery._take_lease("n1", "somebody", 60)
    clock.shift(later)

    with suppress(ConflictError):
        delivery.deliver("n1")

    assert len(mails()) == is_sent


def test_a_delivery_slower_than_its_lease_does_not_undo_the_others_status(clock):
    make_account()
    make_notification()
    slow = delivery._take_lease("n1", "slow", 60)
    clock.shift(61)
    delivery.deliver("n1")

    delivery.update_notification_status(slow, "failed", "too late")

    assert state() == ("sent", None)


def test_a_lease_whose_reply_was_lost_is_held():
    make_account()
    make_notification()

    with faults.reply_lost("UpdateItem"):
        delivery.deliver("n1")

    assert len(mails()) == 1
    assert state() == ("sent", None)
    assert stored().attempts == 1


def test_a_lost_reply_of_the_status_update_is_recognized(caplog):
    make_account()
    make_notification()
    leased = delivery._take_lease("n1", "me", 60)

    with faults.reply_lost("UpdateItem"):
        delivery.update_notification_status(leased, "sent")

    assert state() == ("sent", None)
    assert "lease was lost" not in caplog.text


def test_a_lease_without_an_answer_is_an_outage():
    make_account()
    make_notification()

    with faults.down("UpdateItem"), pytest.raises(PynamoDBException):
        delivery.deliver("n1")

    assert state() == ("queued", None)
    assert mails() == []


# --------------------------------------------------------------------- failures


def test_a_failed_attempt_stays_queued_and_releases_the_lease():
    make_account()
    make_notification()

    with faults.down("Publish"), pytest.raises(DeliveryError):
        delivery.deliver("n1")

    assert state() == ("queued", "The e-mail service did not answer.")
    delivery.deliver("n1")
    assert state() == ("sent", None)
    assert stored().attempts == 2


def test_the_last_attempt_stores_failed_with_a_reason():
    make_account()
    make_notification()
    refusal = (
        "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code>"
        "<Message>no</Message></Error></ErrorResponse>"
    )

    with faults.answered("Publish", 403, refusal), pytest.raises(DeliveryError):
        delivery.deliver("n1", last_attempt=True)

    reason = "The e-mail service rejected it (AuthorizationError)."
    assert state() == ("failed", reason)


def test_failed_notifications_are_listed_and_never_swept(clock):
    make_account()
    make_notification()
    with faults.down("Publish"), pytest.raises(DeliveryError):
        delivery.deliver("n1", last_attempt=True)
    clock.shift(301)

    (item,) = Notification.unsent.query(failed_shard_of("n1"))
    assert item.unsent_since == NOON.isoformat(timespec="microseconds")
    assert sweep.enqueue_overdue() == {"requeued": 0, "refused": 0}


def test_failed_notifications_are_not_sent_again():
    make_account()
    make_notification()
    with faults.down("Publish"), pytest.raises(DeliveryError):
        delivery.deliver("n1", last_attempt=True)

    delivery.deliver("n1")

    assert stored().status == "failed"
    assert mails() == []


def test_a_failed_lookup_is_retried():
    leave_unconfirmed(make_account())
    make_notification()

    down = faults.down("GetSubscriptionAttributes")
    with down, pytest.raises(BotoCoreError):
        delivery.deliver("n1")

    assert state() == ("queued", "Delivery failed.")


def test_publishing_is_not_repeated_by_the_client():
    make_account()
    make_notification()

    with faults.reply_lost("Publish"), pytest.raises(DeliveryError):
        delivery.deliver("n1")

    assert len(mails()) == 1


def test_a_lease_that_cannot_be_released_expires(clock):
    make_account()
    make_notification()
    leased = delivery._take_lease("n1", "me", 60)

    with faults.down("UpdateItem"):
        delivery._release(leased, "no", last_attempt=False)

    clock.shift(61)
    delivery.deliver("n1")
    assert state() == ("sent", None)


def test_a_delivery_that_always_crashes_is_given_up():
    make_account()
    make_notification().update(
        actions=[Notification.attempts.set(delivery.MAX_ATTEMPTS)]
    )

    delivery.deliver("n1")

    assert state() == ("failed", delivery.ATTEMPTS_EXHAUSTED)
    assert mails() == []


def test_subjects_are_sanitized_again_before_sending():
    make_account()
    make_notification().update(
        actions=[Notification.subject.set("old\nsubject\x07" + "x" * 200)]
    )

    delivery.deliver("n1")

    ((_, subject),) = mails()
    assert subject.startswith("old subjectxxx")
    assert len(subject) == 99


def test_the_address_is_published_in_lowercase():
    make_account(email="Alice+Budget@Example.com")
    make_notification()

    delivery.deliver("n1")

    assert mails()[0][0] == "alice+budget@example.com"
