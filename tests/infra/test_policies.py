"""The policies in infra/ against AWS's reference: they grant what they list.

IAM accepts an action on a resource of another type, or under a condition that its
requests never meet. It then grants nothing, which shows when the action is needed.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from infra import templates
from tests.infra import reference, rendering
from tests.infra.rendering import many

# What the reference does not have, by statement, with the reason why it is right.
DASHBOARDS = "newer than the reference: dashboards have tags (botocore, cloudwatch)"
TRANSFORMS = "a transform's ARN is in CloudFormation's User Guide, on access control"
LANGUAGE_EXTENSIONS = (
    "arn:aws:cloudformation:us-east-1:aws:transform/LanguageExtensions"
)
EXCEPTIONS = {
    ("UseLoopsInTemplates", "cloudformation:CreateChangeSet", "resource"): TRANSFORMS,
    ("UseLoopsInTemplates", LANGUAGE_EXTENSIONS, "unused"): TRANSFORMS,
    ("KeepTheDashboard", "cloudwatch:ListTagsForResource", "resource"): DASHBOARDS,
    ("KeepTheDashboard", "cloudwatch:TagResource", "resource"): DASHBOARDS,
    ("KeepTheDashboard", "cloudwatch:UntagResource", "resource"): DASHBOARDS,
    ("EncryptLogs", "kms:Describe*", "kms:EncryptionContext:aws:logs:arn"): (
        "grants nothing, but AWS's guide to encrypted log groups has it so"
    ),
    ("StreamLogs", "logs:DescribeLogGroups", "resource"): (
        "as in AWS's own policy for servers, AWSElasticBeanstalkWebTier"
    ),
}
# Keys that a service's requests have, see docs/aws.md#condition-keys-of-services.
# EventBridge has none when it uses a KMS key: test_key.py.
SOURCE = {"aws:SourceAccount", "aws:SourceArn"}
SENT = {
    "cloudwatch.amazonaws.com": SOURCE,
    "elasticbeanstalk.amazonaws.com": {"sts:ExternalId"},
    "events.amazonaws.com": {"aws:SourceArn"},
    "logging.s3.amazonaws.com": SOURCE,
    "logs.us-east-1.amazonaws.com": {"kms:EncryptionContext:aws:logs:arn"},
    "ses.amazonaws.com": SOURCE,
    "sns.amazonaws.com": SOURCE,
}


@dataclass(frozen=True)
class Statement:
    """A statement of a policy that belongs to roles."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()  # that a resource's policy names


def documents(name: str) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield (policy, whether it belongs to roles) of a template."""
    for resource in rendering.resources(name).values():
        is_identity = resource["Type"].startswith("AWS::IAM::")
        for key, policy in policies_in(resource.get("Properties", {})):
            yield policy, is_identity and key != "AssumeRolePolicyDocument"


def policies_in(value: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (property, policy) of all policies in a value, whatever they are called."""
    if isinstance(value, list):
        for item in value:
            yield from policies_in(item, key)
    elif isinstance(value, dict) and {"Version", "Statement"} <= value.keys():
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from policies_in(item, name)


def statements(name: str, *, of_roles: bool) -> list[Statement]:
    return [
        Statement(
            sid=statement.get("Sid", ""),
            actions=tuple(many(statement["Action"])),
            resources=tuple(many(statement.get("Resource", "*"))),
            conditions=tuple(
                key for keys in statement.get("Condition", {}).values() for key in keys
            ),
            services=tuple(services_of(statement)),
        )
        for document, belongs in documents(name)
        if belongs == of_roles
        for statement in document["Statement"]
    ]


def services_of(statement: dict[str, Any]) -> list[str]:
    principal = statement.get("Principal", {})
    return many(principal.get("Service", [])) if isinstance(principal, dict) else []


def problems(statement: Statement, *, of_roles: bool = True) -> set[tuple[str, str]]:
    """Return (action or resource, what is wrong) of a statement.

    of_roles: False for policies of resources, which all have the same type.
    """
    wrong, used = set(), set()
    for pattern in statement.actions:
        actions = reference.actions(pattern)
        if not actions:
            wrong.add((pattern, "action"))
        for key in statement.conditions:
            if not all(reference.knows_condition(action, key) for action in actions):
                wrong.add((pattern, key))
        for action in actions:
            matches = resources_of(action, statement)
            used |= set().union(*matches.values())
            types = reference.resource_types(action)
            required = [arn for arn in types if types[arn]]
            complete = (
                all(map(matches.get, required)) if required else any(matches.values())
            )
            if not complete and statement.resources != ("*",):
                wrong.add((pattern, "resource"))
    if not of_roles:
        return {problem for problem in wrong if problem[1] != "resource"}
    unused = set(statement.resources) - used - {"*"}
    return wrong | {(resource, "unused") for resource in unused}


