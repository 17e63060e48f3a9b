"""Bulk deletion in batches, which may stop after any of them and be repeated.

Each function is a generator that deletes a batch and yields its size, so its caller
can count what was found and stop when time is up.
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
    """Delete items by their ids, which must differ; a missing one is no error."""
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

    Raises UnavailableError if the bucket kept some.
    """
    s3 = aws.client("s3")
    where = {"Bucket": config.receipts_bucket}
    for page in s3.get_paginator("list_objects_v2").paginate(**where, Prefix=prefix):
        keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        if not keys:
            continue
        answer = s3.delete_objects(**where, Delete={"Objects": keys, "Quiet": True})
        if answer.get("Errors"):  # even where the whole is a 200
            code = answer["Errors"][0].get("Code")
            raise UnavailableError(f"Some files could not be deleted ({code}).")
        yield len(keys)
