"""The commands of operators: which stage, what without --apply, why not."""

import datetime

import boto3
import pytest
from botocore.exceptions import ClientError

from infra import restore, rotate_key, stage, stage_tables, writers
from infra.stage import StageError


@pytest.fixture
def found(monkeypatch):
    """Find stages without AWS, and return the names that were looked for."""
    names = []

    def find(name, session, **fields):
        names.append((name, session.region_name))
        return stage.Stage("", session, "123456789012", {}, {}, **fields)

    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setattr(stage, "find", find)
    return names


def run(monkeypatch, step, *arguments):
    monkeypatch.setitem(restore.STEPS, "pause", step)
    restore.main(["pause", *arguments])


def change(found, _):
    found.change("stop everything", lambda: None)


def test_without_apply_a_command_shows_what_it_would_do(found, monkeypatch, capsys):
    run(monkeypatch, change, "--stage", "test-")

    assert found == [("test-", "eu-west-3")]
    assert capsys.readouterr().out.splitlines() == [
        "Stage test-, account 123456789012, eu-west-3.",
        "would stop everything",
        "Nothing was changed. Add --apply to do this.",
    ]


def test_with_apply_it_names_the_next_step(found, monkeypatch, capsys):
    run(monkeypatch, change, "--stage", "main", "--apply")

    assert capsys.readouterr().out.splitlines()[1:] == [
        "stop everything",
        "Next: `switch`.",
    ]


def test_a_step_without_anything_to_do_says_so(found, monkeypatch, capsys):
    run(monkeypatch, lambda *_: None, "--stage", "main")

    assert capsys.readouterr().out.splitlines()[1:] == ["There was nothing to change."]


@pytest.mark.parametrize(
    "error",
    [
        StageError("The table users is missing."),
        ClientError({"Error": {"Code": "AccessDenied"}}, "DisableRule"),
        KeyboardInterrupt(),
    ],
)
def test_a_failure_ends_with_its_reason(found, monkeypatch, error):
    def fail(*_):
        raise error

    with pytest.raises(SystemExit, match=r"missing|AccessDenied.*DisableRule|continue"):
        run(monkeypatch, fail, "--stage", "main", "--apply")


@pytest.mark.parametrize(
    "arguments",
    [
        ["pause"],
        ["tables", "--stage", "main"],
        ["tables", "--stage", "main", "--at", "2026-11-24T10:15:00"],
        ["tables", "--stage", "main", "--at", "2026-11-24T10:15:00.5Z"],
        ["tables", "--stage", "main", "--at", "yesterday"],
        ["everything", "--stage", "main"],
        ["pause", "--stage", "main", "--user-id", "ada"],
    ],
)
def test_an_incomplete_command_is_refused(found, arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        restore.main(arguments)
    assert found == []
    assert "usage:" in capsys.readouterr().err


def test_a_step_gets_its_argument(found, monkeypatch):
    given = {}
    for step in restore.STEPS:
        monkeypatch.setitem(
            restore.STEPS,
            step,
            lambda _, argument, step=step: given.update({step: argument}),
        )

    restore.main(["receipts", "--stage", "main", "--user-id", "ada"])
    restore.main(["discard", "--stage", "main", "--at", "2026-11-24T10:15:00Z"])

    at = datetime.datetime(2026, 11, 24, 10, 15, tzinfo=datetime.UTC)
    assert given == {"receipts": "ada", "discard": at}


def test_a_time_of_another_zone_is_converted():
    at = restore.parse_time("2026-11-24T11:15:00+01:00")

    assert restore.stamp(at) == "20261124-101500"


def test_only_the_removal_of_a_key_knows_that_it_leaked(found, capsys):
    with pytest.raises(SystemExit, match="2"):
        rotate_key.main(["use", "--stage", "main", "--leaked"])


def test_a_step_waits_for_a_limited_time():
    waits = []
    found = stage.Stage("", None, "1", {}, {}, sleep=waits.append, poll_seconds=15)

    with pytest.raises(StageError, match="not finished after 1 minutes"):
        found.wait("restore", lambda: False, minutes=1)

    assert sum(waits) == 60


def test_tables_have_the_stages_own_key():
    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    own, aws = (stage.Stage("", None, "1", {"KmsKeyArn": arn}, {}) for arn in (key, ""))

    for properties in restore.TABLES.values():
        encryption = stage_tables.encryption(own, properties)
        assert encryption == {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
        encryption = stage_tables.encryption(aws, properties)
        assert encryption == {"Enabled": True, "SSEType": "KMS"}


def test_without_lambdas_and_web_there_is_nothing_to_stop(aws):
    lines = []
    found = stage.Stage(
        "new-", boto3.Session(), "1", {}, {}, apply=True, print_line=lines.append
    )

    writers.pause(found)
    writers.resume(found)

    assert writers.running(found) == []
    assert found.changes == []
    assert lines[-1] == "Nothing writes any more. Do not deploy before `resume`."
