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

# The id of the current request, or None.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
# Further fields of each line: user_id, source (the network address of a refused
# login), task, task_id, lambda_request_id.
_facts: ContextVar[dict[str, str]] = ContextVar("facts")


def bind(name: str | None = None, **facts: str) -> None:
    """Start a new log context, dropping the previous one.

    name: the request id, which is passed on to all work that this work starts.
    """
    request_id.set(name)
    _facts.set(facts)


def bind_more(**facts: str) -> None:
    """Add facts to the current log context."""
    _facts.set({**_facts.get({}), **facts})


@contextlib.contextmanager
def bound(name: str | None = None, **facts: str) -> Iterator[None]:
    """Add facts to the log context for a block.

    name: a request id that replaces the current one, or None to keep it.
    """
    naming = request_id.set(name or request_id.get())
    adding = _facts.set({**_facts.get({}), **facts})
    try:
        yield
    finally:
        request_id.reset(naming)
        _facts.reset(adding)


class JsonFormatter(logging.Formatter):
    """A formatter that writes one line of JSON, so no text can forge another line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON."""
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": LINK_KEY.sub("/...", record.getMessage()),
        }
        if name := request_id.get():
            line["request_id"] = name
        line |= _facts.get({})
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
    handler.addFilter(_quieter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _quieter(record: logging.LogRecord) -> bool:
    """Turn errors of invalid requests, such as a wrong Host, into warnings.

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
