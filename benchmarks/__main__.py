"""Measure each action and, for comparison, its bare AWS calls: `make bench`.

`make bench ARGS="api memory"` runs only those two. Each measurement starts a new local
AWS on free ports, except those that run in process. The figures are of one run on one
machine, so compare the ratios. On two cores all take about eighteen minutes, `api`
five, `memory`, `growth` and `imports` three.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from smartbudget.local.settings import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY
from smartbudget.local.stack import LocalStack
from tests.stack import make_settings

OPTIONS = (
    *("API_BENCH_SECONDS", "API_BENCH_REQUESTS"),
    *("FAVA", "HLEDGER_WEB", "ACTUAL", "CHROMIUM"),  # of `peers`, which has to be named
)
MEASUREMENTS = (
    "daily_check",
    "api",
    "memory",
    "receipts",
    "hostile",
    "reports",
    "pages",
    "actions",
    "imports",
    "login_timing",
    "growth",
    "original_design",
    "scale",
)
IN_PROCESS = (
    "growth",
    "original_design",
    "scale",
)  # with the AWS in memory of the tests
AS_ADMIN = ("daily_check",)  # it scans all budgets; the others use the web role


def main() -> int:
    """Run all measurements or the given ones; return 0 if all meet their aims."""
    return max([_run(name) for name in sys.argv[1:] or MEASUREMENTS])


def _run(name: str) -> int:
    """Run one measurement; return its exit code."""
    if name in IN_PROCESS:
        return _measure(name, dict(os.environ))
    return _run_on_local_aws(name)


def _run_on_local_aws(name: str) -> int:
    """Run one measurement on empty tables."""
    with tempfile.TemporaryDirectory() as folder:
        stack = LocalStack(make_settings(Path(folder)))
        try:
            stack.start(demo=False)
            options = {
                option: os.environ[option] for option in OPTIONS if option in os.environ
            }
            env = stack.web_env() | options
            return _measure(name, _as_admin(env) if name in AS_ADMIN else env)
        finally:
            stack.stop()


def _measure(name: str, env: dict[str, str]) -> int:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"],
        env=env,
        check=False,
        stderr=subprocess.PIPE,  # the application's logs and metrics
        text=True,
    )
    if done.returncode:
        print(done.stderr[-5000:], file=sys.stderr)
    return done.returncode


def _as_admin(web: dict[str, str]) -> dict[str, str]:
    keys = {
        "AWS_ACCESS_KEY_ID": ADMIN_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET_KEY,
    }
    return {name: web[name] for name in web if name != "AWS_PROFILE"} | keys


if __name__ == "__main__":
    sys.exit(main())
