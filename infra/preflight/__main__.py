"""Check everything that a deployment needs, without changing anything.

    python -m infra.preflight stage.json

stage.json has the parameters of all templates (docs/operations.md#first-deployment).
The exit code is 1 if something would stop the deployment or could not be checked.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.preflight import account, keys, mail, names, network, stacks, values, web
from infra.preflight.findings import Finding, Level, unknown
from infra.preflight.plan import Plan

Check = Callable[[Plan], Iterator[Finding]]
CHECKS: dict[str, Check] = {
    "credentials": account.check_identity,
    "account": account.check_account,
    "parameters": values.check_values,
    "relations": values.check_relations,
    "address": values.check_address,
    "GitHub": values.check_trust,
    "GitHub's provider": stacks.check_provider,
    "stacks": stacks.check_stacks,
    "buckets": names.check_buckets,
    "names": names.check_names,
    "service-linked roles": account.check_service_linked_roles,
    "Lambdas": account.check_concurrency,
    "servers": account.check_servers,
    "disks": account.check_disks,
    "network": network.check_network,
    "certificate": web.check_certificate,
    "platform": web.check_platform,
    "environment": web.check_environment,
    "DNS": web.check_dns,
    "image scans": account.check_scans,
    "e-mail": mail.check_mail,
    "operators": stacks.check_operators,
    "key": keys.check_key,
}
FAILING = {Level.STOP, Level.UNKNOWN}


def findings(check: Check, plan: Plan) -> Iterator[Finding]:
    """Yield what a check finds. A call that fails is a finding, too."""
    try:
        yield from check(plan)
    except ClientError as exc:
        error = exc.response["Error"]
        yield unknown(
            f"not checked: {exc.operation_name} failed with {error['Code']}:"
            f" {error['Message']}"
        )
    except BotoCoreError as exc:
        yield unknown(f"not checked: {exc}")


def report(plan: Plan) -> int:
    """Print all findings and return the exit code."""
    counts = dict.fromkeys(Level, 0)
    for name, check in CHECKS.items():
        for finding in findings(check, plan):
            counts[finding.level] += 1
            _print(f"{finding.level:8}{name}: {finding.text}")
            if finding.command:
                _print(f"{'':10}{finding.command}")
            if check is account.check_identity and finding.level == Level.UNKNOWN:
                return 1  # without credentials, nothing else can be checked
    _print(", ".join(f"{number} {level}" for level, number in counts.items()))
    return int(any(counts[level] for level in FAILING))


def main() -> None:
    """Check the stage of a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    text = parser.parse_args().file.read_text()
    try:
        parameters = json.loads(text)["Parameters"]
    except (json.JSONDecodeError, KeyError, TypeError):
        sys.exit(
            'The file must be JSON: {"Parameters": {"AppUrl": "https://...", ...}}'
        )
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))  # as the AWS CLI
    if not session.region_name:
        sys.exit("There is no region. export AWS_REGION=eu-west-1")
    sys.exit(report(Plan(parameters, session)))


def _print(line: str) -> None:
    print(line)  # noqa: T201


if __name__ == "__main__":
    main()
