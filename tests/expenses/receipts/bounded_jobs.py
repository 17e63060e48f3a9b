"""A helper process of `expenses.receipts.bounded` with jobs that exceed its limits."""

import os
import signal
import stat
import time

from expenses.receipts import bounded, bounded_worker


def spin(file, kind):
    while True:
        pass


def hoard(file, kind):
    return len(bytearray(bounded_worker.OTHER_MEMORY + 1))


def sleep(file, kind):
    time.sleep(60)


def crash(file, kind):
    os.kill(os.getpid(), signal.SIGSEGV)


def grow(file, kind):
    file.write(bytes(bounded_worker.MAX_FILE_BYTES + 1))
    file.flush()


def chatter(file, kind):
    return "x" * bounded.MAX_REPLY_BYTES * 2


def size(file, kind):
    return len(file.read())


def overwrite(file, kind):
    file.write(b"other")
    file.truncate()


def has_the_line(file, kind):
    return stat.S_ISSOCK(os.fstat(0).st_mode)


if __name__ == "__main__":
    bounded.WALL_SECONDS = 0.5
    bounded_worker.OTHER_CPU_SECONDS = 1
    bounded_worker.CPU_SECONDS["spinning"] = 1
    for job in (
        spin,
        hoard,
        sleep,
        crash,
        grow,
        chatter,
        size,
        overwrite,
        has_the_line,
    ):
        bounded_worker.JOBS[job.__name__] = job
    bounded_worker.JOBS["thumbnail"] = size
    bounded_worker.main()
