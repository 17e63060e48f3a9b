"""Create reports as PDFs and store them in the bucket; run by the Lambda."""

import datetime
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from accounts import services as accounts
from reports import pdf, queued, services
from reports.links import PDF, download_url
from reports.periods import ReportPeriod, TooManyExpensesError, resolve
from reports.services import Limits, Report, build_report
from smartbudget.core import aws, dates, files, log
from smartbudget.core.config import config
from smartbudget.core.errors import UnavailableError
from smartbudget.core.i18n import current, override
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

# To read and draw while a web server waits: it stops after 22.
MAX_SECONDS = 15
DIRECT_PAGES = 40  # read of a report that a web server waits for: about 4 seconds
STORE_SECONDS = 40  # to store a file, if S3 does not respond at first
URL_SECONDS = 24 * 3600  # at most: a URL expires with the credentials that signed it
# Reports of one type created in the same second get the next free second.
MAX_DELAY_SECONDS = 10


def generate_report(
    user_id: str,
    *,
    report_type: object,
    known: dict[str, str] | None = None,
    may_defer: bool = False,
    **days: object,
) -> dict[str, Any]:
    """Create a report in the user's language and store it.

    days: `year`, `month`, `start_date`, `end_date`; see `periods.resolve`.
    known: `fingerprint` and `report_key` of an earlier result. If its numbers have not
    changed and its file exists, that file is returned and no PDF is drawn.
    may_defer: return {"deferred": True} for a report that takes too long to wait for.

    Returns report_url, report_key, file_name and fingerprint. Raises InvalidError, also
    for a report that cannot be created in time, NotFoundError for an unknown user,
    UnavailableError. Safe to repeat: without
    `known`, every call stores one more file and never replaces one.
    """
    limits = Limits(
        config.direct_report_expenses if may_defer else services.MAX_EXPENSES,
        DIRECT_PAGES,
        time.monotonic() + MAX_SECONDS,
    )
    account = accounts.get_account(user_id)
    user = account.user
    with override(account.language):
        today, calendar = user.today(), user.calendar
        period = resolve(report_type, today=today, calendar=calendar, **days)

        def store(document: bytes) -> str:
            return _store(user_id, period, document)

        try:
            key, fingerprint = _generate(user, period, known, limits, store)
        except TooManyExpensesError:
            if not may_defer:
                raise
            return {"deferred": True}
    return {
        "report_url": download_url(key, URL_SECONDS),
        "report_key": key,
        "file_name": files.file_name(key),
        "fingerprint": fingerprint,
    }


def create_queued_report(user_id: str, seconds: float) -> bool:
    """Create the oldest of a user's queued reports; return whether there was one.

    seconds: that this process can run.

    Safe to repeat and to stop anywhere. After an error, the next attempt may begin at
    once; after the last one, the report has failed.
    """
    deadline = time.monotonic() + seconds - STORE_SECONDS
    work = queued.take(user_id, seconds)
    if work is None:
        return False
    is_finished = False
    try:
        _create(work, deadline)
        is_finished = True
    finally:
        if not is_finished:
            queued.release(work)
    return True


def _create(work: queued.Work, deadline: float) -> None:
    account = accounts.get_account(work.user_id)
    user, report = account.user, work.report
    if report.attempts > queued.MAX_ATTEMPTS:
        queued.finish(user, work)
        return

    def store(document: bytes) -> str:
        # The deletion of an account finds files that are stored shortly after it began.
        accounts.get_account(work.user_id)
        key = report.report_key(work.user_id)
        _put(key, document)  # again in a second attempt
        return key

    limits = Limits(services.MAX_EXPENSES, services.MAX_PAGES, deadline)
    known = report.known(work.user_id)
    with override(account.language):
        try:
            key, fingerprint = _generate(user, report.period, known, limits, store)
        except TooManyExpensesError:
            queued.finish(user, work, failure=queued.TOO_MANY_EXPENSES)
            return
    queued.finish(user, work, key=key, fingerprint=fingerprint)


def _generate(
    user: User,
    period: ReportPeriod,
    known: dict[str, str] | None,
    limits: Limits,
    store: Callable[[bytes], str],
) -> tuple[str, str]:
    """Create a report, or find the known one unchanged; return key and fingerprint.

    store: stores a file and returns its key.
    """
    report = build_report(user, period, today=user.today(), limits=limits)
    fingerprint = fingerprint_of(report, user.username)
    if known and known.get("fingerprint") == fingerprint:
        key = known.get("report_key", "")
        if files.owner_of(key) == user.user_id and _exists(key):
            return key, fingerprint
    document = pdf.draw(
        report,
        username=user.username,
        app_url=config.app_url,
        deadline=limits.deadline,
    )
    key = store(document)
    log.count("ReportsMade")
    logger.info(
        "report created user_id=%s type=%s expenses=%d bytes=%d",
        user.user_id,
        period.report_type,
        report.count,
        len(document),
    )
    return key, fingerprint


def fingerprint_of(report: Report, username: str) -> str:
    """Return a hash of a report's content, language and username."""
    rest = repr((current(), username, replace(report, entries=[])))
    digest = hashlib.sha256(rest.encode())
    for entry in report.entries:
        digest.update(repr(entry).encode())
    return digest.hexdigest()


def _store(user_id: str, period: ReportPeriod, document: bytes) -> str:
    now = dates.now()
    for delay in range(MAX_DELAY_SECONDS):
        moment = now + datetime.timedelta(seconds=delay)
        key = files.report_key(user_id, period.report_type, period.current, moment)
        if _put_new(key, document):
            return key
    raise UnavailableError(
        _("Too many reports are being created right now. Please try again shortly.")
    )


def _put_new(key: str, document: bytes) -> bool:
    """Store a file unless the key exists, and return whether it was stored."""
    try:
        _put(key, document, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] in {
            "PreconditionFailed",
            "ConditionalRequestConflict",
        }:
            return False
        raise
    return True


def _put(key: str, document: bytes, **condition: str) -> None:
    aws.client("s3").put_object(
        Bucket=config.receipts_bucket,
        Key=key,
        Body=document,
        ContentType=PDF,
        **condition,
    )


def _exists(key: str) -> bool:
    try:
        aws.client("s3").head_object(Bucket=config.receipts_bucket, Key=key)
    except ClientError as error:
        # Without the right to list, S3 returns 403 for a missing object.
        if error.response["Error"]["Code"] in {"403", "404", "NoSuchKey"}:
            return False
        raise
    return True
