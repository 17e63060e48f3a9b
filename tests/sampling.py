"""What `make test` takes of a long test, and `make soak` of it: the whole.

A test that is sampled is marked with `pytest.mark.soak`.
"""

import itertools
import os
from collections.abc import Sequence
from typing import Any

SOAK = bool(os.environ.get("SOAK"))


def pairs(first: Sequence[Any], second: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return every pair of two lists' values; without SOAK, each value in a pair."""
    if SOAK:
        return list(itertools.product(first, second))
    longest = max(len(first), len(second))
    return [(first[i % len(first)], second[i % len(second)]) for i in range(longest)]
