"""Deploy a stage's observability, Lambdas and web servers, as the pipeline does.

    python -m infra.deploy --image REGISTRY/smart-budget-planner:TAG --release NAME

The rest comes from the environment (docs/deploying.md): CODE_BUCKET, DELIVERY_ROLE_ARN
and STACK_PARAMETERS, a JSON object of the templates' parameters; what data.yaml made is
read from its outputs. Roles, data and the pipeline's own rights a person deploys, since
a pipeline that changes them could give itself any right.

The web's stack holds which bundle runs. If the servers do not get well with a new one,
or do not answer as they should, the stack goes back to what it was.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3

from infra import build_lambdas, bundle, smoke
from infra.build_lambdas import AWS_LAMBDA, ROOT, BuildError
from infra.changesets import DeployError, Stacks, State

HEALTH_SECONDS = 900  # until new servers must be well; they have to be twelve times


def main() -> None:
    """Deploy, or end with the reason why not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", required=True)
    parser.add_argument("--release", required=True)
    options = parser.parse_args()
    given = json.loads(os.environ["STACK_PARAMETERS"])
    prefix = given.get("ResourcePrefix", "")
    stacks = Stacks(
        boto3.client("cloudformation"),
        role_arn=os.environ.get("DELIVERY_ROLE_ARN"),
        tags={"application": "smart-budget-planner", "stage": prefix[:-1] or "main"},
    )
    code = CodeBucket(boto3.client("s3"), os.environ["CODE_BUCKET"])
    try:
        parameters = {
            **stacks.outputs(stack_name("data", prefix)),
            **given,
            "CodeBucket": code.name,
            "LambdaRuntime": f"python{AWS_LAMBDA.python_version}",
            "Release": options.release,
            **code.put_zips(),
            **code.put_bundle(options.image),
        }
        for part in ("observability", "functions"):
            stacks.deploy(stack_name(part, prefix), wanted(part, parameters))
        release_web(
            stacks,
            stack_name("web", prefix),
            wanted("web", parameters),
            lambda name: require_well(boto3.client("elasticbeanstalk"), name),
            lambda: smoke.check(given["AppUrl"]),
        )
    except (BuildError, DeployError, smoke.SmokeError) as exc:
        sys.exit(f"::error::{exc}")


def stack_name(part: str, prefix: str) -> str:
    """Name a part's stack."""
    return f"{prefix}smart-budget-{part}"


def wanted(part: str, parameters: Mapping[str, str]) -> State:
    """Return what a part's stack should be."""
    return State((ROOT / "infra" / f"{part}.yaml").read_text(), parameters)


class CodeBucket:
    """Where CloudFormation and Elastic Beanstalk fetch what runs."""

    def __init__(self, s3: Any, name: str) -> None:
        self.s3 = s3
        self.name = name

    def put_zips(self) -> dict[str, str]:
        """Build and upload the Lambdas' zips; return {parameter: key}."""
        zips = build_lambdas.build(ROOT / ".local-build" / "lambdas-aws", AWS_LAMBDA)
        for path in zips.values():
            self._put(path.name, path)
        return {_code_parameter(name): path.name for name, path in zips.items()}

    def put_bundle(self, image: str) -> dict[str, str]:
        """Make and upload the web's bundle; return {parameter: key}."""
        with tempfile.TemporaryDirectory() as folder:
            path = bundle.build(image, Path(folder) / "web.zip")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            key = f"web-{digest[:20]}.zip"
            self._put(key, path)
        return {"BundleKey": key}

    def _put(self, key: str, path: Path) -> None:
        """Upload a file, unless it is there: a key names its content."""
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix=key)
        if not found.get("Contents"):
            self.s3.put_object(Bucket=self.name, Key=key, Body=path.read_bytes())


def _code_parameter(function: str) -> str:
    return "".join(part.title() for part in function.split("_")) + "CodeKey"


def release_web(
    stacks: Stacks,
    name: str,
    state: State,
    require_well: Callable[[str], None],
    check: Callable[[], None],
) -> None:
    """Bring the web's stack to a state in which it is well, or back to what it was.

    require_well: takes the environment's name. Raises DeployError or SmokeError when it
    was not well, whether or not there was anything to go back to.
    """
    before = stacks.state(name)
    changed = stacks.deploy(
        name, state
    )  # a failed one CloudFormation takes back itself
    try:
        require_well(stacks.outputs(name)["EnvironmentName"])
        check()
    except (DeployError, smoke.SmokeError):
        if before and changed:
            stacks.say(f"{name}: goes back to what it was")
            stacks.deploy(name, before)
        raise


def require_well(beanstalk: Any, environment: str, *, poll_seconds: float = 10) -> None:
    """Wait until an environment is well. Raises DeployError after HEALTH_SECONDS."""
    deadline = time.monotonic() + HEALTH_SECONDS
    while True:
        (found,) = beanstalk.describe_environments(
            EnvironmentNames=[environment], IncludeDeleted=False
        )["Environments"]
        status, health = found["Status"], found.get("HealthStatus")
        if status == "Ready" and health == "Ok":
            return
        if time.monotonic() >= deadline:
            raise DeployError(f"{environment} is {status} and {health}, not well.")
        time.sleep(poll_seconds)


if __name__ == "__main__":
    main()
