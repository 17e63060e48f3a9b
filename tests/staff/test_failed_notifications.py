"""Failed notifications: listed without content, and sent again once."""

import dataclasses
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from notifications import delivery, sweep
from notifications.transports import DeliveryError
from smartbudget.core.errors import ForbiddenError, InvalidError
from staff import failed_notifications
from staff.failed_notifications import Resent
from tests.builders import with_factor
from tests.notifications import faults
from tests.notifications.builders import (
    mails,
    make_account,
    make_notification,
    queued,
    state,
    stored,
)


@pytest.fixture
def grace():
    """A staff member."""
    return with_factor(make_account("grace", subscribed=False, is_staff=True).user)


@pytest.fixture(autouse=True)
def _alice():
    make_account()


def make_failed(notification_id="n1", **fields) -> None:
    make_notification(notification_id, **fields)
    with faults.down("Publish"), pytest.raises(DeliveryError):
        delivery.deliver(notification_id, last_attempt=True)


def listed(grace) -> list[str]:
    return [
        item.notification_id for item in failed_notifications.list_failed(grace).items
    ]


def test_the_newest_failure_comes_first(grace, clock):
    for number in range(6):
        make_failed(f"n{number}")
        clock.shift(1)
    make_notification("waiting")

    failed = failed_notifications.list_failed(grace)

    assert listed(grace) == ["n5", "n4", "n3", "n2", "n1", "n0"]
    assert (failed.count, failed.more) == (6, False)


def test_content_and_recipient_are_not_read(grace):
    make_failed()

    (item,) = failed_notifications.list_failed(grace).items

    assert item.error == "The e-mail service did not answer."
    assert set(item.attribute_values) <= {
        *failed_notifications.ATTRIBUTES,
        "delivery_method",
    }


def test_a_long_list_is_truncated_and_says_so(grace, monkeypatch):
    monkeypatch.setattr(failed_notifications, "READ_PER_SHARD", 2)
    monkeypatch.setattr(failed_notifications, "MAX_LISTED", 3)
    for number in range(16):
        make_failed(f"n{number}")

    failed = failed_notifications.list_failed(grace)

    assert len(failed.items) == 3
    assert failed.more
    assert failed.count == 8


def test_a_failed_notification_is_sent_again(grace):
    make_failed("n1")
    make_failed("n2")

    assert failed_notifications.resend(grace, ["n1"]) == Resent(1, 0, 0)

    assert [body["notification_id"] for body in queued()] == ["n1"]
    assert queued()[0]["user_email"] == "alice@example.com"
    assert (stored().status, stored().attempts, stored().error) == ("queued", 0, None)
    assert listed(grace) == ["n2"]
    delivery.deliver("n1")
    assert len(mails()) == 1


def test_other_notifications_are_not_changed(grace):
    make_notification("waiting")
    make_notification("sent")
    delivery.deliver("sent")

    assert failed_notifications.resend(grace, ["waiting", "sent", "unknown"]) == Resent(
        0, 0, 0
    )
    assert queued() == []
    assert state("sent") == ("sent", None)


def test_concurrent_requests_send_once(grace):
    make_failed()

    with ThreadPoolExecutor(2) as pool:
        results = list(
            pool.map(lambda _: failed_notifications.resend(grace, ["n1"]), range(2))
        )

    assert sorted(result.resent for result in results) == [0, 1]
    assert len(queued()) == 1


def test_without_sqs_it_is_left_to_the_sweep(grace, clock):
    make_failed()

    with faults.down("SendMessageBatch"):
        assert failed_notifications.resend(grace, ["n1"]) == Resent(1, 1, 0)

    assert stored().status == "queued"
    clock.shift(301)
    assert sweep.enqueue_overdue()["requeued"] == 1


def test_a_crash_before_the_queue_is_left_to_the_sweep(grace, clock):
    def killed(request, operation):
        raise SystemExit

    make_failed()
    with (
        faults.hooked("SendMessageBatch", killed),
        pytest.raises(SystemExit),
    ):
        failed_notifications.resend(grace, ["n1"])

    clock.shift(301)
    assert sweep.enqueue_overdue()["requeued"] == 1


def test_a_lost_reply_still_sends_it(grace, clock):
    make_failed()

    with faults.reply_lost("UpdateItem"):
        failed_notifications.resend(grace, ["n1"])

    clock.shift(301)
    sweep.enqueue_overdue()
    assert [body["notification_id"] for body in queued()] == ["n1"]


def test_all_are_sent_in_several_batches(grace, monkeypatch, clock):
    monkeypatch.setattr(failed_notifications, "RESEND_LIMIT", 3)
    for number in range(5):
        make_failed(f"n{number}")
        clock.shift(1)

    assert failed_notifications.resend_all(grace) == Resent(3, 0, 2)
    assert failed_notifications.resend_all(grace) == Resent(2, 0, 0)
    assert failed_notifications.resend_all(grace) == Resent(0, 0, 0)
    sent = [body["notification_id"] for body in queued()]
    assert sent == ["n0", "n1", "n2", "n3", "n4"]


def test_without_sqs_not_all_are_tried(grace):
    for number in range(12):
        make_failed(f"n{number:02}")

    with faults.down("SendMessageBatch"):
        assert failed_notifications.resend_all(grace) == Resent(10, 10, 2)


def test_a_notification_that_fails_again_is_listed_again(grace):
    make_failed()
    failed_notifications.resend(grace, ["n1"])

    with faults.down("Publish"), suppress(DeliveryError):
        delivery.deliver("n1", last_attempt=True)

    assert listed(grace) == ["n1"]


def test_a_slow_old_delivery_does_not_undo_the_new_attempt(grace):
    """Its lease was taken over, so it changes nothing."""
    make_notification()
    straggler = delivery._take_lease("n1", "straggler", 60)
    delivery.update_notification_status(straggler, "failed", "It broke.")
    failed_notifications.resend(grace, ["n1"])

    delivery.update_notification_status(straggler, "failed", "It broke.")

    assert state() == ("queued", None)


def test_aws_calls_of_staff_actions(grace):
    make_failed()

    with faults.calls_counted() as calls:
        failed_notifications.list_failed(grace)
    assert calls == ["Query"] * 4

    with faults.calls_counted() as calls:
        failed_notifications.resend(grace, ["n1"])
    assert [operation for operation in calls if operation != "GetQueueUrl"] == [
        "UpdateItem",
        "GetItem",
        "SendMessageBatch",
    ]


def test_the_log_names_the_staff_member_and_action(grace, caplog):
    caplog.set_level(logging.INFO, "staff")
    make_failed()

    failed_notifications.resend(grace, ["n1"])

    assert "resent by staff user_id=grace ids=n1" in caplog.text


@pytest.mark.parametrize(
    "action",
    [
        failed_notifications.list_failed,
        lambda user: failed_notifications.resend(user, ["n1"]),
        failed_notifications.resend_all,
    ],
)
def test_other_users_are_rejected(grace, action):
    make_failed()
    outsider = dataclasses.replace(grace, is_staff=False)

    with pytest.raises(ForbiddenError):
        action(outsider)

    assert stored().status == "failed"


def test_at_most_a_hundred_ids_are_accepted(grace):
    with pytest.raises(InvalidError):
        failed_notifications.resend(grace, ["x"] * 101)
