"""Create the virtual environment of MiniStack from its lock file.

    python -m smartbudget.local.environment

does so, which the Makefile runs while it installs the packages of the web server.

MiniStack pins botocore. It also runs Lambda code with its interpreter, which shows that
the zips are complete, except for packages that MiniStack depends on.
"""

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

from smartbudget.local.settings import BUILD_DIR, ROOT, LocalError

LOCK = ROOT / "requirements" / "local.txt"


def ensure(build_dir: Path, say: Callable[[str], None]) -> Path:
    """Return the environment's interpreter; create the environment if missing.

    Safe to repeat and to run concurrently. Raises LocalError.
    """
    version = "{}.{}.{}".format(*sys.version_info[:3])
    digest = hashlib.sha256(LOCK.read_bytes() + version.encode()).hexdigest()
    folder = build_dir / f"ministack-{digest[:16]}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    with exclusive(build_dir / "environment.lock"):
        if not done.exists():
            say("Installing the local AWS (once)")
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=False, symlinks=True)
            _install(python)
            done.touch()
    return python


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a file lock, which the system releases if the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(python: Path) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    # Few modules are used; Python compiles those when it imports them.
    command += ["--quiet", "--no-compile", "--require-hashes", "--no-deps"]
    command += ["--requirement", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
        reason = errors[-1] if errors else done.stderr[-300:].strip()
        raise LocalError(f"The local AWS could not be installed: {reason}")


if __name__ == "__main__":
    try:
        ensure(BUILD_DIR, lambda line: None)
    except LocalError as exc:
        sys.exit(str(exc))
