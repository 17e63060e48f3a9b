"""Answer DynamoDB requests twice: as MiniStack does alone, and as the emulator does.

Runs in MiniStack's environment. Reads a request a line, as JSON: [operation, body].
Writes a line with both answers: [status, body, number of items evaluated].
"""

import asyncio
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "smartbudget" / "local"))

import emulator
from ministack.core import persistence
from ministack.services import dynamodb

evaluated: list[object] = []


def plain_copy() -> ModuleType:
    """Import MiniStack's module once more, without patches and with its own tables."""
    spec = importlib.util.find_spec("ministack.services.dynamodb")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def count_evaluations(module: Any) -> None:
    """Count the items on which conditions are evaluated."""
    evaluate = module._evaluate_condition

    def evaluate_condition(*arguments: Any, **options: Any) -> Any:
        evaluated.append(None)
        return evaluate(*arguments, **options)

    module._evaluate_condition = evaluate_condition


def restart(module: Any) -> None:
    """Save the state and load it again, as at a restart from a snapshot."""
    saved = json.dumps(module.get_state(), default=persistence._json_default)
    module.reset()
    module.load_persisted_state(
        json.loads(saved, object_hook=persistence._json_object_hook)
    )


class OneNap:
    """The time for one round of the thread that deletes expired items."""

    def __init__(self) -> None:
        self.naps = 0

    def sleep(self, seconds: float) -> None:
        self.naps += 1
        if self.naps == 2:
            raise InterruptedError

    def time(self) -> float:
        return time.time()


def expire(module: Any) -> None:
    """Delete the expired items now."""
    module.time = OneNap()
    try:
        module._ttl_reaper()
    except InterruptedError:
        module.time = time


OTHERS = {"Restart": restart, "Expire": expire}


def answer(module: Any, operation: str, body: Any) -> list[Any]:
    if operation in OTHERS:
        OTHERS[operation](module)
        return [200, {}, 0]
    evaluated.clear()
    status, _, content = asyncio.run(
        module.handle_request(
            "POST",
            "/",
            {"x-amz-target": f"DynamoDB_20120810.{operation}"},
            json.dumps(body).encode(),
            {},
        )
    )
    return [status, json.loads(content), len(evaluated)]


def main() -> None:
    emulator.patch_ministack()
    modules = [plain_copy(), dynamodb]
    for module in modules:
        count_evaluations(module)
    for line in sys.stdin:
        operation, body = json.loads(line)
        answers = [answer(module, operation, body) for module in modules]
        sys.stdout.write(f"{json.dumps(answers)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
    os._exit(0)  # MiniStack's threads are not daemons
