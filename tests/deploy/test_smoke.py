"""The smoke test after a deployment: what it accepts, and the errors it reports."""

import http.server
import threading

import pytest

from infra import smoke

POLICY = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
PAGE = '<link rel="stylesheet" href="/static/app.1234.css">'
GOOD = {
    "/health": (200, {}, ""),
    "/health/ready": (200, {}, ""),
    "/login": (200, POLICY, PAGE),
    "/static/app.1234.css": (200, {}, "body {}"),
}


@pytest.fixture
def site():
    """Yield a server with fixed responses, which tests change."""
    answers = dict(GOOD)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = answers.get(self.path, (404, {}, ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", answers
    server.shutdown()
    server.server_close()


def test_a_healthy_site_passes(site):
    smoke.check(site[0])


@pytest.mark.parametrize(
    ("address", "answer", "message"),
    [
        ("/health", (502, {}, ""), "502"),
        ("/health/ready", (503, {}, ""), "/health/ready: HTTP Error 503"),
        ("/login", (200, {}, PAGE), "policy"),
        ("/login", (200, POLICY, ""), "no style"),
        ("/static/app.1234.css", (404, {}, ""), "404"),
    ],
)
def test_an_unexpected_answer_is_reported(site, address, answer, message):
    url, answers = site
    answers[address] = answer

    with pytest.raises(smoke.SmokeError, match=message):
        smoke.check(url)


def test_an_unreachable_site_is_reported():
    with pytest.raises(smoke.SmokeError, match="refused"):
        smoke.check("http://127.0.0.1:9")
