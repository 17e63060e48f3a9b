"""Restore a stage's tables and receipts, one step per command.

    python -m infra.restore --stage main tables --at 2026-11-24T10:15:00Z --apply

docs/operations.md#backup-and-restore has the order. A step finds out from AWS what is
left to do: it can be stopped, repeated, and continued by another operator. It refuses
to run before the step that it needs. Needs an administrator.
"""

import argparse
import datetime
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from infra import stage as stages
from infra import templates, writers
from infra.stage import Stage, StageError

Properties = Mapping[str, Any]

# {name without the stage's prefix: properties in data.yaml}
TABLES: dict[str, Properties] = {
    resource["Properties"]["TableName"]["Sub"].partition("}")[2]: resource["Properties"]
    for resource in templates.read("data")["Resources"].values()
    if resource["Type"] == "AWS::DynamoDB::Table"
}
RESTORE_MINUTES = 6 * 60  # AWS needs from ten minutes to hours
DAMAGED = "damaged-"  # and the time: the name of backups of tables to be replaced


def tables(stage: Stage, at: datetime.datetime) -> None:
    """Restore all tables to a second into new ones, and wait until they are active."""
    dynamodb = stage.client("dynamodb")
    for name in TABLES:
        _require_restorable(stage, stage.prefix + name, at)
    prefix = restored_prefix(stage, at)
    for name, properties in TABLES.items():
        source, target = stage.prefix + name, prefix + name
        if _describe(stage, target):
            stage.say(f"{target} exists")
            continue
        stage.change(
            f"restore {source} to {at.isoformat()} as {target}",
            dynamodb.restore_table_to_point_in_time,
            SourceTableName=source,
            TargetTableName=target,
            RestoreDateTime=at,
            SSESpecificationOverride=_encryption(stage, properties),
        )
    if stage.apply:
        _wait_until_active(stage, [prefix + name for name in TABLES])
        stage.say(
            f"Restored. With RESOURCE_PREFIX={prefix} the application shows them."
        )


def compare(stage: Stage, at: datetime.datetime) -> None:
    """Print the number of items now and in the restored tables, and lost accounts.

    Reads all tables completely.
    """
    _require_restored(stage, at)
    prefix = restored_prefix(stage, at)
    stage.say(f"{'table':<14} {'restored':>12} {'now':>12} {'difference':>12}")
    for name in TABLES:
        before, now = _count(stage, prefix + name), _count(stage, stage.prefix + name)
        stage.say(f"{name:<14} {before:>12,} {now:>12,} {now - before:>+12,}")
    lost = _accounts(stage, f"{prefix}users") - _accounts(stage, f"{stage.prefix}users")
    stage.say(f"Accounts that exist only in the restored table: {len(lost)}")
    for user_id in sorted(lost):
        stage.say(f"  {user_id}")


def receipts(stage: Stage, user_id: str | None = None) -> None:
    """Undelete the receipts of expenses that exist.

    user_id: of the only user whose receipts are undeleted, or None for all users.
    """
    s3 = stage.client("s3")
    bucket = stage.parameters["ReceiptsBucketName"]
    kept = _receipts_of_expenses(stage, user_id)
    for key, markers in _deleted_objects(s3, bucket, user_id):
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
        _back_up(stage, prefix + name, good)
        _back_up(stage, stage.prefix + name, damaged)
    if not stage.apply:
        for name in TABLES:
            stage.say(f"would replace {stage.prefix + name} by {prefix + name}")
        return
    backups = {name: _available_backup(stage, prefix + name, good) for name in TABLES}
    replaced = {
        name: _available_backup(stage, stage.prefix + name, damaged) for name in TABLES
    }
    for name, properties in TABLES.items():
        _delete_damaged(stage, stage.prefix + name, replaced[name])
        _restore_backup(stage, stage.prefix + name, backups[name], properties)
    _wait_until_active(stage, [stage.prefix + name for name in TABLES])
    settings(stage)


def settings(stage: Stage) -> None:
    """Set what restored tables lack: deletion protection, recovery, TTL and tags.

    Takes the values from data.yaml, and changes only what differs.

    Why: docs/aws.md#settings-of-a-restored-table
    """
    for name, properties in TABLES.items():
        table = _require_active(stage, stage.prefix + name)
        _set_recovery(stage, table["TableName"])
        _set_expiry(stage, table["TableName"], properties)
        _set_tags(stage, table["TableArn"])
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
        if _describe(stage, table):
            delete = stage.client("dynamodb").delete_table
            stage.change(f"delete {table}", delete, TableName=table)


def stamp(at: datetime.datetime) -> str:
    """Return a second as it is in the names of restored tables and backups."""
    return f"{at:%Y%m%d-%H%M%S}"


