"""Check the customer-managed key."""

import json
from collections.abc import Iterator
from typing import Any

from infra import templates
from infra.preflight.findings import Finding, ok, stop, warning
from infra.preflight.plan import Plan


def check_key(plan: Plan) -> Iterator[Finding]:
    """Check that the key of KmsKeyArn is usable, by the services of key.yaml."""
    arn = plan.get("KmsKeyArn")
    if not arn:
        return
    kms = plan.client("kms")
    try:
        key = kms.describe_key(KeyId=arn)["KeyMetadata"]
    except kms.exceptions.NotFoundException:
        yield stop(f"KmsKeyArn {arn} does not exist")
        return
    if key["KeyState"] != "Enabled":
        yield stop(
            f"the key is {key['KeyState']}", f"aws kms enable-key --key-id {arn}"
        )
    if key.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        yield stop(f"the key is a {key['KeySpec']}; DynamoDB needs a symmetric one")
        return
    policy = json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    allowed = _services(policy)
    missing = [
        service
        for service, conditions in _services(_wanted(plan.region)).items()
        if not any(keys <= conditions[0] for keys in allowed.get(service, []))
    ]
    if missing:
        yield stop(
            f"the key's policy does not allow {', '.join(missing)}, as key.yaml does,"
            " or under another condition",
            f"aws kms get-key-policy --key-id {arn} --output text",
        )
    else:
        yield ok("the key can be used by all services that need it")
    if not kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"]:
        yield warning(
            "the key is not rotated", f"aws kms enable-key-rotation --key-id {arn}"
        )


def _wanted(region: str) -> Any:
    text = json.dumps(templates.read("key")["Resources"]["Key"]["Properties"])
    return json.loads(text.replace("${AWS::Region}", region))["KeyPolicy"]


def _services(policy: Any) -> dict[str, list[set[str]]]:
    """Return the services that a policy allows: {service: [keys of conditions]}."""
    services: dict[str, list[set[str]]] = {}
    for statement in policy["Statement"]:
        principal = statement.get("Principal", {})
        if statement["Effect"] == "Allow" and isinstance(principal, dict):
            service = principal.get("Service", [])
            if isinstance(service, dict):
                service = service["Sub"]
            conditions = statement.get("Condition", {}).values()
            keys = {key for condition in conditions for key in condition}
            for name in [service] if isinstance(service, str) else service:
                services.setdefault(name, []).append(keys)
    return services
