"""The sweep queues what is overdue: alerts, then jobs, then summaries."""

import dataclasses
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from notifications import delivery, jobs, outbox, schedule, sweep
from notifications.models import (
    JOB_SHARDS,
    OVERDUE_AFTER,
    SUMMARY_SHARDS,
    URGENT_SHARDS,
    Job,
    Notification,
    OutboxItem,
    PlannedSummary,
    unsent_since,
)
from smartbudget.core import aws, dates
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.periods import Period
from tests.notifications import faults
from tests.notifications.builders import (
    NOON,
    make_account,
    make_notification,
    queued,
    stored,
)

MINUTES = 60
TASK = "profiles.tasks.delete_account"


def make_overdue(clock, *ids: str) -> None:
    for notification_id in ids:
        make_notification(notification_id)
    clock.shift(OVERDUE_AFTER.total_seconds() + 1)


def make_summary(number: int) -> PlannedSummary:
    """Store a summary that is due now."""
    summary_id = f"summary-{number}"
    summary = PlannedSummary(
        notification_id=summary_id,
        user_id="alice",
        type="weekly_summary",
        subject="Your weekly summary",
        message="",
        planned_for="2026-03-09",
        updated_at=dates.timestamp(),
        unsent_shard=PlannedSummary.shard_of(summary_id),
        unsent_since=dates.timestamp(),
    )
    summary.save()
    return summary


def make_job(user_id: str = "alice") -> None:
    transaction = Transaction()
    jobs.put(TASK, user_id, transaction)
    transaction.commit()


def queued_ids() -> list[str]:
    return sorted(body["notification_id"] for body in queued())


def queued_kinds() -> list[str]:
    """Return the kinds of the queued messages, in order."""
    return [body.get("notification_type", "job") for body in queued()]


def groups() -> list[str | None]:
    """Return the groups of the queued messages, in order."""
    (queue,) = sqs_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].queues.values()
    return [message.group_id for message in queue._messages]


@pytest.fixture
def limit(monkeypatch):
    """Return a function that sets the number of messages up to which work is added."""

    def limit(number: int) -> None:
        changed = dataclasses.replace(sweep.config, sweep_limit=number)
        monkeypatch.setattr(sweep, "config", changed)

    return limit


@pytest.mark.parametrize(("waited", "requeued"), [(300, 0), (301, 1)])
def test_only_notifications_older_than_five_minutes_are_swept(clock, waited, requeued):
    make_account()
    make_notification()
    clock.shift(waited)

    assert sweep.enqueue_overdue()["requeued"] == requeued


def test_a_swept_notification_waits_again(clock):
    make_account()
    make_overdue(clock, "n1")

    sweep.enqueue_overdue()
    sweep.enqueue_overdue()

    assert queued_ids() == ["n1"]
    assert stored().unsent_since > NOON.isoformat()


def test_concurrent_sweeps_queue_each_notification_once(clock):
    make_account()
    make_overdue(clock, "n1", "n2")
    both_read = [list(sweep._query(URGENT_SHARDS)) for _ in range(2)]

    now = delivery.dates.timestamp()
    restarted = [
        sweep._restart_wait(item, now) for items in both_read for item in items
    ]

    assert restarted == [True, True, False, False]


def test_a_notification_sent_meanwhile_is_not_swept_from_a_stale_index(clock):
    make_account()
    make_overdue(clock, "n1")
    (late,) = sweep._query(URGENT_SHARDS)
    delivery.deliver("n1")

    assert not sweep._restart_wait(late, delivery.dates.timestamp())


def test_sent_failed_and_skipped_notifications_are_not_swept(clock):
    make_account()
    make_notification("sent")
    delivery.deliver("sent")
    make_notification("skipped", user_id="nobody")
    delivery.deliver("skipped")
    clock.shift(10 * MINUTES)

    assert sweep.enqueue_overdue() == {"requeued": 0, "refused": 0}


def test_every_shard_is_swept(clock):
    make_account()
    ids = [f"n{number}" for number in range(25)]
    make_overdue(clock, *ids)

    assert sweep.enqueue_overdue()["requeued"] == 25
    assert queued_ids() == sorted(ids)
    assert len({item.unsent_shard for item in Notification.scan()}) == 4


def test_a_sweep_stops_if_sqs_is_down_and_the_next_one_retries_at_once(clock):
    make_account()
    make_overdue(clock, *(f"n{number}" for number in range(25)))

    with faults.down("SendMessageBatch"):
        assert sweep.enqueue_overdue() == {"requeued": 0, "refused": 10}

    assert sweep.enqueue_overdue() == {"requeued": 25, "refused": 0}


def test_a_sweep_stops_after_one_refused_request(clock):
    make_account()
    for number in range(4):
        make_summary(number)
        make_job(f"user{number}")
    clock.shift(5 * MINUTES + 1)
    aws.queue_url()

    with faults.down("SendMessageBatch"), faults.calls_counted() as calls:
        assert sweep.enqueue_overdue() == {"requeued": 0, "refused": 8}

    assert calls.count("SendMessageBatch") == 2  # the client retries once
    assert sweep.enqueue_overdue() == {"requeued": 8, "refused": 0}


