"""Builders for files and imports."""

from expenses.imports import commit, services

HEADER = "Date,Description,Amount"


def csv(*rows: str) -> bytes:
    """Return a CSV file; rows are such as `2026-03-03,CAFE,-4.50`."""
    return "\n".join([HEADER, *rows, ""]).encode()


def upload(user, *rows, name="bank.csv", **options):
    return services.create_import(user, csv(*rows), name, **options)


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
