"""Recount every budget and send alerts; run once a day by a schedule.

{"segment"?: its number, "segments"?: how many there are, "position"?: last key of an
earlier run, "started"?: when its chain of runs began, ISO 8601} -> {"alerts_sent":
alerts queued, "errors": [...]}. The schedule's event has none of these: it starts a
chain for each segment. Near its time limit, a run invokes the next one of its chain.

An event may be delivered twice, and the chains of two days may overlap: both check all
users, and each alert is sent once.
Why: docs/decisions.md#the-daily-check-is-a-chain-of-runs-per-segment
"""

import datetime
import json
import logging
from typing import Any

from budgets import checks
from budgets.checks import Segment
from smartbudget.core import aws, dates, log
from smartbudget.core.config import config

log.set_up(config.log_level)
logger = logging.getLogger(__name__)

# Time that must be left for another page of budgets. A page takes seconds, or longer
# if DynamoDB throttles.
MIN_MILLISECONDS = 90_000

MAX_DURATION = datetime.timedelta(days=1)  # the next check starts then


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Start the chains of all segments, or continue the chain of an event."""
    log.bind(lambda_request_id=context.aws_request_id)
    total = config.daily_check_segments
    started = event.get("started") or dates.timestamp()
    if total > 1 and not {"segment", "position"}.intersection(event):
        return _start(total, started)
    # Earlier versions continue with a position alone.
    segment = Segment(event.get("segment", 0), event.get("segments", 1))
    milliseconds_left = context.get_remaining_time_in_millis
    result = checks.check_all(
        event.get("position"), lambda: milliseconds_left() > MIN_MILLISECONDS, segment
    )
    if result.position:
        # A single attempt: after a lost response, a retry would start a second run.
        _invoke(1, segment, started, position=result.position)
    else:
        _report_finished(segment, started)
    logger.info(
        "budgets checked segment=%d segments=%d alerts_sent=%d errors=%d finished=%s",
        segment.number,
        segment.total,
        result.alerts_sent,
        len(result.errors),
        not result.position,
    )
    return {"alerts_sent": result.alerts_sent, "errors": result.errors}


def _start(total: int, started: str) -> dict[str, Any]:
    """Invoke the first run of each segment.

    If one cannot be started, the error makes Lambda repeat this run. Starting a segment
    twice costs more, but changes nothing.
    """
    for number in range(total):
        _invoke(2, Segment(number, total), started)
    return {"alerts_sent": 0, "errors": []}


def _invoke(attempts: int, segment: Segment, started: str, **more: Any) -> None:
    # A position is valid for its own segment only, so the numbers go with it: a
    # deployment may change the configured ones.
    event = {"segment": segment.number, "segments": segment.total, "started": started}
    aws.client("lambda", attempts=attempts).invoke(
        FunctionName=aws.function_name("budget_alert"),
        InvocationType="Event",
        Payload=json.dumps(event | more),
    )


def _report_finished(segment: Segment, started: str) -> None:
    """Count a finished segment; its alarm goes off if it is not counted for too long.

    A check that took longer than a day does not count: it needs more segments.
    """
    duration = dates.now() - datetime.datetime.fromisoformat(started)
    logger.info(
        "segment finished segment=%d segments=%d minutes=%d",
        segment.number,
        segment.total,
        duration.total_seconds() // 60,
    )
    if duration < MAX_DURATION:
        log.count("DailyCheckFinished", Segment=str(segment.number))
