"""The local AWS for integration tests, one in each worker that has such tests.

    def test_something(stack):
        requests.get(f"{stack.web_url}/health")

Tests share it: they create their own users (`stack.new_address()`) instead of cleaning
up. A test that stops or kills a part starts it again, as `stack.without("mailbox")`
does. The tests of a module run in one worker and may share its fixtures.
"""

import contextlib
import dataclasses
import fcntl
import functools
import json
import os
import socket
import tempfile
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from infra.build_lambdas import build
from smartbudget.local import environment
from smartbudget.local.processes import Child
from smartbudget.local.settings import Settings
from smartbudget.local.stack import LocalStack

LAMBDAS = Settings.build_dir / "lambdas"
WAIT_SECONDS = 60  # only a failing test waits so long
# A killed worker's message is received again after this time.
PARAMETERS = {"QueueVisibilitySeconds": "5", "DirectReportExpenses": "900"}
BODY_SECONDS = 5
# Every test registers from the same IP address.
WEB_ENVIRONMENT = {
    "BODY_SECONDS": str(BODY_SECONDS),
    "REGISTER_LIMIT": "100000",
    "LOGIN_ADDRESS_LIMIT": "100000",
    "SUBSCRIPTION_LIMIT": "100000",
    "API_RATE_LIMIT": "1000000000",
    "PAGE_RATE_LIMIT": "1000000000",
    "LOG_LEVEL": "INFO",
}

# Each boto3 session would read the models of AWS's services again, for 0.1 s.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


class Stack:
    """A running local stack, with operations for tests."""

    def __init__(self, local: LocalStack) -> None:
        self.local = local
        self.web_url = local.settings.web_url
        self.aws_url = local.settings.aws_url
        self.mailbox_url = local.settings.mailbox_url
        self.admin_session = local.admin_session
        self.role_session = local.role_session
        self.outputs = local.outputs  # of the template, such as NotificationQueueUrl

    def part(self, name: str) -> Child:
        """Return a running part: "web", "aws" or "mailbox"."""
        child = getattr(self.local, name)
        assert child is not None, f"{name} does not run"
        return child

    def start(self, name: str) -> None:
        """Start a part again and wait until it answers."""
        getattr(self.local, f"start_{name}")()

    def stop(self, name: str) -> None:
        """Stop a part with SIGTERM."""
        self.part(name).stop()

    def kill(self, name: str) -> None:
        """End a part with SIGKILL."""
        self.part(name).kill()

    @contextlib.contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Stop a part during a block."""
        self.stop(name)
        try:
            yield
        finally:
            self.start(name)

    def new_address(self) -> str:
        """Return a unique e-mail address."""
        return f"{uuid.uuid4().hex[:12]}@example.com"

    def messages(self, to: str, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the mailbox's messages to an address, newest last.

        kind: "confirmation", "notification" or "mail" (from SES); None for all.
        """
        query = urllib.parse.urlencode({"to": to})
        url = f"{self.mailbox_url}/api/messages?{query}"
        with urllib.request.urlopen(url, timeout=10) as response:
            messages = json.load(response)
        return [m for m in messages if kind in {None, m["kind"]}]

    def wait_for_messages(
        self, to: str, count: int, kind: str | None = "notification"
    ) -> list[dict[str, Any]]:
        """Wait for at least `count` messages and return them."""
        wait_until(lambda: len(self.messages(to, kind)) >= count)
        return self.messages(to, kind)

    def confirm(self, to: str) -> None:
        """Follow the newest confirmation link mailed to an address."""
        link = self.wait_for_messages(to, 1, "confirmation")[-1]["confirm_url"]
        with urllib.request.urlopen(link, timeout=10):
            pass


def wait_until(happened: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    """Wait until `happened()` is true and return its value; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := happened()):
        assert time.monotonic() < deadline, f"it did not happen in {seconds} seconds"
        time.sleep(0.05)
    return result


def free_ports(count: int) -> list[int]:
    """Return free ports that no other test run takes.

    They are below the ephemeral ports of clients, so a stopped part finds its port free
    when it starts again. A lock on a byte of one file reserves a port until this
    process ends.
    """
    return [next(_free_ports) for _ in range(count)]


def _find_free_ports() -> Iterator[int]:
    path = Path(tempfile.gettempdir()) / f"smartbudget-ports-{os.getuid()}"
    with path.open("w") as reserved:
        for port in range(20_000, 32_000):
            try:
                fcntl.lockf(reserved, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            except OSError:  # taken by another run or program
                continue
            yield port


_free_ports = _find_free_ports()


def make_settings(folder: Path, **changes: Any) -> Settings:
    """Return settings of a separate stack: a folder and free ports."""
    web_port, aws_port, mailbox_port = free_ports(3)
    settings = Settings(
        local_dir=folder,
        web_port=web_port,
        aws_port=aws_port,
        mailbox_port=mailbox_port,
        save_seconds=0,  # crash tests turn it on
        parameters=PARAMETERS,
        web_environment=WEB_ENVIRONMENT,
    )
    return dataclasses.replace(settings, **changes)


def lambdas() -> dict[str, Path]:
    """Build missing Lambda zips; return {function: zip}."""
    with environment.exclusive(LAMBDAS.with_suffix(".lock")):
        return build(LAMBDAS)


@contextlib.contextmanager
def running_stack(folder: Path, *, web: bool = True, **changes: Any) -> Iterator[Stack]:
    """Run a stack during a block.

    web: whether to run a web server. changes: fields of Settings, such as
    save_seconds=0.5.
    """
    lines: list[str] = []
    local = LocalStack(make_settings(folder, **changes), say=lines.append)
    try:
        local.start(demo=False, web=web)
        yield Stack(local)
    finally:
        local.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run one local stack for all tests of this worker."""
    with running_stack(tmp_path_factory.mktemp("local")) as running:
        yield running
