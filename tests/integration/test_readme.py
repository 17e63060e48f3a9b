"""The programs in README.md and docs/api.md run unchanged against the local AWS."""

import contextlib
import http.client
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from smartbudget.local.settings import ROOT
from tests.integration.people import PASSWORD, Person

SCOPES = ["read", "write", "reports"]


def block(document: str, chapter: str, language: str) -> str:
    """Return the program in a chapter of a document."""
    text = (ROOT / document).read_text().partition(f"\n## {chapter}\n")[2]
    match = re.search(rf"```{language}\n(.*?)```", text.partition("\n## ")[0], re.S)
    assert match, chapter
    return match[1]


def run(*command: str, **environment: str) -> str:
    """Run a program and return its output."""
    result = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


class Between(BaseHTTPRequestHandler):
    """A proxy that behaves like a bad connection.

    It rejects the first request; `troubles` has the faults of the next responses.
    """

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append(self.command)
        if len(self.server.seen) == 1:
            self._send(429, {"Retry-After": "1"}, b"")
            return
        status, headers, content = self._ask(body)
        trouble = self.server.troubles.pop(0) if self.server.troubles else None
        if trouble:
            self.server.lost.append(status)
        if trouble == "in flight":
            status, headers = 409, {"Retry-After": "1"}
        elif trouble == "bad gateway":
            status, headers = 502, {}
        if trouble != "lost":
            self._send(status, headers, content, is_whole=trouble != "broken off")
        self.close_connection = trouble in {"lost", "broken off"}

    do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the standard library's names

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        web = http.client.HTTPConnection(self.server.web, timeout=30)
        with contextlib.closing(web):
            web.request(self.command, self.path, body, dict(self.headers))
            answer = web.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def _send(
        self,
        status: int,
        headers: dict[str, str],
        content: bytes,
        *,
        is_whole: bool = True,
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"connection", "content-length", "keep-alive"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if is_whole else content[:-1])


@pytest.fixture
def between(stack):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    server.web = urlsplit(stack.web_url).netloc
    server.seen, server.lost = [], []
    server.troubles = ["lost", "in flight", None, "broken off", "bad gateway"]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_first_example_session_runs(stack):
    program = block("README.md", "A first session", "sh")
    for printed, url in (
        ("http://localhost:8000", stack.web_url),
        ("http://127.0.0.1:8025", stack.mailbox_url),
    ):
        assert f"{printed}\n" in program
        program = program.replace(printed, url)
    # Mails arrive within a second, or later on a slow machine.
    patient = 'sleep() { command sleep "$((5 * $1))"; }\n'
    printed = run("bash", "-euo", "pipefail", "-c", patient + program)
    name = re.search(r'"to": "(ada\d+)@example.com"', printed)
    assert name, printed
    address = f"{name[1]}@example.com"
    subjects = [mail["subject"] for mail in stack.wait_for_messages(address, 2)]
    # In any order: each is delivered by its own run of the Lambda.
    assert sorted(subjects) == ["Budget 85% spent: Groceries", "Over budget: Groceries"]
    subjects = [mail["subject"] for mail in stack.wait_for_messages(address, 1, "mail")]
    assert "New API token: Backup" in subjects
    assert '"total_spent":"105.50"' in printed
    assert "manifest.json" in printed.rstrip().splitlines()[-1]  # of the backup


def test_the_python_client_survives_rejected_requests_and_lost_responses(
    stack, between
):
    alice = Person(stack)
    token = alice.post(
        "tokens", password=PASSWORD, name="client", scopes=SCOPES, expires_in_days=1
    )["token"]
    url = f"http://127.0.0.1:{between.server_port}"
    client = block("docs/api.md", "A client in Python", "python")
    printed = run(sys.executable, "-c", client, API=url, TOKEN=token)
    assert printed.splitlines() == [
        "again: True true",
        "changed: 13.00",
        "stale: 412",
        "refused: invalid /expenses/60/amount Amount must be above zero.",
        "bulk: 60",
        "listed: 61",
        "summary: 145.00",
        "report: b'%PDF-'",
    ]
    # The first needs four attempts; the second, a repetition, three.
    assert between.seen[:7] == ["POST"] * 7
    assert between.lost == [201] * 4
    assert alice.get("summary")["total_spent"] == "145.00"
