"""HTTP on the real server: chunked, truncated and oversized bodies; HEAD."""

import contextlib
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests
from requests import Response

from tests.integration.people import Person
from tests.problems import problem
from tests.stack import BODY_SECONDS, WAIT_SECONDS

LUNCH = json.dumps({"amount": "4.00", "category": "Lunch"}).encode()


@pytest.fixture(scope="module")
def alice(stack):
    return Person(stack)


def in_chunks(body, size):
    """Yield a body in pieces, so that requests sends it chunked."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def post(alice, data):
    # A body rejected unread ends the connection, so start a new one.
    headers = {"Content-Type": "application/json", "Connection": "close"}
    return alice.request("POST", "expenses", data=data, headers=headers)


def exchange(alice, head, body=b""):
    """Send raw bytes and return everything received until the connection closes."""
    address = urlsplit(alice.url)
    cookies = "; ".join(
        f"{cookie.name}={cookie.value}" for cookie in alice.http.cookies
    )
    lines = [
        head[0],
        f"Host: {address.netloc}",
        f"Cookie: {cookies}",
        f"X-CSRFToken: {alice.http.headers['X-CSRFToken']}",
        *head[1:],
    ]
    with socket.create_connection(
        (address.hostname, address.port), WAIT_SECONDS
    ) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        line.shutdown(socket.SHUT_WR)
        return received(line)


def received(line):
    """Return everything received until the connection closes."""
    return b"".join(iter(lambda: line.recv(65536), b""))


def amounts(alice):
    return len(alice.get("expenses?page_size=100")["results"])


def test_a_body_in_chunks_is_read(alice):
    answer = post(alice, in_chunks(LUNCH, 7))

    assert answer.status_code == 201
    assert answer.json()["category"] == "Lunch"


@pytest.mark.parametrize("size", [2_500_001, 12_000_000])
def test_a_chunked_body_over_the_limit_is_rejected(alice, size):
    before = amounts(alice)

    answer = post(alice, in_chunks(b'"' + b"x" * size + b'"', 100_000))

    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert amounts(alice) == before


THREADS = 16  # two processes of eight
POST = "POST /api/expenses HTTP/1.1"
JSON = "Content-Type: application/json"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([f"Content-Length: {len(LUNCH) + 9}"], LUNCH),  # disconnects halfway
        (["Transfer-Encoding: chunked"], b"%x\r\n%s\r\n" % (len(LUNCH), LUNCH)),
        (["Transfer-Encoding: chunked"], b"ff\r\n" + LUNCH),
        (["Transfer-Encoding: chunked"], b"zz\r\n" + LUNCH),
        (["Content-Length: -1"], LUNCH),
        (["Content-Length: x"], LUNCH),
        ([f"Content-Length: {len(LUNCH) - 1}"], LUNCH),  # and one piece too many
        ([f"Content-Length: {len(LUNCH)}", "Transfer-Encoding: chunked"], LUNCH),
        ([f"X-Much: {'x' * 9000}", f"Content-Length: {len(LUNCH)}"], LUNCH),
        ([f"X-{n}: x" for n in range(200)], LUNCH),
    ],
)
def test_truncated_or_malformed_bodies_store_nothing(alice, headers, body):
    before = amounts(alice)

    answer = exchange(alice, [POST, JSON, *headers], body)

    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer[:300]
    assert amounts(alice) == before


def begin(alice, length):
    """Start a request without sending its body."""
    address = urlsplit(alice.url)
    cookies = "; ".join(
        f"{cookie.name}={cookie.value}" for cookie in alice.http.cookies
    )
    lines = [
        POST,
        f"Host: {address.netloc}",
        f"Cookie: {cookies}",
        f"X-CSRFToken: {alice.http.headers['X-CSRFToken']}",
        JSON,
        f"Content-Length: {length}",
        "Connection: close",
    ]
    line = socket.create_connection((address.hostname, address.port), WAIT_SECONDS)
    line.sendall("\r\n".join([*lines, "", ""]).encode())
    return line


def test_a_slow_body_is_accepted(alice):
    before = amounts(alice)
    with begin(alice, len(LUNCH)) as line:
        for piece in in_chunks(LUNCH, len(LUNCH) // 4):
            line.sendall(piece)
            time.sleep(0.3)
        answer = received(line)

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert amounts(alice) == before + 1


def test_endless_bodies_delay_other_requests_only_briefly(alice):
    """More of them than threads, each sending a few bytes repeatedly."""
    before = amounts(alice)
    with contextlib.ExitStack() as open_ones:
        lines = [
            open_ones.enter_context(begin(alice, 10_000)) for _ in range(THREADS + 4)
        ]
        for _ in range(4):
            for line in lines:
                line.sendall(b" ")
            time.sleep(0.2)
        started = time.monotonic()

        assert amounts(alice) == before
        assert time.monotonic() - started < 6 * BODY_SECONDS

        for line in lines:
            answer = received(line)
            assert answer.startswith(b"HTTP/1.1 400 "), answer
            assert b'"code":"incomplete"' in answer
    assert amounts(alice) == before


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ([f"GET /api/expenses?q={'x' * 5000} HTTP/1.1"], 414),
        (["GET /api/expenses HTTP/1.1", *[f"X-{n}: x" for n in range(200)]], 431),
        (["GET /api/expenses HTTP/1.1", f"X-Much: {'x' * 9000}"], 431),
        (["GET /api/expenses HTTP/1.1", "Host: elsewhere"], 400),
        (["G@T /api/expenses HTTP/1.1", "X-Odd: <b>\xff"], 400),
        ([POST, JSON, "Content-Length: 9", "Expect: <b>miracles"], 417),
    ],
)
def test_errors_of_the_server_are_problem_documents_too(alice, head, status):
    lines, _, body = exchange(alice, head).partition(b"\r\n\r\n")

    first, *fields = lines.decode("ascii").split("\r\n")
    answer = Response()
    answer.status_code, answer._content = int(first.split()[1]), body
    answer.headers.update(field.split(": ") for field in fields)
    assert problem(answer)["code"] == "bad_request"
    assert answer.status_code == status


def test_head_returns_the_content_length_of_get_without_a_body(alice):
    head = exchange(alice, ["HEAD /api/profile HTTP/1.1", "Accept: application/json"])
    full = alice.request("GET", "profile", headers={"Accept-Encoding": "identity"})

    lines, _, body = head.partition(b"\r\n\r\n")
    assert lines.startswith(b"HTTP/1.1 200")
    assert body == b""
    assert f"ETag: {full.headers['ETag']}".encode() in lines
    assert f"Content-Length: {len(full.content)}".encode() in lines


def test_the_etag_of_a_compressed_response_is_valid_for_a_change(alice):
    url = f"{alice.url}/api/expenses/{post(alice, LUNCH).json()['expense_id']}"
    alice.http.patch(url, json={"description": "so long " * 60}, timeout=30)
    read = alice.http.get(url, headers={"Accept-Encoding": "gzip"}, timeout=30)
    tag = {"If-Match": read.headers["ETag"]}

    first = alice.http.patch(url, json={"amount": "5"}, headers=tag, timeout=30)
    second = alice.http.patch(url, json={"amount": "6"}, headers=tag, timeout=30)

    assert read.headers["ETag"].endswith('-gzip"')
    assert (first.status_code, second.status_code) == (200, 412)


def test_one_of_many_concurrent_conditional_changes_succeeds(alice):
    """All send the ETag they read; the write itself checks the condition."""
    url = f"{alice.url}/api/expenses/{post(alice, LUNCH).json()['expense_id']}"
    tag = {"If-Match": alice.http.get(url, timeout=30).headers["ETag"]}
    headers = {**alice.http.headers, **tag}

    def change(amount):
        return requests.patch(
            url,
            json={"amount": amount},
            headers=headers,
            cookies=alice.http.cookies,
            timeout=60,
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(change, range(10, 18)))

    assert statuses == [200] + [412] * 7
