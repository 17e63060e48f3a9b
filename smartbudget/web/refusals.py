"""What gunicorn refuses before Django sees it, said as all errors are: in a problem."""

import json
import uuid
from http import HTTPStatus
from socket import socket

from gunicorn.util import write_nonblock

from smartbudget.core import log
from smartbudget.web.problems import PROBLEM_JSON, TITLES, Problem, document


def write(connection: socket, status: int, reason: str, sentence: str) -> None:
    """Answer a request that is no HTTP, too long, or that broke the program.

    It stands for gunicorn.util.write_error, which writes HTML. sentence: gunicorn's,
    empty where it says nothing.
    """
    name = uuid.uuid4().hex
    log.bind(name)
    code = (
        "server_error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "bad_request"
    )
    problem = Problem(status, sentence or TITLES[code], code)
    body = json.dumps(document(problem, None))
    head = [
        f"HTTP/1.1 {status} {reason}",
        "Connection: close",
        f"Content-Type: {PROBLEM_JSON}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        f"X-Request-Id: {name}",
    ]
    write_nonblock(connection, "\r\n".join([*head, "", body]).encode("ascii"))
