"""The smoke test after a deployment: what it accepts, and the errors it reports."""

import contextlib
import http.server
import ssl
import subprocess
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


@contextlib.contextmanager
def serve(answers, context=None):
    """Serve {path: (status, headers, body)} on 127.0.0.1; yield the port."""

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

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            """Print nothing when a client ends the connection."""

    server = Server(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def site():
    """Yield a server with fixed responses, which tests change."""
    answers = dict(GOOD)
    with serve(answers) as port:
        yield f"http://127.0.0.1:{port}/", answers


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


HOST = "budget.invalid"  # never has a DNS record


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    files = ["-keyout", path, "-out", path.with_suffix(".crt")]
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *files],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@pytest.fixture
def balancer(certificate, monkeypatch):
    """Yield the port of a load balancer on 127.0.0.1 with HOST's certificate."""
    answers = GOOD | {"/login": (200, POLICY | HSTS, PAGE)}
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serve(answers, context) as port:
        yield port


HSTS = {"Strict-Transport-Security": "max-age=31536000"}


def test_a_host_without_a_dns_record_is_checked_through_the_load_balancer(
    balancer, capsys
):
    smoke.check(f"https://{HOST}:{balancer}", "127.0.0.1")

    assert "must lead to 127.0.0.1" in capsys.readouterr().out


def test_the_load_balancer_must_have_the_certificate_of_the_host(balancer):
    with pytest.raises(smoke.SmokeError, match="certificate"):
        smoke.check(f"https://other.invalid:{balancer}", "127.0.0.1")


def test_a_host_with_a_dns_record_is_checked_there(site):
    smoke.check(site[0], "load-balancer.invalid")
