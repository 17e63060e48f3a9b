"""Configure gunicorn in the container; the local stack changes a few settings.

Timeouts are ordered so that each client waits longer than its server: a report in
Lambda 15 s, boto 22, gunicorn 30, the proxy 45, the load balancer's idle connection 60.
"""

import json
import os
import uuid
from http import HTTPStatus
from socket import socket

from gunicorn import util

from smartbudget.core import log

# gunicorn has a setting named `config`.
from smartbudget.core.config import config as ours
from smartbudget.web.problems import PROBLEM_JSON, TITLES, Problem, document

bind = "0.0.0.0:8000"

# Threads, since a request mostly waits for AWS. Not preloaded: clients and locks must
# not be shared across a fork.
worker_class = "gthread"
workers = ours.web_processes or max(2, os.cpu_count() or 1)
threads = ours.web_threads
preload_app = False

# Longer than the load balancer's 60 seconds, so that the load balancer closes the
# connection. Otherwise it may send a request on a closing connection and return 502.
keepalive = 75
timeout = 30  # seconds without a heartbeat, after which a worker is replaced
# Long enough for a report, and below the 45 seconds that the load balancer waits for
# an instance that is removed (docs/aws.md#draining).
graceful_timeout = 25

# The file system is read-only, and a heartbeat file on a disk may block a worker.
# Nothing uses the control socket.
worker_tmp_dir = "/dev/shm"  # noqa: S108 - memory
control_socket_disable = True

# gunicorn trusts no proxy headers: settings.py reads X-Forwarded-Proto, and
# web/client_ip.py reads the client's address, trusting PROXY_COUNT proxies.
forwarded_allow_ips = ""
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

accesslog = "-"  # standard output, collected by Elastic Beanstalk
logger_class = "smartbudget.web.access_log.AccessLogger"


def write_error(connection: socket, status: int, reason: str, sentence: str) -> None:
    """Send a problem document for a request that Django never sees.

    Such requests are not HTTP, have too long a head, or crash the worker. Replaces
    gunicorn.util.write_error, which sends HTML. sentence: from gunicorn; may be empty.
    """
    request_id = uuid.uuid4().hex
    log.bind(request_id)
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
        f"X-Request-Id: {request_id}",
    ]
    util.write_nonblock(connection, "\r\n".join([*head, "", body]).encode("ascii"))


# gunicorn has no setting for the format of its errors.
util.write_error = write_error
