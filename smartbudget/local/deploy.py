"""Deploy the templates in infra/ to the local AWS."""

import hashlib
import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.build_lambdas import code_parameter
from smartbudget.local.settings import CODE_BUCKET, ROOT, STACK_NAME, LocalError

TEMPLATES = ROOT / "infra"
# In the order of their dependencies. web.yaml and delivery.yaml are for AWS only: the
# local AWS has neither Elastic Beanstalk nor a delivery pipeline.
PARTS = ("roles", "data", "observability", "functions")
DEPLOY_SECONDS = 120
WORKING = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


def deploy(
    session: Any, zips: Mapping[str, Path], parameters: Mapping[str, str]
) -> tuple[dict[str, str], bool]:
    """Deploy the templates of one stage with these zips and parameters.

    session: boto3 session with the administrator's credentials. parameters: a template
    gets those it declares.

    Returns ({output: value} of all stacks, whether anything was deployed). Safe to
    repeat. Raises LocalError with the failing resource and its reason.
    """
    all_parameters = {
        "LambdaRuntime": "python{}.{}".format(*sys.version_info[:2]),
        **parameters,
        **{code_parameter(name): path.name for name, path in zips.items()},
    }
    s3 = session.client("s3")
    _upload(s3, zips)
    outputs: dict[str, str] = {}
    changed = False
    for name in PARTS:
        stack = Stack.of_part(session.client("cloudformation"), name, all_parameters)
        changed = stack.deploy() or changed
        outputs |= stack.outputs()
    if changed:
        _delete_old_zips(s3, zips)
    return outputs, changed


def stack_name(part: str, prefix: str = "") -> str:
    """Return the name of a part's stack; that of data has no suffix."""
    return f"{prefix}{STACK_NAME}" + ("" if part == "data" else f"-{part}")


@dataclass(frozen=True)
class Stack:
    """A part of a stage: the template to deploy, with its parameters and tags."""

    formation: Any  # client
    name: str
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]  # CloudFormation also puts them on the resources

    @classmethod
    def of_part(
        cls, formation: Any, part: str, parameters: Mapping[str, str]
    ) -> "Stack":
        """Return the stack of a part, with the parameters its template declares."""
        template = (TEMPLATES / f"{part}.yaml").read_text()
        # Parsed here: asking CloudFormation would take as long as the rest of an
        # unchanged deployment.
        section = template.partition("\nParameters:\n")[2]
        declared = re.split(r"^\w", section, maxsplit=1, flags=re.M)[0]
        names = re.findall(r"^  (\w+):$", declared, re.M)
        used = {name: parameters[name] for name in names if name in parameters}
        if "Release" in names:
            content = json.dumps([template, sorted(used.items())])
            digest = hashlib.sha256(content.encode()).hexdigest()
            used["Release"] = digest[:12]
        prefix = parameters.get("ResourcePrefix", "")
        tags = {"application": "smart-budget-planner", "stage": prefix.rstrip("-")}
        tags["stage"] = tags["stage"] or "main"
        return cls(formation, stack_name(part, prefix), template, used, tags)

    def deploy(self) -> bool:
        """Create or update the stack if it differs, and return whether it did."""
        stack = self._find()
        if stack and self._is_deployed(stack):
            return False
        if stack and stack["StackStatus"] not in WORKING:
            self.formation.delete_stack(StackName=self.name)
            self._wait()
            stack = None
        self._apply(stack)
        return True

    def outputs(self) -> dict[str, str]:
        """Return {output: value}, empty if there is no stack."""
        stack = self._find() or {}
        return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}

    def _find(self) -> dict[str, Any] | None:
        try:
            stacks = self.formation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as exc:
            if "does not exist" in str(exc):
                return None
            raise
        existing = [s for s in stacks if s["StackStatus"] != "DELETE_COMPLETE"]
        return existing[0] if existing else None

    def _is_deployed(self, stack: dict[str, Any]) -> bool:
        parameters = stack.get("Parameters", [])
        current = {p["ParameterKey"]: p["ParameterValue"] for p in parameters}
        tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
        if stack["StackStatus"] not in WORKING or tags != self.tags:
            return False
        if any(current.get(name) != value for name, value in self.parameters.items()):
            return False
        deployed = self.formation.get_template(
            StackName=self.name, TemplateStage="Original"
        )
        return bool(deployed["TemplateBody"] == self.template)

    def _apply(self, stack: dict[str, Any] | None) -> None:
        known = {event["EventId"] for event in self._events()} if stack else set()
        change = self.formation.update_stack if stack else self.formation.create_stack
        try:
            change(
                StackName=self.name,
                TemplateBody=self.template,
                Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
                Parameters=[
                    {"ParameterKey": name, "ParameterValue": value}
                    for name, value in self.parameters.items()
                ],
                Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
            )
        except ClientError as exc:
            message = exc.response["Error"]["Message"]
            if "No updates are to be performed" in message and stack:
                return
            raise LocalError(f"The deployment was refused: {message}") from exc
        done = self._wait()
        if done is None or done["StackStatus"] not in {
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
        }:
            raise LocalError(self._failure(known, done))

    def _wait(self) -> dict[str, Any] | None:
        deadline = time.monotonic() + DEPLOY_SECONDS
        stack = self._find()
        while stack and stack["StackStatus"].endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise LocalError(f"The deployment took over {DEPLOY_SECONDS} seconds.")
            time.sleep(0.05)
            stack = self._find()
        return stack

    def _events(self) -> list[dict[str, Any]]:
        response = self.formation.describe_stack_events(StackName=self.name)
        return list(response["StackEvents"])

    def _failure(self, known: set[str], stack: dict[str, Any] | None) -> str:
        """Return a sentence about the first resource that failed, with its reason.

        known: ids of earlier events, which are ignored.
        """
        failed = [
            event
            for event in self._events()
            if event["EventId"] not in known
            and event["ResourceStatus"].endswith("_FAILED")
            and event.get("ResourceStatusReason")
        ]
        if not failed:
            status = stack["StackStatus"] if stack else "gone"
            return f"The deployment failed: the stack {self.name} is {status}."
        first = min(failed, key=lambda event: event["Timestamp"])
        return (
            f"The deployment failed at {first['LogicalResourceId']}"
            f" ({first['ResourceType']}): {first['ResourceStatusReason']}"
        )


def _upload(s3: Any, zips: Mapping[str, Path]) -> None:
    """Upload the zips to the bucket that Lambda reads."""
    try:
        s3.create_bucket(Bucket=CODE_BUCKET)
    except ClientError as exc:
        if exc.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise
    uploaded = _uploaded(s3)
    for path in zips.values():
        if path.name not in uploaded:
            s3.put_object(Bucket=CODE_BUCKET, Key=path.name, Body=path.read_bytes())


def _delete_old_zips(s3: Any, zips: Mapping[str, Path]) -> None:
    """Delete earlier builds, but only after the update, which may roll back to them."""
    for key in _uploaded(s3) - {path.name for path in zips.values()}:
        s3.delete_object(Bucket=CODE_BUCKET, Key=key)


def _uploaded(s3: Any) -> set[str]:
    listed = s3.list_objects_v2(Bucket=CODE_BUCKET).get("Contents", [])
    return {item["Key"] for item in listed}
