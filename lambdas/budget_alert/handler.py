"""Once a day, from a schedule -> every budget is counted again and alerted.

{"position"?: where an earlier run stopped} -> {"alerts_sent": crossings queued,
"errors": [...]}. A run that comes near its time limit invokes the next one. Every
event may come twice.
"""

import json
import logging
from typing import Any

from budgets import checks
from smartbudget.core import aws, log
from smartbudget.core.config import config

log.set_up(config.log_level)
logger = logging.getLogger(__name__)

# Milliseconds before the end: a page of budgets takes seconds, throttled ones more.
STOPS = 90_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Check budgets from the event's position on; hand the rest to the next run."""
    log.bind(lambda_request_id=context.aws_request_id)
    left = context.get_remaining_time_in_millis
    result = checks.check_all(event.get("position"), lambda: left() > STOPS)
    if result.position:
        # Once only: a lost reply would otherwise start two runs.
        aws.client("lambda", attempts=1).invoke(
            FunctionName=aws.function("budget_alert"),
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
