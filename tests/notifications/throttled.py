"""A simulation of the queue and its Lambda while SES or SNS refuses e-mails.

The queue has visibility timeouts, receive counts and dead letters, as in SQS. The clock
jumps from event to event, so a day takes seconds.
"""

import contextlib
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from lambdas.notification_processor.handler import handler
from notifications import backoff
from smartbudget.core import aws, dates, tasks
from smartbudget.core.config import config
from tests.lambdas.events import Context, recorded
from tests.notifications import faults

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
SWEEP_SECONDS = 300
VISIBILITY_SECONDS = 360  # of the queue (infra/data.yaml)
TOO_FAST = "Maximum sending rate exceeded."
REFUSALS = {
    "SendEmail": '{{"__type": "{code}", "message": "{message}"}}',
    "Publish": (
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
        "<Message>{message}</Message></Error></ErrorResponse>"
    ),
}
CODES = {"SendEmail": "TooManyRequestsException", "Publish": "Throttled"}


@dataclass
class Message:
    """A message in the queue."""

    entry: dict[str, Any]
    visible_at: float
    message_id: str
    receives: int = 0

    def record(self) -> dict[str, Any]:
        """Return it as Lambda passes it to the function."""
        attributes = self.entry["MessageAttributes"]
        return {
            "messageId": self.message_id,
            "receiptHandle": self.message_id,
            "body": self.entry["MessageBody"],
            "attributes": {"ApproximateReceiveCount": str(self.receives)},
            "messageAttributes": {
                name: {"stringValue": value["StringValue"], "dataType": "String"}
                for name, value in attributes.items()
            },
        }


@dataclass
class Queue:
    """SQS with the calls that are used, in place of its client."""

    seconds: Callable[[], float]
    messages: list[Message] = field(default_factory=list)
    dead_letters: list[Message] = field(default_factory=list)
    hidden_for: list[int] = field(default_factory=list)  # each change of visibility
    is_down: bool = False
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def send_message_batch(self, **call: Any) -> dict:
        for entry in call["Entries"]:
            due = self.seconds() + entry["DelaySeconds"]
            self.messages.append(Message(entry, due, str(next(self._ids))))
        return {}

    def change_message_visibility(self, **call: Any) -> None:
        if self.is_down:
            raise EndpointConnectionError(endpoint_url=call["QueueUrl"])
        handle, seconds = call["ReceiptHandle"], call["VisibilityTimeout"]
        (message,) = (m for m in self.messages if m.message_id == handle)
        message.visible_at = self.seconds() + seconds
        self.hidden_for.append(seconds)

    def receive(self) -> list[Message]:
        """Return up to ten visible messages, and hide them."""
        batch: list[Message] = []
        for message in list(self.messages):
            if message.visible_at > self.seconds() or len(batch) == 10:
                continue
            if message.receives == config.max_receive_count:
                self.messages.remove(message)
                self.dead_letters.append(message)
                continue
            message.receives += 1
            message.visible_at = self.seconds() + VISIBILITY_SECONDS
            batch.append(message)
        return batch


