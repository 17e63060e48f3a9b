"""Replacing the secret key, on the local AWS, with a users table of its own."""

import dataclasses

import pytest

from accounts.factors import totp
from infra import rotate_key, stage
from infra.stage import StageError
from smartbudget.core import encryption
from smartbudget.core.config import config
from smartbudget.local.settings import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY

PREFIX = "rotation-"
OLD = "old" * 20
ADA = "ada0" * 8
SECRET = "JBSWY3DPEHPK3PXP"


class Session:
    """The administrator's session, with an Elastic Beanstalk that is always healthy."""

    def __init__(self, session):
        self.session = session
        self.region_name = session.region_name
        self.restarts = 0
        self.health = "Ok"

    def client(self, service):
        return self if service == "elasticbeanstalk" else self.session.client(service)

    def restart_app_server(self, EnvironmentName):  # noqa: N803
        assert EnvironmentName == f"{PREFIX}smart-budget-planner-env"
        self.restarts += 1

    def describe_environments(self, **_):
        return {"Environments": [{"Status": "Ready", "HealthStatus": self.health}]}


@pytest.fixture(scope="module")
def dynamodb(stack):
    """Create a users table like that of data.yaml."""
    dynamodb = stack.admin_session().client("dynamodb")
    key = {"KeyType": "HASH"}
    dynamodb.create_table(
        TableName=f"{PREFIX}users",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("user_id", "username")
        ],
        KeySchema=[{"AttributeName": "user_id", **key}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "username-index",
                "KeySchema": [{"AttributeName": "username", **key}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return dynamodb


@pytest.fixture
def session(stack, dynamodb, monkeypatch):
    """Store the older key, and an account with an authenticator app."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.aws_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ADMIN_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ADMIN_SECRET_KEY)
    session = Session(stack.admin_session())
    manager = session.client("secretsmanager")
    for name in ("secret-key", "health-key"):
        manager.create_secret(Name=f"{PREFIX}smart-budget-{name}", SecretString=OLD)
    with keys(OLD):
        stored = totp.encrypt(SECRET, ADA)
    item = {"user_id": ADA, "username": "ada", "totp": stored, "created_at": "2026"}
    dynamodb.put_item(
        TableName=f"{PREFIX}users",
        Item={name: {"S": text} for name, text in item.items()}
        | {"version": {"N": "1"}},
    )
    yield session
    for name in ("secret-key", "health-key"):
        manager.delete_secret(
            SecretId=f"{PREFIX}smart-budget-{name}", ForceDeleteWithoutRecovery=True
        )


def keys(first, *older):
    ring = dataclasses.replace(config, secret_key=first, secret_key_fallbacks=older)
    patch = pytest.MonkeyPatch.context()

    class Patched:
        def __enter__(self):
            self.patch = patch.__enter__()
            self.patch.setattr(encryption, "config", ring)

        def __exit__(self, *error):
            patch.__exit__(*error)

    return Patched()


@pytest.fixture
def lines():
    return []


@pytest.fixture
def find(session, lines):
    """Return a function that returns the stage."""

    def find(*, apply=True):
        return stage.Stage(
            PREFIX,
            session,
            "000000000000",
            parameters={},
            tags={},
            apply=apply,
            print_line=lines.append,
            sleep=lambda seconds: None,
        )

    return find


def ring_of(found, name="secret-key"):
    return rotate_key.Secret(found, name).read()


def a_day_later(monkeypatch):
    monkeypatch.setattr(rotate_key, "KEPT_HOURS", -1)


def test_a_key_is_replaced_step_by_step(session, find, dynamodb, lines, monkeypatch):
    rotate_key.add(find())
    _, new = ring_of(find()).keys
    assert ring_of(find()).keys == (OLD, new)
    rotate_key.use(find())
    assert ring_of(find()).keys == (new, OLD)
    rotate_key.encrypt(find())
    a_day_later(monkeypatch)
    rotate_key.remove(find())

    assert ring_of(find()).keys == (new,)
    assert len(new) == 64
    assert session.restarts == 3
    (item,) = dynamodb.scan(TableName=f"{PREFIX}users")["Items"]
    with keys(new):
        assert totp.decrypt(item["totp"]["S"], ADA) == SECRET
    rotate_key.status(find())
    assert "No rotation is under way" in lines[-1]
    assert not [line for line in lines if new in line or OLD in line]


@pytest.mark.parametrize("steps", [[], ["add"], ["add", "use", "encrypt"]])
def test_without_apply_nothing_changes(session, find, dynamodb, steps, monkeypatch):
    for step in steps:
        getattr(rotate_key, step)(find())
    before = ring_of(find()), dynamodb.scan(TableName=f"{PREFIX}users")["Items"]
    restarts = session.restarts
    a_day_later(monkeypatch)

    for step in rotate_key.STEPS.values():
        try:
            step(find(apply=False))
        except StageError:
            continue  # the wrong step

    after = ring_of(find()), dynamodb.scan(TableName=f"{PREFIX}users")["Items"]
    assert after == before
    assert session.restarts == restarts


def test_a_step_that_is_repeated_changes_no_key(session, find, monkeypatch):
    """Its process may have ended before the restart."""
    a_day_later(monkeypatch)
    for step in (rotate_key.add, rotate_key.use, rotate_key.encrypt, rotate_key.remove):
        step(find())
        ring = ring_of(find())
        step(find())
        assert ring_of(find()) == ring
    assert session.restarts == 6


@pytest.mark.parametrize(
    ("steps", "wrong", "reason"),
    [
        ([], "use", "Run `add` first"),
        ([], "encrypt", "Run `add` and `use` first"),
        (["add"], "encrypt", "Run `add` and `use` first"),
        (["add"], "remove", "Run `use` and `encrypt` first"),
        (["add", "use"], "add", "Next: `encrypt`"),
        (["add", "use"], "remove", "Responses may need the older key until"),
    ],
)
def test_a_step_is_refused_before_the_one_it_needs(find, steps, wrong, reason):
    for step in steps:
        getattr(rotate_key, step)(find())
    ring = ring_of(find())

    with pytest.raises(StageError, match=reason):
        getattr(rotate_key, wrong)(find())

    assert ring_of(find()) == ring


def test_a_key_that_a_secret_needs_is_not_removed(find):
    """Not even if it is known to others."""
    rotate_key.add(find())
    rotate_key.use(find())

    with pytest.raises(StageError, match=f"(?s)Run `encrypt` first.*{ADA}"):
        rotate_key.remove(find(), leaked=True)
    rotate_key.encrypt(find())
    rotate_key.remove(find(), leaked=True)

    assert len(ring_of(find()).keys) == 1


def test_a_secret_is_not_overwritten_after_another_operator_changed_it(find):
    secret = rotate_key.Secret(find(), "secret-key")
    ring = secret.read()
    rotate_key.add(find())
    added = ring_of(find())

    with pytest.raises(secret.client.exceptions.InvalidParameterException):
        secret.replace(ring, (OLD, "other"), rotate_key.ADDED)

    assert ring_of(find()) == added


def test_keys_that_were_stored_by_hand_are_left_alone(session, find):
    name = f"{PREFIX}smart-budget-secret-key"
    manager = session.client("secretsmanager")
    manager.put_secret_value(SecretId=name, SecretString=f"{OLD},{OLD}")

    for step in rotate_key.STEPS.values():
        if step is not rotate_key.health:
            with pytest.raises(StageError, match="2 keys that were stored by hand"):
                step(find())


def test_an_unhealthy_environment_ends_a_step(session, find, monkeypatch):
    session.health = "Severe"
    monkeypatch.setattr("infra.deploy.HEALTH_SECONDS", 0)

    with pytest.raises(StageError, match="run the same step again"):
        rotate_key.add(find())
    session.health = "Ok"
    rotate_key.add(find())

    assert ring_of(find()).step == rotate_key.ADDED


def test_the_health_key_is_replaced(session, find):
    rotate_key.health(find())

    (key,) = ring_of(find(), "health-key").keys
    assert len(key) == 64
    assert ring_of(find()).keys == (OLD,)
    assert session.restarts == 1
