"""Restoring tables and receipts, on the local AWS, in a stage of its own."""

import datetime
import itertools
import subprocess
import sys
import uuid

import pytest
import requests

from infra import restore, stage, stage_tables, writers
from infra.stage import StageError
from smartbudget.local import deploy
from smartbudget.local.settings import (
    ADMIN_ACCESS_KEY,
    ADMIN_SECRET_KEY,
    ROOT,
    TEMPLATE_PARAMETERS,
)
from tests.expenses.receipts.pictures import PDF
from tests.integration.people import Person
from tests.stack import lambdas

DRILL = "drill-"
BUCKET = f"{DRILL}smart-budget-receipts"


class Session:
    """The administrator's session, with what the local AWS lacks.

    It has no Elastic Beanstalk, and says that tables can only be restored to now.
    """

    def __init__(self, session, balancer):
        self.session = session
        self.region_name = session.region_name
        self.balancer = balancer

    def client(self, service):
        if service == "elasticbeanstalk":
            return self
        client = self.session.client(service)
        if service == "dynamodb":
            name = "after-call.dynamodb.DescribeContinuousBackups"
            client.meta.events.register(name, extend_recovery)
        return client

    def describe_environments(self, EnvironmentNames, IncludeDeleted):  # noqa: N803
        return {"Environments": [{"EnvironmentName": EnvironmentNames[0]}]}

    def describe_environment_resources(self, EnvironmentName):  # noqa: N803
        assert EnvironmentName == f"{DRILL}smart-budget-planner-env"
        return {"EnvironmentResources": {"LoadBalancers": [{"Name": self.balancer}]}}


