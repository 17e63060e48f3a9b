"""Measure a receipt of 10 MB: its time, the time of the bare call, and memory.

Sends requests to the running web server, and reads the peak memory of its workers from
/proc. The process that started this one also started the web server.
"""

import os
import statistics
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config as ClientConfig

from benchmarks.aims import Aims
from benchmarks.load import memory_of
from smartbudget.core.config import config
from tests.expenses.receipts import pictures

TIMES = 5
WARM_UP = 6
MEGABYTE = 1024 * 1024
LIMIT = 10 * MEGABYTE
MEMORY_AIM = 10  # megabytes more than before: one copy of the file
RATIO_AIM = 3  # of the time of the bare call
NOISE = 0.5  # of that ratio, between two runs on a shared machine


def main() -> int:
    """Print the table; return 1 if a figure misses its aim."""
    http = _log_in()
    files = {
        "a PDF of 10 MB": ("a.pdf", pictures.of_size(LIMIT), "application/pdf"),
        "a photo of 12 megapixels": ("a.jpg", _photo(), "image/jpeg"),
    }
    for _ in range(WARM_UP):  # every worker creates its AWS clients
        _send(http, ("a.pdf", pictures.PDF, "application/pdf"))
    print(f"\nReceipts: median of {TIMES}, milliseconds; memory in MB\n")
    print(f"{'file':<28}{'MB':>6}{'action':>9}{'bare put':>10}{'peak growth':>13}")
    aims, figures = Aims(), {}
    for name, file in files.items():
        before = _reset_peaks()
        took = _median(lambda file=file: _send(http, file))
        grown = max(_peak(pid) - size for pid, size in before.items())
        bare = _bare_put(file[1])
        size = len(file[1]) / MEGABYTE
        print(f"{name:<28}{size:>6.1f}{took:>9.0f}{bare:>10.0f}{grown / 1024:>13.1f}")
        figures[name] = took / bare, grown / 1024
    print()
    for name, (ratio, megabytes) in figures.items():
        aims.check(f"{name}, beside the bare call", ratio, RATIO_AIM, noise=NOISE)
        aims.check(f"{name}, MB of peak growth", megabytes, MEMORY_AIM)
    return aims.exit_code


def _log_in() -> requests.Session:
    http = requests.Session()
    name = f"b{uuid.uuid4().hex[:12]}"
    response = http.post(
        f"{config.app_url}/register",
        json={
            "username": name,
            "email": f"{name}@example.com",
            "password": uuid.uuid4().hex,
        },
        timeout=30,
    )
    http.headers["X-CSRFToken"] = response.json()["csrf_token"]
    return http


def _send(http: requests.Session, file: tuple[str, bytes, str]) -> None:
    response = http.post(
        f"{config.app_url}/api/expenses",
        data={"amount": "1.50", "category": "Groceries"},
        files={"file": file},
        timeout=60,
    )
    assert response.status_code == 201, response.text


def _photo() -> bytes:
    noise = pictures.Image.effect_noise((4000, 3000), 60).convert("RGB")
    file = pictures.io.BytesIO()
    noise.save(file, "JPEG", quality=85, exif=pictures.located_exif())
    return file.getvalue()


def _bare_put(content: bytes) -> float:
    client: Any = boto3.client(
        "s3",
        region_name=config.region,
        endpoint_url=config.aws_endpoint,
        config=ClientConfig(signature_version="s3v4"),
    )
    key = f"receipts/{uuid.uuid4().hex}/{uuid.uuid4().hex}.pdf"
    put = {"Bucket": config.receipts_bucket, "Key": key, "Body": content}
    return _median(lambda: client.put_object(**put))


def _median(action: Any) -> float:
    times = []
    for _ in range(TIMES):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def _workers() -> list[int]:
    """Return the ids of gunicorn's workers, which are grandchildren of the launcher."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    servers = [
        pid
        for pid, parent in parents.items()
        if parent == os.getppid()
        and b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return [pid for pid, parent in parents.items() if parent in servers]


def _reset_peaks() -> dict[int, int]:
    """Reset the peaks, and return each worker's current memory in kilobytes."""
    held = {}
    for pid in _workers():
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        held[pid] = memory_of(pid)
    return held


def _peak(pid: int) -> int:
    return memory_of(pid, "VmHWM")


if __name__ == "__main__":
    sys.exit(main())
