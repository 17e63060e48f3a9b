"""Create reports through the Lambda; list, download and delete stored ones.

Why: docs/decisions.md#a-report-is-created-once-under-a-lock
"""

import datetime
import hashlib
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from notifications import outbox
from reports import links, notices, queued
from reports.models import LEASE, ReportLock
from reports.periods import ReportPeriod, resolve
from reports.queued import QueuedReport
from reports.stored import StoredReport
from smartbudget.core import aws, files, log
from smartbudget.core.bulk_delete import delete_objects
from smartbudget.core.concurrency import REPORTS
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Transaction, conditional_write
from smartbudget.core.errors import InvalidError, NotFoundError, UnavailableError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.lease import new_owner
from smartbudget.core.pagination import Key, Page
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

# In this order: the Lambda stops reading and drawing after 15 seconds, the client waits
# 22 for it, and gunicorn 30 for the request.
LEASE_SECONDS = 25  # a process that holds the lease for longer has died
WAIT_SECONDS = 5  # for another process that creates the same report
POLL_SECONDS = 0.2
RETENTION_SECONDS = 24 * 3600
LINK_SECONDS = 300  # of a download URL, which is signed when a link is clicked

MAX_LISTED = 3000  # reports that a listing reads, with three AWS calls


@dataclass(frozen=True)
class ReportResult:
    """The result of a request for a report."""

    period: ReportPeriod
    report_key: str
    report_url: str  # signed; valid for 24 hours at most

    @property
    def file_name(self) -> str:
        """The last part of its key."""
        return files.file_name(self.report_key)


def request_report(
    user: User, *, report_type: object, email: bool = False, **days: object
) -> ReportResult | QueuedReport:
    """Create a report through the Lambda and return its location; takes seconds.

    One that is too large to wait for is queued and returned as such.

    days: `year`, `month`, `start_date`, `end_date`; see `periods.resolve`.
    email: whether to send an e-mail when it is ready, once per report. The user is
    always notified of a queued one.

    Safe to repeat: the same file is returned while its numbers have not changed, and
    a second process waits for the first. Raises InvalidError naming the field,
    UnavailableError, and ThrottledError while this process creates another report for
    the user, or too many of the user are queued.
    """
    today, calendar = user.today(), user.calendar
    period = resolve(report_type, today=today, calendar=calendar, **days)
    payload = {
        "user_id": user.user_id,
        "report_type": period.report_type,
        **{name: _plain(value) for name, value in days.items()},
        "may_defer": True,
        "request_id": log.current_request_id(),
    }
    with REPORTS.slot(user.user_id):
        lock = _acquire(user, period)
        response: dict[str, Any] = {}
        try:
            response = _invoke({**payload, "known": _known(user, lock)})
        finally:
            _release(lock, response)
        if response.get("deferred"):
            return queued.put(user, period)
    result = ReportResult(period, response["report_key"], response["report_url"])
    if email:
        _notify(user, result)
    return result


def list_reports(
    user: User, *, limit: int = 25, after: Key | None = None, backwards: bool = False
) -> Page[StoredReport]:
    """Return one page of the user's reports, newest period first.

    after, backwards: as in `pagination.query_page`.
    """
    stored = sorted(
        _listed(user, {"MaxItems": MAX_LISTED}), key=_sort_key, reverse=True
    )
    first, stop = 0, limit
    if after is not None:
        position = _sort_key(StoredReport(after["report_key"]["S"], 0))
        if backwards:
            stop = sum(_sort_key(report) > position for report in stored)
            first = max(stop - limit, 0)
        else:
            first = sum(_sort_key(report) >= position for report in stored)
            stop = first + limit
    shown = stored[first:stop]
    end = first + len(shown)
    return Page(
        shown,
        next=_cursor(stored[end - 1]) if shown and end < len(stored) else None,
        previous=_cursor(shown[0]) if shown and first > 0 else None,
    )


def download_url(user: User, file_name: str) -> str:
    """Return a signed URL for one of the user's reports, valid for five minutes.

    Raises NotFoundError, also for another user's report.
    """
    return links.download_url(_key_of(user, file_name), LINK_SECONDS)


def delete_report(user: User, file_name: str) -> None:
    """Delete one of the user's reports. Raises NotFoundError."""
    key = _key_of(user, file_name)
    aws.client("s3").delete_object(Bucket=config.receipts_bucket, Key=key)
    logger.info("report deleted user_id=%s", user.user_id)


def get_report(user: User, file_name: str) -> StoredReport:
    """Return one of the user's reports. Raises NotFoundError."""
    key = f"{_prefix(user.user_id)}{file_name}"
    if files.owner_of(key) != user.user_id:
        raise NotFoundError(_("Report not found."))
    try:
        head = aws.client("s3").head_object(Bucket=config.receipts_bucket, Key=key)
    except ClientError as error:
        # Without the right to list other users' objects, S3 returns 403, not 404.
        if error.response["Error"]["Code"] in {"403", "404", "NoSuchKey"}:
            raise NotFoundError(_("Report not found.")) from error
        raise
    return StoredReport(key, int(head["ContentLength"]))


