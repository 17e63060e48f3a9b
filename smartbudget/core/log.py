"""Logging: JSON lines on standard error, in UTC; and numbers that CloudWatch reads.

Every line has the context bound here: request, task, user. The request id goes on
with messages, notifications and invocations, so one search finds all that a click led
to, e-mails included.
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

METRICS = "SmartBudget"  # namespace

# What a link in a mail ends with, and lets in whoever has it: Django logs the addresses
# that it refuses.
LINK_KEY = re.compile(r"/[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")

# What the caller calls the request that is being answered; None: there is none.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
# What else lines are about: user_id, source (a network address, where somebody is not
# let in), task, task_id, lambda_request_id.
_facts: ContextVar[dict[str, str]] = ContextVar("facts")


def bind(name: str | None = None, **facts: str) -> None:
    """Start a new log context, dropping the previous one.

    name: the request id, which goes on with all that the work leads to.
    """
    request_id.set(name)
    _facts.set(facts)


def bind_more(**facts: str) -> None:
    """Add facts to the current log context."""
    _facts.set({**_facts.get({}), **facts})


@contextlib.contextmanager
def bound(name: str | None = None, **facts: str) -> Iterator[None]:
    """Add facts to the log context for the length of a block.

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
    """One line a record, whatever is in it: no text can look like another line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
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
    """Send every log line to standard error, where AWS collects it.

    Safe to repeat. In Lambda a handler is there already; it is replaced, so that the
    lines look the same everywhere.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_quieter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _quieter(record: logging.LogRecord) -> bool:
    """Make a warning of what strangers send, such as a wrong Host.

    Django logs it as an error, with a traceback; an alarm counts errors.
    """
    if record.name.startswith("django.security."):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = None
    return True


def count(name: str, number: int = 1, **dimensions: str) -> None:
    """Add to one of the product's own numbers, which the dashboard shows by stage."""
    if number:
        stage = f"{config.resource_prefix}smart-budget"
        metric(name, number, Stage=stage, **dimensions)


def metric(name: str, value: float, **dimensions: str) -> None:
    """Write one number as CloudWatch's embedded metric format.

    On AWS the line becomes a metric in the namespace SmartBudget, without a call;
    elsewhere it is a line in the log.
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
