"""All that somebody has here: as one zip, as JSON, or the expenses as CSV.

Each is made while it is being sent. Nothing is held in memory: tables are read a page
at a time, once, and files one at a time. Expenses and their histories are kept on disk
meanwhile, since they are written twice or after something else.
"""

import contextlib
import datetime
import itertools
import json
import logging
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import IO

from botocore.exceptions import BotoCoreError, ClientError

from accounts import services, tokens
from accounts.models import Account
from budgets import services as budgets
from expenses import history
from expenses import queries as expenses
from notifications import services as notifications
from profiles import records
from profiles.records import Record
from profiles.zips import Archive
from reports import archive as reports
from smartbudget.core import aws, concurrency, dates, throttling
from smartbudget.core.config import config
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop, override
from smartbudget.core.throttling import Limit
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

EXPORTS = Limit(  # of all kinds together
    "export",
    5,
    3600,
    gettext_noop("You can download your data up to five times an hour."),
)

_CHUNK = 64 * 1024  # bytes
_HISTORIES = 100  # that one call reads


def begin(user: User) -> Iterator[bytes]:
    """Count one more download, and return its zip, made as it is taken.

    Its `manifest.json`, the last entry, holds the SHA-256 of each file.

    Raises ThrottledError and NotFoundError at once; outages of DynamoDB while it is
    being made are left alone, and the zip then ends before its end. A file that cannot
    be read is named in the zip's `missing.txt` instead.
    """
    return _admit(user, _zip)


def begin_json(user: User) -> Iterator[bytes]:
    """Count one more download, and return it as one JSON object; see `begin`.

    It has the zip's lists under their names; files are named in it.
    """
    return _admit(user, lambda account: _chunks(_json_parts(account)))


def begin_csv(
    user: User,
    *,
    start: datetime.date | None = None,
    end: datetime.date | None = None,
) -> Iterator[bytes]:
    """Count one more download, and return the expenses as CSV; see `begin`.

    start, end: days, both included; None: no bound. Raises InvalidError too.
    """
    found = expenses.all_expenses(user, start=start, end=end)
    rows = (records.of_expense(each, user) for each in found)
    lines = records.csv_lines(rows, user.currency)
    return _admit(user, lambda _: _chunks(lines))


def name(user: User, kind: str = "zip") -> str:
    """Return what a download is called: whose it is, and of which day."""
    return f"smart-budget-{user.username}-{user.today()}.{kind}"


def _admit(
    user: User, make: Callable[[Account], Generator[bytes, None, None]]
) -> Iterator[bytes]:
    def begin() -> Generator[bytes, None, None]:
        account = services.get_account(user.user_id)
        throttling.count(EXPORTS, user.user_id)
        return make(account)

    return concurrency.EXPORTS.held_while_sent(user.user_id, begin)


def _zip(account: Account) -> Generator[bytes, None, None]:
    archive = Archive()
    yield from _fill(archive, account)
    missing = len(archive.missing)
    logger.info("data exported user_id=%s missing=%d", account.user_id, missing)


def _fill(archive: Archive, account: Account) -> Iterator[bytes]:
    user = account.user
    profile = records.json_text(records.of_account(account))
    yield from archive.text("profile.json", [profile])
    for title, rows in _first_lists(account).items():
        yield from archive.rows(f"{title}.json", rows)
    with _Ledger(user) as ledger:
        lines = records.csv_lines(ledger.read(), user.currency)
        yield from archive.text("expenses.csv", lines)
        yield from archive.rows("expenses.json", ledger.expenses())
        yield from archive.rows("history.json", ledger.histories())
        for row in ledger.expenses():
            if key := row["receipt_url"]:
                yield from _file(archive, records.receipt_path(key), key)
    for report in reports.all_reports(user):
        path = f"reports/{report.file_name}"
        yield from _file(archive, path, report.report_key)
    if archive.missing:
        about = _about(archive.missing, account.language)
        yield from archive.text("missing.txt", [about])
    yield from archive.end()


def _json_parts(account: Account) -> Iterator[str]:
    user = account.user
    yield f'{{"made_at": "{dates.timestamp()}",\n"profile": '
    yield records.json_text(records.of_account(account))
    for title, rows in _first_lists(account).items():
        yield f',"{title}": '
        yield from records.json_list(rows)
    with _Ledger(user) as ledger:
        yield ',"expenses": '
        yield from records.json_list(ledger.read())
        yield ',"history": '
        yield from records.json_list(ledger.histories())
    yield ',"reports": '
    yield from records.json_list(map(records.of_report, reports.all_reports(user)))
    yield "}\n"


def _first_lists(account: Account) -> dict[str, Iterable[Record]]:
    """Return the lists that are written just once, by what they are called."""
    user = account.user
    kept = budgets.list_budgets(user).items
    told = notifications.all_notifications(user)
    return {
        "tokens": map(records.of_token, tokens.tokens_of(account)),
        "budgets": (records.of_budget(each, user) for each in kept),
        "notifications": (records.of_notification(each, user) for each in told),
    }


class _Ledger:
    """Somebody's expenses and their histories: read once, then kept on disk."""

    def __init__(self, user: User) -> None:
        self._user = user

    def __enter__(self) -> "_Ledger":
        with contextlib.ExitStack() as files:
            self._expenses, self._histories = (
                files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
                for _ in range(2)
            )
            self._files = files.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def read(self) -> Iterator[Record]:
        """Read the expenses, each with its history, and keep both."""
        found = expenses.all_expenses(self._user)
        while batch := list(itertools.islice(found, _HISTORIES)):
            for expense, changes in history.changes_of_many(batch):
                told = records.of_changes(expense, changes, self._user)
                self._histories.write(json.dumps(told) + "\n")
            for expense in batch:
                row = records.of_expense(expense, self._user)
                self._expenses.write(json.dumps(row) + "\n")
                yield row

    def expenses(self) -> Iterator[Record]:
        """Return the expenses that were read."""
        return _again(self._expenses)

    def histories(self) -> Iterator[Record]:
        """Return the histories of those that ever changed."""
        return _again(self._histories)


def _again(file: IO[str]) -> Iterator[Record]:
    file.seek(0)
    return map(json.loads, file)


def _file(archive: Archive, path: str, key: str) -> Iterator[bytes]:
    """Write a file of the bucket; one that cannot be read whole is left out."""
    with tempfile.TemporaryFile() as file:
        try:
            _download(key, file)
        except (BotoCoreError, ClientError):
            logger.warning("not exported key=%s", key, exc_info=True)
            archive.missing.append(path)
            return
        file.seek(0)
        yield from archive.file(path, file)


def _download(key: str, file: IO[bytes]) -> None:
    found = aws.client("s3").get_object(Bucket=config.receipts_bucket, Key=key)
    with contextlib.closing(found["Body"]) as body:
        for chunk in body.iter_chunks(_CHUNK):
            file.write(chunk)


def _chunks(parts: Iterable[str]) -> Generator[bytes, None, None]:
    """Put short texts together: each chunk is sent, and compressed, by itself."""
    waiting = bytearray()
    for part in parts:
        waiting += part.encode()
        if len(waiting) >= _CHUNK:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def _about(missing: list[str], language: str) -> str:
    listed = "\n".join(missing)
    with override(language):
        said = _("These files could not be read. Try again later:")
    return f"{said}\n\n{listed}\n"