def delete_all(user_id: str) -> Iterator[int]:
    """Delete all reports of a closed account; see core.bulk_delete. Safe to repeat."""
    yield queued.delete_all(user_id)
    yield from delete_objects(_prefix(user_id))


def _prefix(user_id: str) -> str:
    return f"{files.REPORTS}/{user_id}/"


def _key_of(user: User, file_name: str) -> str:
    return get_report(user, file_name).report_key


def all_reports(user: User) -> Iterator[StoredReport]:
    """Yield all of the user's reports, unordered, with one S3 call per thousand."""
    return _listed(user, {})


def _listed(user: User, bounds: dict[str, int]) -> Iterator[StoredReport]:
    listing = aws.client("s3").get_paginator("list_objects_v2")
    pages = listing.paginate(
        Bucket=config.receipts_bucket,
        Prefix=_prefix(user.user_id),
        PaginationConfig=bounds,
    )
    for page in pages:
        for item in page.get("Contents", []):
            if files.owner_of(item["Key"]) == user.user_id:
                yield StoredReport(item["Key"], item["Size"])


def _sort_key(report: StoredReport) -> tuple[str, str, str]:
    last_day = report.period.end.isoformat() if report.period else report.created_at
    return last_day, report.created_at, report.report_key


def _cursor(report: StoredReport) -> Key:
    return {"report_key": {"S": report.report_key}}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime.date) else value


def _acquire(user: User, period: ReportPeriod) -> ReportLock:
    """Acquire the lease on a report; wait while another process creates it."""
    text = json.dumps(
        [user.user_id, period.report_type, str(period.current)], default=str
    )
    digest = hashlib.sha256(text.encode()).hexdigest()
    deadline = time.monotonic() + WAIT_SECONDS
    while not (lock := _take_lease(f"report#{digest}")):
        if time.monotonic() > deadline:
            raise UnavailableError(
                _(
                    "This report is already being created. It will be in your"
                    " list in a moment."
                )
            )
        time.sleep(POLL_SECONDS)
    return lock


def _take_lease(key: str) -> ReportLock | None:
    now = int(time.time())
    lock = ReportLock(key)
    owner = new_owner()
    actions = LEASE.take(owner, now + LEASE_SECONDS)
    actions.append(ReportLock.expires_at.set(now + RETENTION_SECONDS))
    # The update returns the item, so the last report is known without another read.
    if conditional_write(lambda: lock.update(actions, LEASE.available_to(owner, now))):
        return lock
    return None


def _known(user: User, lock: ReportLock) -> dict[str, str] | None:
    """Return the last report that was created under a lock, or None."""
    if not lock.fingerprint or not lock.file_name:
        return None
    key = f"{_prefix(user.user_id)}{lock.file_name}"
    return {"fingerprint": lock.fingerprint, "report_key": key}


def _release(lock: ReportLock, response: dict[str, Any]) -> None:
    """Release the lease and store which file was created, if one was."""
    actions = LEASE.release()
    if "fingerprint" in response:
        actions += [
            ReportLock.fingerprint.set(response["fingerprint"]),
            ReportLock.file_name.set(files.file_name(response["report_key"])),
        ]
    conditional_write(lambda: lock.update(actions, LEASE.held_by(lock.lease_owner)))


def _invoke(payload: dict[str, Any]) -> dict[str, Any]:
    """Invoke the Lambda once: retries by botocore would create more reports.

    Raises the InvalidError or NotFoundError that it returns, or else UnavailableError.
    """
    try:
        response = aws.client("lambda", attempts=1).invoke(
            FunctionName=aws.function_name(queued.FUNCTION),
            Payload=json.dumps(payload).encode(),
        )
        result = json.loads(response["Payload"].read())
    except (BotoCoreError, ClientError) as error:
        logger.exception("report not created user_id=%s", payload["user_id"])
        raise UnavailableError(_(queued.FAILED)) from error
    if response.get("FunctionError"):  # with status 200
        # Only its type is logged: the message may contain what the user typed.
        logger.error(
            "report failed user_id=%s type=%s",
            payload["user_id"],
            result.get("errorType") if isinstance(result, dict) else None,
        )
        raise UnavailableError(_(queued.FAILED))
    if failure := result.get("error"):
        raise _error_of(failure)
    if result.get("deferred"):
        return dict(result)
    if files.owner_of(result.get("report_key", "")) != payload["user_id"]:
        raise UnavailableError(_(queued.FAILED))
    return dict(result)


def _error_of(error: dict[str, Any]) -> Exception:
    if error["code"] == InvalidError.code:
        return InvalidError(error["message"], error.get("field"))
    if error["code"] == NotFoundError.code:
        return NotFoundError(error["message"])
    return UnavailableError(error["message"])


def _notify(user: User, result: ReportResult) -> None:
    """Notify the user that a report is ready, once per report."""
    notification = notices.ready(user, result.period, result.report_key)
    transaction = Transaction()
    outbox.put(notification, transaction)
    transaction.commit()
    outbox.enqueue(user, [notification])
