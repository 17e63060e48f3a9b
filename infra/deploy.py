"""Deploy a stage's observability, Lambdas, canary and web; run by the pipeline.

    python -m infra.deploy --image REGISTRY/smart-budget-planner:TAG --zips FOLDER
        --release NAME

FOLDER contains the zips of infra.build_lambdas; missing ones are built there.
Environment variables (docs/deploying.md): CODE_BUCKET, DELIVERY_ROLE_ARN and
STACK_PARAMETERS, a JSON object of the templates' parameters. Outputs of the data stack
are parameters too. Administrators deploy the roles, the data and the pipeline's
permissions themselves: a pipeline that could change them could grant itself any
permission.

The web stack determines which bundle runs. If the servers do not become healthy with a
new bundle, or the smoke test or the canary fails, the stack is rolled back. Two things
are read from the environment: its platform, which managed updates raise, and its load
balancer, which alarms watch.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra import build_lambdas, bundle, smoke
from infra.build_lambdas import AWS_LAMBDA, ROOT, BuildError
from infra.changesets import DeployError, Stacks, State

CANARY_SECONDS = 150  # more than its Lambda's timeout
HEALTH_SECONDS = 900  # until new servers must be healthy
GONE = {"Terminating", "Terminated"}


def main() -> None:
    """Deploy, or exit with the reason for the failure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", required=True)
    parser.add_argument("--zips", type=Path, required=True)
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
    environment = Environment(
        boto3.client("elasticbeanstalk"),
        boto3.client("resourcegroupstaggingapi"),
        f"{prefix}smart-budget-planner-env",
    )
    try:
        parameters = {
            **stacks.outputs(stack_name("data", prefix)),
            **stack_parameters,
            **environment.load_balancer(),
            "CodeBucket": code.name,
            "LambdaRuntime": f"python{AWS_LAMBDA.python_version}",
            "Release": options.release,
            **code.put_zips(options.zips),
            **code.put_bundle(options.image),
        }
        for part in ("observability", "functions", "canary"):
            stacks.deploy(stack_name(part, prefix), target_state(part, parameters))
        web = stack_name("web", prefix)
        release_web(
            stacks,
            web,
            target_state("web", parameters),
            environment,
            lambda: check(
                parameters["AppUrl"], stacks.outputs(web)["EndpointUrl"], prefix
            ),
        )
        watched = {**parameters, **environment.load_balancer()}
        if "LoadBalancer" not in watched:
            stacks.print_line(
                "::warning::The load balancer was not found: it has no alarms."
            )
        if watched != parameters:  # a new environment
            stacks.deploy(
                stack_name("observability", prefix),
                target_state("observability", watched),
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

    def put_zips(self, folder: Path) -> dict[str, str]:
        """Upload the Lambdas' zips, build missing ones; return {parameter: key}."""
        zips = build_lambdas.build(folder, AWS_LAMBDA)
        zips = {**zips, "canary": build_lambdas.build_canary(folder)}
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


class Environment:
    """The environment of Elastic Beanstalk, which the web's stack creates."""

    def __init__(self, beanstalk: Any, tagging: Any, name: str) -> None:
        self.beanstalk = beanstalk
        self.tagging = tagging
        self.name = name

    def keep_platform(self, state: State) -> State:
        """Return a state with the newer of its platform and the running one.

        A managed update may have raised the running one since the last deployment.
        """
        given = state.parameters.get("PlatformArn", "")
        running = (self._describe() or {}).get("PlatformArn", "")
        newer = max(given, running, key=platform_version)
        return State(state.template, {**state.parameters, "PlatformArn": newer})

    def load_balancer(self) -> dict[str, str]:
        """Return the parameters LoadBalancer and TargetGroup, empty if unknown.

        Why by tags: docs/aws.md#tags-of-an-environment
        """
        environment = self._describe()
        if environment is None:
            return {}
        tagged = self.tagging.get_resources(
            TagFilters=[
                {
                    "Key": "elasticbeanstalk:environment-id",
                    "Values": [environment["EnvironmentId"]],
                }
            ],
            ResourceTypeFilters=[
                "elasticloadbalancing:loadbalancer",
                "elasticloadbalancing:targetgroup",
            ],
        )["ResourceTagMappingList"]
        ends = [resource["ResourceARN"].split(":", 5)[5] for resource in tagged]
        balancers = [end for end in ends if end.startswith("loadbalancer/")]
        groups = [end for end in ends if end.startswith("targetgroup/")]
        if len(balancers) != 1 or len(groups) != 1:
            return {}
        return {
            "LoadBalancer": balancers[0].removeprefix("loadbalancer/"),
            "TargetGroup": groups[0],
        }

    def require_healthy(self, *, poll_seconds: float = 10) -> None:
        """Wait until it is healthy; raise DeployError after HEALTH_SECONDS."""
        deadline = time.monotonic() + HEALTH_SECONDS
        while True:
            description = self._describe() or {}
            status, health = description.get("Status"), description.get("HealthStatus")
            if status == "Ready" and health == "Ok":
                return
            if time.monotonic() >= deadline:
                raise DeployError(f"{self.name} is {status} and {health}.")
            time.sleep(poll_seconds)

    def _describe(self) -> Any:
        """Return its description, or None if it does not exist."""
        environments = self.beanstalk.describe_environments(
            EnvironmentNames=[self.name], IncludeDeleted=False
        )["Environments"]
        return next((e for e in environments if e["Status"] not in GONE), None)


def platform_version(arn: str) -> list[int]:
    """Return the version in a platform's ARN, for comparisons."""
    return [int(number) for number in re.findall(r"\d+", arn.rpartition("/")[2])]


def release_web(
    stacks: Stacks,
    name: str,
    state: State,
    environment: Environment,
    check: Callable[[], None],
) -> None:
    """Deploy the web's stack, and roll it back if the servers are not healthy.

    Raises DeployError or SmokeError if they are not, even after rolling back.
    """
    before = stacks.state(name)
    if before:
        before = environment.keep_platform(before)
    # CloudFormation itself rolls back a failed deployment.
    changed = stacks.deploy(name, environment.keep_platform(state))
    try:
        environment.require_healthy()
        check()
    except (DeployError, smoke.SmokeError):
        if before and changed:
            stacks.print_line(f"{name}: rolling back")
            stacks.deploy(name, before)
        raise


def check(url: str, endpoint: str, prefix: str) -> None:
    """Request pages, then run the canary if the host of `url` has a DNS record.

    endpoint: name of the load balancer. Raises SmokeError or DeployError.
    """
    smoke.check(url, endpoint)
    if not smoke.has_dns_record(url):
        return
    # One attempt: botocore would start a second run while the first one lasts.
    once = Config(read_timeout=CANARY_SECONDS, retries={"total_max_attempts": 1})
    run_canary(boto3.client("lambda", config=once), f"{prefix}canary")


def run_canary(client: Any, function: str) -> None:
    """Run the canary once. Raises DeployError with the step that failed."""
    try:
        response = client.invoke(FunctionName=function)
        result = json.loads(response["Payload"].read())
    except (BotoCoreError, ClientError) as exc:
        raise DeployError(f"The canary could not be run: {exc}") from exc
    if "FunctionError" in response:
        raise DeployError(f"The canary failed: {result.get('errorMessage', result)}")


if __name__ == "__main__":
    main()