def extend_recovery(parsed, **_):
    recovery = parsed["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    if "EarliestRestorableDateTime" in recovery:
        recovery["EarliestRestorableDateTime"] -= datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def session(stack):
    """Deploy the stage with a load balancer as Elastic Beanstalk creates it."""
    session = stack.admin_session()
    parameters = {
        **TEMPLATE_PARAMETERS,
        "ResourcePrefix": DRILL,
        "ReceiptsBucketName": BUCKET,
        "AppUrl": "https://drill.example.com",
        "SweepSchedule": "rate(1 day)",  # it has no work
    }
    deploy.deploy(session, lambdas(), parameters)
    # The local AWS does not turn on recovery as data.yaml says.
    found = stage.find(DRILL, session, deploy.stack_name, apply=True)
    restore.settings(found)
    balancing = session.client("elbv2")
    (balancer,) = balancing.create_load_balancer(Name="awseb", Subnets=["a", "b"])[
        "LoadBalancers"
    ]
    (group,) = balancing.create_target_group(Name="awseb", Protocol="HTTP", Port=80)[
        "TargetGroups"
    ]
    for port in (80, 443):
        balancing.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=port,
            DefaultActions=[
                {"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}
            ],
        )
    return Session(session, balancer["LoadBalancerArn"])


@pytest.fixture
def lines():
    return []


@pytest.fixture
def find(session, lines):
    """Return a function that finds the stage."""

    def find(*, apply=True, name=DRILL):
        return stage.find(
            name,
            session,
            deploy.stack_name,
            apply=apply,
            print_line=lines.append,
            sleep=lambda seconds: None,
        )

    return find


@pytest.fixture(scope="module")
def seconds():
    """Return an iterator of different seconds, counted back from one time.

    Counted from the time of each test, that of one which begins a second after
    another would be the same, and it would find that test's backups.
    """
    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return (start - datetime.timedelta(seconds=count) for count in itertools.count(1))


@pytest.fixture
def at(seconds):
    """Return a second for this test alone."""
    return next(seconds)


@pytest.fixture
def expenses(session):
    """Return the expenses table, whose items are written by name."""
    return Items(session.client("dynamodb"), f"{DRILL}expenses")


class Items:
    """A table's items with the attribute `text`."""

    def __init__(self, dynamodb, table):
        self.dynamodb = dynamodb
        self.table = table

    def put(self, expense_id, **texts):
        item = {name: {"S": text} for name, text in texts.items()}
        item["expense_id"] = {"S": expense_id}
        self.dynamodb.put_item(TableName=self.table, Item=item)

    def delete(self, expense_id):
        key = {"expense_id": {"S": expense_id}}
        self.dynamodb.delete_item(TableName=self.table, Key=key)

    def exists(self, expense_id):
        key = {"expense_id": {"S": expense_id}}
        return "Item" in self.dynamodb.get_item(TableName=self.table, Key=key)


def new_id():
    return uuid.uuid4().hex


def describe(session, table):
    return session.client("dynamodb").describe_table(TableName=table)["Table"]


def names(session):
    pages = session.client("dynamodb").get_paginator("list_tables").paginate()
    return {name for page in pages for name in page["TableNames"]}


def test_only_an_existing_stage_is_found(find):
    for name in ("", "drill", "Drill-", "users"):
        with pytest.raises(StageError, match="A stage is main or a prefix"):
            find(name=name)
    with pytest.raises(StageError, match="no stack other-smart-budget in account 0000"):
        find(name="other-")


def test_without_apply_nothing_is_restored(session, find, lines, at):
    restore.tables(find(apply=False), at)

    assert len([line for line in lines if line.startswith("would restore")]) == 4
    assert f"{DRILL}restored-{restore.stamp(at)}-users" not in names(session)


def test_tables_are_restored_beside_those_in_use(session, find, expenses, lines, at):
    lunch = new_id()
    expenses.put(lunch)

    restore.tables(find(), at)
    restore.tables(find(), at)

    prefix = restore.restored_prefix(find(), at)
    assert {f"{prefix}{name}" for name in restore.TABLES} <= names(session)
    assert f"{prefix}users exists" in lines
    assert Items(expenses.dynamodb, f"{prefix}expenses").exists(lunch)
    restore.discard(find(), at)
    assert not {f"{prefix}{name}" for name in restore.TABLES} & names(session)
    assert expenses.exists(lunch)


def test_an_interrupted_restore_goes_on(session, find, at):
    begun = find()
    begun.client("dynamodb").restore_table_to_point_in_time(
        SourceTableName=f"{DRILL}users",
        TargetTableName=f"{restore.restored_prefix(begun, at)}users",
        RestoreDateTime=at,
    )
    with pytest.raises(StageError, match="Run `tables` first: expenses"):
        restore.compare(find(), at)

    restore.tables(find(), at)
    restore.compare(find(), at)
    restore.discard(find(), at)


@pytest.mark.parametrize("days", [2, -1])
def test_a_time_without_backup_is_refused(find, at, days):
    with pytest.raises(StageError, match="users can be restored to a time from"):
        restore.tables(find(), at - datetime.timedelta(days=days))


def test_what_was_lost_is_counted(session, find, expenses, lines, at):
    lunch, ada = new_id(), new_id()
    users = {"TableName": f"{DRILL}users"}
    expenses.put(lunch)
    item = {"user_id": {"S": ada}, "username": {"S": ada}}
    expenses.dynamodb.put_item(**users, Item=item)
    restore.tables(find(), at)
    expenses.delete(lunch)
    expenses.dynamodb.delete_item(**users, Key={"user_id": {"S": ada}})

    restore.compare(find(), at)

    (counts,) = [line.split() for line in lines if line.startswith("expenses ")]
    assert counts[3] == "-1"
    assert lines[-2:] == [
        "Accounts that exist only in the restored table: 1",
        f"  {ada}",
    ]
    restore.discard(find(), at)


def test_all_writers_are_stopped_and_started(session, find, lines):
    waits = []
    stopping = stage.find(
        DRILL, session, deploy.stack_name, apply=True, sleep=waits.append
    )
    names = writers.running(find())
    assert {name.split()[0] for name in names} == {
        "schedule",
        "web",
        "queue",
        "function",
    }

    writers.pause(find(apply=False))
    assert writers.running(find()) == names
    writers.pause(stopping)
    writers.pause(stopping)

    assert writers.running(find()) == []
    assert 900 >= waits[-1] >= 60  # the longest run
    restore.resume(find(apply=False))
    assert writers.running(find()) == []
    restore.resume(find())
    assert writers.running(find()) == names
    assert f"start schedule {DRILL}sweep" in lines


def test_a_reserved_concurrency_is_the_same_after_a_pause(session, find):
    functions = session.client("lambda")
    name = {"FunctionName": f"{DRILL}report_generator"}
    functions.put_function_concurrency(**name, ReservedConcurrentExecutions=20)

    writers.pause(find())
    writers.pause(find())
    assert (
        functions.get_function_concurrency(**name)["ReservedConcurrentExecutions"] == 0
    )
    restore.resume(find())

    reserved = functions.get_function_concurrency(**name)
    assert reserved["ReservedConcurrentExecutions"] == 20
    arn = functions.get_function_configuration(**name)["FunctionArn"]
    assert writers.PAUSED not in functions.list_tags(Resource=arn)["Tags"]
    functions.delete_function_concurrency(**name)


def test_tables_are_not_switched_while_anything_writes(find, at):
    restore.tables(find(), at)

    with pytest.raises(StageError, match=f"Run `pause` first.*schedule {DRILL}daily"):
        restore.switch(find(), at)

    restore.discard(find(), at)


@pytest.fixture
def damaged(find, expenses, at):
    """Return an expense that exists only in the restored tables, in a paused stage."""
    lunch = new_id()
    expenses.put(lunch)
    restore.tables(find(), at)
    expenses.delete(lunch)
    writers.pause(find())
    yield lunch
    restore.resume(find())
    restore.discard(find(), at)


def settings_of(session, table):
    dynamodb = session.client("dynamodb")
    description = describe(session, table)
    tags = dynamodb.list_tags_of_resource(ResourceArn=description["TableArn"])["Tags"]
    expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    recovery = dynamodb.describe_continuous_backups(TableName=table)
    recovery = recovery["ContinuousBackupsDescription"]
    return (
        description["DeletionProtectionEnabled"],
        {tag["Key"]: tag["Value"] for tag in tags}["stage"],
        expiry.get("AttributeName"),
        recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
    )


def test_the_restored_tables_replace_the_damaged_ones(
    session, find, expenses, lines, at, damaged
):
    tables = [f"{DRILL}{name}" for name in restore.TABLES]
    before = [settings_of(session, table) for table in tables]

    restore.switch(find(apply=False), at)
    assert not expenses.exists(damaged)
    restore.switch(find(), at)

    assert expenses.exists(damaged)
    assert [settings_of(session, table) for table in tables] == before
    lines.clear()
    again = find()
    restore.switch(again, at)  # nothing is left to do
    assert again.changes == []
    assert expenses.exists(damaged)


# All eight backups, then for each table the deletion and the restore, then settings.
@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        (4, None),
        (8, None),
        (9, f"{DRILL}users is missing"),
        (12, "Only some tables were replaced. Run `switch` to {time} again"),
        (16, None),
    ],
)
def test_a_switch_that_was_killed_goes_on(
    session, find, expenses, at, damaged, calls, reason, monkeypatch
):
    """The process ends before one of its changes; until then, resuming is refused.

    Each test switches to an earlier second than the switches before it.
    """
    killed = find()
    made = killed.changes
    change = stage.Stage.change

    def change_or_die(self, name, call, **arguments):
        if self is killed and len(made) == calls:
            raise KeyboardInterrupt
        change(self, name, call, **arguments)

    monkeypatch.setattr(stage.Stage, "change", change_or_die)
    with pytest.raises(KeyboardInterrupt):
        restore.switch(killed, at)

    if reason:
        with pytest.raises(StageError, match=reason.format(time=restore.stamp(at))):
            restore.resume(find())
    restore.switch(find(), at)

    assert expenses.exists(damaged)
    assert [settings_of(session, f"{DRILL}{name}")[0] for name in restore.TABLES] == [
        True
    ] * 4


