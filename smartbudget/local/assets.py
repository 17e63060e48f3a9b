"""Collect the static files, with hashed names and compressed copies."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from smartbudget.local import environment
from smartbudget.local.settings import REGION, ROOT, LocalError

SOURCE = ROOT / "static"
# These determine the files of installed packages and how files are stored.
OTHER_SOURCES = (
    ROOT / "requirements" / "web.txt",
    ROOT / "smartbudget" / "settings.py",
)
COLLECTED = ROOT / "staticfiles"  # STATIC_ROOT in the settings


def collect(build_dir: Path) -> None:
    """Run collectstatic if something changed since the last time.

    Deletes nothing, since a running server uses the files it started with. Safe to
    repeat and to run concurrently. Raises LocalError.
    """
    manifest, stamp = COLLECTED / "staticfiles.json", build_dir / "static.sha256"
    digest = _digest()
    with environment.exclusive(build_dir / "static.lock"):
        if manifest.exists() and stamp.exists() and stamp.read_text() == digest:
            return
        _run_collectstatic()
        stamp.write_text(digest)


def _digest() -> str:
    own_files = (path for path in SOURCE.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in sorted((*own_files, *OTHER_SOURCES)):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _run_collectstatic() -> None:
    command = [sys.executable, "manage.py", "collectstatic", "--no-input"]
    # The settings need these; collecting neither signs anything nor calls AWS.
    variables = {"AWS_REGION": REGION, "LOCAL": "true", "SECRET_KEY": "collecting"}
    done = subprocess.run(
        [*command, "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no error message"]
        raise LocalError(f"The static files could not be collected: {lines[-1]}")
