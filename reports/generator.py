"""Create a report's PDF and store it in the bucket; run by the Lambda."""

import datetime
import hashlib
import logging
import time
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from accounts import services as accounts
from reports import pdf
from reports.links import PDF, download_url
from reports.periods import ReportPeriod, resolve
from reports.services import Report, build_report
from smartbudget.core import aws, dates, files, log
from smartbudget.core.config import config
from smartbudget.core.errors import UnavailableError
from smartbudget.core.i18n import current, override
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

# To read and draw. The Lambda stops after 20, and storing the file takes up to two.
MAX_SECONDS = 15
URL_SECONDS = 24 * 3600  # at most: a URL expires with the credentials that signed it
# Reports of one type created in the same second get the next free second.
MAX_DELAY_SECONDS = 10


def generate_report(
    user_id: str,
    *,
    report_type: object,
    known: dict[str, str] | None = None,
    **days: object,
) -> dict[str, Any]:
    """Create a report in the user's language and store it.

    days: `year`, `month`, `start_date`, `end_date`; see `periods.resolve`.
    known: `fingerprint` and `report_key` of an earlier result. If its numbers have not
    changed and its file exists, that file is returned and no PDF is drawn.

    Returns report_url, report_key, file_name and fingerprint. Raises InvalidError, also
    for a report that cannot be created in time, NotFoundError for an unknown user,
    UnavailableError. Safe to repeat: without
    `known`, every call stores one more file and never replaces one.
    """
    account = accounts.get_account(user_id)
    with override(account.language):
        return _generate(account.user, report_type, known, days)


def _generate(
    user: User,
    report_type: object,
    known: dict[str, str] | None,
    days: dict[str, object],
) -> dict[str, Any]:
    deadline = time.monotonic() + MAX_SECONDS
    user_id = user.user_id
    today = user.today()
    period = resolve(report_type, today=today, calendar=user.calendar, **days)
    report = build_report(user, period, today=today)
    fingerprint = fingerprint_of(report, user.username)
    if known and known.get("fingerprint") == fingerprint:
        key = known.get("report_key", "")
        if files.owner_of(key) == user_id and _exists(key):
            return _result(key, fingerprint)
    document = pdf.draw(
        report, username=user.username, app_url=config.app_url, deadline=deadline
    )
    key = _store(user_id, period, document)
    log.count("ReportsMade")
    logger.info(
        "report created user_id=%s type=%s expenses=%d bytes=%d",
        user_id,
        period.report_type,
        report.count,
        len(document),
    )
    return _result(key, fingerprint)


def fingerprint_of(report: Report, username: str) -> str:
    """Return a hash of a report's content, language and username."""
    rest = repr((current(), username, replace(report, entries=[])))
    digest = hashlib.sha256(rest.encode())
    for entry in report.entries:
        digest.update(repr(entry).encode())
    return digest.hexdigest()


def _result(key: str, fingerprint: str) -> dict[str, Any]:
    return {
        "report_url": download_url(key, URL_SECONDS),
        "report_key": key,
        "file_name": files.file_name(key),
        "fingerprint": fingerprint,
    }


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
        aws.client("s3").put_object(
            Bucket=config.receipts_bucket,
            Key=key,
            Body=document,
            ContentType=PDF,
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in {
            "PreconditionFailed",
            "ConditionalRequestConflict",
        }:
            return False
        raise
    return True


def _exists(key: str) -> bool:
    try:
        aws.client("s3").head_object(Bucket=config.receipts_bucket, Key=key)
    except ClientError as error:
        # Without the right to list, S3 returns 403 for a missing object.
        if error.response["Error"]["Code"] in {"403", "404", "NoSuchKey"}:
            return False
        raise
    return True
