"""Recount every budget and send alerts; run once a day by a schedule.

{"position"?: last key of an earlier run} -> {"alerts_sent": alerts queued,
"errors": [...]}. Near its time limit, a run invokes the next one. An event may be
delivered twice.
"""

import json
import logging
from typing import Any

from budgets import checks
from smartbudget.core import aws, log
from smartbudget.core.config import config

log.set_up(config.log_level)
logger = logging.getLogger(__name__)

# Time that must be left for another page of budgets. A page takes seconds, or longer
# if DynamoDB throttles.
MIN_MILLISECONDS = 90_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Check budgets from the event's position on, and invoke the next run if needed."""
    log.bind(lambda_request_id=context.aws_request_id)
    milliseconds_left = context.get_remaining_time_in_millis
    result = checks.check_all(
        event.get("position"), lambda: milliseconds_left() > MIN_MILLISECONDS
    )
    if result.position:
        # A single attempt: after a lost response, a retry would start a second run.
        aws.client("lambda", attempts=1).invoke(
            FunctionName=aws.function_name("budget_alert"),
            InvocationType="Event",
            Payload=json.dumps({"position": result.position}),
        )
    logger.info(
        "budgets checked alerts_sent=%d errors=%d finished=%s",
        result.alerts_sent,
        len(result.errors),
        not result.position,
    )
    return {"alerts_sent": result.alerts_sent, "errors": result.errors}
