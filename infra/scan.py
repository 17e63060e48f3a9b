"""Wait for ECR's scan of an image, and reject critical findings that are not accepted.

    python -m infra.scan smart-budget-planner TAG

accepted_vulnerabilities.toml lists those that are. Why not `aws ecr wait`:
docs/decisions.md#critical-findings-stop-a-release-unless-accepted
"""

import datetime
import sys
import time
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

ACCEPTED = Path(__file__).parent / "accepted_vulnerabilities.toml"
ACCEPTED_DAYS = 90  # at most
WAIT_SECONDS = 900
# COMPLETE after a scan on push, ACTIVE during Inspector's continuous scan
# (docs/aws.md#findings-of-a-scan).
DONE = {"COMPLETE", "ACTIVE"}


class ScanError(RuntimeError):
    """An image must not be deployed; the message is the reason."""


def accepted(text: str, today: datetime.date) -> set[str]:
    """Return the vulnerabilities that are accepted today.

    text: TOML, a table with `reason` and `until` (the last day) for each.
    Raises ScanError for an entry without these, or with a day too far ahead.
    """
    names = set()
    for name, entry in tomllib.loads(text).items():
        until = entry.get("until")
        if not entry.get("reason") or type(until) is not datetime.date:
            raise ScanError(f"{name} is accepted without a reason or a last day.")
        if until > today + datetime.timedelta(days=ACCEPTED_DAYS):
            raise ScanError(f"{name} is accepted for more than {ACCEPTED_DAYS} days.")
        if today <= until:
            names.add(name)
    return names


def require_clean(
    ecr: Any,
    repository: str,
    tag: str,
    accepted: Collection[str] = (),
    *,
    poll_seconds: float = 5,
) -> dict[str, int]:
    """Wait for an image's scan, and return {severity: number of findings}.

    accepted: names of critical findings that are allowed. Raises ScanError for others,
    or if the image could not be scanned.
    """
    counts = _wait(ecr, repository, tag, poll_seconds)
    refused = sorted(set(_critical(ecr, repository, tag)) - set(accepted))
    if refused:
        raise ScanError(
            f"{repository}:{tag} has critical findings: {', '.join(refused)}"
        )
    return counts


def _wait(ecr: Any, repository: str, tag: str, poll_seconds: float) -> dict[str, int]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        status, findings = _findings(ecr, repository, tag)
        if status in DONE:
            return dict(findings.get("findingSeverityCounts", {}))
        if status not in {"PENDING", "IN_PROGRESS"}:
            raise ScanError(f"{repository}:{tag} could not be scanned: {status}")
        if time.monotonic() >= deadline:
            raise ScanError(f"{repository}:{tag} is still {status} after a long wait.")
        time.sleep(poll_seconds)


def _findings(ecr: Any, repository: str, tag: str) -> tuple[str, dict[str, Any]]:
    try:
        response = ecr.describe_image_scan_findings(
            repositoryName=repository, imageId={"imageTag": tag}
        )
    except ClientError as exc:
        if exc.response["Error"]["Code"] == "ScanNotFoundException":
            return "PENDING", {}  # right after the push
        raise
    return response["imageScanStatus"]["status"], response.get("imageScanFindings", {})


def _critical(ecr: Any, repository: str, tag: str) -> Iterator[str]:
    """Yield the names of critical findings, such as CVE-2026-12345."""
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(
        repositoryName=repository, imageId={"imageTag": tag}
    )
    for page in pages:
        findings = page.get("imageScanFindings", {})
        for finding in findings.get("findings", []):
            if finding["severity"] == "CRITICAL":
                yield finding["name"]
        for finding in findings.get("enhancedFindings", []):
            # Inspector's own rules may suppress a finding.
            if finding["severity"] == "CRITICAL" and finding["status"] == "ACTIVE":
                details = finding.get("packageVulnerabilityDetails", {})
                yield details.get("vulnerabilityId", finding["title"])


def main() -> None:
    """Check the image given on the command line, or exit with the reason."""
    repository, tag = sys.argv[1:]
    today = datetime.datetime.now(datetime.UTC).date()
    try:
        allowed = accepted(ACCEPTED.read_text(), today)
        counts = require_clean(boto3.client("ecr"), repository, tag, allowed)
    except ScanError as exc:
        sys.exit(f"::error::{exc}")
    print(f"{repository}:{tag} was scanned: {counts or 'nothing found'}")  # noqa: T201


if __name__ == "__main__":
    main()
