"""Fixtures of all tests: AWS in process with moto, a fixed day, small builders."""

import contextlib
import functools
import gc
import os
import subprocess
import sys

import pytest
import time_machine
from hypothesis import settings
from whitenoise import WhiteNoise

from smartbudget.core import aws as clients
from tests import quick_moto, sampling
from tests.builders import client_for, make_user
from tests.dynamodb.fake import Table
from tests.money_builders import NOON
from tests.stack import LAMBDAS, stack

__all__ = ["stack"]

settings.load_profile(sampling.UNTIMED)

REGION = os.environ["AWS_REGION"]
# The initial state of a service, set directly, which is faster than its API.
MADE = {
    "sqs": lambda sqs: sqs.create_queue("notification-queue"),
    "sns": lambda sns: sns.create_topic("budget-alerts-topic"),
    "s3": lambda s3: s3.create_bucket("smart-budget-receipts", REGION),
}
HOSTS = {"email": "ses", "monitoring": "cloudwatch"}
# Tests that share one of these run in one worker, which creates it once.
EXPENSIVE = ("other_stage", "rich")


def pytest_sessionstart(session):
    """Start building the Lambdas while the workers start and collect tests.

    On a fresh clone this takes half a minute, and each worker would wait for it.
    """
    config = session.config
    if config.getoption("numprocesses", None) and not LAMBDAS.exists():
        command = [sys.executable, "-c", "from tests import stack; stack.lambdas()"]
        # If it fails, the first test that needs them reports why.
        building = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        config.add_cleanup(building.wait)


def pytest_itemcollected(item):
    """Group a module's tests on the local AWS, so that one worker runs them.

    Each worker has its own local AWS; a module's tests share fixtures.
    """
    fixtures = set(item.fixturenames)
    if "stack" in fixtures and not item.get_closest_marker("xdist_group"):
        shared = fixtures.intersection(EXPENSIVE)
        group = shared.pop() if shared else item.module.__name__
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish():
    """Exclude modules and tests, which live until the end, from garbage collection.

    The rest is collected less often; by default that takes 4 % of the processor time.
    """
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Run slow tests first, so that the short ones balance the workers."""

    def is_short(item):
        return not any(map(item.get_closest_marker, ("xdist_group", "soak")))

    items.sort(key=is_short)


def pytest_make_parametrize_id(val, argname):
    """Identify content by parameter name, as zips contain times and ids must match.

    Also cut ones: the time is in a zip's bytes 10 to 13.
    """
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def noon():
    """Start at the fixed noon, as every test of `aws`, and let time run."""
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture
def clock(noon):
    """Stop the clock at the fixed noon; `clock.shift(seconds)` moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def free_slots():
    """Release the slots of downloads that earlier tests started and did not read."""
    from smartbudget.core import concurrency

    for limit in vars(concurrency).values():
        if isinstance(limit, concurrency.ConcurrencyLimit):
            limit._running.clear()


@pytest.fixture
def aws(noon):
    with empty_aws():
        yield


@pytest.fixture
def alice(aws):
    return make_user("alice")


@pytest.fixture
def client(alice):
    """Return a client in which Alice is logged in."""
    return client_for(alice)


@contextlib.contextmanager
def empty_aws():
    """Run an empty AWS in process: tables from the models, queue, topic, bucket."""
    _install()
    with quick_moto.answering():
        _make_tables()
        quick_moto.dynamo.empty()
        _empty_other_services()
        clients.queue_url.cache_clear()
        yield


_install = functools.cache(quick_moto.install)


@functools.cache
def _make_tables():
    """Create the tables once per process, as that is slower than most tests."""
    from accounts.models import Account
    from budgets.models import Budget
    from expenses.models import Expense
    from notifications.models import Notification

    for model in (Account, Expense, Budget, Notification):
        model.create_table(billing_mode="PAY_PER_REQUEST")
        description = model.describe_table()
        quick_moto.dynamo.tables[description["TableName"]] = Table.described(
            description
        )


def _empty_other_services():
    """Reset the services used since the last call, but DynamoDB, whose tables stay."""
    parts = {part for host in quick_moto.asked for part in host.split(".")}
    services = {HOSTS.get(part, part) for part in parts} & quick_moto.SERVICES
    for service in services - {"dynamodb"}:
        backend = quick_moto.backend(service)
        backend.reset()
        if service in MADE:
            MADE[service](backend)
    quick_moto.asked.clear()


@pytest.fixture(autouse=True, scope="session")
def static_files_found_once():
    """Scan static files once, instead of for each test client."""
    find, cache = WhiteNoise.update_files_dictionary, {}

    def find_once(self, root, prefix):
        if (root, prefix) not in cache:
            find(self, root, prefix)
            cache[root, prefix] = self.files.copy()
        self.files |= cache[root, prefix]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoise, "update_files_dictionary", find_once)
        yield


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords():
    """Use minimal Argon2 costs; the real ones would take most of the test time."""
    from argon2 import PasswordHasher

    from accounts import passwords

    real_hasher = passwords._hasher
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: cheap)
        yield real_hasher
