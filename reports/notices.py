"""Notifications about reports, which a report causes once each."""

import uuid

from notifications import messages, outbox
from notifications.models import Notification
from reports.periods import ReportPeriod
from smartbudget.core import files
from smartbudget.core.user import User

_NAMESPACE = uuid.UUID("0c3c2f7d-6f0b-5b63-8a57-2f1d1a7c9f4e")


def ready(user: User, period: ReportPeriod, report_key: str) -> Notification:
    """Return the unsaved notification that a file is ready."""
    facts = {**_facts(period), "file_name": files.file_name(report_key)}
    return _compose(user, "report_ready", report_key, facts)


def failed(
    user: User, period: ReportPeriod, cause: str, failure: str | None
) -> Notification:
    """Return the unsaved notification that a queued report was not created.

    cause: identifies the request. failure: of `queued.QueuedReport`.
    """
    facts = {**_facts(period), "failure": failure}
    return _compose(user, "report_failed", cause, facts)


def _facts(period: ReportPeriod) -> dict[str, object]:
    return {
        "report_type": period.report_type,
        "start": period.current.start,
        "end": period.current.end,
    }


def _compose(
    user: User, type: str, cause: str, facts: dict[str, object]
) -> Notification:
    return outbox.compose(
        notification_id=uuid.uuid5(_NAMESPACE, f"{user.user_id}\n{type}\n{cause}").hex,
        user_id=user.user_id,
        type=type,
        text=messages.write(type, facts, language=user.language),
    )
