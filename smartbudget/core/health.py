"""Check the health of the AWS services that the web needs.

Each service gets one cheap request. All are sent at the same time, so the check takes
as long as the slowest.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from smartbudget.core import aws
from smartbudget.core.config import config
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 3.0
RECENT_SECONDS = 10.0
READ_TIMEOUT = 2  # seconds; threads still waiting at the deadline end soon after it

# The keys are names of parts: in English in the API, translated on pages.
TABLES = {
    gettext_noop("Table users"): "users",
    gettext_noop("Table expenses"): "expenses",
    gettext_noop("Table budgets"): "budgets",
    gettext_noop("Table notifications"): "notifications",
}
QUEUES = {
    gettext_noop("Queue"): "notification-queue",
    gettext_noop("Dead letters"): "notification-queue-dlq",
    gettext_noop("Failed scheduled runs"): "failed-events-queue",
}
REPORTS = "report_generator"


@dataclass(frozen=True)
class Part:
    """The health of one part of AWS."""

    name: str
    ok: bool
    said: str  # a sentence for people


class UnhealthyError(Exception):
    """The part responds, but does not work."""


def check(deadline_seconds: float = DEADLINE_SECONDS) -> list[Part]:
    """Return the health of every part within the deadline. Raises nothing."""
    checks = _checks()
    pool = ThreadPoolExecutor(len(checks), thread_name_prefix="health")
    results = {
        name: pool.submit(copy_context().run, check_part)
        for name, check_part in checks.items()
    }
    wait(results.values(), deadline_seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    return [_part(name, result) for name, result in results.items()]


def recent() -> list[Part]:
    """Return the health of every part, up to RECENT_SECONDS old. Raises nothing.

    A process checks AWS at most once in RECENT_SECONDS. During a check, other callers
    get the previous result; only before the first result do they wait.
    """
    return _recent.get()


def client(service: str) -> Any:
    """Return a client with a single attempt and a short timeout."""
    return aws.client(service, attempts=1, read_timeout=READ_TIMEOUT)


class _Recent:
    def __init__(self) -> None:
        self._parts: list[Part] | None = None
        self._until = 0.0
        self._checking = threading.Lock()

    def get(self) -> list[Part]:
        if self._checking.acquire(blocking=self._parts is None):
            try:
                if self._parts is None or time.monotonic() >= self._until:
                    self._parts = check()
                    self._until = time.monotonic() + RECENT_SECONDS
            finally:
                self._checking.release()
        return self._parts or []


_recent = _Recent()


def _checks() -> dict[str, Callable[[], str]]:
    checks: dict[str, Callable[[], str]] = {}
    for name, table in TABLES.items():
        checks[name] = partial(_table, table)
    checks[gettext_noop("Bucket")] = _bucket
    for name, queue in QUEUES.items():
        checks[name] = partial(_queue, queue)
    checks[gettext_noop("Topic")] = _topic
    if config.ses_configuration_set:
        checks["SES"] = _ses
    checks[gettext_noop("Report Lambda")] = _reports
    return checks


def _part(name: str, result: Future[str]) -> Part:
    if not result.done() or result.cancelled():
        logger.warning("unhealthy part=%s: no response in time", name)
        return Part(name, False, _("Timed out."))
    error = result.exception()
    if error is None:
        return Part(name, True, result.result())
    logger.warning("unhealthy part=%s", name, exc_info=error)
    return Part(name, False, _describe(error))


def _describe(error: BaseException) -> str:
    if isinstance(error, UnhealthyError):
        return str(error)
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "no code"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == 403 or "Denied" in code or "AuthorizationError" in code:
            return _("Access denied ({code}).").format(code=code)
        if status == 404 or "NotFound" in code or "NonExistent" in code:
            return _("Not found ({code}).").format(code=code)
        return _("Error: {code}.").format(code=code)
    kind = type(error).__name__
    if isinstance(error, BotoCoreError | HTTPClientError):
        return _("Unreachable ({kind}).").format(kind=kind)
    return _("The check failed ({kind}).").format(kind=kind)


def _table(name: str) -> str:
    table = client("dynamodb").describe_table(
        TableName=f"{config.resource_prefix}{name}"
    )["Table"]
    status = table["TableStatus"]
    if status not in {"ACTIVE", "UPDATING"}:  # a table works during an update
        raise UnhealthyError(_("Status: {status}.").format(status=status))
    return _("Reachable.")


def _bucket() -> str:
    client("s3").head_bucket(Bucket=config.receipts_bucket)
    return _("Reachable.")


def _queue(name: str) -> str:
    """Return a sentence with the approximate numbers of messages in a queue."""
    waiting, hidden = aws.queue_depth(name)
    return _("{waiting} queued, {hidden} in progress.").format(
        waiting=waiting, hidden=hidden
    )


def _topic() -> str:
    client("sns").get_topic_attributes(TopicArn=aws.topic_arn())
    return _("Reachable.")


def _ses() -> str:
    settings = client("sesv2").get_configuration_set(
        ConfigurationSetName=config.ses_configuration_set
    )
    if not settings.get("SendingOptions", {}).get("SendingEnabled", True):
        raise UnhealthyError(_("Sending is paused."))
    return _("Sending.")


def _reports() -> str:
    """Check that the report Lambda can be invoked, without invoking it."""
    client("lambda").invoke(
        FunctionName=aws.function_name(REPORTS), InvocationType="DryRun"
    )
    return _("Ready.")
