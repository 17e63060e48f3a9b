"""Describe, back up, restore and configure the tables of a stage."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra import templates
from infra.stage import Stage, StageError

Properties = Mapping[str, Any]

# {name without the stage's prefix: properties in data.yaml}
TABLES: dict[str, Properties] = {
    resource["Properties"]["TableName"]["Sub"].partition("}")[2]: resource["Properties"]
    for resource in templates.read("data")["Resources"].values()
    if resource["Type"] == "AWS::DynamoDB::Table"
}
RESTORE_MINUTES = 6 * 60  # AWS needs from ten minutes to hours


def require_active(stage: Stage, name: str) -> Any:
    """Return the description of a table. Raises StageError unless it is active."""
    table = describe(stage, name)
    if table is None or table["TableStatus"] != "ACTIVE":
        status = table["TableStatus"] if table else "missing"
        raise StageError(f"The table {name} is {status}.")
    return table


def describe(stage: Stage, name: str) -> Any:
    """Return the description of a table, or None if there is none."""
    dynamodb = stage.client("dynamodb")
    try:
        return dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return None


def wait_until_active(stage: Stage, names: list[str]) -> None:
    """Wait until all of these tables are active."""

    def are_active() -> bool:
        tables = [describe(stage, name) for name in names]
        return all(table and table["TableStatus"] == "ACTIVE" for table in tables)

    stage.print_line(f"Waiting until {', '.join(names)} are active.")
    stage.wait("restore", are_active, RESTORE_MINUTES)


def encryption(stage: Stage, properties: Properties) -> dict[str, Any]:
    """Return the encryption of a table in data.yaml: by the stage's key, or AWS's."""
    key = stage.parameters.get("KmsKeyArn")
    specification = properties["SSESpecification"]
    return {
        "Enabled": specification["SSEEnabled"],
        "SSEType": specification["SSEType"],
        **({"KMSMasterKeyId": key} if key else {}),
    }


def count_items(stage: Stage, table: str) -> int:
    """Count the items of a table by reading all of it."""
    pages = stage.client("dynamodb").get_paginator("scan")
    return sum(
        page["Count"] for page in pages.paginate(TableName=table, Select="COUNT")
    )


def account_ids(stage: Stage, table: str) -> set[str]:
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


def back_up(stage: Stage, table: str, name: str) -> None:
    """Create a backup of a table unless one with this name exists."""
    if find_backup(stage, table, name) is None:
        create = stage.client("dynamodb").create_backup
        stage.change(
            f"back up {table} as {name}", create, TableName=table, BackupName=name
        )


def find_backup(stage: Stage, table: str, name: str) -> Any:
    """Return a backup, also of a table that was deleted since, or None."""
    wanted = (table, name)
    backups = list_backups(stage)
    return next(
        (b for b in backups if (b["TableName"], b["BackupName"]) == wanted), None
    )


def list_backups(stage: Stage) -> Iterator[Any]:
    """Yield the summaries of all backups in the account and region."""
    for page in stage.client("dynamodb").get_paginator("list_backups").paginate():
        yield from page["BackupSummaries"]


def wait_for_backup(stage: Stage, table: str, name: str) -> Any:
    """Wait until a backup is available, and return its summary."""

    def is_available() -> bool:
        backup = find_backup(stage, table, name)
        return bool(backup and backup["BackupStatus"] == "AVAILABLE")

    stage.wait(f"backup of {table}", is_available, RESTORE_MINUTES)
    return find_backup(stage, table, name)


def restore_backup(
    stage: Stage, name: str, backup: Any, properties: Properties
) -> None:
    """Restore a backup as a table, unless a table with this name exists."""
    if describe(stage, name) is None:
        stage.change(
            f"restore {name} from {backup['BackupName']}",
            stage.client("dynamodb").restore_table_from_backup,
            TargetTableName=name,
            BackupArn=backup["BackupArn"],
            SSESpecificationOverride=encryption(stage, properties),
        )


def set_recovery(stage: Stage, name: str) -> None:
    """Turn on point-in-time recovery for RecoveryDays."""
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


def set_expiry(stage: Stage, name: str, properties: Properties) -> None:
    """Turn on the TTL that data.yaml declares, if any."""
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


def set_tags(stage: Stage, arn: str) -> None:
    """Add missing tags of the data stack."""
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
