"""Write the locks in this folder from pyproject.toml.

    python requirements/lock.py [--upgrade]

Needs `uv` on the path, see `make lock`. Versions already locked are kept unless
--upgrade is given. The locks are valid for Python 3.11 and later (with markers where
versions differ) and name no index, so pip installs from the configured one.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
WEB = HERE / "web.txt"
WITH_WEB_VERSIONS = {"lambdas", "reports", "dev"}


def main(extra_options: list[str]) -> None:
    """Write all locks, each no larger than it needs to be."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    web = project["dependencies"]
    locks = {
        "web": web,
        "lambdas": extras["lambdas"],
        "reports": [*extras["lambdas"], *extras["reports"]],
        "dev": [*web, *extras["lambdas"], *extras["reports"], *extras["dev"]],
        "local": extras["local"],
        "clients": extras["clients"],
    }
    for name, requirements in locks.items():
        # The local AWS and the client generators need other versions.
        shared = ["--constraints", str(WEB)] if name in WITH_WEB_VERSIONS else []
        _compile(name, requirements, [*shared, *extra_options])


def _compile(name: str, requirements: list[str], options: list[str]) -> None:
    command = ["uv", "pip", "compile", "-", "--quiet", "--universal"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--no-header"]
    command += [*options, "--output-file", str(HERE / f"{name}.txt")]
    subprocess.run(command, input="\n".join(requirements), text=True, check=True)  # noqa: S603


if __name__ == "__main__":
    main(sys.argv[1:])