def test_jobs_of_a_task_are_queued_in_one_request(clock):
    for number in range(8):
        make_job(f"user{number}")
    clock.shift(5 * MINUTES + 1)
    aws.queue_url()

    with faults.calls_counted() as calls:
        sweep.enqueue_overdue()

    assert calls.count("SendMessageBatch") == 1
    assert sorted(body["user_id"] for body in queued()) == [
        f"user{number}" for number in range(8)
    ]


def test_the_next_sweep_makes_up_for_an_invocation_that_is_lost(clock):
    make_account()
    make_overdue(clock, *(f"n{number}" for number in range(20)))

    for part in (0, 1, 3):
        sweep.enqueue_overdue(part=part, parts=4)
    assert len(queued()) < 20
    clock.shift(MINUTES)
    for part in range(4):
        sweep.enqueue_overdue(part=part, parts=4)

    assert queued_ids() == sorted(f"n{number}" for number in range(20))


def test_a_sweep_stops_at_its_deadline(clock):
    make_account()
    make_overdue(clock, *(f"n{number}" for number in range(25)))
    answers = iter([True, True, False])

    assert sweep.enqueue_overdue(lambda: next(answers))["requeued"] == 20


def test_a_short_sweep_takes_from_every_shard(clock):
    make_account()
    make_overdue(clock, *(f"n{number}" for number in range(60)))
    answers = iter([True, False])

    sweep.enqueue_overdue(lambda: next(answers))

    shards = {
        Notification.shard_of(notification_id) for notification_id in queued_ids()
    }
    assert shards == set(URGENT_SHARDS)


def test_the_notification_of_a_deleted_user_is_swept_too(clock):
    make_overdue(clock, "n1")

    assert sweep.enqueue_overdue()["requeued"] == 1
    assert queued()[0]["user_email"] == ""


# ---------------------------------------------------------------------- classes


def test_alerts_are_queued_before_jobs_and_jobs_before_summaries(clock):
    make_account()
    for number in range(3):
        make_summary(number)
    make_job()
    clock.shift(MINUTES)  # the alert has not waited as long
    make_overdue(clock, "n1")

    sweep.enqueue_overdue()

    assert queued_kinds() == ["budget_exceeded", "job", *["weekly_summary"] * 3]


def test_each_class_has_its_own_keys_and_alerts_those_of_the_version_before():
    make_notification()
    make_job()
    make_summary(1)

    shards = {type(item): item.unsent_shard for item in OutboxItem.scan()}

    assert shards[Notification] in {"0", "1", "2", "3"}
    assert shards[Job] in JOB_SHARDS
    assert shards[PlannedSummary] in SUMMARY_SHARDS


@pytest.mark.parametrize(("waiting", "summaries"), [(0, 3), (2, 1), (3, 0), (4, 0)])
def test_summaries_wait_while_the_queue_is_full(clock, limit, waiting, summaries):
    limit(3)
    user = make_account().user
    outbox.enqueue(user, [make_notification(f"new{n}") for n in range(waiting)])
    for number in range(5):
        make_summary(number)
    clock.shift(5 * MINUTES + 1)
    for item in Notification.scan():
        item.update([OutboxItem.status.set("sent"), OutboxItem.unsent_shard.remove()])
    for number in range(5):
        make_summary(number)
    clock.shift(5 * MINUTES + 1)

    sweep.enqueue_overdue()

    assert queued_kinds().count("weekly_summary") == summaries


def test_alerts_do_not_wait_while_the_queue_is_full(clock, limit):
    limit(0)
    make_account()
    make_job()
    make_summary(1)
    make_overdue(clock, *(f"n{number}" for number in range(25)))

    assert sweep.enqueue_overdue()["requeued"] == 25


def test_messages_in_progress_count_as_waiting(clock, limit):
    limit(1)
    user = make_account().user
    outbox.enqueue(user, [make_notification()])
    aws.client("sqs").receive_message(QueueUrl=aws.queue_url())
    delivery.deliver("n1")
    make_summary(1)
    clock.shift(5 * MINUTES + 1)

    assert sweep.enqueue_overdue()["requeued"] == 0


def test_if_the_length_of_the_queue_is_unknown_alerts_are_swept(clock):
    make_account()
    make_summary(1)
    make_overdue(clock, "n1")

    with faults.down("GetQueueAttributes"):
        assert sweep.enqueue_overdue()["requeued"] == 1

    assert queued_ids() == ["n1"]
    assert sweep.enqueue_overdue()["requeued"] == 1


def test_new_alerts_are_in_no_group_and_swept_messages_in_one_of_their_class(clock):
    user = make_account().user
    outbox.enqueue(user, [make_notification("new")])
    delivery.deliver("new")
    make_job()
    make_summary(1)
    make_overdue(clock, "n1")

    sweep.enqueue_overdue()

    assert groups() == [None, "overdue", TASK, "summaries"]


