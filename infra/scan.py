"""Wait for ECR's scan of an image, and fail if it has critical findings.

python -m infra.scan smart-budget-planner TAG
"""

import sys
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

WAIT_SECONDS = 900
# COMPLETE after a scan on push, ACTIVE during Inspector's continuous scan.
DONE = {"COMPLETE", "ACTIVE"}
REFUSED = "CRITICAL"


class ScanError(RuntimeError):
    """An image must not be deployed; the message is the reason."""


def require_clean(
    ecr: Any, repository: str, tag: str, *, poll_seconds: float = 5
) -> dict[str, int]:
    """Wait for an image's scan, and return {severity: number of findings}.

    Raises ScanError for a critical finding, or if the image could not be scanned.
    """
    counts = _wait(ecr, repository, tag, poll_seconds)
    if counts.get(REFUSED):
        names = ", ".join(sorted(_critical(ecr, repository, tag)))
        raise ScanError(f"{repository}:{tag} has critical findings: {names}")
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


def _critical(ecr: Any, repository: str, tag: str) -> set[str]:
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(
        repositoryName=repository, imageId={"imageTag": tag}
    )
    names = set()
    for page in pages:
        findings = page["imageScanFindings"]
        for finding in findings.get("findings", []):
            names.add((finding["severity"], finding["name"]))
        for finding in findings.get("enhancedFindings", []):
            names.add((finding["severity"], finding["title"]))
    return {name for severity, name in names if severity == REFUSED}


def main() -> None:
    """Check the image given on the command line, or exit with the reason."""
    repository, tag = sys.argv[1:]
    try:
        counts = require_clean(boto3.client("ecr"), repository, tag)
    except ScanError as exc:
        sys.exit(f"::error::{exc}")
    print(f"{repository}:{tag} was scanned: {counts or 'nothing found'}")  # noqa: T201


if __name__ == "__main__":
    main()
