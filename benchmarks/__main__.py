"""Measure every action beside the bare AWS calls that it makes: `make bench`.

Starts a local AWS of its own on free ports and stops it again. The figures are medians
of one run on one machine; what to read in them are the ratios.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from smartbudget.local.stack import LocalStack
from tests.stack import make_settings


def main() -> int:
    """Run the measurements under the web role; return their exit code."""
    with tempfile.TemporaryDirectory() as folder:
        stack = LocalStack(make_settings(Path(folder)), say=print)
        try:
            stack.start(demo=False)
            command = [sys.executable, "-m", "benchmarks.actions"]
            return subprocess.run(command, env=stack.web_env(), check=False).returncode
        finally:
            stack.stop()


if __name__ == "__main__":
    sys.exit(main())
