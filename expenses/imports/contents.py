"""Read a bank's file, and store its rows in its import."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pynamodb.expressions.condition import Condition

from expenses.imports import files, preview, profiles, reading
from expenses.imports.bookings import Statement
from expenses.imports.columns import DAY_ORDERS, DECIMAL_MARKS
from expenses.imports.csv_table import DELIMITERS
from expenses.imports.messages import FileError
from expenses.imports.models import Import
from expenses.imports.preview import ImportRow
from expenses.imports.profiles import Profile
from expenses.imports.rows import NEGATIVE_IS_PAID, POSITIVE_IS_PAID
from smartbudget.core.dynamodb import conditional_write
from smartbudget.core.errors import ConflictError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.user import User

# The names in a mapping that a user can answer, with the possible answers, or None if
# they depend on the file. Others are results, such as `headings`.
ANSWERS = {
    "account": None,
    "columns": None,
    "date_format": DAY_ORDERS,
    "day": None,
    "decimal": DECIMAL_MARKS,
    "delimiter": DELIMITERS,
    "encoding": None,
    "reversals": None,
    "sign": (NEGATIVE_IS_PAID, POSITIVE_IS_PAID),
}
# Characters of JSON. With the longest answers of all bank accounts, and the longest
# rules, a user's settings are still one item.
MAX_ANSWERS_LENGTH = 2000

CHANGED = gettext_noop("This import was changed in the meantime.")


@dataclass(frozen=True)
class Contents:
    """The rows of a file, with what becomes of each, and how they were read."""

    statement: Statement
    given: Mapping[str, Any]  # the user's answers
    profile: Profile
    rows: Sequence[ImportRow]
    currency: str  # of the amounts: the user's

    def facts(self) -> dict[str, Any]:
        """Return the attributes of an import that reading its file decides."""
        questions = [
            {
                "about": question.about,
                "choices": [*question.choices],
                "examples": dict(question.examples),
            }
            for question in self.statement.questions
        ]
        return {
            "format": self.statement.format,
            "account_label": self.statement.account_label,
            "number_id": self.statement.number_id,
            "header_hash": self.statement.header_hash,
            "source": self.profile.source,
            "profile": self.profile.name,
            "base": profiles.base_of(self.statement),
            "currency": self.currency,
            "mapping": _mapping(self.statement.mapping, self.given),
            "questions": json.dumps(questions, ensure_ascii=False),
            **facts_of(self.rows),
        }


def unread(format_name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an import whose file was not read yet."""
    return {
        "format": format_name,
        "source": "",
        "profile": "",
        "base": "",
        "mapping": _mapping({}, given),
        "questions": "[]",
        **facts_of(()),
    }


def facts_of(rows: Sequence[ImportRow]) -> dict[str, Any]:
    """Return the attributes of an import that its rows decide; its revision is new."""
    return {
        "counts": json.dumps(preview.counts_of(rows)),
        "writable": sum(row.is_written for row in rows),
        "revision": uuid.uuid4().hex,
    }


def are_short(answers: Mapping[str, Any]) -> bool:
    """Check whether answers are short enough to be stored."""
    return len(json.dumps(answers)) <= MAX_ANSWERS_LENGTH


def recognize(content: bytes, given: Mapping[str, Any]) -> reading.Document:
    """Recognize a file as `reading` does. Raises FileError: `file` or `mapping`."""
    try:
        return reading.recognize(content, given)
    except FileError as error:
        raise _named(error) from error


def read(
    user: User,
    content: bytes,
    record: Import,
    given: Mapping[str, Any],
    name: str = "",
) -> Contents:
    """Read the file of an import, and decide about its rows.

    given: the user's answers. name: of the bank account, or empty to recognize it.
    If the file was read before, it stays with its account, and what the user chose
    for its rows is kept.

    Raises FileError naming `file` or `mapping` if the file is refused, and `profile`
    if there are too many bank accounts; and ConflictError if the import was changed
    meanwhile.
    """
    settings = profiles.read_settings(user)
    while True:
        statement = _read(user, content, given)
        profile = settings.recognize(statement, name)
        if record.was_read and profile.base == record.base:
            if not name:
                profile = replace(profile, source=record.source, name=record.profile)
            break
        remembered = settings.answers_for(statement, profile)
        if str(statement.mapping["encoding"]).startswith("utf"):
            remembered.pop("encoding", None)  # the bank's files have changed
        answers = {**remembered, **given}
        if answers == given or not are_short(answers):
            break
        given = answers  # with them, another account may be recognized
    settings.check_room(profile)
    rows = preview.build(
        user,
        statement,
        import_id=record.import_id,
        source=profile.source,
        settings=settings,
        background=preview.read_background(user, statement),
    )
    if record.was_read:
        rows = preview.keep_choices(rows, _earlier_rows(user, record))
    return Contents(statement, given, profile, rows, user.currency)


def store(
    user: User,
    record: Import,
    rows: Sequence[ImportRow],
    changes: Mapping[str, Any],
    unchanged: Condition | None = None,
) -> None:
    """Store rows of an import that was stored, with changes of its attributes.

    changes: includes those of `facts_of`. unchanged: a further condition. Raises
    ConflictError if the import was changed meanwhile.
    """
    before, revision = str(record.revision), str(changes["revision"])
    files.put_rows(user, record.import_id, revision, rows)
    changed = {"problem": None, **changes}
    actions = [Import.assign(name, value) for name, value in changed.items()]
    condition = (Import.revision == before) & (Import.state == record.state)
    if unchanged is not None:
        condition &= unchanged
    # After a lost reply, it is stored already.
    condition |= Import.revision == revision
    if not conditional_write(lambda: record.update(actions, condition)):
        files.delete_rows(user, record.import_id, revision)
        raise ConflictError(_(CHANGED))
    files.delete_rows(user, record.import_id, before)
    record.rows = rows


def _earlier_rows(user: User, record: Import) -> Sequence[ImportRow]:
    try:
        return files.get_rows(user, record.import_id, record.revision)
    except NotFoundError as error:
        raise ConflictError(_(CHANGED)) from error


def _mapping(used: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    return json.dumps({"used": dict(used), "given": dict(given)}, ensure_ascii=False)


def _read(user: User, content: bytes, given: Mapping[str, Any]) -> Statement:
    try:
        return reading.read(
            content, currency=user.currency, today=user.today(), mapping=given
        )
    except FileError as error:
        raise _named(error) from error


def _named(error: FileError) -> FileError:
    """Return an error that names a field of the upload."""
    code, values = error.reason
    return FileError(code, "file" if error.field == "file" else "mapping", **values)
