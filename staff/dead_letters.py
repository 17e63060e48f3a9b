"""Count and redrive dead letters, messages that failed in every attempt.

They are moved by receive, send and delete, in this order, so a message is always in at
least one of the queues. After a crash or a lost reply before the delete, it is in both.
That is harmless, and so are the new message ids, since tasks are safe to repeat.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smartbudget.core import aws
from smartbudget.core.user import User
from staff.users import require_staff

logger = logging.getLogger(__name__)

DEAD_LETTERS = "notification-queue-dlq"
FAILED_EVENTS = "failed-events-queue"
# A received message is hidden for longer than a request, so that one request tries each
# message only once.
HIDDEN_SECONDS = 30
REDRIVE_SECONDS = 5  # per request
WAIT_SECONDS = 1  # long polling: otherwise SQS does not ask all of its servers


@dataclass(frozen=True)
class Depth:
    """The approximate numbers of messages in a queue."""

    waiting: int
    hidden: int  # received and not deleted; visible again after HIDDEN_SECONDS

    @property
    def total(self) -> int:
        """The number of all messages."""
        return self.waiting + self.hidden


@dataclass(frozen=True)
class Redriven:
    """Numbers of messages moved, refused by the queue, and left (approximately)."""

    moved: int
    refused: int
    left: int


def depth(staff: User) -> Depth:
    """Count the dead letters. Raises ForbiddenError."""
    require_staff(staff)
    return _depth(DEAD_LETTERS)


def failed_events(staff: User) -> Depth:
    """Count the scheduled runs that failed; the next run does their work.

    Raises ForbiddenError.
    """
    require_staff(staff)
    return _depth(FAILED_EVENTS)


def redrive(staff: User, keep_going: Callable[[], bool]) -> Redriven:
    """Move dead letters back to the queue, where each gets all its attempts again.

    keep_going: called before every message; False ends the run. Call again while some
    are left. Concurrent calls share the messages. A message refused by the queue stays
    a dead letter.

    Raises ForbiddenError. An outage of SQS ends the run and is raised only if nothing
    was moved.
    """
    require_staff(staff)
    moved: list[str] = []
    refused: list[str] = []
    try:
        for message in _received(keep_going):
            (moved if _move(message) else refused).append(message["MessageId"])
    except (BotoCoreError, ClientError):
        if not moved:
            raise
        logger.warning("redrive ended early", exc_info=True)
    finally:
        logger.info(
            "redriven by staff user_id=%s moved=%s refused=%s",
            staff.user_id,
            ",".join(moved),
            ",".join(refused),
        )
    return Redriven(len(moved), len(refused), _depth(DEAD_LETTERS).total)


def _received(keep_going: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    while keep_going():
        response = _sqs().receive_message(
            QueueUrl=aws.queue_url(DEAD_LETTERS),
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["MessageGroupId"],
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
        )
        messages = response.get("Messages", [])
        if not messages:
            return
        for message in messages:
            if not keep_going():
                return
            yield message


def _move(message: dict[str, Any]) -> bool:
    """Move a message to the queue; return False if the queue refuses it."""
    attributes = message.get("MessageAttributes", {})
    group = message.get("Attributes", {}).get("MessageGroupId")
    try:
        _sqs().send_message(
            QueueUrl=aws.queue_url(),
            MessageBody=message["Body"],
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value["StringValue"]}
                for name, value in attributes.items()
                if "StringValue" in value
            },
            **({"MessageGroupId": group} if group else {}),
        )
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise
        logger.warning(
            "dead letter refused message_id=%s code=%s",
            message["MessageId"],
            error.response["Error"]["Code"],
        )
        return False
    _sqs().delete_message(
        QueueUrl=aws.queue_url(DEAD_LETTERS), ReceiptHandle=message["ReceiptHandle"]
    )
    return True


def _depth(name: str) -> Depth:
    return Depth(*aws.queue_depth(name))


def _sqs() -> Any:
    return aws.client("sqs")


def for_seconds(seconds: float) -> Callable[[], bool]:
    """Return a function that returns True until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() < deadline