class Simulation:
    """A queue, its Lambda and the sweep, and a transport that refuses e-mails."""

    def __init__(self, clock) -> None:
        self._clock = clock
        self._started = dates.now()
        self._random = random.Random(19)
        self._is_dead = False
        self._next_sweep = SWEEP_SECONDS
        self._is_throttled: Callable[[], bool] = lambda: False
        self.queue = Queue(lambda: self.seconds)
        self.failed_messages = 0
        self.tries: Counter[str] = Counter()  # by subject
        self.sent: dict[str, list[float]] = {}  # by subject: seconds since the start
        # Subjects sent without a reply, or before a crash that stored no status.
        self.unknown: set[str] = set()
        self._unrecorded: str | None = None
        self.code: str | None = None
        self.message = TOO_FAST
        self.crash_rate = self.loss_rate = 0.0  # of calls by the Lambda

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return (dates.now() - self._started).total_seconds()

    @property
    def waits(self) -> list[float]:
        """After how many seconds the e-mails were sent, in order."""
        return sorted(time for times in self.sent.values() for time in times)

    def refuse(self, share: float, *, until: float) -> None:
        """Refuse a share of the e-mails up to a time, in seconds since the start."""
        self._is_throttled = lambda: (
            self.seconds < until and self._random.random() < share
        )

    def run(self, until: float) -> None:
        """Run the Lambda and the sweep up to a time, in seconds since the start."""
        with contextlib.ExitStack() as stack:
            for operation in ("SendEmail", "Publish", "UpdateItem"):
                if operation in REFUSALS or self.crash_rate or self.loss_rate:
                    stack.enter_context(faults.hooked(operation, self._answer))
            while True:
                self._poll()
                due = min(self._next_event(), until)
                self._clock.shift(max(0, due - self.seconds))
                if self.seconds >= until:
                    return
                if self.seconds >= self._next_sweep:
                    self._next_sweep = self.seconds + SWEEP_SECONDS
                    self._invoke(recorded("schedule_sweep"))

    def _next_event(self) -> float:
        times = [message.visible_at for message in self.queue.messages]
        return min([self._next_sweep, *times])

    def _poll(self) -> None:
        """Run the Lambda until no message is visible, and delete what it processed."""
        while batch := self.queue.receive():
            result = self._invoke({"Records": [m.record() for m in batch]})
            if result is None:
                continue
            failures = result["batchItemFailures"]
            kept = {failure["itemIdentifier"] for failure in failures}
            for message in batch:
                if message.message_id not in kept:
                    self.queue.messages.remove(message)
            self.failed_messages += result["failed"]

    def _invoke(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Return what the Lambda returns, or None if it crashes."""
        try:
            return handler(event, Context())
        except faults.KilledError:
            return None
        finally:
            self._is_dead, self._unrecorded = False, None

    def _answer(self, request, operation: str):
        if self._is_dead:  # a killed process does not run its `finally` blocks
            raise EndpointConnectionError(endpoint_url=request.url)
        if subject := _subject(request, operation):
            self.tries[subject] += 1
            if self._is_throttled():
                code = self.code or CODES[operation]
                body = REFUSALS[operation].format(code=code, message=self.message)
                return faults.answer(request, 429, body)
        chance = self._random.random()
        if chance < self.crash_rate:
            self._die()
        if subject:
            self.sent.setdefault(subject, []).append(self.seconds)
        if chance < self.crash_rate + self.loss_rate:
            self._lose_reply(request, operation, subject)
        self._unrecorded = subject
        return None

    def _lose_reply(self, request, operation: str, subject: str | None) -> None:
        if subject:
            self.unknown.add(subject)
        else:
            faults.execute_without_reply(request, operation)
        raise ConnectionClosedError(endpoint_url=request.url)

    def _die(self) -> None:
        if self._unrecorded:
            self.unknown.add(self._unrecorded)
        self._is_dead = True
        raise faults.KilledError


@contextlib.contextmanager
def simulated(clock) -> Iterator[Simulation]:
    """Use the simulated queue in place of SQS during a block."""
    simulation = Simulation(clock)
    aws.queue_url()
    with pytest.MonkeyPatch.context() as patch:
        for call in ("send_message_batch", "change_message_visibility"):
            patch.setattr(aws.client("sqs"), call, getattr(simulation.queue, call))
        for module in (backoff, tasks):  # pytest-randomly seeds what all tests share
            patch.setattr(module, "random", random.Random(19))
        yield simulation


def _subject(request, operation: str) -> str | None:
    """Return the subject of an e-mail, or None if the call sends none."""
    body = request.body.decode() if isinstance(request.body, bytes) else request.body
    if operation == "SendEmail":
        return json.loads(body)["Content"]["Simple"]["Subject"]["Data"]
    return parse_qs(body)["Subject"][0] if operation == "Publish" else None
