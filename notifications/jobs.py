"""Durable jobs: stored with the write that needs them, re-queued until done.

A job is an item of the notifications table without `created_at`, so it is not listed.
It is stored in the transaction that makes the work necessary, and the sweep queues it
until it is removed.

Why: docs/decisions.md#work-that-must-not-be-lost-waits-in-the-unsent-index
"""

import datetime
import uuid

from notifications import backoff
from notifications.models import Job, unsent_since
from notifications.transports import TransportThrottledError
from smartbudget.core import dates
from smartbudget.core.dynamodb import Action, Transaction, conditional_write

_NAMESPACE = uuid.UUID("7a4c2b1e-9d3f-5e60-8b27-c1f0d5a9e803")


def put(task: str, user_id: str, transaction: Transaction) -> None:
    """Add a job to a transaction. Safe to repeat.

    task: name of a task that takes only `user_id`, may be queued more than once, calls
    `touch` while it works, and `remove` when it is done.
    """
    now = dates.timestamp()
    job_id = _id_of(task, user_id)
    job = Job(
        notification_id=job_id,
        user_id=user_id,
        type="job",
        task=task,
        subject=task,
        message="Work for the sweep.",
        updated_at=now,
        unsent_shard=Job.shard_of(job_id),
        unsent_since=now,
    )
    transaction.put_once(job, Job.notification_id.does_not_exist())


def put_due(task: str, user_id: str, due: datetime.datetime) -> None:
    """Store a job that the sweep queues at a time. Safe to repeat.

    An existing job keeps its time. If it is running, `finish` does not remove it, since
    it may have started before the caller's change.
    """
    job = Job(_id_of(task, user_id))
    actions: list[Action] = [
        Job.user_id.set(user_id),
        Job.type.set("job"),
        Job.task.set(task),
        Job.subject.set(task),
        Job.message.set("Work for the sweep."),
        Job.status.set("queued"),
        Job.delivery_method.set("email"),
        Job.attempts.set(0),
        Job.updated_at.set(dates.timestamp()),
        Job.unsent_shard.set(Job.shard_of(job.notification_id)),
        Job.unsent_since.set(Job.unsent_since | unsent_since(due)),
    ]
    job.update(actions)


def postpone_until(job: Job, due: datetime.datetime) -> None:
    """Postpone a job until a time, unless it was stored again since."""
    since: list[Action] = [Job.unsent_since.set(unsent_since(due))]
    unchanged = Job.updated_at == job.updated_at
    conditional_write(lambda: job.update(since, unchanged))


def finish(job: Job) -> None:
    """Delete a job that was read, unless it was stored again since."""
    unchanged = Job.updated_at == job.updated_at
    conditional_write(lambda: job.delete(unchanged))


def find(task: str, user_id: str) -> Job | None:
    """Return a job, or None if it is done. Reads consistently."""
    return Job.find(_id_of(task, user_id))


def postpone(job: Job, error: TransportThrottledError) -> None:
    """Postpone a job whose e-mail was throttled; see backoff.postpone."""

    def store(actions: list[Action]) -> None:
        conditional_write(lambda: job.update(actions, Job.task == job.task))

    backoff.postpone(job, error, store)


def start_over(job: Job) -> None:
    """Reset the attempts of a throttled job; the sweep queues it."""
    again: list[Action] = [Job.throttled.remove()]
    conditional_write(lambda: job.update(again, Job.task == job.task))


def touch(task: str, user_id: str) -> None:
    """Restart the time after which the sweep queues a job again. Safe to repeat."""
    job = Job(_id_of(task, user_id))
    since = Job.unsent_since.set(dates.timestamp())
    conditional_write(lambda: job.update([since], Job.task == task))


def remove(task: str, user_id: str, transaction: Transaction) -> None:
    """Add the deletion of a finished job to a transaction."""
    transaction.delete(Job(_id_of(task, user_id)))


def _id_of(task: str, user_id: str) -> str:
    return uuid.uuid5(_NAMESPACE, f"{task}|{user_id}").hex
