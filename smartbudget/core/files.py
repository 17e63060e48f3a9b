"""Build and parse the keys of files in the bucket."""

import datetime
import re

from smartbudget.core.periods import Period

RECEIPTS = "receipts"
REPORTS = "reports"
IMPORTS = "imports"

_ID = r"[0-9a-f]{32}"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Reports of earlier versions have no period in their names.
REPORT_NAME = rf"[a-z]{{1,20}}_report_(?:{_DAY}--{_DAY}_)?[0-9]{{8}}T[0-9]{{6}}Z\.pdf"
_KEY = re.compile(
    rf"{RECEIPTS}/(?P<receipt_of>{_ID})/(?P<name>{_ID})\.(?P<ext>[a-z]{{3,4}})"
    rf"|{REPORTS}/(?P<report_of>{_ID})/{REPORT_NAME}"
)


def receipt_key(user_id: str, name: str, ext: str) -> str:
    """Build a receipt's key.

    name: 32 hexadecimal digits, such as the expense's id. ext: without its dot.
    """
    return f"{RECEIPTS}/{user_id}/{name}.{ext}"


def report_key(
    user_id: str, report_type: str, period: Period, timestamp: datetime.datetime
) -> str:
    """Build a report's key; timestamp: aware, truncated to the second."""
    moment = timestamp.astimezone(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    days = f"{period.start}--{period.end}"  # an interval as in ISO 8601
    return f"{REPORTS}/{user_id}/{report_type}_report_{days}_{moment}.pdf"


def import_key(user_id: str, import_id: str, revision: str = "") -> str:
    """Build the key of an imported file, or of a revision of its rows."""
    name = f"{import_id}.{revision}.jsonl" if revision else import_id
    return f"{IMPORTS}/{user_id}/{name}"


def owner_of(key: str) -> str | None:
    """Return the user_id of a key's owner, or None for any other key."""
    match = _KEY.fullmatch(key)
    return match and (match["receipt_of"] or match["report_of"])


def receipt_extension(key: str) -> str | None:
    """Return a receipt key's extension without its dot, or None for other keys."""
    match = _KEY.fullmatch(key)
    return match and match["ext"]


def file_name(key: str) -> str:
    """Return a key's last part, the name of the downloaded file."""
    return key.rpartition("/")[2]
