"""Write docs/iam.md: who may do what to what, and why, as the templates say it.

    python -m infra.iam_table

The reason of a statement is its Sid in words, and the comment behind it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra import templates

PAGE = templates.FOLDER.parent / "docs" / "iam.md"
RESOURCE_POLICIES = {
    "AWS::KMS::Key",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
HEAD = """# Who may do what

Made by `make iam` of the templates in `infra/`; a test compares. What is not here is
denied. `<stage>` is the prefix of the stage, empty for the first one; ARNs are cut to
what follows the account. `*` stands where AWS knows no resource for an action, and the
reason says so. A condition without a key, such as `UsesSes`, is the template's.
"""


@dataclass(frozen=True)
class Right:
    """One statement of one policy."""

    holder: str  # a role, or a service or resource that a policy names
    reason: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: str  # empty: none


def rights(name: str) -> list[Right]:
    """List what one template allows and denies, in the order it is written."""
    template = templates.read(name)
    reasons = iter(_reasons(templates.text(name)))
    found = []
    for logical_id, resource in templates.resources(template):
        for holders, statement in _statements(logical_id, resource):
            reason = next(reasons)
            only = resource.get("Condition", "")
            found += [_right(holder, reason, statement, only) for holder in holders]
    left = list(reasons)
    if left:
        raise ValueError(f"{name}.yaml: no statement was found for {left}")
    return found


def _reasons(text: str) -> list[str]:
    found = re.findall(r"^ *- Sid: (\w+)(?: +# (.*))?$", text, re.MULTILINE)
    return [": ".join(filter(None, (_words(sid), comment))) for sid, comment in found]


def _words(sid: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", sid).capitalize()


def _statements(
    logical_id: str, resource: dict[str, Any]
) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield (holders, statement) of whatever has a policy."""
    kind, declared = resource["Type"], resource.get("Properties", {})
    if kind == "AWS::IAM::Role":
        for policy in declared.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield [logical_id], statement
    elif kind == "AWS::IAM::Policy":
        roles = [role["Ref"] for role in declared["Roles"]]
        for statement in declared["PolicyDocument"]["Statement"]:
            yield roles, statement
    elif kind in RESOURCE_POLICIES:
        document = declared.get("PolicyDocument") or declared["KeyPolicy"]
        for statement in document["Statement"]:
            yield [f"{_principal(statement['Principal'])} → {logical_id}"], statement


def _principal(principal: Any) -> str:
    if isinstance(principal, str):
        return "Everybody"
    ((_, named),) = principal.items()
    named = named if isinstance(named, list) else [named]
    return ", ".join(_short(each) for each in named)


def _right(holder: str, reason: str, statement: dict[str, Any], only: str) -> Right:
    conditions = [only] if only else []  # the template's
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            listed = ", ".join(_short(each) for each in _many(values))
            conditions.append(f"{key} {operator} {listed}")
    return Right(
        holder=holder,
        reason=reason,
        effect=statement["Effect"],
        actions=tuple(_many(statement["Action"])),
        resources=tuple(_short(each) for each in _many(statement["Resource"])),
        condition="; ".join(conditions),
    )


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _short(value: Any) -> str:
    """Show a resource as people name it."""
    if isinstance(value, dict):
        ((form, inner),) = value.items()
        value = inner if form == "Sub" else f"{{{inner}}}"
    if not isinstance(value, str):
        value = json.dumps(value)
    value = re.sub(r"\$\{AWS::(\w+)\}", r"\1", value)
    if value.startswith("arn:"):
        value = value.split(":", 5)[5]
    return value.replace("${ResourcePrefix}", "<stage>")


def page() -> str:
    """Return docs/iam.md."""
    parts = [HEAD]
    for name in templates.NAMES:
        by_holder: dict[str, list[Right]] = {}
        for right in rights(name):
            by_holder.setdefault(right.holder, []).append(right)
        for holder, held in by_holder.items():
            parts.append(_section(name, holder, held))
        parts += _of_services(name)
    return "\n".join(parts)


def _section(name: str, holder: str, held: list[Right]) -> str:
    lines = [
        f"## {holder}",
        "",
        f"`infra/{name}.yaml`",
        "",
        "| why | actions | resources | only if |",
        "| --- | --- | --- | --- |",
    ]
    for right in held:
        deny = "**denied:** " if right.effect == "Deny" else ""
        cells = [
            deny + right.reason,
            "<br>".join(f"`{action}`" for action in right.actions),
            "<br>".join(f"`{resource}`" for resource in right.resources),
            f"`{right.condition}`" if right.condition else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _of_services(name: str) -> list[str]:
    """Say what has no statement of ours: AWS's own policies, and Lambda's rules."""
    lines = []
    for logical_id, resource in templates.resources(templates.read(name)):
        declared = resource.get("Properties", {})
        for arn in declared.get("ManagedPolicyArns", []):
            lines.append(f"- {logical_id} has AWS's own `{_short(arn)}`.")
        if resource["Type"] == "AWS::Lambda::Permission":
            lines.append(
                f"- {declared['Principal']} may `{declared['Action']}`"
                f" `{_short(declared['FunctionName'])}` for"
                f" `{_short(declared['SourceArn'])}` alone."
            )
    head = [f"## What else `infra/{name}.yaml` allows", ""]
    return ["\n".join([*head, *lines, ""])] if lines else []


if __name__ == "__main__":
    PAGE.write_text(page())
