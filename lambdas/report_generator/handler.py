"""Create reports and store them as PDFs in the bucket.

One that a web server waits for:

{"user_id", "report_type": "monthly" | "weekly" | "custom" | "yearly", "year", "month",
"start_date", "end_date", "request_id"?: of the web request, "known"?: an earlier
result's "fingerprint" and "report_key", "may_defer"?: whether the caller can queue it}
-> {"report_url": signed for 24 hours, "report_key", "file_name", "fingerprint"}, or
{"deferred": true} if it is too large to wait for, or {"error": {"code", "message",
"field"}} for invalid input. The file itself is not
returned: Lambda limits a response to 6 MB.

The oldest of a user's queued reports, invoked asynchronously:
{"task": "create_queued_reports", "user_id", "request_id"?} -> {"created": bool}

An event may be delivered twice.
"""

import logging
from typing import Any

from reports import generator, queued
from smartbudget.core import log
from smartbudget.core.config import config
from smartbudget.core.errors import DomainError, InvalidError, NotFoundError

log.set_up(config.log_level)
logger = logging.getLogger(__name__)

DAYS = ("year", "month", "start_date", "end_date")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the location of the report, or an error for invalid input."""
    log.bind(event.get("request_id"), lambda_request_id=context.aws_request_id)
    if event.get("task") == queued.EVENT:
        return _create_queued(event["user_id"], context)
    try:
        user_id = event.get("user_id")
        if not isinstance(user_id, str) or not user_id:
            raise InvalidError("user_id is required.", "user_id")
        return generator.generate_report(
            user_id,
            report_type=event.get("report_type"),
            known=event.get("known"),
            may_defer=event.get("may_defer") is True,
            **{name: event.get(name) for name in DAYS},
        )
    except DomainError as error:
        logger.info("report refused code=%s", error.code)
        return {
            "error": {
                "code": error.code,
                "message": str(error),
                "field": getattr(error, "field", None),
            }
        }


def _create_queued(user_id: str, context: Any) -> dict[str, Any]:
    """Create a queued report. Other errors are left to Lambda, which tries again."""
    seconds = context.get_remaining_time_in_millis() / 1000
    try:
        return {"created": generator.create_queued_report(user_id, seconds)}
    except NotFoundError:
        logger.info("deleted with its account user_id=%s", user_id)
        return {"created": False}
