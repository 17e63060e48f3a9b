"""Request bodies: complete, or an error."""

import contextlib
import io
import socket
from dataclasses import replace

import pytest

from smartbudget.core.config import config
from smartbudget.web import body
from smartbudget.web.body import WholeBody, whole_body


def body_of(data, size_bytes):
    return WholeBody(io.BytesIO(data), size_bytes)


@pytest.mark.parametrize("size", [-1, 3, 4, 100])
def test_a_complete_body_is_read(size):
    assert body_of(b"abc", 3).read(size) == b"abc"
    assert body_of(b"a\nb", 3).readline(size)[:2] == b"a\n"


@pytest.mark.parametrize("size", [-1, 4, 100])
def test_a_truncated_body_is_rejected(size):
    with pytest.raises(ConnectionResetError):
        body_of(b"abc", 4).read(size)
    with pytest.raises(ConnectionResetError):
        body_of(b"abc", 4).readline(size)


def test_a_body_read_in_pieces_is_rejected_if_truncated():
    truncated = body_of(b"abc", 4)

    pieces = [truncated.read(size) for size in (0, 2, 1)]
    assert pieces == [b"", b"ab", b"c"]
    with pytest.raises(ConnectionResetError):
        truncated.read(1)


def chunked(source):
    return {
        "wsgi.input": source,
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }


def test_a_chunked_body_gets_a_content_length():
    environ = chunked(io.BytesIO(b"x" * 100_000))

    with whole_body(environ):
        assert environ["CONTENT_LENGTH"] == "100000"
        assert len(environ["wsgi.input"].read()) == 100_000


def test_chunks_beyond_the_limit_are_not_read():
    environ = chunked(source := io.BytesIO(b"x" * 20_000_000))

    with whole_body(environ):
        assert int(environ["CONTENT_LENGTH"]) > 11 * 1024 * 1024
        assert source.tell() < 12_000_000


def test_truncated_chunks_are_rejected():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if data := super().read(size):
                return data
            raise OSError("no more data")

    environ = chunked(Broken(b"abc"))

    with whole_body(environ), pytest.raises(ConnectionResetError):
        environ["wsgi.input"].read()


@pytest.fixture
def connect():
    """Return a function that opens a connection: the server's end, the client's."""
    with contextlib.ExitStack() as opened:
        yield lambda: [*map(opened.enter_context, socket.socketpair())]


def sending(connection, data=b"x"):
    """Return the environment of a request with a body."""
    return {
        "gunicorn.socket": connection,
        "CONTENT_LENGTH": str(len(data)),
        "wsgi.input": io.BytesIO(data),
    }


def test_a_body_that_does_not_arrive_in_time_ends(connect, monkeypatch):
    server, client = connect()
    monkeypatch.setattr(body, "config", replace(config, body_seconds=0))

    with whole_body(sending(server)):
        assert server.recv(1) == b""

    server.sendall(b"408")
    assert client.recv(3) == b"408"


def test_a_finished_request_does_not_limit_the_next(connect, monkeypatch):
    """A client may send its next request on the same connection much later."""
    kept, client = connect()
    late, _ = connect()
    monkeypatch.setattr(body, "config", replace(config, body_seconds=0))
    with whole_body(sending(kept)):
        pass

    with whole_body(sending(late)):
        assert late.recv(1) == b""

    client.sendall(b"next")
    assert kept.recv(4) == b"next"


def test_a_body_in_time_is_read_while_another_is_late(connect, monkeypatch):
    early, client = connect()
    late, _ = connect()

    with whole_body(sending(early)):
        monkeypatch.setattr(body, "config", replace(config, body_seconds=0))
        with whole_body(sending(late)):
            assert late.recv(1) == b""
        client.sendall(b"body")
        assert early.recv(4) == b"body"
