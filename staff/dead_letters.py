"""Messages that failed in every attempt, and how staff have them tried again.

They are moved by receive, send and delete, in this order: it works wherever SQS does,
and at any moment of it a message is in one of the queues. A crash, or a reply lost,
before the delete leaves it in both. That is harmless, and so are the new message ids:
a task that runs twice does its work once, whatever the message [Q12-Q15].
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
# Seconds a received message is hidden from others; longer than one request works, so
# that one which cannot be sent is tried once in it.
HIDDEN_SECONDS = 30
WAIT_SECONDS = 1  # asks all of SQS's servers; without it only some, which may have none


@dataclass(frozen=True)
class Depth:
    """Messages of a queue, about: SQS counts by and by."""

    waiting: int
    hidden: int  # received and not deleted; they come back in HIDDEN_SECONDS

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.hidden


@dataclass(frozen=True)
class Redriven:
    """Messages moved, messages that the queue did not take, and about what is left."""

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
    """Move dead letters back to the queue, where each has all its attempts again.

    keep_going: asked before every message; False ends the run. Meant to be repeated
    while some are left; two at once share the messages between them. What the queue
    does not take stays a dead letter.

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
        answer = _sqs().receive_message(
            QueueUrl=aws.queue_url(DEAD_LETTERS),
            MaxNumberOfMessages=10,
            MessageAttributeNames=["task"],
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        for message in messages:
            if not keep_going():
                return
            yield message


def _move(message: dict[str, Any]) -> bool:
    """Send a message to the queue and delete it here; False if it is refused."""
    attributes = message.get("MessageAttributes", {})
    try:
        _sqs().send_message(
            QueueUrl=aws.queue_url(),
            MessageBody=message["Body"],
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value["StringValue"]}
                for name, value in attributes.items()
                if "StringValue" in value
            },
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
    visible, hidden = (
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
    )
    found = _sqs().get_queue_attributes(
        QueueUrl=aws.queue_url(name), AttributeNames=[visible, hidden]
    )["Attributes"]
    return Depth(int(found[visible]), int(found[hidden]))


def _sqs() -> Any:
    return aws.client("sqs")


def for_seconds(seconds: float) -> Callable[[], bool]:
    """Return a function that is True until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() < deadline
