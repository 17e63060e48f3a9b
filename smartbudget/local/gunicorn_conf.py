"""The web server of the local stack: the container's, but for what follows.

Two processes, so that what only works within one is found out on the desk.
"""

import os
import signal
import threading
from typing import Any

from smartbudget.gunicorn_conf import *  # noqa: F403 - every setting that there is

workers = 2
graceful_timeout = 10
worker_tmp_dir = None  # macOS has no /dev/shm


def when_ready(server: Any) -> None:
    """End when the launcher does: its lifeline is our standard input."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
