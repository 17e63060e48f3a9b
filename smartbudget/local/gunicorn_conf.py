"""Configure the local web server: the container's settings with some changes.

It has two processes, so that code that only works in a single process fails locally.
"""

import os
import signal
import threading
from typing import Any

from smartbudget.gunicorn_conf import *  # noqa: F403 - all settings

workers = 2
graceful_timeout = 10
worker_tmp_dir = None  # macOS has no /dev/shm


def when_ready(server: Any) -> None:
    """Stop when standard input closes, since the launcher has ended."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
