"""Check stacks that exist, and what several stages share."""

from collections.abc import Iterator

from infra import templates
from infra.changesets import WORKING
from infra.deploy import stack_name
from infra.preflight.findings import Finding, ok, stop, warning
from infra.preflight.plan import PARTS, Plan

BY_HAND = ("key", "roles", "data", "delivery")
GITHUB = "token.actions.githubusercontent.com"


def check_stacks(plan: Plan) -> Iterator[Finding]:
    """Check that existing stacks can be changed."""
    for part in (*PARTS, *sorted(set(templates.NAMES) - set(PARTS))):
        stack = plan.stack(part)
        if stack is None:
            continue
        name, status = stack_name(part, plan.prefix), stack["StackStatus"]
        # A change set that was never executed leaves a new stack in review.
        if status in {*WORKING, "REVIEW_IN_PROGRESS"}:
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


def check_provider(plan: Plan) -> Iterator[Finding]:
    """Check the identity provider for GitHub, of which an account has one."""
    iam = plan.client("iam")
    providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    arns = [p["Arn"] for p in providers if p["Arn"].endswith(f"/{GITHUB}")]
    given = plan.get("GitHubProviderArn")
    if given and given not in arns:
        yield stop(
            f"GitHubProviderArn {given} does not exist"
            + ("" if arns else "; leave it out, and it will be created")
        )
    elif not arns:
        yield ok("the identity provider for GitHub will be created")
    elif not given and not plan.has("delivery", arns[0]):
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


def check_operators(plan: Plan) -> Iterator[Finding]:
    """Check that the subscription of OperatorsEmail is confirmed."""
    address = plan.get("OperatorsEmail")
    if not address or plan.stack("observability") is None:
        return
    topic = plan.arn("sns", f"{plan.prefix}operators-topic")
    pages = plan.client("sns").get_paginator("list_subscriptions_by_topic")
    for subscription in pages.paginate(TopicArn=topic).search("Subscriptions"):
        if subscription["Endpoint"] == address:
            if subscription["SubscriptionArn"].startswith("arn:"):
                yield ok(f"alarms reach {address}")
                return
            break
    yield warning(
        f"{address} has not confirmed its subscription to alarms; SNS deletes it after"
        " two days",
        f"aws sns subscribe --topic-arn {topic} --protocol email"
        f" --notification-endpoint {address}",
    )
