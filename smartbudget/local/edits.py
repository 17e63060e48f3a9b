"""Detect edited files, so that `make run` can restart the web server.

gunicorn's `reload` does not work here: its master process imports the
configuration, and each new worker would inherit those modules unchanged.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from smartbudget.local.settings import ROOT

SUFFIXES = (".css", ".html", ".js", ".mo", ".py", ".svg")
# Folders that the web server does not use.
OTHERS = {"benchmarks", "docs", "infra", "scripts", "staticfiles", "tests"}


def versions(root: Path = ROOT) -> dict[str, int]:
    """Return {path: time of the last change in nanoseconds}."""
    times = {}
    for path in _files(root):
        with contextlib.suppress(FileNotFoundError):  # an editor's temporary file
            times[path] = os.stat(path).st_mtime_ns
    return times


def _files(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        skipped = OTHERS if folder == str(root) else {"__pycache__"}
        folders[:] = [f for f in folders if f[0] != "." and f not in skipped]
        yield from (os.path.join(folder, f) for f in files if f.endswith(SUFFIXES))
