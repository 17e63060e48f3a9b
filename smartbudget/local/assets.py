"""The static files, collected: hashed names, and compressed beside them."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from smartbudget.local import environment
from smartbudget.local.settings import REGION, ROOT, LocalError

OURS = ROOT / "static"
# What decides which files of installed packages there are, and how they are stored.
SOURCES = (ROOT / "requirements" / "web.txt", ROOT / "smartbudget" / "settings.py")
COLLECTED = ROOT / "staticfiles"  # STATIC_ROOT in the settings


def collect(build_dir: Path) -> None:
    """Run collectstatic where something changed since the last time.

    Adds to what is there, since a running server still serves the files it began with.
    Safe to repeat and to run twice at once. Raises LocalError.
    """
    manifest, mark = COLLECTED / "staticfiles.json", build_dir / "static.sha256"
    digest = _digest()
    with environment.exclusive(build_dir / "static.lock"):
        if manifest.exists() and mark.exists() and mark.read_text() == digest:
            return
        _run_collectstatic()
        mark.write_text(digest)


def _digest() -> str:
    ours = (path for path in OURS.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in sorted((*ours, *SOURCES)):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _run_collectstatic() -> None:
    command = [sys.executable, "manage.py", "collectstatic", "--no-input"]
    # It reads the settings, and neither signs anything nor calls AWS.
    needed = {"AWS_REGION": REGION, "LOCAL": "true", "SECRET_KEY": "collecting"}
    done = subprocess.run(
        [*command, "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, **needed},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it ended without a word"]
        raise LocalError(f"The static files could not be collected: {lines[-1]}")