def restored_prefix(stage: Stage, at: datetime.datetime) -> str:
    """Return the prefix of the tables that are restored to a second."""
    return f"{stage.prefix}restored-{stamp(at)}-"


# --------------------------------------------------------------------------- tables


def _require_restorable(stage: Stage, table: str, at: datetime.datetime) -> None:
    _require_active(stage, table)
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
        table = _describe(stage, restored_prefix(stage, at) + name)
        if table is None or table["TableStatus"] != "ACTIVE":
            raise StageError(f"Run `tables` first: {name} is not restored to {at}.")


def _require_active(stage: Stage, name: str) -> Any:
    table = _describe(stage, name)
    if table is None or table["TableStatus"] != "ACTIVE":
        status = table["TableStatus"] if table else "missing"
        raise StageError(f"The table {name} is {status}.")
    return table


def _describe(stage: Stage, name: str) -> Any:
    """Return the description of a table, or None if there is none."""
    dynamodb = stage.client("dynamodb")
    try:
        return dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return None


def _wait_until_active(stage: Stage, names: list[str]) -> None:
    def are_active() -> bool:
        tables = [_describe(stage, name) for name in names]
        return all(table and table["TableStatus"] == "ACTIVE" for table in tables)

    stage.say(f"Waiting until {', '.join(names)} are active.")
    stage.wait("restore", are_active, RESTORE_MINUTES)


def _encryption(stage: Stage, properties: Properties) -> dict[str, Any]:
    """Return the encryption of a table in data.yaml: by the stage's key, or AWS's."""
    key = stage.parameters.get("KmsKeyArn")
    specification = properties["SSESpecification"]
    return {
        "Enabled": specification["SSEEnabled"],
        "SSEType": specification["SSEType"],
        **({"KMSMasterKeyId": key} if key else {}),
    }


def _count(stage: Stage, table: str) -> int:
    pages = stage.client("dynamodb").get_paginator("scan")
    return sum(
        page["Count"] for page in pages.paginate(TableName=table, Select="COUNT")
    )


def _accounts(stage: Stage, table: str) -> set[str]:
    """Return the ids of all accounts; nothing else is in this index."""
    pages = stage.client("dynamodb").get_paginator("scan")
    return {
        item["user_id"]["S"]
        for page in pages.paginate(
            TableName=table,
            IndexName="username-index",
            ProjectionExpression="user_id",
        )
        for item in page["Items"]
    }


# -------------------------------------------------------------------------- backups


def _back_up(stage: Stage, table: str, name: str) -> None:
    """Create a backup of a table unless one with this name exists."""
    if _find_backup(stage, table, name) is None:
        create = stage.client("dynamodb").create_backup
        stage.change(
            f"back up {table} as {name}", create, TableName=table, BackupName=name
        )


def _find_backup(stage: Stage, table: str, name: str) -> Any:
    """Return a backup, also of a table that was deleted since, or None."""
    wanted = (table, name)
    backups = _backups(stage)
    return next(
        (b for b in backups if (b["TableName"], b["BackupName"]) == wanted), None
    )


def _backups(stage: Stage) -> Iterator[Any]:
    for page in stage.client("dynamodb").get_paginator("list_backups").paginate():
        yield from page["BackupSummaries"]


def _available_backup(stage: Stage, table: str, name: str) -> Any:
    """Wait until a backup is available, and return its summary."""

    def is_available() -> bool:
        backup = _find_backup(stage, table, name)
        return bool(backup and backup["BackupStatus"] == "AVAILABLE")

    stage.wait(f"backup of {table}", is_available, RESTORE_MINUTES)
    return _find_backup(stage, table, name)


def _require_complete_switch(stage: Stage) -> None:
    """Raise StageError if the last switch has replaced some tables but not all."""
    ids = {
        name: _require_active(stage, stage.prefix + name)["TableId"] for name in TABLES
    }
    backups = [
        backup
        for backup in _backups(stage)
        if backup["BackupName"].startswith(DAMAGED)
        and backup["TableName"].removeprefix(stage.prefix) in ids
    ]
    if not backups:
        return
    last = max(backup["BackupName"] for backup in backups)
    replaced = {
        backup["TableId"] != ids[backup["TableName"].removeprefix(stage.prefix)]
        for backup in backups
        if backup["BackupName"] == last
    }
    if len(replaced) > 1:
        time = last.removeprefix(DAMAGED)
        raise StageError(
            f"Only some tables were replaced. Run `switch` to {time} again."
        )


