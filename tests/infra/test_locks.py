"""The locks fit pyproject.toml, are no larger than needed and name no index."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra import build_lambdas
from infra.build_lambdas import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = {
    "web": PROJECT["dependencies"],
    "lambdas": EXTRAS["lambdas"],
    "reports": [*EXTRAS["lambdas"], *EXTRAS["reports"]],
    "dev": [
        *PROJECT["dependencies"],
        *EXTRAS["lambdas"],
        *EXTRAS["reports"],
        *EXTRAS["dev"],
    ],
    "local": EXTRAS["local"],
}
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


def pins(lock: str) -> dict[str, str]:
    return {canonicalize_name(n): v for n, v in PIN.findall(text_of(lock))}


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_satisfies_the_declared_dependencies(lock):
    pinned = pins(lock)

    for line in WANTED[lock]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), line


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_has_hashes_and_no_index_url(lock):
    text = text_of(lock)

    assert "://" not in text
    assert "index-url" not in text
    assert text.count("==") <= text.count("--hash=sha256:")


def test_each_lock_contains_only_what_it_needs():
    assert not {"django", "gunicorn", "pytest"} & pins("reports").keys()
    assert not {"reportlab", "pymupdf-fonts"} & pins("lambdas").keys()
    assert not {"reportlab", "pymupdf-fonts"} & pins("web").keys()
    assert not {"pytest", "moto", "ministack"} & pins("web").keys()
    assert "ministack" not in pins("dev")


def test_the_largest_lock_of_a_lambda_contains_the_others():
    """So that the packages of all zips are installed once."""
    packages = pins(build_lambdas.LARGEST_LOCK.stem)

    for lock in {build_lambdas.LOCK, *build_lambdas.LOCKS.values()}:
        assert pins(lock.stem).items() <= packages.items()


@pytest.mark.parametrize("lock", ["lambdas", "reports", "dev"])
def test_all_locks_pin_the_versions_of_the_web_lock(lock):
    web, other = pins("web"), pins(lock)

    assert {n: v for n, v in other.items() if n in web} == {
        n: v for n, v in web.items() if n in other
    }
