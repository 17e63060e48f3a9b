"""Logging: plain lines on standard error, in UTC."""

import logging
import time

FORMAT = "%(asctime)sZ %(levelname)s %(name)s %(message)s"


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
