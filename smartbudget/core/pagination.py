"""Query one page of a list, with the keys of the next and previous pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.indexes import Index
from pynamodb.models import Model

from smartbudget.core.pynamodb_internals import model_of

M = TypeVar("M", bound=Model)
T = TypeVar("T")

Item = dict[str, Any]  # in DynamoDB's JSON
Key = dict[str, dict[str, Any]]  # in DynamoDB's JSON: {"user_id": {"S": "..."}}

# A filtered page reads this many items at first, which is often enough, then up to
# MAX_PAGES pages of at most 1 MB. With too few matches, a page is short or empty but
# still has a `next`.
READ_FIRST = 500
MAX_PAGES = 10  # about 30,000 expenses, or 50,000 of a search


@dataclass(frozen=True)
class Page(Generic[T]):
    """Items in list order. `next` is None on the last page, `previous` on the first."""

    items: list[T]
    next: Key | None = None
    previous: Key | None = None


def query_page(
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
    keep: Callable[[Item], bool] | None = None,
) -> Page[M]:
    """Return one page of an index, with a single Query if nothing is filtered.

    key_names: the attributes of the index's key and the table's. limit: items, 1 or
    more. after: the key of the item that the page follows, in list order, or precedes
    with `backwards`. within: a condition on the sort key. matching: a filter run by
    DynamoDB. keep: a filter run here. With a filter, it reads until the page is full,
    the list ends, or READ_FIRST items and MAX_PAGES megabytes are read.
    """
    raw_items: list[Item] = []
    next_key: Key | None = after
    filtered = matching is not None or keep is not None
    size: int | None = READ_FIRST if filtered else limit + 1
    scanned = 0
    for _ in range(1 + MAX_PAGES if filtered else 1):
        results = index.query(
            hash_key,
            range_key_condition=within,
            filter_condition=matching,
            scan_index_forward=newest_first == backwards,
            page_size=size,
            last_evaluated_key=next_key,
        )
        response = next(results.page_iter)
        raw_items += filter(keep, response["Items"]) if keep else response["Items"]
        next_key = response.get("LastEvaluatedKey")
        if next_key is None or len(raw_items) > limit:
            break
        scanned += response["ScannedCount"]
        size = _next_size(scanned, len(raw_items), limit + 1)
    # A search may match thousands; only the page's items are converted to models.
    items = [model_of(index).from_raw_data(raw) for raw in raw_items[:limit]]
    if len(raw_items) > limit:
        next_key = _key_of(items[-1], key_names)
    previous_key = after and (_key_of(items[0], key_names) if items else after)
    if backwards:
        return Page(items[::-1], next=previous_key, previous=next_key)
    return Page(items, next=next_key, previous=previous_key)


def _next_size(scanned: int, matches: int, needed: int) -> int | None:
    """Return how many items to read next, or None for a megabyte.

    As many as should have the missing matches, but not less than were read so far.
    """
    if not matches:
        return None
    expected = scanned * (needed - matches) // matches
    return max(scanned, expected) if expected < 8 * READ_FIRST else None


def _key_of(item: Model, names: Sequence[str]) -> Key:
    return {name: {"S": getattr(item, name)} for name in names}
