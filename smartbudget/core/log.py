"""Logging: plain lines on standard error, in UTC; and numbers that CloudWatch reads."""

import json
import logging
import sys
import time

from smartbudget.core.config import config

FORMAT = "%(asctime)sZ %(levelname)s %(name)s %(message)s"
METRICS = "SmartBudget"  # namespace


def set_up(level: str) -> None:
    """Send every log line to standard error, where AWS collects it.

    Safe to repeat. In Lambda a handler is there already; it is replaced, so that the
    lines look the same everywhere.
    """
    handler = logging.StreamHandler()
    formatter = logging.Formatter(FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


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


def count(name: str, value: float = 1, **dimensions: str) -> None:
    """Add to one of the product's own numbers, which the dashboard shows by stage."""
    metric(name, value, Stage=f"{config.resource_prefix}smart-budget", **dimensions)
