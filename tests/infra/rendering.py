"""Templates as CloudFormation resolves them: parameters, conditions and functions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra import templates

ACCOUNT = "123456789012"
# The longest values that the templates' patterns and AWS allow.
LONGEST_PREFIX = "p" * 15 + "-"
LONGEST_IDENTITY = f"{'i' * 48}.example.com"
ADDRESS = "https://budget.example.com"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"
# What a stage with all options sets. Templates take the parameters that they declare.
EVERYTHING = {
    "ResourcePrefix": LONGEST_PREFIX,
    "AccessLogsBucketName": "l" * 63,
    "AllowedHosts": "budget.example.com,www.example.com",
    "AppUrl": ADDRESS,
    "BackupEmail": "operators@example.com",
    "BudgetAlertCodeKey": "budget_alert.zip",
    "BundleKey": "web.zip",
    "CanaryCodeKey": "canary.zip",
    "CanaryPasswordArn": SECRET,
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/c",
    "CodeBucket": "c" * 63,
    "CopyAccount": "2" * 12,
    "CostsEmail": "operators@example.com",
    "EmailIdentity": LONGEST_IDENTITY,
    "EmailSender": f"Smart Budget Planner <{'s' * 64}@{LONGEST_IDENTITY}>",
    "EmailTransport": "ses",
    "EnvironmentId": "e-abcdefghij",
    "FirewallLoadBalancer": "app/balancer/0123456789abcdef",
    "GitHubBranch": "main",
    "GitHubEnvironment": "production",
    "GitHubOwnerId": "1" * 10,
    "GitHubRepository": f"{'o' * 39}/{'r' * 100}",  # GitHub's longest
    "GitHubRepositoryId": "1" * 10,
    "InstanceSubnets": "subnet-1,subnet-2",
    "KmsKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{'k' * 36}",
    "LoadBalancer": "app/balancer/0123456789abcdef",
    "LoadBalancerSubnets": "subnet-1,subnet-2",
    "MonthlyDollars": "1",
    "NotificationProcessorCodeKey": "notification_processor.zip",
    "OperatorsEmail": "operators@example.com",
    "PlatformArn": "arn:aws:elasticbeanstalk:us-east-1::platform/Docker running on"
    " 64bit Amazon Linux 2023/4.6.1",
    "ReceiptsBucketName": "r" * 63,
    "Release": "r" * 100,
    "ReportGeneratorCodeKey": "report_generator.zip",
    "SecretKeyArn": SECRET,
    "HealthKeyArn": SECRET,
    "SourceAccount": ACCOUNT,
    "SupportEmail": "support@example.com",
    "TargetGroup": "targetgroup/group/0123456789abcdef",
    "VpcId": "vpc-1",
}
# Those without which a stage cannot be deployed.
NECESSARY = {
    name: EVERYTHING[name]
    for name in (
        "AllowedHosts",
        "AppUrl",
        "BudgetAlertCodeKey",
        "BundleKey",
        "CanaryCodeKey",
        "CanaryPasswordArn",
        "CertificateArn",
        "CodeBucket",
        "CopyAccount",
        "CostsEmail",
        "FirewallLoadBalancer",
        "GitHubOwnerId",
        "GitHubRepository",
        "GitHubRepositoryId",
        "HealthKeyArn",
        "MonthlyDollars",
        "NotificationProcessorCodeKey",
        "PlatformArn",
        "ReceiptsBucketName",
        "Release",
        "ReportGeneratorCodeKey",
        "SecretKeyArn",
        "SourceAccount",
    )
}
# What Ref and GetAtt return for resources in policies: (Ref, Arn), from the properties.
_ARN = "arn:{partition}:{service}:{region}:{account}:"
_FUNCTION = _ARN + "function:{FunctionName}"
IDENTITIES = {
    "AWS::CloudWatch::Alarm": ("{AlarmName}", _ARN + "alarm:{AlarmName}"),
    "AWS::CloudWatch::Dashboard": (
        "{DashboardName}",
        "arn:{partition}:cloudwatch::{account}:dashboard/{DashboardName}",
    ),
    "AWS::CodeDeploy::Application": (
        "{ApplicationName}",
        _ARN + "application:{ApplicationName}",
    ),
    "AWS::CodeDeploy::DeploymentGroup": (
        "{DeploymentGroupName}",
        _ARN + "deploymentgroup:{ApplicationName}/{DeploymentGroupName}",
    ),
    "AWS::DynamoDB::Table": ("{TableName}", _ARN + "table/{TableName}"),
    "AWS::ECR::Repository": ("{RepositoryName}", _ARN + "repository/{RepositoryName}"),
    "AWS::ElasticBeanstalk::Application": (
        "{ApplicationName}",
        _ARN + "application/{ApplicationName}",
    ),
    "AWS::ElasticBeanstalk::Environment": (
        "{EnvironmentName}",
        _ARN + "environment/{ApplicationName}/{EnvironmentName}",
    ),
    "AWS::Events::Rule": ("{Name}", _ARN + "rule/{Name}"),
    "AWS::IAM::Role": (
        "{RoleName}",
        "arn:{partition}:iam::{account}:role/{RoleName}",
    ),
    "AWS::Lambda::Alias": (_FUNCTION + ":{Name}", _FUNCTION + ":{Name}"),
    "AWS::Lambda::Function": ("{FunctionName}", _FUNCTION),
    "AWS::Lambda::Version": (_FUNCTION + ":1", _FUNCTION + ":1"),
    "AWS::Logs::LogGroup": ("{LogGroupName}", _ARN + "log-group:{LogGroupName}:*"),
    "AWS::Logs::MetricFilter": ("{LogGroupName}", _ARN + "log-group:{LogGroupName}"),
    "AWS::S3::Bucket": ("{BucketName}", "arn:{partition}:s3:::{BucketName}"),
    "AWS::SNS::Topic": (_ARN + "{TopicName}", _ARN + "{TopicName}"),
    "AWS::SecretsManager::Secret": (
        _ARN + "secret:{Name}-SUFFIX",
        _ARN + "secret:{Name}-SUFFIX",
    ),
    "AWS::SQS::Queue": ("{QueueName}", _ARN + "{QueueName}"),
    "AWS::WAFv2::WebACL": ("{Name}", _ARN + "regional/webacl/{Name}/ID"),
}


@dataclass(frozen=True)
class Place:
    """A region and what follows from it."""

    region: str = "us-east-1"
    partition: str = "aws"
    suffix: str = "amazonaws.com"


# Each longer than elsewhere in one part.
PLACES = (
    Place(),
    Place("us-gov-west-1", "aws-us-gov"),
    Place("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
    Place("ap-southeast-1"),
)
GONE = object()  # the value of AWS::NoValue


def resources(
    name: str, parameters: Mapping[str, str] = EVERYTHING, place: Place = PLACES[0]
) -> dict[str, dict[str, Any]]:
    """Return {logical id: resource} of a template, without functions and conditions.

    Resources whose condition is false are missing. Raises KeyError for a parameter
    without value and default, and for a function that is not supported here.
    """
    template = expand_loops(templates.read(name))
    return _Resolver(template, parameters, place).resources()


def every_resource(
    parameters: Mapping[str, str] = EVERYTHING, place: Place = PLACES[0]
) -> dict[str, dict[str, Any]]:
    """Return {logical id: resource} of all templates."""
    every: dict[str, dict[str, Any]] = {}
    for name in templates.NAMES:
        own = resources(name, parameters, place)
        assert not every.keys() & own.keys()
        every |= own
    return every


def identity(resource: dict[str, Any], place: Place = PLACES[0], which: int = 1) -> str:
    """Return what Ref (0) or GetAtt Arn (1) returns for a resource."""
    kind = resource["Type"]
    return IDENTITIES[kind][which].format(
        service=kind.split("::")[1].lower(),
        region=place.region,
        partition=place.partition,
        account=ACCOUNT,
        **resource["Properties"],
    )


def many(value: Any) -> list[Any]:
    """Return the items of a policy's element, which may be a single one."""
    return value if isinstance(value, list) else [value]


