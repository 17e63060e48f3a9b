"""Find deleted receipts in the bucket of a stage, which keeps their versions."""

import itertools
from collections.abc import Iterator
from typing import Any

from infra.stage import Stage


def keys_in_use(stage: Stage, user_id: str | None) -> set[str]:
    """Return the keys of the receipts of all expenses, or of one user's."""
    read: dict[str, Any] = {
        "TableName": f"{stage.prefix}expenses",
        "ProjectionExpression": "receipt_url",
    }
    operation = "scan"
    if user_id:
        operation = "query"
        read |= {
            "IndexName": "user_id-index",
            "KeyConditionExpression": "user_id = :user",
            "ExpressionAttributeValues": {":user": {"S": user_id}},
        }
    pages = stage.client("dynamodb").get_paginator(operation).paginate(**read)
    return {
        item["receipt_url"]["S"]
        for page in pages
        for item in page["Items"]
        if "receipt_url" in item
    }


def find_deleted(
    s3: Any, bucket: str, user_id: str | None
) -> Iterator[tuple[str, list[str]]]:
    """Yield (key, version ids of its delete markers) of objects to undelete."""
    prefix = f"receipts/{user_id}/" if user_id else "receipts/"
    versions = _versions(s3, bucket, prefix)
    for key, newest_first in itertools.groupby(versions, key=lambda v: v["Key"]):
        history = list(newest_first)
        markers = list(itertools.takewhile(lambda v: "ETag" not in v, history))
        if markers and len(markers) < len(history):
            yield key, [marker["VersionId"] for marker in markers]


def _versions(s3: Any, bucket: str, prefix: str) -> Iterator[Any]:
    """Yield versions and delete markers by key, the newest first."""
    pages = s3.get_paginator("list_object_versions")
    waiting: list[Any] = []
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        waiting += [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        waiting.sort(key=_newest_first)
        last = page.get("NextKeyMarker")  # its versions may continue on the next page
        while waiting and waiting[0]["Key"] != last:
            yield waiting.pop(0)
    yield from waiting


def _newest_first(version: Any) -> tuple[str, bool, float]:
    return version["Key"], not version["IsLatest"], -version["LastModified"].timestamp()
