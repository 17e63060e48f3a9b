"""Restore a stage's tables and receipts, one step per command.

    python -m infra.restore --stage main tables --at 2026-11-24T10:15:00Z --apply

docs/operations.md#backup-and-restore has the order. A step finds out from AWS what is
left to do: it can be stopped, repeated, and continued by another operator. It refuses
to run before the step that it needs. Needs an administrator.
"""

import argparse
import datetime
from typing import Any

from infra import deleted_receipts, stage_tables, writers
from infra import stage as stages
from infra.stage import Stage, StageError
from infra.stage_tables import TABLES

DAMAGED = "damaged-"  # and the time: the name of backups of tables to be replaced


def tables(stage: Stage, at: datetime.datetime) -> None:
    """Restore all tables to a second into new ones, and wait until they are active."""
    dynamodb = stage.client("dynamodb")
    for name in TABLES:
        _require_restorable(stage, stage.prefix + name, at)
    prefix = restored_prefix(stage, at)
    for name, properties in TABLES.items():
        source, target = stage.prefix + name, prefix + name
        if stage_tables.describe(stage, target):
            stage.print_line(f"{target} exists")
            continue
        stage.change(
            f"restore {source} to {at.isoformat()} as {target}",
            dynamodb.restore_table_to_point_in_time,
            SourceTableName=source,
            TargetTableName=target,
            RestoreDateTime=at,
            SSESpecificationOverride=stage_tables.encryption(stage, properties),
        )
    if stage.apply:
        stage_tables.wait_until_active(stage, [prefix + name for name in TABLES])
        stage.print_line(
            f"Restored. With RESOURCE_PREFIX={prefix} the application shows them."
        )


def compare(stage: Stage, at: datetime.datetime) -> None:
    """Print the number of items now and in the restored tables, and lost accounts.

    Reads all tables completely.
    """
    _require_restored(stage, at)
    prefix = restored_prefix(stage, at)
    stage.print_line(f"{'table':<14} {'restored':>12} {'now':>12} {'difference':>12}")
    for name in TABLES:
        before = stage_tables.count_items(stage, prefix + name)
        now = stage_tables.count_items(stage, stage.prefix + name)
        stage.print_line(f"{name:<14} {before:>12,} {now:>12,} {now - before:>+12,}")
    restored = stage_tables.account_ids(stage, f"{prefix}users")
    lost = restored - stage_tables.account_ids(stage, f"{stage.prefix}users")
    stage.print_line(f"Accounts that exist only in the restored table: {len(lost)}")
    for user_id in sorted(lost):
        stage.print_line(f"  {user_id}")


def receipts(stage: Stage, user_id: str | None = None) -> None:
    """Undelete the receipts of expenses that exist.

    user_id: of the only user whose receipts are undeleted, or None for all users.
    """
    s3 = stage.client("s3")
    bucket = stage.parameters["ReceiptsBucketName"]
    kept = deleted_receipts.keys_in_use(stage, user_id)
    for key, markers in deleted_receipts.find_deleted(s3, bucket, user_id):
        if key not in kept:
            continue
        for marker in markers:
            stage.change(
                f"undelete {key}",
                s3.delete_object,
                Bucket=bucket,
                Key=key,
                VersionId=marker,
            )


def switch(stage: Stage, at: datetime.datetime) -> None:
    """Replace all tables by the restored ones, under their own names.

    Deletes them only once backups of them and of the restored ones are available.
    """
    _require_restored(stage, at)
    running = writers.running(stage)
    if running:
        raise StageError(f"Run `pause` first. These still write: {', '.join(running)}.")
    prefix = restored_prefix(stage, at)
    good, damaged = f"good-{stamp(at)}", f"{DAMAGED}{stamp(at)}"
    for name in TABLES:
        stage_tables.back_up(stage, prefix + name, good)
        stage_tables.back_up(stage, stage.prefix + name, damaged)
    if not stage.apply:
        for name in TABLES:
            stage.print_line(f"would replace {stage.prefix + name} by {prefix + name}")
        return
    backups = {
        name: stage_tables.wait_for_backup(stage, prefix + name, good)
        for name in TABLES
    }
    replaced = {
        name: stage_tables.wait_for_backup(stage, stage.prefix + name, damaged)
        for name in TABLES
    }
    for name, properties in TABLES.items():
        _delete_damaged(stage, stage.prefix + name, replaced[name])
        stage_tables.restore_backup(
            stage, stage.prefix + name, backups[name], properties
        )
    stage_tables.wait_until_active(stage, [stage.prefix + name for name in TABLES])
    settings(stage)


def settings(stage: Stage) -> None:
    """Set what restored tables lack: deletion protection, recovery, TTL and tags.

    Takes the values from data.yaml, and changes only what differs.

    Why: docs/aws.md#settings-of-a-restored-table
    """
    for name, properties in TABLES.items():
        table = stage_tables.require_active(stage, stage.prefix + name)
        stage_tables.set_recovery(stage, table["TableName"])
        stage_tables.set_expiry(stage, table["TableName"], properties)
        stage_tables.set_tags(stage, table["TableArn"])
        if not table.get("DeletionProtectionEnabled"):
            stage.change(
                f"protect {table['TableName']} from deletion",
                stage.client("dynamodb").update_table,
                TableName=table["TableName"],
                DeletionProtectionEnabled=True,
            )


