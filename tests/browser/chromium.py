"""Find or install the Chromium for the browser tests.

    python -m tests.browser.chromium

`make test` runs this first. It takes the machine's own Chromium, preferably the build
without a window, which needs a third of the processor time. Where there is none, it
installs that build with apt as root, else Playwright's own below `.local-build`. Where
neither works it ends with 1 and the sentence that says what to do.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

DOWNLOADED = Path(__file__).resolve().parents[2] / ".local-build" / "browsers"
SHELL = "chromium-headless-shell"
NAMES = (
    SHELL,
    "chromium",
    "google-chrome",
    "chromium-browser",
    "google-chrome-stable",
)
ADVICE = (
    "The browser tests need Chromium. Install it (on Debian: sudo apt-get install"
    f" {SHELL}), or name one with CHROMIUM=/path/to/it, and run this again."
)


def find() -> str | None:
    """Return the path of a Chromium that runs, or None.

    The one that CHROMIUM names and no other; else the machine's, else Playwright's.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        return named if _runs(named) else None
    installed = [path for name in NAMES if (path := shutil.which(name))]
    shells = sorted(DOWNLOADED.glob("chromium_headless_shell-*/*/*headless*shell"))
    return next(filter(_runs, [*installed, *map(str, shells[::-1])]), None)


def main() -> int:
    """Ensure that a browser is installed; return the exit code."""
    if find():
        return 0
    if not os.environ.get("CHROMIUM"):
        print("Getting Chromium for the browser tests (once)", flush=True)
        for get in (_by_apt, _by_playwright):
            get()
            if find():
                return 0
    print(ADVICE, file=sys.stderr)
    return 1


def _by_apt() -> None:
    if os.geteuid() or not shutil.which("apt-get"):
        return
    # Without recommended packages there would be no fonts.
    install = ("apt-get", "install", "-qq", "--no-install-recommends")
    if _run("apt-get", "update", "-qq"):
        any(_run(*install, name, "fonts-liberation") for name in (SHELL, "chromium"))


def _by_playwright() -> None:
    system = [] if os.geteuid() or not shutil.which("apt-get") else ["--with-deps"]
    command = [sys.executable, "-m", "playwright", "install", "--only-shell"]
    _run(*command, *system, "chromium", PLAYWRIGHT_BROWSERS_PATH=str(DOWNLOADED))


def _run(*command: str, **variables: str) -> bool:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", **variables}
    result = subprocess.run(
        command, env=env, capture_output=True, text=True, errors="replace", check=False
    )
    if result.returncode:
        last = (result.stderr or result.stdout).strip().splitlines()[-1:]
        print(f"{command[0]} failed: {' '.join(last)}", file=sys.stderr)
    return result.returncode == 0


def _runs(path: str) -> bool:
    # Ubuntu's chromium-browser may be a script that only points to a snap.
    try:
        result = subprocess.run(
            [path, "--version"], capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
