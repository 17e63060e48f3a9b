"""Write logs as JSON lines on standard error, and metrics for CloudWatch.

Every line has the context bound here: request, task, user. The request id is passed on
with messages, notifications and invocations, so one search finds everything that a
click caused, e-mails included.
"""

import contextlib
import datetime
import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from smartbudget.core.config import config

METRICS = "SmartBudget"  # the namespace of metrics

# The secret at the end of a mail's link. It must not be logged, but Django logs the
# paths of refused requests.
LINK_KEY = re.compile(r"/[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")

# None outside of requests.
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
current_request_id = _request_id.get
# Further fields of each line: user_id, source (the network address of a refused
# login), task, task_id, lambda_request_id.
_fields: ContextVar[dict[str, str]] = ContextVar("fields")


def bind(request_id: str | None = None, **fields: str) -> None:
    """Start a new log context, dropping the previous one.

    request_id: passed on to all work that this work starts.
    """
    _request_id.set(request_id)
    _fields.set(fields)


def bind_more(**fields: str) -> None:
    """Add fields to the current log context."""
    _fields.set({**_fields.get({}), **fields})


@contextlib.contextmanager
def bound(request_id: str | None = None, **fields: str) -> Iterator[None]:
    """Add fields to the log context for a block.

    request_id: replaces the current one, or None to keep it.
    """
    id_token = _request_id.set(request_id or current_request_id())
    fields_token = _fields.set({**_fields.get({}), **fields})
    try:
        yield
    finally:
        _request_id.reset(id_token)
        _fields.reset(fields_token)


class JsonFormatter(logging.Formatter):
    """A formatter that writes each record as one line, so no text can forge another."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON."""
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": LINK_KEY.sub("/...", record.getMessage()),
        }
        if request_id := current_request_id():
            line["request_id"] = request_id
        line |= _fields.get({})
        if record.exc_info:
            line["exception"] = LINK_KEY.sub(
                "/...", self.formatException(record.exc_info)
            )
        return json.dumps(line)


def set_up(level: str) -> None:
    """Send all logs to standard error, which AWS collects. Safe to repeat.

    Replaces the handler that Lambda installs, so the format is the same everywhere.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_downgrade_invalid_requests)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _downgrade_invalid_requests(record: logging.LogRecord) -> bool:
    """Log invalid requests, such as those with a wrong Host, as warnings.

    Django logs them as errors with a traceback, and errors trigger an alarm.
    """
    if record.name.startswith("django.security."):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = None
    return True


def count(name: str, number: int = 1, **dimensions: str) -> None:
    """Add to a business metric, which the dashboard shows by stage."""
    if number:
        stage = f"{config.resource_prefix}smart-budget"
        metric(name, number, Stage=stage, **dimensions)


def metric(name: str, value: float, **dimensions: str) -> None:
    """Log a number in CloudWatch's embedded metric format.

    CloudWatch turns the line into a metric in the namespace SmartBudget, without an
    API call. Elsewhere it is just a line.
    """
    line = {
        "_aws": {
            "Timestamp": time.time_ns() // 1_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": METRICS,
                    "Dimensions": [list(dimensions)],
                    "Metrics": [{"Name": name, "Unit": "Count"}],
                }
            ],
        },
        name: value,
        **dimensions,
    }
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()
