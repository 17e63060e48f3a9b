"""The web server of the local stack.

Threads, since a request mostly waits for AWS; two processes, so that what only works
within one is found out on the desk.
"""

import os
import signal
import threading
from typing import Any

worker_class = "gthread"
workers = 2
threads = 8
timeout = 30
graceful_timeout = 10
keepalive = 75
accesslog = "-"


def when_ready(server: Any) -> None:
    """End when the launcher does: its lifeline is our standard input."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
