"""With a customer-managed key, whatever uses an encrypted resource may use the key.

Derived from the templates: a resource with the key, in any of them, is encrypted by its
service, and roles and services use it if a policy allows them to.
"""

from collections import defaultdict
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.infra import rendering
from tests.infra.rendering import many

KEY = rendering.EVERYTHING["KmsKeyArn"]
READ_AND_WRITE = {"kms:Decrypt", "kms:GenerateDataKey*"}

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def resources() -> Resources:
    return rendering.every_resource()


@pytest.fixture(scope="module")
def encrypted(resources) -> dict[str, str]:
    """Return {ARN: service} of everything that is encrypted with the key."""
    return {
        rendering.identity(resource): resource["Type"].split("::")[1].lower()
        for resource in resources.values()
        if not resource["Type"].startswith("AWS::IAM::")
        and KEY in str(resource.get("Properties", {}))
    }


def test_everything_that_can_be_encrypted_is(encrypted):
    assert set(encrypted.values()) == {
        "dynamodb",
        "logs",
        "s3",
        "secretsmanager",
        "sns",
        "sqs",
    }


def policies_of_roles(resources: Resources) -> dict[str, list[dict[str, Any]]]:
    """Return {role: statements} of all policies that we write."""
    statements: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for resource in resources.values():
        declared = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            for policy in declared.get("Policies", []):
                statements[declared["RoleName"]] += policy["PolicyDocument"][
                    "Statement"
                ]
        elif resource["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            for role in declared["Roles"]:
                statements[role] += declared["PolicyDocument"]["Statement"]
    return statements


def services_used(statements, encrypted: dict[str, str]) -> set[str]:
    """Return the services of the encrypted resources that statements name."""
    patterns = [
        pattern
        for statement in statements
        for pattern in many(statement["Resource"])
        if pattern != "*"
    ]
    used = {
        service
        for arn, service in encrypted.items()
        for pattern in patterns
        if fnmatchcase(arn, pattern) or pattern.startswith(f"{arn}/")
    }
    return used - {"logs"}  # CloudWatch Logs uses the key itself, by the key's policy


def services_with_key(statements) -> set[str]:
    """Return the services through which statements allow use of the key; *: all."""
    services: set[str] = set()
    for statement in statements:
        if statement["Resource"] == KEY and "kms:Decrypt" in many(statement["Action"]):
            via = statement.get("Condition", {}).get("StringEquals", {})
            services |= {
                service.split(".")[0]
                for service in many(via.get("kms:ViaService", "*"))
            }
    return services


def test_roles_may_use_the_key_through_each_service_whose_resources_they_use(
    resources, encrypted
):
    missing = {}
    for role, statements in policies_of_roles(resources).items():
        used, allowed = (
            services_used(statements, encrypted),
            services_with_key(statements),
        )
        if "*" not in allowed and used - allowed:
            missing[role.removeprefix(rendering.LONGEST_PREFIX)] = used - allowed

    assert missing == {}


def test_only_the_web_and_the_canary_may_use_the_key_for_secrets(resources):
    roles = [
        role.removeprefix(rendering.LONGEST_PREFIX)
        for role, statements in policies_of_roles(resources).items()
        if "secretsmanager" in services_with_key(statements)
    ]

    assert roles == ["smart-budget-web", "smart-budget-canary"]


def test_a_role_that_may_write_may_create_data_keys(resources):
    for statements in policies_of_roles(resources).values():
        for statement in statements:
            services = services_with_key([statement])
            if services and services != {"secretsmanager"}:
                assert "kms:GenerateDataKey" in statement["Action"]


def key_policy(resources) -> list[dict[str, Any]]:
    return resources["Key"]["Properties"]["KeyPolicy"]["Statement"]


def principals(statement: dict[str, Any]) -> list[str]:
    principal = statement["Principal"]
    return many(principal.get("Service", [])) if isinstance(principal, dict) else []


def test_services_that_write_into_encrypted_resources_may_use_the_key(
    resources, encrypted
):
    writing = {
        service
        for resource in resources.values()
        if resource["Type"].endswith("Policy") and "IAM" not in resource["Type"]
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if services_used([statement], encrypted)
        for service in principals(statement)
    }
    allowed = {
        service
        for statement in key_policy(resources)
        if set(many(statement["Action"])) >= READ_AND_WRITE
        for service in principals(statement)
    }

    assert {"cloudwatch.amazonaws.com", "events.amazonaws.com"} <= writing
    assert writing <= allowed
    assert {
        service for service in allowed if not service.startswith("logs.")
    } == writing


def test_log_groups_may_use_the_key(resources, encrypted):
    (statement,) = [
        statement
        for statement in key_policy(resources)
        if f"logs.{rendering.PLACES[0].region}.amazonaws.com" in principals(statement)
    ]
    ((_, allowed),) = statement["Condition"]["ArnLike"].items()
    groups = [
        arn.removesuffix(":*") for arn, name in encrypted.items() if name == "logs"
    ]

    assert groups
    for group in groups:
        assert any(fnmatchcase(group, pattern) for pattern in allowed), group


def test_eventbridge_may_use_the_key_without_a_source_account(resources):
    """It sends none; a condition on it would deny access."""
    unconditional = {
        service
        for statement in key_policy(resources)
        if "Condition" not in statement
        for service in principals(statement)
    }

    assert unconditional == {"events.amazonaws.com"}