def resume(stage: Stage) -> None:
    """Repair the tables' settings and start the writers.

    Raises StageError if a table is missing, or `switch` has replaced only some of them.
    """
    _require_complete_switch(stage)
    settings(stage)
    writers.resume(stage)


def discard(stage: Stage, at: datetime.datetime) -> None:
    """Delete the restored tables. The tables in use and all backups stay."""
    for name in TABLES:
        table = restored_prefix(stage, at) + name
        if stage_tables.describe(stage, table):
            delete = stage.client("dynamodb").delete_table
            stage.change(f"delete {table}", delete, TableName=table)


def stamp(at: datetime.datetime) -> str:
    """Return a second as it is in the names of restored tables and backups."""
    return f"{at:%Y%m%d-%H%M%S}"


def restored_prefix(stage: Stage, at: datetime.datetime) -> str:
    """Return the prefix of the tables that are restored to a second."""
    return f"{stage.prefix}restored-{stamp(at)}-"


def _require_restorable(stage: Stage, table: str, at: datetime.datetime) -> None:
    stage_tables.require_active(stage, table)
    recovery = stage.client("dynamodb").describe_continuous_backups(TableName=table)[
        "ContinuousBackupsDescription"
    ]["PointInTimeRecoveryDescription"]
    if recovery["PointInTimeRecoveryStatus"] != "ENABLED":
        raise StageError(f"{table} has no point-in-time recovery.")
    first = recovery["EarliestRestorableDateTime"]
    last = recovery["LatestRestorableDateTime"]
    if not first <= at <= last:
        raise StageError(
            f"{table} can be restored to a time from {first.astimezone(datetime.UTC)}"
            f" to {last.astimezone(datetime.UTC)}, not to {at}."
        )


def _require_restored(stage: Stage, at: datetime.datetime) -> None:
    for name in TABLES:
        table = stage_tables.describe(stage, restored_prefix(stage, at) + name)
        if table is None or table["TableStatus"] != "ACTIVE":
            raise StageError(f"Run `tables` first: {name} is not restored to {at}.")


def _require_complete_switch(stage: Stage) -> None:
    """Raise StageError if a switch has replaced some tables but not all."""
    ids = {
        stage.prefix + name: stage_tables.require_active(stage, stage.prefix + name)[
            "TableId"
        ]
        for name in TABLES
    }
    switches: dict[str, list[Any]] = {}
    for backup in stage_tables.list_backups(stage):
        if backup["BackupName"].startswith(DAMAGED) and backup["TableName"] in ids:
            switches.setdefault(backup["BackupName"], []).append(backup)
    incomplete = {
        max(backup["BackupCreationDateTime"] for backup in backups): name
        for name, backups in switches.items()
        if len({ids[backup["TableName"]] == backup["TableId"] for backup in backups})
        > 1
    }
    if incomplete:
        # The last begun, which need not be the one to the latest time.
        time = incomplete[max(incomplete)].removeprefix(DAMAGED)
        raise StageError(
            f"Only some tables were replaced. Run `switch` to {time} again."
        )


def _delete_damaged(stage: Stage, name: str, backup: Any) -> None:
    """Delete a table, if it still is the one that `backup` was made of."""
    table = stage_tables.describe(stage, name)
    if table is None or table["TableId"] != backup["TableId"]:
        return
    dynamodb = stage.client("dynamodb")
    if table["TableStatus"] != "DELETING":
        if table.get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        stage.change(f"delete {name}", dynamodb.delete_table, TableName=name)
    stage.wait(
        f"deletion of {name}", lambda: not stage_tables.describe(stage, name), 60
    )


def parse_time(text: str) -> datetime.datetime:
    """Return a time that names its zone, to the second, in UTC."""
    time = datetime.datetime.fromisoformat(text)
    if time.tzinfo is None or time.microsecond:
        raise ValueError(text)
    return time.astimezone(datetime.UTC)


STEPS = {
    "tables": tables,
    "compare": compare,
    "pause": lambda stage, _: writers.pause(stage),
    "switch": switch,
    "settings": lambda stage, _: settings(stage),
    "receipts": receipts,
    "resume": lambda stage, _: resume(stage),
    "discard": discard,
}
NEXT = {
    "tables": "Next: `compare`, and look at them.",
    "pause": "Next: `switch`.",
    "switch": "Next: `receipts`, manage.py end_sessions and close_accounts, `resume`.",
    "resume": "Next: invoke budget_alert, look at /admin/, then `discard`.",
}
NEED_TIME = {"tables", "compare", "switch", "discard"}


def main(arguments: list[str] | None = None) -> None:
    """Run the step of the command line, or exit with the reason."""
    parser = stages.parser("infra.restore", __doc__, STEPS)
    parser.add_argument(
        "--at",
        type=parse_time,
        help="as in 2026-11-24T10:15:00Z; the same in all steps",
    )
    parser.add_argument(
        "--user-id", help="receipts: of this user only, which is faster"
    )
    options = parser.parse_args(arguments)
    if options.user_id and options.step != "receipts":
        parser.error("--user-id is for the step receipts")
    if options.at is None and options.step in NEED_TIME:
        parser.error(f"{options.step} needs --at")
    stages.run(options, lambda stage: _run(stage, options))


def _run(stage: Stage, options: argparse.Namespace) -> None:
    argument = options.user_id if options.step == "receipts" else options.at
    STEPS[options.step](stage, argument)
    if stage.apply and options.step in NEXT:
        stage.print_line(NEXT[options.step])


if __name__ == "__main__":
    main()
