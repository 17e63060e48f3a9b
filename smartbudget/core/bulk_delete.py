"""Delete items and objects in batches. Safe to stop early and to repeat.

The `delete_` functions yield the size of each batch once it is deleted, so the caller
can count the deletions and stop when time is up.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pynamodb.indexes import Index
from pynamodb.models import Model

from smartbudget.core import aws
from smartbudget.core.config import config
from smartbudget.core.errors import UnavailableError
from smartbudget.core.pynamodb_internals import hash_key_of, model_of

BATCH = 25  # items in one BatchWriteItem (docs/aws.md#batch-size)


def delete_items(model: type[Model], ids: Iterable[str]) -> Iterator[int]:
    """Delete items by their distinct ids; a missing item is not an error."""
    remaining = iter(ids)
    while chunk := list(islice(remaining, BATCH)):
        with model.batch_write() as batch:
            for item_id in chunk:
                batch.delete(model(item_id))
        yield len(chunk)


def delete_indexed(index: Index[Any], hash_key: str) -> Iterator[int]:
    """Delete every item that an index lists under a key; the index may lag."""
    return delete_items(model_of(index), indexed_ids(index, hash_key))


def indexed_ids(index: Index[Any], hash_key: str) -> Iterator[str]:
    """Yield the id of every item that an index lists under a key; it may lag."""
    name = hash_key_of(model_of(index))
    items = index.query(hash_key, attributes_to_get=[name], page_size=1000)
    return (getattr(item, name) for item in items)


def delete_objects(prefix: str) -> Iterator[int]:
    """Delete every object whose key begins with `prefix`, a thousand at a time.

    Raises UnavailableError if S3 did not delete some of them.
    """
    s3 = aws.client("s3")
    bucket = config.receipts_bucket
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        if not keys:
            continue
        response = s3.delete_objects(
            Bucket=bucket, Delete={"Objects": keys, "Quiet": True}
        )
        if response.get("Errors"):  # possible even in a 200 response
            code = response["Errors"][0].get("Code")
            raise UnavailableError(f"Some files could not be deleted ({code}).")
        yield len(keys)
