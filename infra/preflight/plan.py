"""The parameters of a planned stage, and read-only access to its account."""

import functools
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra import templates
from infra.deploy import stack_name

READ_ONLY = ("Describe", "Get", "Head", "List")
# In the order in which they are deployed; others are optional.
PARTS = ("roles", "data", "delivery", "observability", "functions", "canary", "web")


@functools.cache
def declared() -> dict[str, dict[str, Any]]:
    """Return the declarations of the parameters of all templates, by name.

    A test ensures that those with the same name mean the same; some are stricter.
    """
    known: dict[str, dict[str, Any]] = {}
    for template in templates.NAMES:
        for name, declaration in templates.read(template).get("Parameters", {}).items():
            refers = declaration.get("Description", "").startswith("As in ")
            before = known.get(name, {})
            known[name] = declaration | before if refers else before | declaration
    return known


def fits(value: str, declaration: dict[str, Any]) -> bool:
    """Return whether CloudFormation would accept the value of a parameter."""
    if declaration["Type"] == "CommaDelimitedList":
        one = declaration | {"Type": "String"}
        return all(fits(part.strip(), one) for part in value.split(","))
    values = [str(allowed) for allowed in declaration.get("AllowedValues", [value])]
    if value not in values:
        return False
    if not re.fullmatch(declaration.get("AllowedPattern", ".*"), value, re.DOTALL):
        return False
    if declaration["Type"] == "Number":
        if not re.fullmatch(r"\d+", value):
            return False
        low, high = declaration.get("MinValue", 0), declaration.get("MaxValue")
        return low <= int(value) and (high is None or int(value) <= high)
    return len(value) >= int(declaration.get("MinLength", 0))


class Plan:
    """The parameters of a stage and the account that the credentials belong to."""

    def __init__(self, parameters: Mapping[str, str], session: boto3.Session) -> None:
        self.parameters = parameters
        self.session = session
        session.events.register("provide-client-params", _reject_changes)

    @property
    def region(self) -> str:
        """Return the name of the region, or an empty string."""
        return self.session.region_name or ""

    @functools.cached_property
    def identity(self) -> Any:
        """Return the Account and Arn of the credentials."""
        return self.client("sts").get_caller_identity()

    def arn(self, service: str, name: str) -> str:
        """Return the ARN of a resource of a service in this account and region."""
        partition = self.identity["Arn"].split(":")[1]
        account = self.identity["Account"]
        return f"arn:{partition}:{service}:{self.region}:{account}:{name}"

    @property
    def prefix(self) -> str:
        """Return the ResourcePrefix, which begins every name."""
        return self.get("ResourcePrefix")

    @property
    def host(self) -> str:
        """Return the host name of AppUrl."""
        return urlsplit(self.get("AppUrl")).hostname or ""

    def get(self, name: str) -> str:
        """Return a parameter; its default, or nothing, if it is missing or wrong."""
        declaration = declared().get(name, {"Type": "String"})
        value = self.parameters.get(name)
        if isinstance(value, str) and fits(value, declaration):
            return value
        return str(declaration.get("Default", ""))

    @functools.cache  # noqa: B019 - one stage per process
    def client(self, service: str) -> Any:
        """Return a client that refuses to change anything."""
        return self.session.client(
            service,
            config=Config(
                connect_timeout=10, read_timeout=30, retries={"mode": "standard"}
            ),
        )

    @functools.cache  # noqa: B019
    def stack(self, part: str) -> Any:
        """Return the description of a part's stack, or None if it does not exist."""
        name = stack_name(part, self.prefix)
        try:
            return self.client("cloudformation").describe_stacks(StackName=name)[
                "Stacks"
            ][0]
        except ClientError as exc:
            if "does not exist" in str(exc):
                return None
            raise

    def has(self, part: str, physical_id: str) -> bool:
        """Return whether a part's stack has a resource."""
        if self.stack(part) is None:
            return False
        name = stack_name(part, self.prefix)
        resources = self.client("cloudformation").describe_stack_resources(
            StackName=name
        )["StackResources"]
        return any(r.get("PhysicalResourceId") == physical_id for r in resources)


def _reject_changes(params: Any, model: Any, **_: Any) -> None:
    if not model.name.startswith(READ_ONLY):
        raise PermissionError(f"The preflight must not call {model.name}.")
