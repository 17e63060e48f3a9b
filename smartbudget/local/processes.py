"""Child processes that end with the stack, or at its next start.

Each child leads a process group, so ending it also ends its children. Its standard
input is a pipe that closes when the stack ends, even if the stack is killed; the child
then stops. If it does not, the next start finds it in the record of started processes
and ends it. A process is identified by its id and start time, because ids are reused.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 20  # enough for the local AWS to write its state
MAX_LOG_BYTES = 4 * 1024 * 1024  # bytes searched for the reason of a failure
EXCEPTION = re.compile(r"^[\w.]*(?:Error|Exception|Warning): .+", re.MULTILINE)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Child:
    """One running part of the stack."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The id of the process and of its group."""
        return self.process.pid

    def exit_code(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self.process.poll()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Terminate it, then kill its group; return whether it ended in time.

        Safe to repeat.
        """
        signal_group(self.pid, signal.SIGTERM, leader=self.process)
        try:
            self.process.wait(seconds)
            in_time = True
        except subprocess.TimeoutExpired:
            in_time = False
        self.kill()
        return in_time

    def kill(self) -> None:
        """Kill it and its group."""
        signal_group(self.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def reason(self) -> str:
        """Return the line of its log that most likely explains why it ended."""
        with self.log.open("rb") as source:
            source.seek(self._log_start)
            text = source.read(MAX_LOG_BYTES).decode(errors="replace")
        # The first exception is the cause, later ones are consequences.
        exception = EXCEPTION.search(text)
        lines = [line for line in text.splitlines() if line.strip()]
        if exception:
            return exception.group()
        return (lines or ["it wrote nothing"])[-1].strip()


class Record:
    """The processes of the running stack, on disk for the start after a crash."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, children: Sequence[Child]) -> None:
        """Write the running processes."""
        parts = [
            {"name": child.name, "pid": child.pid, "started": start_time(child.pid)}
            for child in children
        ]
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps(parts, indent=1))
        draft.replace(self.path)

    def clear(self) -> None:
        """Delete the record, after all processes have ended."""
        self.path.unlink(missing_ok=True)

    def end_left_over(self) -> list[str]:
        """End processes left by an earlier run, and return the names of the parts."""
        try:
            parts = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return []
        running = [part for part in parts if _is_running(part)]
        for part in running:
            signal_group(part["pid"], signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while any(map(_is_running, running)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for part in running:
            if _is_running(part):
                signal_group(part["pid"], signal.SIGKILL)
        self.clear()
        return [part["name"] for part in running]


def start_time(pid: int) -> str | None:
    """Return a process's start time as an opaque string, or None if it ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if BOOT_ID.exists() else _start_time_by_ps(pid)
    except OSError:
        return None
    state, ticks = fields[0], fields[19]
    return None if state == "Z" else f"{BOOT_ID.read_text().strip()} {ticks}"


def signal_group(
    pid: int, number: int, leader: "subprocess.Popen[bytes] | None" = None
) -> None:
    """Send a signal to the group that `pid` leads, if it still exists."""
    if leader is not None and leader.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _is_running(part: Mapping[str, object]) -> bool:
    """Check whether a part's process still runs, and is not another with its id."""
    pid = part["pid"]
    started = start_time(pid) if isinstance(pid, int) else None
    return started is not None and started == part["started"]


def _start_time_by_ps(pid: int) -> str | None:
    done = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None