def test_resuming_repairs_the_settings(session, find, damaged, at):
    restore.switch(find(), at)
    session.client("dynamodb").update_table(
        TableName=f"{DRILL}users", DeletionProtectionEnabled=False
    )

    restore.resume(find())

    assert settings_of(session, f"{DRILL}users")[0]


def test_receipts_of_restored_expenses_are_undeleted(session, find, expenses):
    s3 = session.client("s3")
    user, other = new_id(), new_id()
    keys = {
        name: f"receipts/{owner}/{new_id()}.png"
        for name, owner in {
            "deleted": user,
            "kept": user,
            "of no expense": user,
            "others": other,
        }.items()
    }
    for name, key in keys.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=name.encode())
        if name != "of no expense":
            owner = key.split("/")[1]
            expenses.put(new_id(), user_id=owner, date="2026-01-01", receipt_url=key)
    for name in ("deleted", "of no expense", "others"):
        s3.delete_object(Bucket=BUCKET, Key=keys[name])
    s3.delete_object(Bucket=BUCKET, Key=keys["deleted"])

    def stored_keys():
        listing = s3.list_objects_v2(Bucket=BUCKET, Prefix="receipts/")
        stored = {content["Key"] for content in listing.get("Contents", ())}
        return {name for name, key in keys.items() if key in stored}

    restore.receipts(find(apply=False))
    assert stored_keys() == {"kept"}
    restore.receipts(find(), user)
    assert stored_keys() == {"kept", "deleted"}
    restore.receipts(find())
    assert stored_keys() == {"kept", "deleted", "others"}
    again = find()
    restore.receipts(again)
    assert again.changes == []


