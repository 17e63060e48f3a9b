"""Sampling of long tests: `make test` runs a part, `make soak` everything.

Sampled tests are marked with `pytest.mark.soak`.
"""

import itertools
import os
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings

SOAK = bool(os.environ.get("SOAK"))

# No property fails because the machine is busy: there are no timed tests. Without SOAK,
# each run has the same examples, so that none fails for what it does not change.
UNTIMED = "untimed"
settings.register_profile(
    UNTIMED,
    deadline=None,
    derandomize=not SOAK,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def pairs(first: Sequence[Any], second: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return all pairs of two lists; without SOAK, pairs that contain each value."""
    if SOAK:
        return list(itertools.product(first, second))
    longest = max(len(first), len(second))
    return [(first[i % len(first)], second[i % len(second)]) for i in range(longest)]


def sampled(examples: int, soak: int, **options: Any) -> settings:
    """Return Hypothesis settings: the same examples each time, or with SOAK new ones.

    examples, soak: the number of examples without and with SOAK.
    """
    return settings(
        max_examples=soak if SOAK else examples,
        derandomize=not SOAK,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **options,
    )
