"""Stop and start everything of a stage that writes to its tables."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.stage import Stage, StageError

ENVIRONMENT = "smart-budget-planner-env"
STOP_MINUTES = 15
PAUSED = "concurrency-before-pause"  # tag of a stopped Lambda; empty: not reserved
# Load balancers cannot add the header Retry-After.
MAINTENANCE = {
    "Type": "fixed-response",
    "FixedResponseConfig": {
        "StatusCode": "503",
        "ContentType": "text/plain",
        "MessageBody": "Down for repair. Please try again later.",
    },
}


@dataclass(frozen=True)
class Writer:
    """A schedule, listener, queue mapping or Lambda."""

    name: str
    is_stopped: Callable[[], bool]
    stop: Callable[[], object]
    start: Callable[[], object]


def pause(stage: Stage) -> None:
    """Stop all writers, and wait until no run or request of them can be left."""
    writers = list(_writers(stage))
    for writer in writers:
        if not writer.is_stopped():
            stage.change(f"stop {writer.name}", writer.stop)
    if not stage.apply:
        return
    stage.wait("stop", lambda: all(w.is_stopped() for w in writers), STOP_MINUTES)
    seconds = _longest_run(stage)
    stage.print_line(
        f"Waiting {seconds} seconds for runs and requests that began before."
    )
    stage.sleep(seconds)
    stage.print_line("Nothing writes any more. Do not deploy before `resume`.")


def resume(stage: Stage) -> None:
    """Start all writers, in the opposite order."""
    for writer in reversed(list(_writers(stage))):
        if writer.is_stopped():
            stage.change(f"start {writer.name}", writer.start)


def running(stage: Stage) -> list[str]:
    """Return the names of the writers that are not stopped."""
    return [writer.name for writer in _writers(stage) if not writer.is_stopped()]


def _writers(stage: Stage) -> Iterator[Writer]:
    for rule in _resources(stage, "AWS::Events::Rule"):
        yield _schedule(stage.client("events"), rule)
    yield from _listeners(stage)
    for mapping in _resources(stage, "AWS::Lambda::EventSourceMapping"):
        yield _mapping(stage.client("lambda"), mapping)
    for function in _resources(stage, "AWS::Lambda::Function"):
        yield _function(stage.client("lambda"), function)


def _schedule(events: Any, name: str) -> Writer:
    return Writer(
        f"schedule {name}",
        lambda: events.describe_rule(Name=name)["State"] == "DISABLED",
        functools.partial(events.disable_rule, Name=name),
        functools.partial(events.enable_rule, Name=name),
    )


def _mapping(functions: Any, uuid: str) -> Writer:
    change = functools.partial(functions.update_event_source_mapping, UUID=uuid)
    return Writer(
        f"queue mapping {uuid}",
        lambda: functions.get_event_source_mapping(UUID=uuid)["State"] == "Disabled",
        functools.partial(change, Enabled=False),
        functools.partial(change, Enabled=True),
    )


def _function(functions: Any, name: str) -> Writer:
    """Return a Lambda, which may also invoke itself, as the daily check does.

    Why: docs/aws.md#reserved-concurrency
    """
    reserved = "ReservedConcurrentExecutions"
    reserve = functools.partial(functions.put_function_concurrency, FunctionName=name)

    def concurrency() -> int | None:
        response = functions.get_function_concurrency(FunctionName=name)
        value: int | None = response.get(reserved)
        return value

    def arn() -> str:
        configuration = functions.get_function_configuration(FunctionName=name)
        return str(configuration["FunctionArn"])

    def stop() -> None:
        tags = {PAUSED: str(concurrency() or "")}
        functions.tag_resource(Resource=arn(), Tags=tags)
        reserve(**{reserved: 0})

    def start() -> None:
        before = functions.list_tags(Resource=arn())["Tags"].get(PAUSED)
        if before:
            reserve(**{reserved: int(before)})
        else:
            functions.delete_function_concurrency(FunctionName=name)
        functions.untag_resource(Resource=arn(), TagKeys=[PAUSED])

    return Writer(f"function {name}", lambda: concurrency() == 0, stop, start)


def _listeners(stage: Stage) -> Iterator[Writer]:
    """Yield the load balancer's listeners, which answer 503 while stopped."""
    beanstalk = stage.client("elasticbeanstalk")
    name = f"{stage.prefix}{ENVIRONMENT}"
    if not beanstalk.describe_environments(
        EnvironmentNames=[name], IncludeDeleted=False
    )["Environments"]:
        return  # not deployed, as when tables are restored in a new account
    environment = beanstalk.describe_environment_resources(EnvironmentName=name)[
        "EnvironmentResources"
    ]
    balancing = stage.client("elbv2")
    for balancer in environment["LoadBalancers"]:
        arn = balancer["Name"]  # of application load balancers, the ARN
        groups = balancing.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
        if len(groups) != 1:
            raise StageError(f"{arn} has {len(groups)} target groups instead of one.")
        forward = {"Type": "forward", "TargetGroupArn": groups[0]["TargetGroupArn"]}
        listeners = balancing.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        for listener in sorted(listeners, key=lambda listener: listener["Port"]):
            yield _listener(balancing, listener, forward)


def _listener(balancing: Any, listener: Any, forward: dict[str, str]) -> Writer:
    arn = listener["ListenerArn"]
    change = functools.partial(balancing.modify_listener, ListenerArn=arn)

    def is_stopped() -> bool:
        (current,) = balancing.describe_listeners(ListenerArns=[arn])["Listeners"]
        return bool(current["DefaultActions"][0]["Type"] == MAINTENANCE["Type"])

    return Writer(
        f"web on port {listener['Port']}",
        is_stopped,
        functools.partial(change, DefaultActions=[MAINTENANCE]),
        functools.partial(change, DefaultActions=[forward]),
    )


def _longest_run(stage: Stage) -> int:
    """Return the longest time limit of the Lambdas; that of requests is shorter."""
    functions = stage.client("lambda")
    return max(
        (
            functions.get_function_configuration(FunctionName=name)["Timeout"]
            for name in _resources(stage, "AWS::Lambda::Function")
        ),
        default=0,
    )


def _resources(stage: Stage, kind: str) -> list[str]:
    """Return the ids of a kind of resource in the stack of the functions, if any."""
    pages = stage.client("cloudformation").get_paginator("list_stack_resources")
    name = stage.stack_name("functions", stage.prefix)
    try:
        return [
            resource["PhysicalResourceId"]
            for page in pages.paginate(StackName=name)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == kind
        ]
    except ClientError as error:
        if "does not exist" in str(error):
            return []
        raise
