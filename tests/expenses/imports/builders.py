"""Builders for files and imports."""

import uuid

from expenses.imports import commit, profiles, services
from expenses.imports.profiles import Profile

HEADER = "Date,Description,Amount"


def csv(*rows: str) -> bytes:
    """Return a CSV file; rows are such as `2026-03-03,CAFE,-4.50`."""
    return "\n".join([HEADER, *rows, ""]).encode()


def upload(user, *rows, name="bank.csv", **options):
    return services.create_import(user, csv(*rows), name, **options)


def make_profile(user, name="Checking", **values):
    """Store a bank account without an import, and return it."""
    values = {"base": "csv", "format": "csv", "account_label": "3000", **values}
    profile = Profile(uuid.uuid4().hex, name=name, **values)
    profiles.save(user, profile)
    return profiles.get_profile(user, profile.source)


def commit_all(user, record):
    """Commit an import until no rows are left, and return the last progress."""
    while (progress := commit.commit(user, record.import_id)).left:
        pass
    return progress


def undo_all(user, record, expense_ids=()):
    while (undone := commit.undo(user, record.import_id, expense_ids)).left:
        pass
    return undone


def decisions(user, record):
    return [row.decision for row in services.list_rows(user, record.import_id).rows]


def meanings(question):
    """Return what the choices of a question mean, in the current language."""
    return {choice: str(example) for choice, example in question.examples.items()}
