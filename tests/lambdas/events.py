"""Recorded events, and the context of an invocation."""

import json
from pathlib import Path

EVENTS = Path(__file__).parent.parent / "events"


def recorded(name: str) -> dict:
    return json.loads((EVENTS / f"{name}.json").read_text())


class Context:
    """A Lambda context that returns remaining times (ms) in order; the last repeats."""

    function_name = "budget_alert"
    aws_request_id = "6f1c0c9e-6d57-4b07-8f53-0d8a4f5b1c11"

    def __init__(self, *left: int) -> None:
        self.left = list(left or [60_000])

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]
