"""The web image, built and run by scripts/image_without_docker.sh."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

from smartbudget.local.settings import ROOT
from tests.stack import free_ports, wait_until

SCRIPT = ROOT / "scripts" / "image_without_docker.sh"
IMAGE_DIR = Path(os.environ.get("IMAGE_DIR", ROOT / ".local-build" / "image"))
# The settings of a first deployment, except HTTPS and AWS endpoints.
ENVIRONMENT = {
    "ALLOWED_HOSTS": "127.0.0.1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nothing listens there
    "AWS_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "LOCAL": "true",
    "SECRET_KEY": "only-for-tests",
}


class Image:
    """The built image: its files and settings."""

    def __init__(self) -> None:
        subprocess.run([SCRIPT, "build"], check=True, cwd=ROOT)
        self.root = IMAGE_DIR / "rootfs"
        self.config = json.loads((IMAGE_DIR / "config.json").read_text())["OCIv1"][
            "config"
        ]

    def files(self, folder: str) -> set[str]:
        """Return the files in a folder, as relative paths."""
        top = self.root / folder
        return {str(p.relative_to(top)) for p in top.rglob("*") if not p.is_dir()}


class Container:
    """The image's command, running as in production."""

    def __init__(self, log: Path, **changes: str) -> None:
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        bind = f"--bind 127.0.0.1:{port}"
        environment = {**ENVIRONMENT, "GUNICORN_CMD_ARGS": bind, **changes}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    SCRIPT,
                    "run",
                    *(f"{key}={text}" for key, text in environment.items()),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._answers, seconds=60)
        except BaseException:
            self.end()
            raise

    @property
    def first(self) -> int:
        """Return the host's process id of the container's process 1."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def status(self, process: int) -> dict[str, str]:
        """Return the kernel's status of a process."""
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return {
            name: text.strip() for name, _, text in (s.partition(":") for s in lines)
        }

    def get(self, address: str) -> bytes:
        """Fetch a page."""
        with urllib.request.urlopen(self.url + address, timeout=10) as answer:
            return answer.read()

    def stop(self) -> float:
        """Stop the container as Docker does; return the seconds that took."""
        before = time.monotonic()
        os.kill(self.first, signal.SIGTERM)
        self.process.wait(60)
        return time.monotonic() - before

    def end(self) -> None:
        """Kill process 1, which ends all others."""
        # Killing unshare would not end it, since it runs as another user; unshare ends
        # when it does.
        try:
            os.kill(self.first, signal.SIGKILL)
        except (OSError, IndexError):  # not started yet, or already ended
            self.process.kill()
        self.process.wait(60)

    def _answers(self) -> bool:
        log = self.log.read_text()
        assert self.process.poll() is None, log
        if f"Listening at: {self.url}" not in log:
            return False  # another program answers on this port
        try:
            return self.get("/health") == b'{"status": "ok"}'
        except OSError:
            return False
