"""Queued reports: too large to wait for, created by the Lambda in the background.

A user has one record with all of them. It is written together with a durable job, which
starts the Lambda until no report of the user is being created. The Lambda creates them
one by one under a lease on the record.

Why: docs/decisions.md#a-large-report-is-created-in-the-background
"""

import datetime
import json
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pynamodb.exceptions import PynamoDBException

from notifications import jobs, outbox
from notifications.models import Notification
from reports import notices
from reports.models import QUEUED_LEASE, QueuedReports
from reports.periods import ReportPeriod, too_many_expenses
from smartbudget.core import aws, dates, files, log
from smartbudget.core.dynamodb import (
    Transaction,
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.errors import NotFoundError, ThrottledError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop, ngettext
from smartbudget.core.lease import new_owner
from smartbudget.core.periods import Period
from smartbudget.core.tasks import QueueError, send_task
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

FUNCTION = "report_generator"
TASK = "reports.tasks.start_queued_reports"
EVENT = "create_queued_reports"  # the `task` of the Lambda's event

STATUSES = ("creating", "ready", "failed")
MAX_CREATING = 3  # of a user; they are created one by one
MAX_KEPT = 50  # of a user, with those that are ready or failed
MAX_ATTEMPTS = 5  # Lambda makes three within minutes, then the sweep starts it again
RETRY_AFTER = 60  # seconds; most large reports take less
SHOWN_FOR = datetime.timedelta(days=1)  # once ready or failed
RETENTION_SECONDS = 30 * 24 * 3600
# A lease is this much longer than the Lambda may run, since clocks differ.
MARGIN_SECONDS = 30

TOO_MANY_EXPENSES = "too_many_expenses"
FAILED = gettext_noop("The report couldn't be created. Please try again.")

_NAMESPACE = uuid.UUID("4f9a6d1e-2c7b-5d38-9e05-b1a64c8f7203")


@dataclass(frozen=True)
class QueuedReport:
    """A report that was queued. One of the same type and period replaces it."""

    report_type: str
    start: str  # YYYY-MM-DD, as are the following
    end: str
    previous_start: str
    previous_end: str
    requested_at: str  # ISO 8601, UTC
    status: str = "creating"  # one of STATUSES
    attempts: int = 0
    ended_at: str | None = None  # ISO 8601, UTC
    failure: str | None = None  # if failed: TOO_MANY_EXPENSES, or None
    # Of the last file; kept while another one is created.
    fingerprint: str | None = None
    file_name: str | None = None

    @property
    def report_id(self) -> str:
        """Its id, 32 hexadecimal digits, unique within a user."""
        return id_of(self.period)

    @property
    def period(self) -> ReportPeriod:
        """Its type and period."""
        return ReportPeriod(
            self.report_type,
            _period(self.start, self.end),
            _period(self.previous_start, self.previous_end),
        )

    @property
    def is_creating(self) -> bool:
        """Check whether it is being created."""
        return self.status == "creating"

    @property
    def ready_file(self) -> str | None:
        """The name of its file, or None unless it is ready."""
        return self.file_name if self.status == "ready" else None

    @property
    def type_in_words(self) -> str:
        """The name of its type, in the current language."""
        return self.period.title

    @property
    def name(self) -> str:
        """Its period in words, such as `October 2026`."""
        return self.period.name

    @property
    def reason(self) -> str | None:
        """Why it failed, in the current language, or None."""
        if self.status != "failed":
            return None
        if self.failure == TOO_MANY_EXPENSES:
            return str(too_many_expenses(self.period))
        return _(FAILED)

    def report_key(self, user_id: str) -> str:
        """Return the key of its file: the same in every attempt."""
        moment = datetime.datetime.fromisoformat(self.requested_at)
        return files.report_key(user_id, self.report_type, self.period.current, moment)

    def known(self, user_id: str) -> dict[str, str] | None:
        """Return `fingerprint` and `report_key` of its last file, or None."""
        if not self.fingerprint or not self.file_name:
            return None
        key = f"{files.REPORTS}/{user_id}/{self.file_name}"
        return {"fingerprint": self.fingerprint, "report_key": key}


@dataclass(frozen=True)
class Work:
    """A report to create under a lease on the user's record."""

    user_id: str
    owner: str  # of the lease
    report: QueuedReport


Reports = Mapping[str, QueuedReport]  # by id
# A later version may store more.
_FIELDS = {field.name for field in fields(QueuedReport)}


def id_of(period: ReportPeriod) -> str:
    """Return the id of a queued report, the same for one type and period."""
    days = f"{period.report_type}|{period.current.start}|{period.current.end}"
    return uuid.uuid5(_NAMESPACE, days).hex


def put(user: User, period: ReportPeriod) -> QueuedReport:
    """Queue a report, and return it. Safe to repeat: one that waits is returned.

    Raises ThrottledError if MAX_CREATING others are being created. If SQS cannot be
    reached, the sweep starts it.
    """
    report, is_new = retry_on_conflict(lambda: _put(user, period))
    if is_new:
        logger.info(
            "report queued user_id=%s type=%s", user.user_id, period.report_type
        )
        _start_soon(user.user_id)
    return report


def list_reports(user: User) -> list[QueuedReport]:
    """Return the user's queued reports of the last day, newest first.

    Reads consistently. Those being created are listed however old they are.
    """
    record = QueuedReports.find(_key_of(user.user_id))
    oldest = dates.timestamp(dates.now() - SHOWN_FOR)
    shown = [
        report
        for report in _reports_in(record).values()
        if report.is_creating or (report.ended_at or "") > oldest
    ]
    return sorted(shown, key=lambda report: report.requested_at, reverse=True)


def get_report(user: User, report_id: str) -> QueuedReport:
    """Return one of the user's queued reports of the last day. Raises NotFoundError."""
    for report in list_reports(user):
        if report.report_id == report_id:
            return report
    raise NotFoundError(_("Report not found."))


def start(user_id: str) -> None:
    """Start the Lambda if reports of a user are being created. Safe to repeat.

    Errors of an outage are not caught.
    """
    record = QueuedReports.find(_key_of(user_id))
    if not any(report.is_creating for report in _reports_in(record).values()):
        # Without a record, the account was deleted; else the job is removed already.
        if record is None:
            _remove_job(user_id)
        return
    jobs.touch(TASK, user_id)
    payload = {
        "task": EVENT,
        "user_id": user_id,
        "request_id": log.current_request_id(),
    }
    # A single attempt: SQS repeats the task after a lost reply.
    aws.client("lambda", attempts=1).invoke(
        FunctionName=aws.function_name(FUNCTION),
        InvocationType="Event",
        Payload=json.dumps(payload).encode(),
    )


def take(user_id: str, seconds: float) -> Work | None:
    """Take the lease on a user's record, and return the oldest report to create.

    seconds: that the caller can run.

    Returns None if there is none, or while another process holds the lease.
    """
    owner = new_owner()
    return retry_on_conflict(lambda: _take(user_id, owner, seconds))


def release(work: Work) -> None:
    """Release the lease after a failed attempt, so that the next one can begin."""
    record = QueuedReports(_key_of(work.user_id))
    held = QUEUED_LEASE.held_by(work.owner)
    try:
        conditional_write(lambda: record.update(QUEUED_LEASE.release(), held))
    except PynamoDBException:  # the lease expires
        logger.warning("lease not released user_id=%s", work.user_id, exc_info=True)


def finish(
    user: User, work: Work, *, key: str = "", fingerprint: str = "", failure: str = ""
) -> None:
    """Store the result of a report with its notification, and release the lease.

    key, fingerprint: of the file, or "" if the report failed. failure: see
    QueuedReport.failure; "" for an unknown one.

    Safe to repeat. Nothing is stored if the account was deleted meanwhile.
    """
    report = replace(
        work.report,
        status="ready" if key else "failed",
        ended_at=dates.timestamp(),
        failure=failure or None,
    )
    if key:
        name = files.file_name(key)
        report = replace(report, fingerprint=fingerprint, file_name=name)
        notification = notices.ready(user, report.period, key)
    else:
        cause = f"{report.report_id}\n{report.requested_at}"
        notification = notices.failed(user, report.period, cause, report.failure)
    is_stored, is_last = retry_on_conflict(lambda: _finish(work, report, notification))
    if not is_stored:
        logger.info("report result dropped user_id=%s", user.user_id)
        return
    outbox.enqueue(user, [notification])
    if not is_last:
        _start_soon(user.user_id)


def delete_all(user_id: str) -> int:
    """Delete the record of a closed account; return how many there were, 0 or 1."""
    record = QueuedReports(_key_of(user_id))
    exists = QueuedReports.user_id.exists()
    return int(conditional_write(lambda: record.delete(exists)))


def _start_soon(user_id: str) -> None:
    try:
        send_task(TASK, {"user_id": user_id})
    except QueueError:
        logger.warning("left to the sweep user_id=%s", user_id, exc_info=True)


def _put(user: User, period: ReportPeriod) -> tuple[QueuedReport, bool]:
    """Return the report, and whether it is new."""
    record = QueuedReports.find(_key_of(user.user_id))
    reports = _reports_in(record)
    report_id = id_of(period)
    earlier = reports.get(report_id)
    if earlier and earlier.is_creating:
        return earlier, False
    if sum(report.is_creating for report in reports.values()) >= MAX_CREATING:
        sentence = ngettext(
            "{number} large report is being created. Wait until it is ready.",
            "{number} large reports are being created. Wait until one is ready.",
            MAX_CREATING,
        )
        raise ThrottledError(sentence.format(number=MAX_CREATING), RETRY_AFTER)
    report = QueuedReport(
        period.report_type,
        period.current.start.isoformat(),
        period.current.end.isoformat(),
        period.previous.start.isoformat(),
        period.previous.end.isoformat(),
        dates.timestamp(),
        fingerprint=earlier.fingerprint if earlier else None,
        file_name=earlier.file_name if earlier else None,
    )
    transaction = Transaction()
    _store(user.user_id, record, {**reports, report_id: report}, transaction)
    jobs.put(TASK, user.user_id, transaction)
    transaction.commit()
    return report, True


def _take(user_id: str, owner: str, seconds: float) -> Work | None:
    record = QueuedReports.find(_key_of(user_id))
    creating = [item for item in _reports_in(record).values() if item.is_creating]
    if record is None or not creating:
        return None
    report = min(creating, key=lambda item: item.requested_at)
    now = int(time.time())
    if record.lease_until and record.lease_until > now:
        # Ours after a lost reply, or else another process is creating it.
        return Work(user_id, owner, report) if record.lease_owner == owner else None
    report = replace(report, attempts=report.attempts + 1)
    reports = {**_reports_in(record), report.report_id: report}
    actions = [
        QueuedReports.reports.set(_to_json(reports)),
        *QUEUED_LEASE.take(owner, now + int(seconds) + MARGIN_SECONDS),
    ]
    unchanged = (QueuedReports.reports == record.reports) & QUEUED_LEASE.free_at(now)
    if not conditional_write(lambda: record.update(actions, unchanged)):
        raise WriteConflictError([record])
    return Work(user_id, owner, report)


def _finish(
    work: Work, report: QueuedReport, notification: Notification
) -> tuple[bool, bool]:
    """Return whether the result was stored, and whether no report is left to create."""
    record = QueuedReports.find(_key_of(work.user_id))
    reports = _reports_in(record)
    stored = reports.get(report.report_id)
    if record is None or record.lease_owner != work.owner or stored != work.report:
        return False, False
    others = any(item.is_creating and item is not stored for item in reports.values())
    transaction = Transaction()
    reports = {**reports, report.report_id: report}
    transaction.update(
        record,
        [QueuedReports.reports.set(_to_json(reports)), *QUEUED_LEASE.release()],
        (QueuedReports.reports == record.reports) & QUEUED_LEASE.held_by(work.owner),
    )
    outbox.put(notification, transaction)
    if not others:
        jobs.remove(TASK, work.user_id, transaction)
    transaction.commit()
    return True, not others


def _store(
    user_id: str,
    record: QueuedReports | None,
    reports: Reports,
    transaction: Transaction,
) -> None:
    """Add the write of the record to a transaction, unless it has changed."""
    expires_at = int(time.time()) + RETENTION_SECONDS
    # Those being created are among the newest, since the oldest is created first.
    kept = sorted(reports.items(), key=lambda pair: pair[1].requested_at)[-MAX_KEPT:]
    text = _to_json(dict(kept))
    if record is None:
        new = QueuedReports(_key_of(user_id), reports=text, expires_at=expires_at)
        transaction.put(new, QueuedReports.user_id.does_not_exist())
    else:
        transaction.update(
            record,
            [
                QueuedReports.reports.set(text),
                QueuedReports.expires_at.set(expires_at),
            ],
            QueuedReports.reports == record.reports,
        )


def _remove_job(user_id: str) -> None:
    transaction = Transaction()
    jobs.remove(TASK, user_id, transaction)
    transaction.commit()


def _reports_in(record: QueuedReports | None) -> Reports:
    if record is None:
        return {}
    stored: dict[str, dict[str, Any]] = json.loads(record.reports)
    return {
        report_id: QueuedReport(
            **{name: value for name, value in values.items() if name in _FIELDS}
        )
        for report_id, values in stored.items()
    }


def _to_json(reports: Reports) -> str:
    return json.dumps(
        {report_id: asdict(report) for report_id, report in reports.items()},
        sort_keys=True,
        separators=(",", ":"),
    )


def _key_of(user_id: str) -> str:
    return f"queued-reports#{user_id}"


def _period(start: str, end: str) -> Period:
    return Period(datetime.date.fromisoformat(start), datetime.date.fromisoformat(end))
