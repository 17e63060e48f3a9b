"""Measure every action beside the bare AWS calls that it makes: `make bench`.

Starts a local AWS of its own on free ports and stops it again. The figures are medians
of one run on one machine; what to read in them are the ratios.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from smartbudget.local.settings import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY
from smartbudget.local.stack import LocalStack
from tests.stack import make_settings

# The check scans every budget, so it runs first, and as an administrator.
AS_ADMIN = ("benchmarks.daily_check",)
OPTIONS = ("API_BENCH_SECONDS", "API_BENCH_REQUESTS")
UNDER_THE_WEB_ROLE = (
    "benchmarks.api",
    "benchmarks.receipts",
    "benchmarks.reports",
    "benchmarks.bulk",
    "benchmarks.pages",
    "benchmarks.actions",
)


def main() -> int:
    """Run every measurement; return the first exit code that is not 0."""
    with tempfile.TemporaryDirectory() as folder:
        stack = LocalStack(make_settings(Path(folder)), say=print)
        try:
            stack.start(demo=False)
            asked = {name: os.environ[name] for name in OPTIONS if name in os.environ}
            web = stack.web_env() | asked
            runs = [(name, _as_admin(web)) for name in AS_ADMIN]
            runs += [(name, web) for name in UNDER_THE_WEB_ROLE]
            for name, env in runs:
                command = [sys.executable, "-m", name]
                code = subprocess.run(command, env=env, check=False).returncode
                if code:
                    return code
            return 0
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
