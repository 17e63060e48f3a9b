"""Deliver the notifications and run the tasks of notification-queue.

{"Records": [SQS messages]}, or a notification as the event itself ->
{"processed", "failed", "errors", "batchItemFailures"}; SQS retries only the last.
Messages that were postponed are among these, but not among the failed.
With SES, the messages of mail-events-queue are bounces and complaints. {"task":
"sweep", "part", "parts"}, from a schedule, queues overdue notifications again. An event
may be delivered twice.
"""

import json
import logging
from contextlib import AbstractContextManager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from notifications import sweep, transports
from smartbudget.core import aws, log, tasks
from smartbudget.core.config import config

log.set_up(config.log_level)
logger = logging.getLogger(__name__)

# Time that must be left for a message. A delivery that is stopped between sending the
# e-mail and storing its status is sent again. Sending takes at most 5 seconds.
MIN_MESSAGE_MILLISECONDS = 6_000
MIN_SWEEP_MILLISECONDS = 5_000  # for ten notifications, if SQS does not respond


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process the records and return the result; a failure does not stop the others."""
    log.bind(lambda_request_id=context.aws_request_id)
    if event.get("task") == "sweep":
        return _sweep(context, event.get("part", 0), event.get("parts", 1))
    processed = 0
    errors, failures = [], []
    for record in sorted(event.get("Records", [event]), key=_is_job):
        message_id = record.get("messageId")
        with _log_context(record):
            try:
                _process(record, context)
            except tasks.RetryLaterError as error:
                if message_id:
                    _return_later(record.get("receiptHandle"), error.seconds)
                    failures.append({"itemIdentifier": message_id})
            except Exception as error:  # a bug in one task must not stop the others
                logger.exception("message failed message_id=%s", message_id)
                errors.append(f"{message_id}: {type(error).__name__}")
                if message_id:  # an empty id would make SQS retry the whole batch
                    failures.append({"itemIdentifier": message_id})
            else:
                processed += 1
    return {
        "processed": processed,
        "failed": len(errors),
        "errors": errors,
        "batchItemFailures": failures,
    }


def _sweep(context: Any, part: int, parts: int) -> dict[str, Any]:
    milliseconds_left = context.get_remaining_time_in_millis
    counts = sweep.enqueue_overdue(
        keep_going=lambda: milliseconds_left() > MIN_SWEEP_MILLISECONDS,
        part=part,
        parts=parts,
    )
    if part == 0:  # once for all parts
        transports.get_transport().check_quota()
    return dict(counts)


def _process(record: dict[str, Any], context: Any) -> None:
    milliseconds_left = context.get_remaining_time_in_millis()
    if milliseconds_left < MIN_MESSAGE_MILLISECONDS:
        raise TimeoutError("left for the next attempt")
    received = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    attempt = tasks.Attempt(received, seconds_left=milliseconds_left / 1000)
    name = _attribute(record, "task")
    body = record.get("body", record)
    body = body if isinstance(body, str) else json.dumps(body)
    tasks.run(body, name or _task_of(body), attempt)


def _is_job(record: dict[str, Any]) -> bool:
    """Check whether a record is a job. Jobs take long, so notifications go first."""
    return _attribute(record, "task") not in {None, tasks.DEFAULT}


def _return_later(receipt_handle: str | None, seconds: int) -> None:
    """Hide a message for some seconds, after which SQS delivers it again.

    If this fails, the message returns after the queue's visibility timeout.
    """
    if receipt_handle is None:
        return
    try:
        aws.client("sqs").change_message_visibility(
            QueueUrl=aws.queue_url(),
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=seconds,
        )
    except (BotoCoreError, ClientError):
        logger.warning("visibility not changed", exc_info=True)
    else:
        logger.info("postponed seconds=%d", seconds)


def _log_context(record: dict[str, Any]) -> AbstractContextManager[None]:
    """Return a log context with a record's task and the request that caused it."""
    fields = {
        "task_id": record.get("messageId"),
        "task": _attribute(record, "task"),
    }
    present = {name: value for name, value in fields.items() if value}
    return log.bound(_attribute(record, "request_id"), **present)


def _attribute(record: dict[str, Any], name: str) -> str | None:
    value: str | None = (
        record.get("messageAttributes", {}).get(name, {}).get("stringValue")
    )
    return value


def _task_of(body: str) -> str | None:
    """Return the task of a message that names none, or None for a notification.

    SES events are recognized by their content, not by their queue, since dead letters
    are redriven through another one.
    """
    is_mail_event = '"eventType"' in body and "eventType" in json.loads(body)
    return "notifications.tasks.take_mail_event" if is_mail_event else None
