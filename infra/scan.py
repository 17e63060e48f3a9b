"""Wait for ECR's scan of an image, and fail where it found what is critical.

python -m infra.scan smart-budget-planner TAG
"""

import sys
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

WAIT_SECONDS = 900
# COMPLETE of a scan on push, ACTIVE of one that goes on (Inspector's).
DONE = {"COMPLETE", "ACTIVE"}
REFUSED = "CRITICAL"


class ScanError(RuntimeError):
    """An image may not be deployed; the message says why."""


def require_clean(
    ecr: Any, repository: str, tag: str, *, poll_seconds: float = 5
) -> dict[str, int]:
    """Return {severity: findings} of an image. Raises ScanError.

    One that could not be scanned is refused as well.
    """
    counts = _wait(ecr, repository, tag, poll_seconds)
    if counts.get(REFUSED):
        names = ", ".join(sorted(_critical(ecr, repository, tag)))
        raise ScanError(f"{repository}:{tag} has critical findings: {names}")
    return counts


def _wait(ecr: Any, repository: str, tag: str, poll_seconds: float) -> dict[str, int]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        status, found = _findings(ecr, repository, tag)
        if status in DONE:
            return dict(found.get("findingSeverityCounts", {}))
        if status not in {"PENDING", "IN_PROGRESS"}:
            raise ScanError(f"{repository}:{tag} could not be scanned: {status}")
        if time.monotonic() >= deadline:
            raise ScanError(f"{repository}:{tag} is still {status} after a long wait.")
        time.sleep(poll_seconds)


def _findings(ecr: Any, repository: str, tag: str) -> tuple[str, dict[str, Any]]:
    try:
        answer = ecr.describe_image_scan_findings(
            repositoryName=repository, imageId={"imageTag": tag}
        )
    except ClientError as exc:
        if exc.response["Error"]["Code"] == "ScanNotFoundException":
            return "PENDING", {}  # it was pushed only just now
        raise
    return answer["imageScanStatus"]["status"], answer.get("imageScanFindings", {})


def _critical(ecr: Any, repository: str, tag: str) -> set[str]:
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(
        repositoryName=repository, imageId={"imageTag": tag}
    )
    names = set()
    for page in pages:
        found = page["imageScanFindings"]
        for finding in found.get("findings", []):
            names.add((finding["severity"], finding["name"]))
        for finding in found.get("enhancedFindings", []):
            names.add((finding["severity"], finding["title"]))
    return {name for severity, name in names if severity == REFUSED}


def main() -> None:
    """Check the image that is named, or end with why it may not be deployed."""
    repository, tag = sys.argv[1:]
    try:
        counts = require_clean(boto3.client("ecr"), repository, tag)
    except ScanError as exc:
        sys.exit(f"::error::{exc}")
    print(f"{repository}:{tag} was scanned: {counts or 'nothing found'}")  # noqa: T201


if __name__ == "__main__":
    main()
