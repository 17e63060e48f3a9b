"""Domain code loads without Django; packages are empty. Layers: see pyproject.toml."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from infra.build_lambdas import WEB_FOLDERS, WEB_MODULES
from smartbudget.urls import APPS

ROOT = Path(__file__).parent.parent


def modules_in(*folders: str) -> list[str]:
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if path.stem != "__init__"
    )


DOMAIN_MODULES = [
    name
    for name in modules_in("smartbudget/core", *APPS, "lambdas")
    if name.rpartition(".")[2] not in WEB_MODULES
    and not WEB_FOLDERS.intersection(name.split("."))
]

# Each module in isolation, without the imports of earlier ones.
IMPORT_EACH = """
import importlib
import sys
import traceback

ours, modules = sys.argv[1].split(), sys.argv[2:]
for name in ("django", "rest_framework", "storages"):
    sys.modules[name] = None
failed = []
for module in modules:
    for name in [n for n in sys.modules if n.partition(".")[0] in ours]:
        del sys.modules[name]
    try:
        importlib.import_module(module)
    except Exception:
        failed.append(module)
        traceback.print_exc()
sys.exit(f"failed: {failed}" if failed else 0)
"""


def test_domain_modules_import_without_django():
    ours = " ".join(["smartbudget", "lambdas", *APPS])
    command = [sys.executable, "-c", IMPORT_EACH, ours, *DOMAIN_MODULES]

    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("folder", ["smartbudget/core", *APPS, "lambdas", "tests"])
def test_packages_import_nothing(folder):
    for package in (ROOT / folder).rglob("__init__.py"):
        assert package.read_text() == ""


def test_the_contract_for_budgets_names_every_other_module_of_expenses():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in contracts if one["id"] == "aggregate")

    children = {".".join(name.split(".")[:2]) for name in modules_in("expenses")}
    allowed = {"expenses.models", "expenses.queries"}
    assert {*contract["forbidden_modules"]} == children - allowed