def resources_of(action: str, statement: Statement) -> dict[str, set[str]]:
    """Return {ARN of a type: the statement's resources of it} for an action."""
    return {
        arn: {r for r in statement.resources if reference.is_of_type(r, arn)}
        for arn in reference.resource_types(action)
    }


@functools.cache
def problems_of(name: str) -> set[tuple[str, str, str]]:
    """Return (Sid, action or resource, what is wrong) of a template."""
    return {
        (statement.sid, *problem)
        for of_roles in (True, False)
        for statement in statements(name, of_roles=of_roles)
        for problem in problems(statement, of_roles=of_roles)
    }


@pytest.mark.parametrize("name", templates.NAMES)
def test_each_action_is_allowed_on_its_resources_under_conditions_that_it_has(name):
    assert problems_of(name) - EXCEPTIONS.keys() == set()


def test_every_exception_is_needed():
    assert EXCEPTIONS.keys() <= set().union(*map(problems_of, templates.NAMES))


def test_services_send_the_keys_that_their_statements_ask_for():
    """A condition on another key denies everything, such as each deployment."""
    unsent = {
        (service, key)
        for name in templates.NAMES
        for statement in statements(name, of_roles=False)
        for service in statement.services
        for key in statement.conditions
        if key not in SENT.get(service, ())
    }

    assert unsent == set()


QUEUE = "arn:aws:sqs:us-east-1:111111111111:queue"
GROUP = "arn:aws:codedeploy:us-east-1:111111111111:deploymentgroup:app/group"


@pytest.mark.parametrize(
    ("actions", "resources", "conditions", "problem"),
    [
        (["sqs:SendMessages"], [QUEUE], [], ("sqs:SendMessages", "action")),
        (["sqs:Get*Message"], [QUEUE], [], ("sqs:Get*Message", "action")),
        (["sqs:ListQueues"], [QUEUE], [], ("sqs:ListQueues", "resource")),
        (
            ["codedeploy:GetDeploymentGroup", "codedeploy:StopDeployment"],
            [GROUP],
            [],
            ("codedeploy:StopDeployment", "resource"),
        ),
        (["s3:ListBucket"], ["arn:aws:s3:::b/*"], [], ("s3:ListBucket", "resource")),
        (["s3:GetObject"], ["arn:aws:s3:::b"], [], ("s3:GetObject", "resource")),
        (["sqs:SendMessage"], [QUEUE, GROUP], [], (GROUP, "unused")),
        (
            ["dynamodb:Scan"],
            ["arn:aws:dynamodb:us-east-1:111111111111:table/t/stream/1"],
            [],
            ("dynamodb:Scan", "resource"),
        ),
        (
            ["sqs:SendMessage"],
            [QUEUE],
            ["kms:ViaService"],
            ("sqs:SendMessage", "kms:ViaService"),
        ),
        (
            ["iam:GetRole"],
            ["arn:aws:iam::111111111111:role/r"],
            ["iam:PassedToService"],
            ("iam:GetRole", "iam:PassedToService"),
        ),
    ],
)
def test_a_statement_that_grants_nothing_is_a_problem(
    actions, resources, conditions, problem
):
    statement = Statement("", tuple(actions), tuple(resources), tuple(conditions))

    assert problem in problems(statement)


@pytest.mark.parametrize(
    ("action", "resource", "condition"),
    [
        ("sqs:SendMessage", QUEUE, "aws:SourceAccount"),
        ("codedeploy:StopDeployment", "*", "aws:RequestedRegion"),
        (
            "dynamodb:Query",
            "arn:aws:dynamodb:us-east-1:111111111111:table/t/index/i",
            "dynamodb:LeadingKeys",
        ),
        (
            "logs:PutLogEvents",
            "arn:aws:logs:us-east-1:111111111111:log-group:/aws/lambda/f:*",
            "aws:SourceVpc",
        ),
    ],
)
def test_a_statement_that_grants_its_action_is_no_problem(action, resource, condition):
    assert not problems(Statement("", (action,), (resource,), (condition,)))
