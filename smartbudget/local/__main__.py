"""Run the whole system on this machine: `make run`."""

import contextlib
import os
import signal
import sys
import time
from types import FrameType
from typing import Any, TextIO

from smartbudget.local import edits
from smartbudget.local.settings import (
    DEMO_PASSWORD,
    DEMO_USERNAME,
    LocalError,
    Settings,
)


class StopRequested(BaseException):
    """Ctrl-C or SIGTERM."""


def main() -> int:
    """Run until a signal or a failure, and return the exit code."""
    _on_stop_signals(_stop)
    stack = None
    try:
        from smartbudget.local.stack import LocalStack  # slow to import

        settings = Settings.from_env()
        stack = LocalStack(settings, say=_say)
        # Read first, so that an edit during the start restarts the web server too.
        versions = edits.versions()
        stack.start()
        _say(_welcome(settings))
        return _watch(stack, versions)
    except LocalError as exc:
        _say(str(exc), file=sys.stderr)
        return 1
    except StopRequested:
        _say("Stopping")
        return 0
    finally:
        _on_stop_signals(signal.SIG_IGN)
        if stack is not None:
            stack.stop()


def _watch(stack: Any, versions: dict[str, int]) -> int:
    """Restart the web server after each edit, until a part ends unexpectedly."""
    while True:
        time.sleep(0.3)
        new_versions = edits.versions()
        if new_versions != versions:
            versions = new_versions
            _restart_web(stack)
        dead = stack.dead_part()
        if dead is None:
            continue
        _say(
            f"The {dead.name} ended unexpectedly (code {dead.exit_code()}), so"
            f" everything stops; its log is {dead.log}.",
            file=sys.stderr,
        )
        return 1


def _restart_web(stack: Any) -> None:
    try:
        stack.restart_web()
        _say("Running again")
    except LocalError as exc:
        _say(f"{exc}\nThe next edit starts it again.", file=sys.stderr)


def _on_stop_signals(action: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, action)


def _stop(number: int, frame: FrameType | None) -> None:
    _on_stop_signals(signal.SIG_IGN)  # a second Ctrl-C must not interrupt the stop
    raise StopRequested


def _say(line: str, file: TextIO = sys.stdout) -> None:
    # The output may be closed: the terminal was, or `make run | head` ended.
    with contextlib.suppress(OSError):
        print(line, file=file, flush=True)


def _welcome(settings: Settings) -> str:
    return f"""
Smart Budget Planner is running. Press Ctrl-C to stop.

  Pages and API   {settings.web_url}
  Mailbox         {settings.mailbox_url}
  AWS             {settings.aws_url}  (source {settings.local_dir / "aws.env"})
  Demo login      {DEMO_USERNAME} / {DEMO_PASSWORD}
"""


if __name__ == "__main__":
    code = main()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(code)  # a normal exit would report a closed output as an error
