"""HTTP as the real server speaks it: bodies in chunks, cut off or too large; HEAD."""

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
    """Yield a body in pieces, which requests sends as chunks."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def post(alice, data):
    # What is refused unread ends the connection; the next one begins anew.
    headers = {"Content-Type": "application/json", "Connection": "close"}
    return alice.request("POST", "expenses", data=data, headers=headers)


def exchange(alice, head, body=b""):
    """Send raw bytes and return all that comes back until the line is closed."""
    address = urlsplit(alice.url)
    cookies = "; ".join(f"{each.name}={each.value}" for each in alice.http.cookies)
    lines = [
        head[0],
        f"Host: {address.netloc}",
        f"Cookie: {cookies}",
        f"X-CSRFToken: {alice.http.headers['X-CSRFToken']}",
        *head[1:],
    ]
    with socket.create_connection((address.hostname, address.port), 10) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        line.shutdown(socket.SHUT_WR)
        line.settimeout(10)
        return received(line)


def received(line):
    """Return all that comes until the line is closed."""
    return b"".join(iter(lambda: line.recv(65536), b""))


def amounts(alice):
    return len(alice.get("expenses?page_size=100")["results"])


def test_a_body_in_chunks_is_read(alice):
    answer = post(alice, in_chunks(LUNCH, 7))

    assert answer.status_code == 201
    assert answer.json()["category"] == "Lunch"


@pytest.mark.parametrize("size", [2_500_001, 12_000_000])
def test_too_many_chunks_are_too_large(alice, size):
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
        ([f"Content-Length: {len(LUNCH) + 9}"], LUNCH),  # goes away halfway
        (["Transfer-Encoding: chunked"], b"%x\r\n%s\r\n" % (len(LUNCH), LUNCH)),
        (["Transfer-Encoding: chunked"], b"ff\r\n" + LUNCH),
        (["Transfer-Encoding: chunked"], b"zz\r\n" + LUNCH),
        (["Content-Length: -1"], LUNCH),
        (["Content-Length: x"], LUNCH),
        ([f"Content-Length: {len(LUNCH) - 1}"], LUNCH),  # and a piece too much
        ([f"Content-Length: {len(LUNCH)}", "Transfer-Encoding: chunked"], LUNCH),
        ([f"X-Much: {'x' * 9000}", f"Content-Length: {len(LUNCH)}"], LUNCH),
        ([f"X-{n}: x" for n in range(200)], LUNCH),
    ],
)
def test_what_is_not_whole_or_well_framed_stores_nothing(alice, headers, body):
    before = amounts(alice)

    answer = exchange(alice, [POST, JSON, *headers], body)

    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer[:300]
    assert amounts(alice) == before


def begin(alice, length):
    """Begin a request, and send nothing of its body yet."""
    address = urlsplit(alice.url)
    cookies = "; ".join(f"{each.name}={each.value}" for each in alice.http.cookies)
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


def test_a_body_that_comes_slowly_is_taken(alice):
    before = amounts(alice)
    with begin(alice, len(LUNCH)) as line:
        for piece in in_chunks(LUNCH, len(LUNCH) // 4):
            line.sendall(piece)
            time.sleep(0.3)
        answer = received(line)

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert amounts(alice) == before + 1


def test_bodies_that_never_end_hold_up_the_others_only_so_long(alice):
    """More than there are threads, each sending a little again and again."""
    before = amounts(alice)
    with contextlib.ExitStack() as open_ones:
        lines = [
            open_ones.enter_context(begin(alice, 10_000)) for _ in range(THREADS + 4)
        ]
        for _ in range(4):
            for line in lines:
                line.sendall(b" ")
            time.sleep(0.2)
        begun = time.monotonic()

        assert amounts(alice) == before
        assert time.monotonic() - begun < 3 * BODY_SECONDS

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
def test_what_the_server_itself_refuses_is_a_problem_too(alice, head, status):
    lines, _, body = exchange(alice, head).partition(b"\r\n\r\n")

    first, *fields = lines.decode("ascii").split("\r\n")
    answer = Response()
    answer.status_code, answer._content = int(first.split()[1]), body
    answer.headers.update(field.split(": ") for field in fields)
    assert problem(answer)["code"] == "bad_request"
    assert answer.status_code == status


def test_the_answer_to_head_has_no_body_and_the_length_of_gets(alice):
    head = exchange(alice, ["HEAD /api/profile HTTP/1.1", "Accept: application/json"])
    whole = alice.request("GET", "profile", headers={"Accept-Encoding": "identity"})

    lines, _, rest = head.partition(b"\r\n\r\n")
    assert lines.startswith(b"HTTP/1.1 200")
    assert rest == b""
    assert f"ETag: {whole.headers['ETag']}".encode() in lines
    assert f"Content-Length: {len(whole.content)}".encode() in lines


def test_a_compressed_answer_s_tag_is_good_for_a_change(alice):
    url = f"{alice.url}/api/expenses/{post(alice, LUNCH).json()['expense_id']}"
    alice.http.patch(url, json={"description": "so long " * 60}, timeout=30)
    read = alice.http.get(url, headers={"Accept-Encoding": "gzip"}, timeout=30)
    tag = {"If-Match": read.headers["ETag"]}

    first = alice.http.patch(url, json={"amount": "5"}, headers=tag, timeout=30)
    second = alice.http.patch(url, json={"amount": "6"}, headers=tag, timeout=30)

    assert read.headers["ETag"].endswith('-gzip"')
    assert (first.status_code, second.status_code) == (200, 412)


def test_of_many_who_change_the_same_at_once_one_does(alice):
    """All go by what they read; the condition holds up to the write itself."""
    url = f"{alice.url}/api/expenses/{post(alice, LUNCH).json()['expense_id']}"
    tag = {"If-Match": alice.http.get(url, timeout=30).headers["ETag"]}
    kept = {**alice.http.headers, **tag}

    def change(amount):
        return requests.patch(
            url,
            json={"amount": amount},
            headers=kept,
            cookies=alice.http.cookies,
            timeout=60,
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(change, range(10, 18)))

    assert statuses == [200] + [412] * 7
