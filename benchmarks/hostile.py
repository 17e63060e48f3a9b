"""Measure hostile files: time, memory, and the response time of /health meanwhile.

Six users at once send each file to a running web server: as a receipt, directly to the
bucket with a confirmation, and as a stored picture with a request for its thumbnail. An
honest photo of the same size is sent for comparison. Exits with 1 if an aim is missed:
a response within three times that of the photo or two seconds, whichever is longer; at
most 150 MB more memory for all processes of the web server; /health within a second.
"""

import functools
import hashlib
import io
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from benchmarks.load import Connection, ExpectedRequest, in_threads, server
from expenses.models import Expense
from expenses.receipts import validation
from smartbudget.core import aws
from smartbudget.core.config import config
from tests.expenses.receipts import hostile, pictures

Send = Callable[[], requests.Response]

USERS = 6
# The longest response: this, or a multiple of the honest photo's.
MAX_SECONDS = 2
MAX_RATIO = 3
MAX_MEMORY_MB = 150
MAX_HEALTH_SECONDS = 1
EXPECTED = {200, 201, 400, 404, 429, 503}
INTERVAL = 0.02  # seconds between two measurements


@dataclass
class Watch:
    """Measurements of a server while files are sent."""

    pids: list[int]
    port: int
    start: float = 0  # MB
    peak: float = 0  # MB
    health: float = 0  # longest response time, in seconds
    _done: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self) -> Any:
        """Measure the server during a block."""
        self._done.clear()
        self.start = self.peak = memory_of_tree(self.pids)
        self.health = 0
        measurements = (self._measure_memory, self._measure_health)
        threads = [threading.Thread(target=measure) for measure in measurements]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def _measure_memory(self) -> None:
        while not self._done.wait(INTERVAL):
            self.peak = max(self.peak, memory_of_tree(self.pids))

    def _measure_health(self) -> None:
        with closing(Connection(self.port)) as connection:
            while not self._done.wait(INTERVAL):
                start_time = time.perf_counter()
                connection.send(ExpectedRequest("GET", "/health"))
                self.health = max(self.health, time.perf_counter() - start_time)


def memory_of_tree(pids: list[int]) -> float:
    """Return the MB of processes and their descendants, counting shared memory once."""
    total = 0.0
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except OSError:  # it ended
            continue
        waiting += map(int, children.split())
        total += sum(
            int(line.split()[1])
            for line in rollup.splitlines()
            if line.startswith("Pss:")
        )
    return total / 1024


def honest(size_bytes: int) -> bytes:
    """Return a photo of about this size."""
    side = max(16, int((size_bytes * 1.1) ** 0.5))
    file = io.BytesIO()
    noise = Image.effect_noise((side, side), 60).convert("RGB")
    noise.save(file, "JPEG", quality=85, exif=pictures.located_exif())
    return file.getvalue()


class User:
    """A logged-in user with an expense that has a picture."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.http = requests.Session()
        name = f"h{uuid.uuid4().hex[:12]}"
        response = self._post(
            "register", username=name, email=f"{name}@example.com", password=name[::-1]
        )
        self.http.headers["X-CSRFToken"] = response.json()["csrf_token"]
        response = self._post("api/expenses", amount="1.50", category="Groceries")
        self.expense_id = response.json()["expense_id"]
        self.key = self.upload(pictures.picture("PNG")).json()["receipt_url"]

    def _post(self, path: str, **body: object) -> requests.Response:
        return self.http.post(f"{self.url}/{path}", json=body, timeout=120)

    def upload(self, content: bytes) -> requests.Response:
        """Send a file as the receipt of a new expense."""
        return self.http.post(
            f"{self.url}/api/expenses",
            data={"amount": "1.50", "category": "Groceries"},
            files={"file": ("receipt", content, "application/octet-stream")},
            timeout=120,
        )

    def prepare_confirmation(self, content: bytes) -> Callable[[], requests.Response]:
        """Upload a file directly to the bucket; return a function that confirms it."""
        announced = self._post(
            "api/receipts/presigned-url",
            file_name="receipt",
            content_type=kind_of(content),
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        ).json()
        headers = announced["headers"]
        requests.put(announced["url"], data=content, headers=headers, timeout=60)
        return lambda: self._post("api/receipts/confirm", key=announced["key"])

    def prepare_thumbnail(self, content: bytes) -> Callable[[], requests.Response]:
        """Replace the stored picture by a file; return a function that draws it."""
        bucket = config.receipts_bucket
        aws.client("s3").put_object(Bucket=bucket, Key=self.key, Body=content)
        of_kind = Expense.receipt_type.set(kind_of(content))
        Expense.get(self.expense_id).update([of_kind])
        path = f"{self.url}/expenses/{self.expense_id}/thumbnail"
        return lambda: self.http.get(path, timeout=120)


def kind_of(content: bytes) -> str:
    """Return a file's content type."""
    return validation.kind_by_content(io.BytesIO(content))


def prepare(users: list[User], content: bytes) -> dict[str, list[Send]]:
    """Return {method of sending a file: the request of each user}."""
    methods: dict[str, list[Send]] = {
        "upload": [functools.partial(user.upload, content) for user in users],
        "confirm": [user.prepare_confirmation(content) for user in users],
    }
    if kind_of(content).removeprefix("image/") in {"jpeg", "png", "gif", "webp"}:
        methods["thumbnail"] = [user.prepare_thumbnail(content) for user in users]
    return methods


def send_all(sends: list[Send]) -> tuple[list[int], float]:
    """Send all requests at once; return statuses and the longest time in seconds."""

    def send(number: int) -> tuple[int, float]:
        start_time = time.perf_counter()
        return sends[number]().status_code, time.perf_counter() - start_time

    results = in_threads(send, len(sends))
    return [status for status, _ in results], max(seconds for _, seconds in results)


def main() -> int:
    """Print the table; return 1 if an aim is missed."""
    files: dict[str, Callable[[], bytes]] = {**hostile.REFUSED, **hostile.CLEANED}
    missed = []
    with server("smartbudget.wsgi:application") as (port, workers):
        users = [User(port) for _ in range(USERS)]
        for sends in prepare(users, honest(20_000)).values():  # creates AWS clients
            send_all(sends)
        watch = Watch(workers, port)
        print(f"\n{USERS} at once; seconds of the slowest, MB of all processes\n")
        print(
            f"{'file':<42}{'kB':>6}{'':>10}{'honest':>8}{'slowest':>8}{'MB':>5}"
            f"{'/health':>8}  statuses"
        )
        for name, create in files.items():
            content = create()
            usual = prepare(users, honest(len(content)))
            times = {method: send_all(sends)[1] for method, sends in usual.items()}
            for method, sends in prepare(users, content).items():
                with watch.watching():
                    statuses, slowest = send_all(sends)
                growth = watch.peak - watch.start
                print(
                    f"{name:<42}{len(content) / 1000:>6.0f}{method:>10}"
                    f"{times[method]:>8.2f}"
                    f"{slowest:>8.2f}{growth:>5.0f}{watch.health:>8.2f}  "
                    + " ".join(str(status) for status in sorted({*statuses})),
                    flush=True,
                )
                if (
                    slowest > max(MAX_SECONDS, MAX_RATIO * times[method])
                    or growth > MAX_MEMORY_MB
                    or watch.health > MAX_HEALTH_SECONDS
                    or not {*statuses} <= EXPECTED
                ):
                    missed.append(f"{name}, {method}")
    for aim in missed:
        print(f"missed: {aim}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