def _delete_damaged(stage: Stage, name: str, backup: Any) -> None:
    """Delete a table, if it still is the one that `backup` was made of."""
    table = _describe(stage, name)
    if table is None or table["TableId"] != backup["TableId"]:
        return
    dynamodb = stage.client("dynamodb")
    if table["TableStatus"] != "DELETING":
        if table.get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        stage.change(f"delete {name}", dynamodb.delete_table, TableName=name)
    stage.wait(f"deletion of {name}", lambda: not _describe(stage, name), 60)


def _restore_backup(
    stage: Stage, name: str, backup: Any, properties: Properties
) -> None:
    if _describe(stage, name) is None:
        stage.change(
            f"restore {name} from {backup['BackupName']}",
            stage.client("dynamodb").restore_table_from_backup,
            TargetTableName=name,
            BackupArn=backup["BackupArn"],
            SSESpecificationOverride=_encryption(stage, properties),
        )


# ------------------------------------------------------------------------- settings


def _set_recovery(stage: Stage, name: str) -> None:
    dynamodb = stage.client("dynamodb")
    days = int(stage.parameters["RecoveryDays"])
    recovery = dynamodb.describe_continuous_backups(TableName=name)[
        "ContinuousBackupsDescription"
    ]["PointInTimeRecoveryDescription"]
    is_on = recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    if is_on and recovery.get("RecoveryPeriodInDays", days) == days:
        return
    stage.change(
        f"turn on recovery of {name} for {days} days",
        dynamodb.update_continuous_backups,
        TableName=name,
        PointInTimeRecoverySpecification={
            "PointInTimeRecoveryEnabled": True,
            "RecoveryPeriodInDays": days,
        },
    )


def _set_expiry(stage: Stage, name: str, properties: Properties) -> None:
    specification = properties.get("TimeToLiveSpecification")
    dynamodb = stage.client("dynamodb")
    current = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if specification is None or current["TimeToLiveStatus"] in {"ENABLED", "ENABLING"}:
        return
    stage.change(
        f"turn on the expiry of items in {name}",
        dynamodb.update_time_to_live,
        TableName=name,
        TimeToLiveSpecification=specification,
    )


def _set_tags(stage: Stage, arn: str) -> None:
    dynamodb = stage.client("dynamodb")
    tags = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
    stored = {tag["Key"]: tag["Value"] for tag in tags}
    missing = {k: v for k, v in stage.tags.items() if stored.get(k) != v}
    if missing:
        stage.change(
            f"tag {arn.rpartition('/')[2]} with {', '.join(sorted(missing))}",
            dynamodb.tag_resource,
            ResourceArn=arn,
            Tags=[{"Key": key, "Value": value} for key, value in missing.items()],
        )


# ------------------------------------------------------------------------- receipts


def _receipts_of_expenses(stage: Stage, user_id: str | None) -> set[str]:
    """Return the keys of the receipts that expenses in use have."""
    read: dict[str, Any] = {
        "TableName": f"{stage.prefix}expenses",
        "ProjectionExpression": "receipt_url",
    }
    operation = "scan"
    if user_id:
        operation = "query"
        read |= {
            "IndexName": "user_id-index",
            "KeyConditionExpression": "user_id = :user",
            "ExpressionAttributeValues": {":user": {"S": user_id}},
        }
    pages = stage.client("dynamodb").get_paginator(operation).paginate(**read)
    return {
        item["receipt_url"]["S"]
        for page in pages
        for item in page["Items"]
        if "receipt_url" in item
    }


def _deleted_objects(
    s3: Any, bucket: str, user_id: str | None
) -> Iterator[tuple[str, list[str]]]:
    """Yield (key, version ids of its delete markers) of objects that can come back."""
    prefix = f"receipts/{user_id}/" if user_id else "receipts/"
    versions = _versions(s3, bucket, prefix)
    for key, newest_first in itertools.groupby(versions, key=lambda v: v["Key"]):
        history = list(newest_first)
        markers = list(itertools.takewhile(lambda v: "ETag" not in v, history))
        if markers and len(markers) < len(history):
            yield key, [marker["VersionId"] for marker in markers]


def _versions(s3: Any, bucket: str, prefix: str) -> Iterator[Any]:
    """Yield versions and delete markers by key, the newest first."""
    pages = s3.get_paginator("list_object_versions")
    waiting: list[Any] = []
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        waiting += [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        waiting.sort(key=_newest_first)
        last = page.get("NextKeyMarker")  # its versions may continue on the next page
        while waiting and waiting[0]["Key"] != last:
            yield waiting.pop(0)
    yield from waiting


def _newest_first(version: Any) -> tuple[str, bool, float]:
    return version["Key"], not version["IsLatest"], -version["LastModified"].timestamp()


# --------------------------------------------------------------------------- command


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
        stage.say(NEXT[options.step])


if __name__ == "__main__":
    main()
