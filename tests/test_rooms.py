"""The rooms' walls: domain code without Django, no app in another's models."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from infra.build_lambdas import APPS, WEB_FOLDERS, WEB_ROOMS

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
    if name.rpartition(".")[2] not in WEB_ROOMS
    and not WEB_FOLDERS.intersection(name.split("."))
]

# Each module alone, without what the ones before it have imported already.
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


def test_domain_modules_load_where_django_is_absent():
    ours = " ".join(["smartbudget", "lambdas", *APPS])
    command = [sys.executable, "-c", IMPORT_EACH, ours, *DOMAIN_MODULES]

    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", ["smartbudget/core", *APPS, "lambdas", "tests"])
def test_packages_import_nothing(folder):
    for package in (ROOT / folder).rglob("__init__.py"):
        assert package.read_text() == ""


def test_an_app_asks_anothers_services_and_not_its_models():
    found = {
        module: strangers(source(module), module.partition(".")[0])
        for module in modules_in(*APPS, "lambdas", "smartbudget/web")
    }

    assert {module: names for module, names in found.items() if names} == {}


@pytest.mark.parametrize("layer", ["smartbudget/core", "smartbudget/web"])
def test_the_layers_below_the_apps_import_none_of_them(layer):
    found = {
        module: set(imported(ast.parse(source(module)))) & set(APPS)
        for module in modules_in(layer)
    }

    assert {module: apps for module, apps in found.items() if apps} == {}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from budgets.models import Budget", ["budgets.models.Budget"]),
        ("import budgets.models", ["budgets.models"]),
        ("from budgets import models", ["budgets.models"]),
        ("def f():\n    from budgets.models import Budget", ["budgets.models.Budget"]),
        ("from budgets import services", []),
        ("from expenses.models import Expense", []),
        ("from accounts.models import Account", ["accounts.models.Account"]),
        ("if TYPE_CHECKING:\n    from accounts.models import Account", []),
    ],
)
def test_strangers_are_recognised(code, found):
    assert strangers(code, "expenses") == found


def source(module: str) -> str:
    return (ROOT / f"{module.replace('.', '/')}.py").read_text()


def strangers(code: str, app: str) -> list[str]:
    """Names taken from other apps' models, other than for annotations.

    Models may be named under TYPE_CHECKING. Constants (in capitals) are no models.
    """
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    return [
        name
        for name in imported_names(tree)
        if name.partition(".")[0] in set(APPS) - {app}
        and name.split(".")[1:2] == ["models"]
        and not name.rpartition(".")[2].isupper()
    ]


def imported_names(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def imported(tree: ast.AST) -> list[str]:
    """Top-level packages that are imported."""
    return [name.partition(".")[0] for name in imported_names(tree)]
