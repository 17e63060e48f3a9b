"""gunicorn's access log as JSON lines, without personal data or secrets."""

import datetime
import json
import re
from typing import Any

from gunicorn.glogging import Logger

# As long as the secret in a mail's link; ids are shorter.
SECRET = re.compile(r"[^/]{43,}")


class AccessLogger(Logger):
    """An access log without query strings, network addresses or secrets in paths.

    The application's lines about a request have the same `request_id`.
    """

    def access(
        self,
        resp: Any,
        req: Any,
        environ: dict[str, Any],
        request_time: datetime.timedelta,
    ) -> None:
        """Log a request with its status, size and duration."""
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat("T", "milliseconds"),
            "logger": "access",
            "method": environ.get("REQUEST_METHOD"),
            "path": SECRET.sub("...", environ.get("PATH_INFO", "")),
            "status": int(str(resp.status).partition(" ")[0]),
            "bytes": getattr(resp, "sent", None),
            "seconds": round(request_time.total_seconds(), 3),
            "request_id": dict(resp.headers).get("X-Request-Id"),
            "trace": environ.get("HTTP_X_AMZN_TRACE_ID"),
        }
        self.access_log.info("%s", json.dumps(line))