def test_a_summary_held_by_quiet_hours_stays_behind_alerts(clock):
    make_account(quiet_from="11:00", quiet_until="14:00", opted_in={"weekly_summary"})
    summary = make_summary(1)
    # As `schedule.store_text` does.
    summary.update(
        [
            PlannedSummary.planned_for.remove(),
            Notification.created_at.set(dates.timestamp()),
            Notification.facts.set("{}"),
        ]
    )
    delivery.deliver("summary-1")
    clock.shift(2 * 60 * MINUTES + 1)
    make_overdue(clock, "n1")

    sweep.enqueue_overdue()

    assert groups() == ["overdue", "summaries"]


@pytest.mark.parametrize(("waited", "requeued"), [(300, 0), (450, 20), (750, 60)])
def test_a_burst_is_overdue_again_as_fast_as_it_is_sent(clock, limit, waited, requeued):
    limit(40)
    make_account()
    make_overdue(clock, *(f"n{number}" for number in range(60)))
    assert sweep.enqueue_overdue()["requeued"] == 60

    clock.shift(waited)

    assert sweep.enqueue_overdue()["requeued"] == requeued


# ------------------------------------------------------------------------ parts


def test_the_parts_of_a_sweep_share_all_shards(clock):
    make_account()
    for number in range(40):
        make_summary(number)
        make_job(f"user{number}")
    make_overdue(clock, *(f"n{number}" for number in range(40)))

    counts = [sweep.enqueue_overdue(part=part, parts=4) for part in range(4)]

    assert sum(count["requeued"] for count in counts) == 120
    assert all(count["requeued"] for count in counts)
    assert sweep.enqueue_overdue()["requeued"] == 0


def test_a_part_adds_its_share_of_summaries(clock, limit):
    limit(8)
    make_account()
    for number in range(100):
        make_summary(number)
    clock.shift(5 * MINUTES + 1)

    assert sweep.enqueue_overdue(part=1, parts=4)["requeued"] == 2


# ----------------------------------------------------------- the version before


def as_stored_by_the_version_before(item: OutboxItem) -> None:
    item.update([OutboxItem.unsent_shard.set("0")])


def test_summaries_and_jobs_of_the_version_before_are_moved_behind_alerts(clock):
    make_account()
    as_stored_by_the_version_before(make_summary(1))
    make_job()
    (job,) = (item for item in OutboxItem.scan() if isinstance(item, Job))
    as_stored_by_the_version_before(job)
    make_overdue(clock, *(f"n{number}" for number in range(12)))

    assert sweep.enqueue_overdue()["requeued"] == 14

    assert queued_kinds() == [*["budget_exceeded"] * 12, "job", "weekly_summary"]
    shards = {type(item): item.unsent_shard for item in OutboxItem.scan()}
    assert shards[Job] in JOB_SHARDS
    assert shards[PlannedSummary] in SUMMARY_SHARDS


def test_a_summary_delivered_meanwhile_is_not_moved_from_a_stale_index(clock):
    make_account()
    summary = make_summary(1)
    as_stored_by_the_version_before(summary)
    clock.shift(5 * MINUTES + 1)
    (late,) = sweep._query(URGENT_SHARDS)
    summary.update([OutboxItem.unsent_shard.remove(), OutboxItem.unsent_since.remove()])

    assert not sweep._take(late, dates.timestamp())

    assert OutboxItem.get("summary-1").unsent_shard is None


# ----------------------------------------------------------------------- spread

WEEK = Period(datetime.date(2026, 3, 16), datetime.date(2026, 3, 22))


@given(st.uuids(version=4), st.sampled_from(["Asia/Tokyo", "America/New_York"]))
def test_a_summary_is_swept_within_two_hours_of_seven(user_id, time_zone):
    swept = schedule.swept_at(user_id.hex, WEEK, time_zone)

    waited = swept - schedule.due_at(WEEK, time_zone)
    assert datetime.timedelta(0) <= waited < datetime.timedelta(hours=2)
    assert swept == schedule.swept_at(user_id.hex, WEEK, time_zone)


def test_summaries_are_spread_evenly():
    seven = schedule.due_at(WEEK, "UTC")
    minutes = [
        (schedule.swept_at(f"user{n}", WEEK, "UTC") - seven).seconds // 60
        for n in range(12_000)
    ]

    assert set(minutes) == set(range(120))
    assert max(minutes.count(minute) for minute in range(120)) < 200


def test_a_planned_summary_is_stored_with_its_time_in_the_spread():
    account = make_account()
    transaction = Transaction()
    schedule.put(account, "weekly_summary", WEEK, transaction)
    transaction.commit()

    (planned,) = OutboxItem.scan()

    swept = schedule.swept_at("alice", WEEK, account.time_zone)
    assert planned.unsent_since == unsent_since(swept)
    assert planned.unsent_shard in SUMMARY_SHARDS
