"""Record whether the current request changed which notifications are unread.

The browser then asks for their number again (`notifications.middleware`).
"""

from contextvars import ContextVar

_changed: ContextVar[bool] = ContextVar("unread_changed", default=False)
has_changed = _changed.get


def reset() -> None:
    """Forget the changes of the request that this thread served before."""
    _changed.set(False)


def mark_changed() -> None:
    """Record a change. The number may turn out to be the same."""
    _changed.set(True)
