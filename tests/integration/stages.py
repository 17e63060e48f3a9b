"""A second stage in the same account of the local AWS."""

from typing import Any

from infra import templates
from smartbudget.local import deploy

OTHER = "test-"


def deploy_template(
    session: Any, part: str, parameters: dict[str, str]
) -> dict[str, str]:
    """Deploy a template that `make run` does not use; return its outputs."""
    assert part in templates.NAMES
    formation = session.client("cloudformation")
    stack = deploy.Stack.of_part(formation, part, parameters)
    stack.deploy()
    return stack.outputs()
