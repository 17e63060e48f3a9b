"""Load the CloudFormation templates of this folder.

Why: docs/decisions.md#infrastructure-is-stacks-that-know-each-other-by-name
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


class _Loader(yaml.CSafeLoader):
    """A YAML loader that reads short forms such as !Ref as {"Ref": ...}."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {suffix: loader.construct_mapping(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    return {suffix: loader.construct_scalar(node)}


_Loader.add_multi_constructor("!", _short_form)


def text(name: str) -> str:
    """Return the text of a template. name: without .yaml."""
    return (FOLDER / f"{name}.yaml").read_text()


def read(name: str) -> dict[str, Any]:
    """Return a template as a dict; short forms such as !Ref become {"Ref": ...}."""
    loaded: dict[str, Any] = yaml.load(text(name), _Loader)  # noqa: S506 - a safe one
    return loaded


def resources(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (logical id, resource); those of a loop once, with ${...} unresolved."""
    for name, resource in template["Resources"].items():
        if name.startswith("Fn::ForEach::"):
            yield from resource[2].items()
        else:
            yield name, resource
