"""Configure the local web server: the container's settings with these changes.

Two processes, so that code that works in a single process only fails here already.
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
    """Stop when the launcher ends, which closes standard input."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
