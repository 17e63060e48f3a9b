"""Findings: the results of checks."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The importance of a finding to the deployment."""

    OK = "ok"
    WARNING = "warning"
    STOP = "STOP"  # the deployment would fail, or not work
    UNKNOWN = "UNKNOWN"  # the check itself was denied or failed


@dataclass(frozen=True)
class Finding:
    """One result of a check. command: its remedy, or empty."""

    level: Level
    text: str
    command: str = ""


def ok(text: str) -> Finding:
    """Return a finding without consequences."""
    return Finding(Level.OK, text)


def warning(text: str, command: str = "") -> Finding:
    """Return a finding that does not stop the deployment."""
    return Finding(Level.WARNING, text, command)


def stop(text: str, command: str = "") -> Finding:
    """Return a finding that makes the deployment fail or not work."""
    return Finding(Level.STOP, text, command)


def unknown(text: str) -> Finding:
    """Return a finding about a check that failed."""
    return Finding(Level.UNKNOWN, text)
