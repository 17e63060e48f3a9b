"""Deploy infra/template.yaml to the local AWS, as it would be to the real one."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smartbudget.local.settings import CODE_BUCKET, ROOT, STACK_NAME, LocalError

TEMPLATE = ROOT / "infra" / "template.yaml"
DEPLOY_SECONDS = 120
WORKING = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


def deploy(
    session: Any, zips: Mapping[str, Path], parameters: Mapping[str, str]
) -> tuple[dict[str, str], bool]:
    """Bring the stack to this template, these zips and parameters.

    session: boto3 session with the administrator's credentials.

    Returns ({output: value}, whether anything had to be deployed). Safe to repeat.
    Raises LocalError with the failing resource and its reason.
    """
    wanted = {
        "LambdaRuntime": "python{}.{}".format(*sys.version_info[:2]),
        **parameters,
        **{_code_parameter(name): path.name for name, path in zips.items()},
    }
    formation = session.client("cloudformation")
    stack = _find(formation)
    template = TEMPLATE.read_text()
    if stack and _is_deployed(formation, stack, template, wanted):
        return _outputs(stack), False
    _upload(session.client("s3"), zips)
    if stack and stack["StackStatus"] not in WORKING:
        formation.delete_stack(StackName=STACK_NAME)
        _wait(formation)
        stack = None
    done = _apply(formation, stack, template, wanted)
    _drop_old_zips(session.client("s3"), zips)
    return _outputs(done), True


def _code_parameter(function: str) -> str:
    return "".join(part.title() for part in function.split("_")) + "CodeKey"


def _find(formation: Any) -> dict[str, Any] | None:
    try:
        found = formation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    except ClientError as exc:
        if "does not exist" in str(exc):
            return None
        raise
    alive = [stack for stack in found if stack["StackStatus"] != "DELETE_COMPLETE"]
    return alive[0] if alive else None


def _is_deployed(
    formation: Any, stack: dict[str, Any], template: str, wanted: Mapping[str, str]
) -> bool:
    if stack["StackStatus"] not in WORKING:
        return False
    has = {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])}
    if any(has.get(name) != value for name, value in wanted.items()):
        return False
    deployed = formation.get_template(StackName=STACK_NAME)["TemplateBody"]
    return bool(deployed == template)


def _upload(s3: Any, zips: Mapping[str, Path]) -> None:
    """Put the zips where Lambda fetches them."""
    try:
        s3.create_bucket(Bucket=CODE_BUCKET)
    except ClientError as exc:
        if exc.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise
    there = _uploaded(s3)
    for path in zips.values():
        if path.name not in there:
            s3.put_object(Bucket=CODE_BUCKET, Key=path.name, Body=path.read_bytes())


def _drop_old_zips(s3: Any, zips: Mapping[str, Path]) -> None:
    """Delete earlier builds; not before, since a failed update goes back to them."""
    for key in _uploaded(s3) - {path.name for path in zips.values()}:
        s3.delete_object(Bucket=CODE_BUCKET, Key=key)


def _uploaded(s3: Any) -> set[str]:
    listed = s3.list_objects_v2(Bucket=CODE_BUCKET).get("Contents", [])
    return {item["Key"] for item in listed}


def _apply(
    formation: Any,
    stack: dict[str, Any] | None,
    template: str,
    wanted: Mapping[str, str],
) -> dict[str, Any]:
    request = {
        "StackName": STACK_NAME,
        "TemplateBody": template,
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in wanted.items()
        ],
    }
    known = {event["EventId"] for event in _events(formation)} if stack else set()
    try:
        change = formation.update_stack if stack else formation.create_stack
        change(**request)
    except ClientError as exc:
        message = exc.response["Error"]["Message"]
        if "No updates are to be performed" in message and stack:
            return stack
        raise LocalError(f"The deployment was refused: {message}") from exc
    done = _wait(formation)
    if done is None or done["StackStatus"] not in {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
    }:
        raise LocalError(_failure(formation, known, done))
    return done


def _wait(formation: Any) -> dict[str, Any] | None:
    deadline = time.monotonic() + DEPLOY_SECONDS
    stack = _find(formation)
    while stack and stack["StackStatus"].endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise LocalError(f"The deployment took over {DEPLOY_SECONDS} seconds.")
        time.sleep(0.05)
        stack = _find(formation)
    return stack


def _events(formation: Any) -> list[dict[str, Any]]:
    found = formation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    return list(found)


def _failure(formation: Any, known: set[str], stack: dict[str, Any] | None) -> str:
    """Name the first resource that failed since `known`, and why it did."""
    failed = [
        event
        for event in _events(formation)
        if event["EventId"] not in known
        and event["ResourceStatus"].endswith("_FAILED")
        and event.get("ResourceStatusReason")
    ]
    if not failed:
        status = stack["StackStatus"] if stack else "gone"
        return f"The deployment failed: the stack is {status}."
    first = min(failed, key=lambda event: event["Timestamp"])
    return (
        f"The deployment failed at {first['LogicalResourceId']}"
        f" ({first['ResourceType']}): {first['ResourceStatusReason']}"
    )


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
