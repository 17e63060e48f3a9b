"""A web server whose way to AWS leads through a proxy that loses and refuses calls.

An HTTP proxy, not an endpoint: signatures cover the host that is asked.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

import smartbudget.local
from smartbudget.local.processes import Child
from smartbudget.local.settings import ROOT
from tests.stack import Stack, free_ports, wait_until

Fault = Callable[[], bool]  # whether AWS still gets the call; its answer never comes


class Proxy(ThreadingHTTPServer):
    """Passes calls on, except those that it was told to spoil."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._faults: dict[str, Fault] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fault_of(self, target: str) -> Fault | None:
        """Find what is to go wrong with a call, such as `DynamoDB.GetItem`."""
        faults = list(self._faults.items())
        return next((fault for part, fault in faults if part in target), None)

    @contextlib.contextmanager
    def fault(self, part: str, fault: Fault) -> Iterator[None]:
        """Spoil calls whose target contains `part` for the length of a block."""
        self._faults[part] = fault
        try:
            yield
        finally:
            self._faults.pop(part, None)

    def down(self, part: str) -> contextlib.AbstractContextManager[None]:
        """Let none of these calls through."""
        return self.fault(part, lambda: False)

    def losing_replies(
        self, part: str, count: int
    ) -> contextlib.AbstractContextManager[None]:
        """Let these calls through and lose the first `count` answers."""
        left = [None] * count

        def lose() -> bool:
            left.pop()
            if not left:
                del self._faults[part]
            return True

        return self.fault(part, lose)


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.fault_of(self.headers.get("X-Amz-Target", ""))
        if fault is None:
            self._answer(*self._pass_on(body))
            return
        self.close_connection = True
        if fault():
            self._pass_on(body)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        url = urlsplit(self.path)
        path = f"{url.path}?{url.query}" if url.query else url.path
        with contextlib.closing(HTTPConnection(url.netloc, timeout=30)) as aws:
            aws.request(self.command, path, body, dict(self.headers.items()))
            answer = aws.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class FaultyWeb:
    """One more web server of a stack; everything else is the stack's."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        (port,) = free_ports(1)
        self.stack = stack
        self.proxy = Proxy()
        self.web_url = f"http://127.0.0.1:{port}"
        conf = Path(smartbudget.local.__path__[0]) / "gunicorn_conf.py"
        command = [sys.executable, "-m", "gunicorn", "smartbudget.wsgi:application"]
        command += ["--config", str(conf), "--bind", f"127.0.0.1:{port}"]
        env = {**stack.local.web_env(), "HTTP_PROXY": self.proxy.url}
        log = folder / "web.log"
        self.process = Child("web server", command, env=env, cwd=ROOT, log=log)
        wait_until(self._answers)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stack, name)

    def end(self) -> None:
        self.process.stop()
        self.proxy.shutdown()
        self.proxy.server_close()

    def _answers(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.web_url}/health", timeout=5).ok
        return False
