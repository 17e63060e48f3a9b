"""Change CloudFormation stacks through change sets: create, print, then execute.

Why not the AWS CLI: docs/decisions.md#the-pipeline-executes-its-own-change-sets
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

CAPABILITIES = ["CAPABILITY_AUTO_EXPAND", "CAPABILITY_NAMED_IAM"]
DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
WORKING = {
    *DONE,
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
}
NO_REASON = "CloudFormation gave no reason."
# CloudFormation's reasons for a change set without changes.
NO_CHANGE = ("didn't contain changes", "No updates are to be performed")


class DeployError(RuntimeError):
    """A deployment failed; the message names the resource and the reason."""


@dataclass(frozen=True)
class State:
    """A stack's template and parameters, enough to restore it."""

    template: str
    parameters: Mapping[str, str]


class Stacks:
    """The stacks of one account and region."""

    def __init__(
        self,
        formation: Any,
        *,
        tags: Mapping[str, str],
        role_arn: str | None = None,
        print_line: Callable[[str], None] = print,
        poll_seconds: float = 5,
    ) -> None:
        """formation: client. role_arn: the role with which CloudFormation works."""
        self.formation = formation
        self.tags = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.role = {"RoleARN": role_arn} if role_arn else {}
        self.print_line = print_line
        self.poll_seconds = poll_seconds

    def deploy(self, name: str, target: State) -> bool:
        """Deploy a state to a stack and return whether anything changed.

        Parameters that the template does not declare are ignored. Safe to repeat.
        Raises DeployError with the first resource that failed and its reason.
        """
        stack = self._wait_until_settled(name)
        change = self._prepare(name, target, exists=stack is not None)
        if change is None:
            self.print_line(f"{name}: no changes")
            return False
        for line in _lines(change):
            self.print_line(f"{name}: {line}")
        known = self._event_ids(name)
        self.formation.execute_change_set(ChangeSetName=change["ChangeSetId"])
        self._wait(lambda: self._is_executed(change["ChangeSetId"]) or None)
        done = self._wait(lambda: self._settled_status(name))
        if done not in DONE:
            raise DeployError(f"{name} is {done}. {self._reason(name, known)}")
        return True

    def state(self, name: str) -> State | None:
        """Return the current state of a stack, or None if it does not exist."""
        stack = self._find(name)
        if stack is None:
            return None
        template = self.formation.get_template(
            StackName=name, TemplateStage="Original"
        )["TemplateBody"]
        parameters = {
            p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])
        }
        return State(template, parameters)

    def outputs(self, name: str) -> dict[str, str]:
        """Return {output: value}, empty if the stack does not exist."""
        outputs = (self._find(name) or {}).get("Outputs", [])
        return {o["OutputKey"]: o["OutputValue"] for o in outputs}

    def _prepare(self, name: str, target: State, *, exists: bool) -> Any:
        """Create a change set and return it, or None if it would change nothing."""
        known = self.formation.validate_template(TemplateBody=target.template)
        names = {p["ParameterKey"] for p in known.get("Parameters", [])}
        change_set_id = self.formation.create_change_set(
            StackName=name,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType="UPDATE" if exists else "CREATE",
            TemplateBody=target.template,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in target.parameters.items()
                if key in names
            ],
            Capabilities=CAPABILITIES,
            Tags=self.tags,
            **self.role,
        )["Id"]
        change = self._wait(lambda: self._prepared(change_set_id))
        if change["Status"] != "FAILED":
            return change
        self.formation.delete_change_set(ChangeSetName=change_set_id)
        reason = change.get("StatusReason", NO_REASON)
        if any(words in reason for words in NO_CHANGE):
            return None
        raise DeployError(f"{name} cannot be changed: {reason}")

    def _prepared(self, change_set: str) -> Any:
        description = self.formation.describe_change_set(ChangeSetName=change_set)
        changes = description["Changes"]
        while token := description.get("NextToken"):
            description = self.formation.describe_change_set(
                ChangeSetName=change_set, NextToken=token
            )
            changes += description["Changes"]
        waiting = description["Status"] in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}
        return None if waiting else {**description, "Changes": changes}

    def _is_executed(self, change_set: str) -> bool:
        """Return whether an execution has ended.

        Until then, the stack may still have its status from before
        (docs/aws.md#executing-a-change-set).
        """
        description = self.formation.describe_change_set(ChangeSetName=change_set)
        return description["ExecutionStatus"] not in {
            "AVAILABLE",
            "EXECUTE_IN_PROGRESS",
        }

    def _wait_until_settled(self, name: str) -> Any:
        """Wait until no change is in progress; return the stack, or None if new.

        Raises DeployError if an earlier failure left it unusable.
        """
        status = self._wait(lambda: self._settled_status(name))
        if status == "NONE":
            return None
        if status not in WORKING:
            raise DeployError(f"{name} is {status}; delete it, or repair it first.")
        return self._find(name)

    def _settled_status(self, name: str) -> str | None:
        stack = self._find(name)
        # A change set for a new stack that was never executed leaves it in review.
        if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            return "NONE"
        status = str(stack["StackStatus"])
        return None if status.endswith("_IN_PROGRESS") else status

    def _find(self, name: str) -> Any:
        try:
            return self.formation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as exc:
            if "does not exist" in str(exc):
                return None
            raise

    def _wait(self, poll: Callable[[], Any]) -> Any:
        """Call `poll` until its result is not None, and return the result.

        There is no time limit, since CloudFormation has one.
        """
        while (result := poll()) is None:
            time.sleep(self.poll_seconds)
        return result

    def _events(self, name: str) -> list[Any]:
        pages = self.formation.get_paginator("describe_stack_events")
        return list(pages.paginate(StackName=name).search("StackEvents"))

    def _event_ids(self, name: str) -> set[str]:
        return {event["EventId"] for event in self._events(name)}

    def _reason(self, name: str, known: set[str]) -> str:
        failed = [
            event
            for event in self._events(name)
            if event["EventId"] not in known
            and event["ResourceStatus"].endswith("_FAILED")
            and event.get("ResourceStatusReason")
        ]
        if not failed:
            return NO_REASON
        first = min(failed, key=lambda event: event["Timestamp"])
        return f"{first['LogicalResourceId']}: {first['ResourceStatusReason']}"


def _lines(change: Any) -> list[str]:
    changes = [item["ResourceChange"] for item in change["Changes"]]
    return [
        f"{item['Action'].lower()} {item['LogicalResourceId']} ({item['ResourceType']})"
        + (" by a new one" if item.get("Replacement") == "True" else "")
        for item in changes
    ]
