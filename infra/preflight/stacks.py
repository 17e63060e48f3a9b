"""Check stacks that exist, and what several stages share."""

from collections.abc import Iterator

from infra.deploy import stack_name
from infra.preflight.findings import Finding, ok, stop, warning
from infra.preflight.stage import PARTS, Stage

BY_HAND = ("key", "roles", "data", "delivery")
WORKING = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "REVIEW_IN_PROGRESS",  # a change set that was never executed
}
GITHUB = "token.actions.githubusercontent.com"


def check_stacks(stage: Stage) -> Iterator[Finding]:
    """Check that existing stacks can be changed."""
    for part in ("key", *PARTS):
        stack = stage.stack(part)
        if stack is None:
            continue
        name, status = stack_name(part, stage.prefix), stack["StackStatus"]
        if status in WORKING:
            yield ok(f"{name} is {status}")
        elif status.endswith("_IN_PROGRESS"):
            yield warning(f"{name} is {status}; wait until it ends")
        else:
            yield stop(f"{name} is {status}", _remedy(name, status))
        if part in BY_HAND and not stack.get("EnableTerminationProtection"):
            yield warning(
                f"{name} can be deleted by mistake",
                "aws cloudformation update-termination-protection"
                f" --enable-termination-protection --stack-name {name}",
            )


def _remedy(name: str, status: str) -> str:
    commands = {
        "UPDATE_ROLLBACK_FAILED": "continue-update-rollback",
        "UPDATE_FAILED": "rollback-stack",
    }
    command = commands.get(status, "delete-stack")
    return f"aws cloudformation {command} --stack-name {name}"


def check_provider(stage: Stage) -> Iterator[Finding]:
    """Check the identity provider for GitHub, of which an account has one."""
    iam = stage.client("iam")
    providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    arns = [p["Arn"] for p in providers if p["Arn"].endswith(f"/{GITHUB}")]
    given = stage.get("GitHubProviderArn")
    if given and given not in arns:
        yield stop(
            f"GitHubProviderArn {given} does not exist"
            + ("" if arns else "; leave it out, and it will be created")
        )
    elif not arns:
        yield ok("the identity provider for GitHub will be created")
    elif not given and not stage.has("delivery", arns[0]):
        yield stop(
            "the account has an identity provider for GitHub already",
            f'"GitHubProviderArn": "{arns[0]}"',
        )
    else:
        provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arns[0])
        if "sts.amazonaws.com" in provider["ClientIDList"]:
            yield ok("the identity provider for GitHub exists")
        else:
            yield stop(
                "the identity provider for GitHub does not accept AWS's audience",
                "aws iam add-client-id-to-open-id-connect-provider --client-id"
                f" sts.amazonaws.com --open-id-connect-provider-arn {arns[0]}",
            )


def check_operators(stage: Stage) -> Iterator[Finding]:
    """Check that the subscription of OperatorsEmail is confirmed."""
    address = stage.get("OperatorsEmail")
    if not address or stage.stack("observability") is None:
        return
    topic = (
        f"{stage.identity['Arn'].split(':')[0]}:{stage.identity['Arn'].split(':')[1]}"
        f":sns:{stage.region}:{stage.identity['Account']}:{stage.prefix}operators-topic"
    )
    pages = stage.client("sns").get_paginator("list_subscriptions_by_topic")
    for subscription in pages.paginate(TopicArn=topic).search("Subscriptions"):
        if subscription["Endpoint"] == address:
            if subscription["SubscriptionArn"].startswith("arn:"):
                yield ok(f"alarms reach {address}")
                return
            break
    yield warning(f"{address} has not confirmed its subscription to alarms")
