"""One page of a list, and where the pages beside it begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.indexes import Index
from pynamodb.models import Model

M = TypeVar("M", bound=Model)
T = TypeVar("T")

Key = dict[str, dict[str, Any]]  # as DynamoDB writes it: {"user_id": {"S": "..."}}

# A filtered page looks at this many items at most; it may then be short, or empty,
# and still have a next one.
READ_AT_MOST = 500


@dataclass(frozen=True)
class Page(Generic[T]):
    """Items in list order; `next` and `previous` are None where the list ends."""

    items: list[T]
    next: Key | None = None
    previous: Key | None = None


def read_page(
    index: Index[M],
    hash_key: str,
    key_names: Sequence[str],
    *,
    limit: int,
    after: Key | None = None,
    backwards: bool = False,
    newest_first: bool = True,
    within: Condition | None = None,
    matching: Condition | None = None,
) -> Page[M]:
    """Read one page of an index with one Query.

    key_names: the attributes of the index's key and the table's. limit: items, 1 or
    more. after: the key of the item that the page follows, in list order, or, with
    `backwards`, precedes. within: a condition on the sort key. matching: a filter; the
    page then looks at a bounded number of items.
    """
    results = index.query(
        hash_key,
        range_key_condition=within,
        filter_condition=matching,
        scan_index_forward=newest_first == backwards,
        page_size=limit + 1 if matching is None else max(limit + 1, READ_AT_MOST),
        last_evaluated_key=after,
    )
    answer = next(results.page_iter)
    found = answer["Items"]  # of a search hundreds, of which only a page is made models
    items = [index._model.from_raw_data(raw) for raw in found[:limit]]
    if len(found) > limit:
        onward: Key | None = _key_of(items[-1], key_names)
    else:
        onward = answer.get("LastEvaluatedKey")
    back = after and (_key_of(items[0], key_names) if items else after)
    if backwards:
        return Page(items[::-1], next=back, previous=onward)
    return Page(items, next=onward, previous=back)


def _key_of(item: Model, names: Sequence[str]) -> Key:
    return {name: {"S": getattr(item, name)} for name in names}
