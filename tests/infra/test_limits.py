"""Names, policies and settings fit AWS's limits in the stage with the longest names.

docs/aws.md#policy-sizes, docs/aws.md#sizes-of-names-and-settings
"""

import functools
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest

from tests.infra import rendering
from tests.infra.rendering import LONGEST_PREFIX, PLACES

INLINE = 10_240  # of a role in total, without white space, as IAM counts them
MANAGED = 6_144
TRUST = 2_048  # a quota, which can be raised; the others cannot
PROPERTIES = 4_096  # bytes of an environment's properties, in all
VARIABLES = 4_096  # bytes of a function's
# Names without a maximum in CloudFormation's schemas.
LONGEST = {
    ("AWS::Backup::BackupVault", "BackupVaultName"): 50,
    ("AWS::CloudWatch::Dashboard", "DashboardName"): 255,
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"): 128,
    ("AWS::Lambda::Alias", "FunctionName"): 64,
    ("AWS::SQS::Queue", "QueueName"): 80,
    ("AWS::WAFv2::WebACL", "Name"): 128,
}

every_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.region)


def size(document: Any) -> int:
    return len(json.dumps(document, separators=(",", ":")))


@every_place
def test_the_inline_policies_of_a_role_fit_with_a_fifth_to_spare(place):
    """So that an urgent permission does not need another policy first."""
    sizes: Counter[str] = Counter()
    for resource in rendering.every_resource(place=place).values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            for policy in properties.get("Policies", []):
                sizes[properties["RoleName"]] += size(policy["PolicyDocument"])
        if resource["Type"] == "AWS::IAM::Policy":
            for role in properties["Roles"]:
                sizes[role] += size(properties["PolicyDocument"])

    assert sizes.total() > INLINE
    assert {role: n for role, n in sizes.items() if n > 0.8 * INLINE} == {}


@every_place
def test_managed_and_trust_policies_fit(place):
    for name, resource in rendering.every_resource(place=place).items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            assert size(properties["PolicyDocument"]) <= MANAGED, name
        if resource["Type"] == "AWS::IAM::Role":
            assert size(properties["AssumeRolePolicyDocument"]) <= TRUST, name


def properties_of(parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (name, value) of the environment's properties and secrets."""
    web = rendering.resources("web", parameters)
    options = web["Environment"]["Properties"]["OptionSettings"]
    return [
        (option["OptionName"], option["Value"])
        for option in options
        if option["Namespace"].startswith("aws:elasticbeanstalk:application:env")
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        rendering.EVERYTHING,
        rendering.EVERYTHING | {"EmailSender": "alerts@example.com"},
        rendering.NECESSARY,
    ],
)
def test_environment_properties_have_only_characters_that_beanstalk_allows(parameters):
    """docs/aws.md#environment-properties"""
    allowed = re.compile(r"""[A-Za-z0-9\s_.:/=+\\@'"-]+""")

    properties = properties_of(parameters)

    assert [pair for pair in properties if not allowed.fullmatch(pair[1])] == []


def test_environment_properties_and_variables_fit():
    every = rendering.every_resource()
    pairs = properties_of(rendering.EVERYTHING)
    variables = [
        function["Properties"]["Environment"]["Variables"]
        for function in every.values()
        if function["Type"] == "AWS::Lambda::Function"
    ]

    assert {"AWS_REGION", "SECRET_KEY"} <= dict(pairs).keys()
    assert sum(len(name) + len(value) + 1 for name, value in pairs) < PROPERTIES
    for environment in variables:
        assert size(environment) < VARIABLES


def test_alarms_look_back_no_further_than_cloudwatch_allows():
    """docs/aws.md#evaluation-of-an-alarm"""
    alarms = [
        resource["Properties"]
        for resource in rendering.every_resource().values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]

    assert len(alarms) > 20
    for alarm in alarms:
        (period,) = {m["Period"] for m in alarm.get("Metrics", [alarm])}
        longest = 7 * 86_400 if period >= 3_600 else 86_400
        assert period * alarm["EvaluationPeriods"] <= longest, alarm["AlarmName"]


@functools.cache
def schema_of(kind: str) -> dict[str, Any]:
    """Return CloudFormation's schema of a resource type, which cfn-lint has."""
    # Takes a second to import, in each worker if it were above.
    from cfnlint.schema import manager

    schemas = manager.PROVIDER_SCHEMA_MANAGER
    schema: dict[str, Any] = schemas.get_resource_schema("us-east-1", kind).schema
    return schema


@pytest.mark.parametrize("parameters", [rendering.EVERYTHING, rendering.NECESSARY])
def test_properties_match_the_schemas_of_their_types(parameters):
    """With the longest names: lint sees a template's values only where it has some."""
    wrong = [
        f"{name}: {error.message}"
        for name, resource in rendering.every_resource(parameters).items()
        for error in jsonschema.Draft7Validator(
            schema_of(resource["Type"])
        ).iter_errors(resource.get("Properties", {}))
    ]

    assert wrong == []


def test_names_without_a_maximum_in_their_schema_fit_too():
    unlimited: dict[tuple[str, str], int] = {}
    for resource in rendering.every_resource().values():
        properties = schema_of(resource["Type"])["properties"]
        for name, value in resource.get("Properties", {}).items():
            if not name.endswith("Name") or LONGEST_PREFIX not in value:
                continue
            if not {"maxLength", "pattern"} & properties[name].keys():
                key = resource["Type"], name
                unlimited[key] = max(unlimited.get(key, 0), len(value))

    assert unlimited.keys() == LONGEST.keys()
    for key, length in unlimited.items():
        assert length <= LONGEST[key]
