"""Find a deployed stage, for the commands of operators.

Every command names its stage, so that none changes production by default:

    python -m infra.restore --stage main ...     # ResourcePrefix is empty
    python -m infra.restore --stage test- ...

Commands only print what they would do unless they get --apply.

Why: docs/decisions.md#commands-of-operators-keep-no-state-of-their-own
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra import templates
from infra.deploy import stack_name

MAIN = "main"  # the stage whose prefix is empty
PREFIX = re.compile(
    templates.read("data")["Parameters"]["ResourcePrefix"]["AllowedPattern"]
)


class StageError(RuntimeError):
    """A command must not go on; the message is the reason and what to do."""


@dataclass(frozen=True)
class Stage:
    """A stage of one account and region."""

    prefix: str
    session: Any  # of boto3
    account: str
    parameters: Mapping[str, str]  # of the data stack
    tags: Mapping[str, str]  # of the data stack, and so of its resources
    stack_name: Callable[[str, str], str] = stack_name
    apply: bool = False  # otherwise changes are only printed
    print_line: Callable[[str], None] = print
    sleep: Callable[[float], None] = time.sleep
    poll_seconds: float = 15
    changes: list[str] = field(default_factory=list)  # made, or printed without --apply

    def client(self, service: str) -> Any:
        """Return a client of an AWS service."""
        return self.session.client(service)

    def change(self, name: str, call: Callable[..., object], **arguments: Any) -> None:
        """Print a change, and make it with --apply. name: begins with a verb."""
        self.changes.append(name)
        self.print_line(name if self.apply else f"would {name}")
        if self.apply:
            call(**arguments)

    def wait(self, what: str, is_done: Callable[[], bool], minutes: float) -> None:
        """Wait until `is_done()`. Raises StageError after some `minutes`."""
        waited = 0.0
        while not is_done():
            if waited >= minutes * 60:
                raise StageError(
                    f"{what}: not finished after {minutes:g} minutes. AWS continues;"
                    " run the same command again to go on waiting."
                )
            self.sleep(self.poll_seconds)
            waited += self.poll_seconds


def find(
    name: str,
    session: Any,
    stack_name: Callable[[str, str], str] = stack_name,
    **fields: Any,
) -> Stage:
    """Return the stage with this name. Raises StageError if it is not deployed.

    name: MAIN or a prefix, such as `test-`. fields: others of Stage.
    """
    prefix = "" if name == MAIN else name
    if not PREFIX.fullmatch(prefix) or name == "":
        raise StageError(
            f"A stage is {MAIN} or a prefix with its hyphen, as in test-; not {name!r}."
        )
    account = session.client("sts").get_caller_identity()["Account"]
    stack = stack_name("data", prefix)
    try:
        stacks = session.client("cloudformation").describe_stacks(StackName=stack)
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise StageError(
            f"There is no stack {stack} in account {account}, region"
            f" {session.region_name}. Is this the right stage, account and region?"
        ) from error
    (description,) = stacks["Stacks"]
    return Stage(
        prefix,
        session,
        account,
        {
            parameter["ParameterKey"]: parameter["ParameterValue"]
            for parameter in description.get("Parameters", [])
        },
        {tag["Key"]: tag["Value"] for tag in description.get("Tags", [])},
        stack_name,
        **fields,
    )


def parser(
    module: str, description: str | None, steps: Iterable[str]
) -> argparse.ArgumentParser:
    """Return a parser of the arguments that all commands have."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("step", choices=steps)
    parser.add_argument(
        "--stage", required=True, help=f"{MAIN}, or a prefix such as test-"
    )
    parser.add_argument(
        "--apply", action="store_true", help="make the changes instead of printing them"
    )
    return parser


def run(options: argparse.Namespace, command: Callable[[Stage], None]) -> None:
    """Run a command for the stage of `options`, or exit with the reason.

    The region is that of AWS_REGION, as for the AWS CLI, or of the profile.
    """
    try:
        session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
        stage = find(options.stage, session, apply=options.apply)
        stage.print_line(
            f"Stage {options.stage}, account {stage.account}, {session.region_name}."
        )
        command(stage)
    except (StageError, ClientError, BotoCoreError) as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit("Stopped. Run the same command again to continue.")
    if not stage.changes:
        stage.print_line("There was nothing to change.")
    elif not stage.apply:
        stage.print_line("Nothing was changed. Add --apply to do this.")
