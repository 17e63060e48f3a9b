"""Measure every action beside the bare AWS calls that it makes: `make bench`.

`make bench ARGS="api memory"` runs those two. Each gets a local AWS of its own on free
ports, since that looks through all items of a table in a query: nothing is slowed by
what another has stored. The figures are of one run on one machine; what to read in them
are the ratios. On two cores all take some twelve minutes, `api` five, `memory` three.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from smartbudget.local.settings import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY
from smartbudget.local.stack import LocalStack
from tests.stack import make_settings

OPTIONS = ("API_BENCH_SECONDS", "API_BENCH_REQUESTS")
MEASUREMENTS = (
    "daily_check",
    "api",
    "memory",
    "receipts",
    "hostile",
    "reports",
    "pages",
    "actions",
)
AS_ADMIN = ("daily_check",)  # it scans every budget; all others run under the web role


def main() -> int:
    """Run every measurement, or those named; return the first exit code not 0."""
    for name in sys.argv[1:] or MEASUREMENTS:
        if code := _run(name):
            return code
    return 0


def _run(name: str) -> int:
    """Run one, on tables that hold nothing of the others."""
    with tempfile.TemporaryDirectory() as folder:
        stack = LocalStack(make_settings(Path(folder)))
        try:
            stack.start(demo=False)
            asked = {each: os.environ[each] for each in OPTIONS if each in os.environ}
            env = stack.web_env() | asked
            done = subprocess.run(
                [sys.executable, "-m", f"benchmarks.{name}"],
                env=_as_admin(env) if name in AS_ADMIN else env,
                check=False,
                stderr=subprocess.PIPE,  # where the program's own numbers go
                text=True,
            )
            if done.returncode:
                print(done.stderr[-5000:], file=sys.stderr)
            return done.returncode
        finally:
            stack.stop()


def _as_admin(web: dict[str, str]) -> dict[str, str]:
    keys = {
        "AWS_ACCESS_KEY_ID": ADMIN_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET_KEY,
    }
    return {name: web[name] for name in web if name != "AWS_PROFILE"} | keys


if __name__ == "__main__":
    sys.exit(main())
