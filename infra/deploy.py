"""Deploy a stage's observability, Lambdas and web servers; run by the pipeline.

    python -m infra.deploy --image REGISTRY/smart-budget-planner:TAG --release NAME

Environment variables (docs/deploying.md): CODE_BUCKET, DELIVERY_ROLE_ARN and
STACK_PARAMETERS, a JSON object of the templates' parameters. Outputs of the data stack
are parameters too. Administrators deploy the roles, the data and the pipeline's
permissions themselves: a pipeline that could change them could grant itself any
permission.

The web stack determines which bundle runs. If the servers do not become healthy with a
new bundle, or the smoke test fails, the stack is rolled back.
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

HEALTH_SECONDS = 900  # until new servers must be healthy


def main() -> None:
    """Deploy, or exit with the reason for the failure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", required=True)
    parser.add_argument("--release", required=True)
    options = parser.parse_args()
    stack_parameters = json.loads(os.environ["STACK_PARAMETERS"])
    prefix = stack_parameters.get("ResourcePrefix", "")
    stacks = Stacks(
        boto3.client("cloudformation"),
        role_arn=os.environ.get("DELIVERY_ROLE_ARN"),
        tags={"application": "smart-budget-planner", "stage": prefix[:-1] or "main"},
    )
    code = CodeBucket(boto3.client("s3"), os.environ["CODE_BUCKET"])
    try:
        parameters = {
            **stacks.outputs(stack_name("data", prefix)),
            **stack_parameters,
            "CodeBucket": code.name,
            "LambdaRuntime": f"python{AWS_LAMBDA.python_version}",
            "Release": options.release,
            **code.put_zips(),
            **code.put_bundle(options.image),
        }
        for part in ("observability", "functions"):
            stacks.deploy(stack_name(part, prefix), target_state(part, parameters))
        release_web(
            stacks,
            stack_name("web", prefix),
            target_state("web", parameters),
            lambda name: require_healthy(boto3.client("elasticbeanstalk"), name),
            lambda: smoke.check(stack_parameters["AppUrl"]),
        )
    except (BuildError, DeployError, smoke.SmokeError) as exc:
        sys.exit(f"::error::{exc}")


def stack_name(part: str, prefix: str) -> str:
    """Return the name of a part's stack."""
    return f"{prefix}smart-budget-{part}"


def target_state(part: str, parameters: Mapping[str, str]) -> State:
    """Return the state to deploy to a part's stack."""
    return State((ROOT / "infra" / f"{part}.yaml").read_text(), parameters)


class CodeBucket:
    """The bucket from which CloudFormation and Elastic Beanstalk fetch code."""

    def __init__(self, s3: Any, name: str) -> None:
        self.s3 = s3
        self.name = name

    def put_zips(self) -> dict[str, str]:
        """Build and upload the Lambdas' zips; return {parameter: key}."""
        zips = build_lambdas.build(ROOT / ".local-build" / "lambdas-aws", AWS_LAMBDA)
        for path in zips.values():
            self._put(path.name, path)
        return {
            build_lambdas.code_parameter(name): path.name for name, path in zips.items()
        }

    def put_bundle(self, image: str) -> dict[str, str]:
        """Build and upload the web's bundle; return {parameter: key}."""
        with tempfile.TemporaryDirectory() as folder:
            path = bundle.build(image, Path(folder) / "web.zip")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            key = f"web-{digest[:20]}.zip"
            self._put(key, path)
        return {"BundleKey": key}

    def _put(self, key: str, path: Path) -> None:
        """Upload a file unless its key, which includes a hash, exists already."""
        listing = self.s3.list_objects_v2(Bucket=self.name, Prefix=key)
        if not listing.get("Contents"):
            self.s3.put_object(Bucket=self.name, Key=key, Body=path.read_bytes())


def release_web(
    stacks: Stacks,
    name: str,
    state: State,
    require_healthy: Callable[[str], None],
    check: Callable[[], None],
) -> None:
    """Deploy the web's stack, and roll it back if the servers are not healthy.

    require_healthy: called with the environment's name. Raises DeployError or
    SmokeError if the servers are not healthy, even after rolling back.
    """
    before = stacks.state(name)
    # CloudFormation itself rolls back a failed deployment.
    changed = stacks.deploy(name, state)
    try:
        require_healthy(stacks.outputs(name)["EnvironmentName"])
        check()
    except (DeployError, smoke.SmokeError):
        if before and changed:
            stacks.say(f"{name}: rolling back")
            stacks.deploy(name, before)
        raise


def require_healthy(
    beanstalk: Any, environment: str, *, poll_seconds: float = 10
) -> None:
    """Wait until an environment is healthy; raise DeployError after HEALTH_SECONDS."""
    deadline = time.monotonic() + HEALTH_SECONDS
    while True:
        (description,) = beanstalk.describe_environments(
            EnvironmentNames=[environment], IncludeDeleted=False
        )["Environments"]
        status, health = description["Status"], description.get("HealthStatus")
        if status == "Ready" and health == "Ok":
            return
        if time.monotonic() >= deadline:
            raise DeployError(f"{environment} is {status} and {health}.")
        time.sleep(poll_seconds)


if __name__ == "__main__":
    main()
