"""Build what the system needs beside the code: the Lambda zips and the static files.

    python -m smartbudget.local.builds .local-build

builds both; the first start runs this while it starts the local AWS.
"""

import sys
from pathlib import Path

from infra.build_lambdas import BuildError, build
from smartbudget.local import assets, environment
from smartbudget.local.settings import LocalError


def lambdas(build_dir: Path) -> dict[str, Path]:
    """Build the missing Lambda zips and return {function name: its zip}.

    Safe to repeat and to run concurrently. Raises LocalError.
    """
    try:
        with environment.exclusive(build_dir / "lambdas.lock"):
            return build(build_dir / "lambdas")
    except BuildError as exc:
        raise LocalError(str(exc)) from exc


if __name__ == "__main__":
    lambdas(Path(sys.argv[1]))
    assets.collect(Path(sys.argv[1]))
