"""The web server in its container; the local stack's differs in a few lines.

Timeouts are ordered so that whoever waits outlives whom it waits for: the report Lambda
20 s, boto 22, gunicorn 30, the proxy 45, the load balancer's idle connection 60.
"""

import os

from gunicorn import util

# `config` would be a setting of gunicorn's.
from smartbudget.core.config import config as ours
from smartbudget.web import refusals

bind = "0.0.0.0:8000"

# Threads, since a request mostly waits for AWS. Without preloading: clients and their
# locks are made in each process, and none is shared across a fork.
worker_class = "gthread"
workers = ours.web_processes or max(2, os.cpu_count() or 1)
threads = ours.web_threads
preload_app = False

# Above the load balancer's 60 seconds: it must be the one who hangs up, or it sends a
# request into a connection that is just being closed, and answers 502.
keepalive = 75
timeout = 30  # seconds until a worker that no longer runs its loop is replaced
# Long enough for a report to be waited for, and below the 45 seconds that the load
# balancer goes on waiting for an instance that leaves (docs/aws.md#draining).
graceful_timeout = 25

# The file system is read-only. A heartbeat on a disk may block a worker, and
# nobody would use the control socket.
worker_tmp_dir = "/dev/shm"  # noqa: S108 - memory
control_socket_disable = True

# Nobody's word is taken here: settings.py reads X-Forwarded-Proto, and who sent a
# request is worked out from as many proxies as PROXY_COUNT says.
forwarded_allow_ips = ""
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# It has no setting for how a refusal looks.
util.write_error = refusals.write

accesslog = "-"  # standard output, which Elastic Beanstalk collects
logger_class = "smartbudget.web.access_log.AccessLogger"
