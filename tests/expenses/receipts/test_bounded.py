"""Processing of untrusted files in a separate process with limited time and memory."""

import os
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from expenses.receipts import bounded
from smartbudget.core.errors import UnavailableError
from tests.stack import wait_until


@pytest.fixture
def helper(monkeypatch):
    started = bounded.Helper("tests.expenses.receipts.bounded_jobs")
    monkeypatch.setattr(bounded, "_helper", started)
    yield started
    started.stop()


@pytest.fixture
def file():
    with tempfile.TemporaryFile() as opened:
        opened.write(b"content")
        opened.flush()
        yield opened


def run(job, file, **options):
    return bounded.run(job, file, kind="any", **options)


def children_of(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("job", ["spin", "sleep", "crash"])
def test_a_child_that_hangs_or_crashes_is_ended(helper, file, job):
    with pytest.raises(bounded.ExceededError):
        run(job, file)

    assert run("size", file) == {"done": len(b"content")}


def test_a_child_cannot_write_a_larger_file(helper, file):
    with pytest.raises(bounded.ExceededError):
        run("grow", file)


def test_a_child_cannot_use_more_memory(helper, file):
    answer = run("hoard", file)

    assert answer["why"].startswith("MemoryError")
    assert "done" not in answer


def test_a_child_with_too_much_output_is_rejected(helper, file):
    with pytest.raises(bounded.ExceededError):
        run("chatter", file)


def test_a_child_does_not_keep_its_helpers_pipe_open(helper, file):
    assert run("has_the_line", file) == {"done": False}


def test_a_childs_changes_are_in_the_file(helper, file):
    run("overwrite", file)

    assert os.pread(file.fileno(), 100, 0) == b"other"


def test_a_dead_helper_is_restarted(helper, file):
    run("size", file)
    first = helper.pid
    os.kill(first, signal.SIGKILL)

    assert run("size", file) == {"done": len(b"content")}
    assert helper.pid != first


def test_a_helper_and_its_child_end_with_the_web_process(helper, file):
    run("size", file)
    process = helper._process
    wait_until(lambda: not children_of(process.pid))
    with ThreadPoolExecutor() as threads:
        job = threads.submit(run, "spin", file)
        (child,) = wait_until(lambda: children_of(process.pid))
        helper._line.close()  # as the kernel does when the process ends
        with pytest.raises((bounded.ExceededError, UnavailableError)):
            job.result()

    wait_until(lambda: not Path(f"/proc/{child}").exists())
    assert process.wait() == 0


def test_many_runs_leak_nothing(helper, file):
    run("size", file)
    opened = len(os.listdir("/proc/self/fd"))

    for _ in range(20):
        run("size", file)

    assert len(os.listdir("/proc/self/fd")) == opened
    wait_until(lambda: not children_of(helper.pid))
    assert len(os.listdir(f"/proc/{helper.pid}/fd")) < 10


def test_a_helper_gets_no_secrets(helper, file):
    run("size", file)

    environment = Path(f"/proc/{helper.pid}/environ").read_text()
    assert {line.partition("=")[0] for line in environment.split("\0") if line} <= {
        *("PATH", "MALLOC_ARENA_MAX", "LC_CTYPE"),
    }


@pytest.fixture
def threads():
    with ThreadPoolExecutor(20) as pool:
        yield pool


@pytest.fixture
def thumbnails(file, threads):
    """Return a function that fills the queue with thumbnails and returns futures."""

    def wait():
        waiting = [
            threads.submit(run, "thumbnail", file, wait_seconds=60)
            for _ in range(bounded.MAX_QUEUE + 1)
        ]
        wait_until(lambda: bounded._queue._value == 0)
        return waiting

    return wait


def test_one_file_is_processed_at_a_time_with_a_short_queue(helper, file, thumbnails):
    with bounded._turn:
        waiting = thumbnails()
        with pytest.raises(UnavailableError):  # at once
            run("thumbnail", file, wait_seconds=60)
        assert not any(job.done() for job in waiting)
    assert all(job.result() == {"done": 7} for job in waiting)

    with bounded._turn, pytest.raises(UnavailableError):
        run("size", file, wait_seconds=0.01)


def test_uploads_do_not_wait_for_thumbnails_of_a_list(
    helper, file, threads, thumbnails
):
    with bounded._turn:
        waiting = thumbnails()
        job = threads.submit(run, "size", file, wait_seconds=60)
    with bounded._thumbnail_turn:  # between two thumbnails of the list
        assert job.result() == {"done": 7}
        assert run("size", file, wait_seconds=60) == {"done": 7}
    assert all(job.result() == {"done": 7} for job in waiting)
