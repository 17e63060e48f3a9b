"""Dangerous calls that the code must not contain."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from smartbudget.local.settings import ROOT

FOLDERS = (
    "accounts",
    "budgets",
    "expenses",
    "lambdas",
    "notifications",
    "profiles",
    "reports",
    "staff",
)
FOLDERS += ("smartbudget/core", "smartbudget/web")
CODE = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
SCRIPTS = sorted((ROOT / "static").glob("*.js"))


def names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything a module imports or calls."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def lines_with(pattern: str) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in CODE
        for line, name in names(path)
        if wanted.fullmatch(name)
    ]


def test_no_text_is_executed():
    assert lines_with(r"eval|exec|compile|__import__|builtins\..*") == []


def test_no_format_that_can_construct_arbitrary_objects_is_read():
    assert lines_with(r"(pickle|marshal|shelve|dill|jsonpickle|yaml)(\..*)?") == []


def test_one_module_parses_xml():
    """Others only import the type of its elements."""
    used = lines_with(r"(xml|lxml|defusedxml)(\..*)?")
    parser = "expenses/imports/xml.py:"

    names = {line.split()[1] for line in used if not line.startswith(parser)}
    assert names <= {"xml.etree.ElementTree", "xml.etree.ElementTree.Element"}


def test_no_shell_is_used():
    assert lines_with(r"os\.(system|popen|exec.*|spawn.*)|commands(\..*)?") == []
    for path in CODE:
        assert "shell=True" not in path.read_text(), path


def test_only_aws_endpoints_are_requested():
    """boto3 sends them; no general HTTP client is imported."""
    assert lines_with(r"(requests|httpx|aiohttp|urllib3|http\.client)(\..*)?") == []
    assert lines_with(r"urllib\.request(\..*)?") == []


def test_tls_certificates_are_always_verified():
    assert [path for path in CODE if re.search(r"\bverify\s*=", path.read_text())] == []


def test_scripts_insert_text_as_text():
    """And none uses input as a property name or merges it into objects."""
    forbidden = re.compile(
        r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|__proto__"
        r"|Object\.assign|setTimeout\(\s*['\"]"
    )

    assert len(SCRIPTS) >= 5
    assert {
        path.name: forbidden.findall(path.read_text())
        for path in SCRIPTS
        if forbidden.search(path.read_text())
    } == {}
