"""Create a report and store it as a PDF in the bucket; invoked synchronously.

{"user_id", "report_type": "monthly" | "weekly" | "custom" | "yearly", "year", "month",
"start_date", "end_date", "request_id"?: of the web request, "known"?: an earlier
result's "fingerprint" and "report_key"}
-> {"report_url": signed for 24 hours, "report_key", "file_name", "fingerprint"}, or
{"error": {"code", "message", "field"}} for invalid input. The file itself is not
returned: Lambda limits a response to 6 MB. An event may be delivered twice.
"""

import logging
from typing import Any

from reports import generator
from smartbudget.core import log
from smartbudget.core.config import config
from smartbudget.core.errors import DomainError, InvalidError

log.set_up(config.log_level)
logger = logging.getLogger(__name__)

DAYS = ("year", "month", "start_date", "end_date")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the location of the report, or an error for invalid input."""
    log.bind(event.get("request_id"), lambda_request_id=context.aws_request_id)
    try:
        user_id = event.get("user_id")
        if not isinstance(user_id, str) or not user_id:
            raise InvalidError("user_id is required.", "user_id")
        return generator.generate_report(
            user_id,
            report_type=event.get("report_type"),
            known=event.get("known"),
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
