"""Logging: plain lines on standard error, in UTC; and numbers that CloudWatch reads."""

import json
import logging
import sys
import time
from contextvars import ContextVar

FORMAT = "%(asctime)sZ %(levelname)s %(name)s request_id=%(request_id)s %(message)s"
METRICS = "SmartBudget"  # namespace

# What the caller calls the request that is being answered; None: there is none.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def set_up(level: str) -> None:
    """Send every log line to standard error, where AWS collects it.

    Safe to repeat. In Lambda a handler is there already; it is replaced, so that the
    lines look the same everywhere.
    """
    handler = logging.StreamHandler()
    formatter = logging.Formatter(FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(_name_request)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _name_request(record: logging.LogRecord) -> bool:
    record.request_id = request_id.get() or "-"
    return True


def metric(name: str, value: float, **dimensions: str) -> None:
    """Write one number as CloudWatch's embedded metric format.

    In a Lambda the line becomes a metric in the namespace SmartBudget, without a call;
    elsewhere it is a line in the log. It is raw JSON: with a time in front it would be
    text.
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
