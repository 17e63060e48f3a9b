"""Durable jobs: stored with the write that needs them, re-queued until done.

A job is an item of the notifications table without `created_at`, so it is not listed.
It is stored in the transaction that makes the work necessary, and the sweep queues it
until it is removed.

Why: docs/decisions.md#work-that-must-not-be-lost-waits-in-the-unsent-index
"""

import uuid

from notifications import backoff
from notifications.models import Job
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


def find(task: str, user_id: str) -> Job | None:
    """Return a job, or None if it is done. Reads consistently."""
    return Job.find(_id_of(task, user_id))


def postpone(job: Job, error: TransportThrottledError) -> None:
    """Postpone a job whose e-mail was throttled; see backoff.postpone."""

    def store(actions: list[Action]) -> None:
        conditional_write(lambda: job.update(actions, Job.task == job.task))

    backoff.postpone(job, error, store)


def start_over(job: Job) -> None:
    """Leave a job that was throttled to the sweep, with all its attempts again."""
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
