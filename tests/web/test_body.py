"""Request bodies: complete, or an error."""

import io

import pytest

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
    body = body_of(b"abc", 4)

    assert (body.read(0), body.read(2), body.read(1)) == (b"", b"ab", b"c")
    with pytest.raises(ConnectionResetError):
        body.read(1)


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
