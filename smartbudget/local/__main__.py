"""Start the whole system on this machine and stop it again: `make run`."""

import signal
import sys
import time
from types import FrameType

from smartbudget.local.settings import (
    DEMO_PASSWORD,
    DEMO_USERNAME,
    LocalError,
    Settings,
)


class StopRequested(BaseException):
    """Ctrl-C or SIGTERM."""


def main() -> int:
    """Run until told to stop; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    stack = None
    try:
        from smartbudget.local.stack import LocalStack  # slow to import

        settings = Settings.from_env()
        stack = LocalStack(settings, say=_say)
        stack.start()
        _say(_welcome(settings))
        return _watch(stack)
    except LocalError as exc:
        print(exc, file=sys.stderr, flush=True)
        return 1
    except StopRequested:
        _say("Stopping")
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if stack is not None:
            stack.stop()


def _watch(stack) -> int:
    while True:
        time.sleep(0.3)
        dead = stack.dead_part()
        if dead is None:
            continue
        print(
            f"The {dead.name} stopped unexpectedly (code {dead.exit_code()}), so"
            f" everything stops. The end of {dead.log}:\n{dead.log_tail()}",
            file=sys.stderr,
            flush=True,
        )
        return 1


def _stop(number: int, frame: FrameType | None) -> None:
    raise StopRequested


def _say(line: str) -> None:
    print(line, flush=True)


def _welcome(settings: Settings) -> str:
    return f"""
Smart Budget Planner runs. Ctrl-C stops it.

  Pages and API   {settings.web_url}
  Mailbox         {settings.mailbox_url}
  AWS             {settings.aws_url}  (source {settings.local_dir / "aws.env"})
  Demo login      {DEMO_USERNAME} / {DEMO_PASSWORD}
"""


if __name__ == "__main__":
    sys.exit(main())
