"""Note that the current request changed which notifications are unread.

The browser then asks for their number again (`notifications.middleware`).
"""

from contextvars import ContextVar

_changed: ContextVar[bool] = ContextVar("unread_changed", default=False)
has_changed = _changed.get


def reset() -> None:
    """Start a request without changes; threads serve one after the other."""
    _changed.set(False)


def note() -> None:
    """Note a change, also if it turns out to change nothing."""
    _changed.set(True)
