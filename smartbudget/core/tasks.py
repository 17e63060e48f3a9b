"""Queue and run tasks: Celery's interface over one SQS queue.

A message's body is the task's arguments as JSON; its attributes are the task's name and
the id of the request that caused it. A message without a task's name is a notification
to deliver.

    @task
    def recount_budget(budget_id: str) -> None: ...

    recount_budget.delay(budget_id=...)
    recount_budget.apply_async({"budget_id": ...}, countdown=5)
    send_task("budgets.tasks.recount_budget", {"budget_id": ...}, countdown=5)
    apply("budgets.tasks.recount_budget", {"budget_id": ...})

The last two need no import, so a module can queue or run a task of a layer above it.

A task that cannot begin, because another service is busy, raises RetryLaterError: SQS
then delivers its message again later.
"""

import functools
import importlib
import json
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, overload

from botocore.exceptions import BotoCoreError, ClientError

from smartbudget.core import aws, log
from smartbudget.core.config import config

logger = logging.getLogger(__name__)

# Modules with tasks. A message can only call a task that one of these registered.
MODULES = (
    "accounts.tasks",
    "budgets.tasks",
    "expenses.imports.tasks",
    "expenses.tasks",
    "notifications.tasks",
    "profiles.tasks",
    "reports.tasks",
)
# The modules of tasks that moved. Messages and stored jobs keep a task's old name.
MOVED = {"accounts.tasks.delete_account": "profiles.tasks"}
DEFAULT = "notifications.tasks.deliver_notification"

BATCH = 10  # entries in one SendMessageBatch (docs/aws.md#queue-limits)
MAX_COUNTDOWN = 900  # seconds (docs/aws.md#queue-limits)
LONGEST_WAIT = 600  # seconds; for a busy service

_registry: dict[str, "Task"] = {}
eager = False  # set by tests: queued tasks then run at once, in process


class QueueError(Exception):
    """SQS was unreachable or refused messages; `refused`: the calls not queued."""

    def __init__(self, refused: list[dict[str, Any]]) -> None:
        super().__init__(f"{len(refused)} messages were not queued")
        self.refused = refused


class UnknownTaskError(Exception):
    """A message names a task that does not exist."""