def as_administrator(stack):
    """Return the environment of a web server, with an administrator's credentials."""
    env = {**stack.local.web_env()}
    env.pop("AWS_SESSION_TOKEN", None)
    return env | {
        "AWS_ACCESS_KEY_ID": ADMIN_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET_KEY,
    }


def test_a_user_gets_lost_data_back_while_everything_runs(stack, at, lines):
    alice, session = Person(stack), Session(stack.admin_session(), balancer=None)
    main = stage.find(
        "main", session, deploy.stack_name, apply=True, print_line=lines.append
    )
    for name in restore.TABLES:  # which the local AWS does not do
        stage_tables.set_recovery(main, name)
    budget = alice.post("budgets", category="Fun", amount="100.00")
    lunch = alice.request(
        "POST",
        "expenses",
        data={"amount": "4.00", "category": "Fun"},
        files={"file": ("bill.pdf", PDF)},
    ).json()
    restore.tables(main, at)
    alice.delete(f"expenses/{lunch['expense_id']}")
    key = f"receipts/{alice.user_id}/{lunch['expense_id']}.pdf"
    session.client("s3").delete_object(Bucket="smart-budget-receipts", Key=key)
    command = ["copy_user", alice.name, "--from", restore.restored_prefix(main, at)]

    subprocess.run(
        [sys.executable, "manage.py", *command, "--apply"],
        cwd=ROOT,
        env=as_administrator(stack),
        check=True,
        capture_output=True,
    )
    restore.receipts(main, alice.user_id)

    assert f"undelete {key}" in lines
    assert alice.get(f"expenses/{lunch['expense_id']}") == lunch
    assert alice.get(f"budgets/{budget['budget_id']}")["spent"] == "4.00"
    url = alice.get(f"receipts/{lunch['expense_id']}")["url"]
    assert requests.get(url, timeout=30).content == PDF
    restore.discard(main, at)
