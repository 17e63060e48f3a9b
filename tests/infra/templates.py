"""infra/template.yaml as a test reads it."""

from typing import Any

import yaml

from infra.build_lambdas import ROOT

TEMPLATE = ROOT / "infra" / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms, such as !Ref, as {"Ref": ...}."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {suffix: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)


def read_template() -> dict[str, Any]:
    """Return the template; short forms such as !Ref are {"Ref": ...}."""
    return yaml.load(TEMPLATE.read_text(), _Loader)