class RetryLaterError(Exception):
    """A task could not begin, and its message returns after `seconds`. No failure.

    Each return counts as a receive, so raise it only if `Attempt.may_return`.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} seconds")
        self.seconds = seconds


@dataclass(frozen=True)
class Attempt:
    """The attempt in which a task runs."""

    number: int = 1  # how often the message was received, this time included
    limit: int = config.max_receive_count
    seconds_left: float = 60  # until the Lambda is stopped

    @property
    def is_last(self) -> bool:
        """Whether another failure moves the message to the dead letters."""
        return self.number >= self.limit

    @property
    def may_return(self) -> bool:
        """Whether the message may return and still not be at its last attempt."""
        return self.number + 1 < self.limit


_UNKNOWN = Attempt()
_attempt = ContextVar("attempt", default=_UNKNOWN)
current_attempt = _attempt.get


def backoff(refusals: int) -> int:
    """Return after how many seconds to try a busy service again, with jitter.

    refusals: how often it was busy; after the first, 30 to 60 seconds. The wait doubles
    up to 300 to 600.
    """
    longest: int = min(config.throttle_wait * 2 ** (refusals - 1), LONGEST_WAIT)
    return random.randint(longest // 2, longest)  # noqa: S311 - jitter, no secret


class Task:
    """A function that can also be queued; calling it runs it directly."""

    def __init__(self, function: Callable[..., object], name: str) -> None:
        self.function = function
        self.name = name
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> object:
        return self.function(*args, **kwargs)

    def delay(self, **kwargs: Any) -> None:
        """Queue one call; kwargs must be JSON. Raises QueueError."""
        self.apply_async(kwargs)

    def apply_async(self, kwargs: Mapping[str, Any], countdown: int = 0) -> None:
        """Queue one call for `countdown` seconds (0-900) later. Raises QueueError."""
        self.delay_many([kwargs], countdown)

    def delay_many(
        self, calls: Sequence[Mapping[str, Any]], countdown: int = 0
    ) -> None:
        """Queue many calls, ten per request; see `send_tasks`."""
        send_tasks(self.name, calls, countdown)


def send_task(name: str, kwargs: Mapping[str, Any], countdown: int = 0) -> None:
    """Queue one call of a task by its name, without importing it; see `send_tasks`."""
    send_tasks(name, [kwargs], countdown)


def apply(name: str, kwargs: Mapping[str, Any]) -> Any:
    """Run a task by its name in this process, and return its result.

    kwargs: any objects. Raises UnknownTaskError, and whatever the task raises.
    """
    return find(name)(**kwargs)


def send_tasks(
    name: str,
    calls: Sequence[Mapping[str, Any]],
    countdown: int = 0,
    *,
    group: str | None = None,
) -> None:
    """Queue many calls of a task by its name, ten per request.

    calls: the keyword arguments of each; must be JSON. countdown: seconds (0-900)
    until they run. group: calls that wait behind others while many of them are queued
    (docs/aws.md#fair-queues). Those of any task but DEFAULT are a group.

    Raises QueueError with the calls not queued. If SQS does not respond, the remaining
    calls are not attempted, since each attempt takes seconds and a request may be
    waiting. A call may be queued twice after a lost reply.
    """
    if not 0 <= countdown <= MAX_COUNTDOWN:
        raise ValueError(f"countdown is 0-{MAX_COUNTDOWN} seconds")
    if eager:
        for call in calls:
            find(name).function(**json.loads(json.dumps(call)))
        return
    refused: list[dict[str, Any]] = []
    for first in range(0, len(calls), BATCH):
        try:
            refused += _send(name, calls[first : first + BATCH], countdown, group)
        except (BotoCoreError, ClientError) as error:
            refused += [dict(call) for call in calls[first:]]
            raise QueueError(refused) from error
    if refused:
        raise QueueError(refused)


def _send(
    name: str, calls: Sequence[Mapping[str, Any]], countdown: int, group: str | None
) -> list[dict[str, Any]]:
    """Send one batch and return the calls that SQS refused."""
    attributes = {"task": _text(name)}
    if request_id := log.current_request_id():
        attributes["request_id"] = _text(request_id)
    group = group or (name if name != DEFAULT else None)
    entries = [
        {
            "Id": str(number),
            "MessageBody": json.dumps(call),
            "DelaySeconds": countdown,
            "MessageAttributes": attributes,
            **({"MessageGroupId": group} if group else {}),
        }
        for number, call in enumerate(calls)
    ]
    response = aws.client("sqs").send_message_batch(
        QueueUrl=aws.queue_url(), Entries=entries
    )
    failed = response.get("Failed", [])  # possible even in a 200 response
    for entry in failed:
        logger.error("task not queued task=%s code=%s", name, entry["Code"])
    return [dict(calls[int(entry["Id"])]) for entry in failed]


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


@overload
def task(function: Callable[..., object]) -> Task: ...


@overload
def task(*, name: str) -> Callable[[Callable[..., object]], Task]: ...


def task(
    function: Callable[..., object] | None = None, *, name: str | None = None
) -> Any:
    """Register a module-level function as a task: `@task` or `@task(name=...)`.

    name: the task's name in messages; by default the function's dotted name.
    """
    if function is None:
        return functools.partial(task, name=name)
    registered = Task(
        function, name or f"{function.__module__}.{function.__qualname__}"
    )
    _registry[registered.name] = registered
    return registered


def find(name: str | None) -> Task:
    """Return a registered task; None returns the delivery of a notification.

    Raises UnknownTaskError.
    """
    name = name or DEFAULT
    module = MOVED.get(name) or name.rpartition(".")[0]
    if module in MODULES:
        importlib.import_module(module)
    try:
        return _registry[name]
    except KeyError:
        raise UnknownTaskError(f"There is no task {name!r}.") from None


def run(body: str, name: str | None, attempt: Attempt | None = None) -> None:
    """Run the task of one message.

    body: JSON object of the task's arguments. attempt: what `current_attempt()` returns
    to the task.

    Raises UnknownTaskError, ValueError or TypeError for a message that can never
    succeed, and whatever the task raises.
    """
    kwargs = json.loads(body)
    if not isinstance(kwargs, dict):
        raise TypeError("A message body must be a JSON object.")
    task = find(name)
    token = _attempt.set(attempt or _UNKNOWN)
    try:
        task(**kwargs)
    finally:
        _attempt.reset(token)