def expand_loops(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template without Fn::ForEach, as AWS::LanguageExtensions expands it.

    A loop over a parameter has the values of its default.
    """
    expanded: dict[str, Any] = {}
    for name, resource in template["Resources"].items():
        if not name.startswith("Fn::ForEach::"):
            expanded[name] = resource
            continue
        variable, values, repeated = resource
        if isinstance(values, dict):
            values = template["Parameters"][values["Ref"]]["Default"].split(",")
        text = json.dumps(repeated)
        for value in values:
            own = text.replace(f"${{{variable}}}", value)
            own = own.replace(json.dumps({"Ref": variable}), json.dumps(value))
            expanded |= json.loads(own)
    return {**template, "Resources": expanded}


class _Resolver:
    def __init__(
        self, template: dict[str, Any], parameters: Mapping[str, str], place: Place
    ) -> None:
        self.template = template
        self.place = place
        declared = template.get("Parameters", {})
        given = {
            name: int(value) if parameter["Type"] == "Number" else value
            for name, parameter in declared.items()
            if (value := parameters.get(name, parameter.get("Default"))) is not None
        }
        self.values: dict[str, Any] = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": GONE,
            "AWS::Partition": place.partition,
            "AWS::Region": place.region,
            "AWS::StackName": "stack",
            "AWS::URLSuffix": place.suffix,
            **given,
        }

    def resources(self) -> dict[str, dict[str, Any]]:
        return {
            name: self.resolve({k: v for k, v in resource.items() if k != "Condition"})
            for name, resource in self.template["Resources"].items()
            if self.holds(resource.get("Condition"))
        }

    def holds(self, condition: str | None) -> bool:
        if condition is None:
            return True
        return bool(self.resolve(self.template["Conditions"][condition]))

    def resolve(self, value: Any) -> Any:
        """Return a value with its functions replaced by what they return."""
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not GONE]
        if not isinstance(value, dict):
            return value
        function = next(iter(value), "")
        if len(value) == 1 and function in FUNCTIONS:
            return FUNCTIONS[function](self, value[function])
        pairs = {name: self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in pairs.items() if item is not GONE}

    def ref(self, name: str) -> Any:
        return self.values[name] if name in self.values else self.identity(name, 0)

    def get_att(self, path: str) -> Any:
        name, _, attribute = path.partition(".")
        if attribute == "Version":
            return "1"
        return self.identity(name, 1) if attribute == "Arn" else path

    def identity(self, name: str, which: int) -> str:
        """Return what Ref (0) or GetAtt Arn (1) returns; a name for other types."""
        resource = self.template["Resources"][name]
        if resource["Type"] not in IDENTITIES:
            return name
        names = {k: v for k, v in resource["Properties"].items() if k.endswith("Name")}
        named = {"Type": resource["Type"], "Properties": self.resolve(names)}
        return identity(named, self.place, which)

    def sub(self, value: Any) -> str:
        text, variables = (value, {}) if isinstance(value, str) else value
        own = {name: self.resolve(item) for name, item in variables.items()}

        def replacement(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(own[name])
            return str(self.get_att(name) if "." in name else self.ref(name))

        return re.sub(r"\$\{([\w:.]+)\}", replacement, text)

    def find_in_map(self, path: list[Any]) -> Any:
        found = self.template["Mappings"]
        for key in path:
            found = found[self.resolve(key)]
        return found

    def if_(self, branches: list[Any]) -> Any:
        condition, then, otherwise = branches
        return self.resolve(then if self.holds(condition) else otherwise)

    def select(self, value: list[Any]) -> Any:
        return self.resolve(value[1])[int(value[0])]

    def split(self, value: list[Any]) -> list[str]:
        return str(self.resolve(value[1])).split(value[0])

    def join(self, value: list[Any]) -> str:
        return str(value[0]).join(self.resolve(value[1]))

    def equals(self, values: list[Any]) -> bool:
        left, right = (str(self.resolve(value)) for value in values)
        return left == right


FUNCTIONS = {
    "And": lambda self, values: all(self.resolve(value) for value in values),
    "Condition": lambda self, name: self.holds(name),
    "Equals": _Resolver.equals,
    "FindInMap": _Resolver.find_in_map,
    "GetAtt": _Resolver.get_att,
    "If": _Resolver.if_,
    "Join": _Resolver.join,
    "Not": lambda self, values: not self.resolve(values[0]),
    "Or": lambda self, values: any(self.resolve(value) for value in values),
    "Ref": _Resolver.ref,
    "Select": _Resolver.select,
    "Split": _Resolver.split,
    "Sub": _Resolver.sub,
}
