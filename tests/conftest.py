"""Fixtures of every test: moto's AWS in process, a fixed day, small builders."""

import contextlib
import functools
import gc
import os
import subprocess
import sys

import pytest
import time_machine
from django.template import Template
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from whitenoise import WhiteNoise

from smartbudget.core import aws as clients
from tests import quick_moto
from tests.builders import client_for, make_user
from tests.dynamodb.fake import Table
from tests.money_builders import NOON
from tests.stack import LAMBDAS, stack

__all__ = ["stack"]

REGION = os.environ["AWS_REGION"]
# What a service begins with, made past its API, which takes longer.
MADE = {
    "sqs": lambda sqs: sqs.create_queue("notification-queue"),
    "sns": lambda sns: sns.create_topic("budget-alerts-topic"),
    "s3": lambda s3: s3.create_bucket("smart-budget-receipts", REGION),
    "ses": lambda ses: None,
}
HOSTS = {"email": "ses"}
# Tests that share one of these run in one worker, which makes it once.
EXPENSIVE = ("other_stage", "rich")


def pytest_sessionstart(session):
    """Begin to build the Lambdas while the workers start and collect the tests.

    On a fresh clone that takes half a minute, for which each worker would wait.
    """
    config = session.config
    if config.getoption("numprocesses", None) and not LAMBDAS.exists():
        command = [sys.executable, "-c", "from tests import stack; stack.lambdas()"]
        # Should it fail, the first test that needs them says why.
        building = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        config.add_cleanup(building.wait)


def pytest_itemcollected(item):
    """Group a module's tests on the local AWS, so that one worker runs them.

    Each worker has a local AWS of its own; a module's tests share its fixtures.
    """
    fixtures = set(item.fixturenames)
    if "stack" in fixtures and not item.get_closest_marker("xdist_group"):
        shared = fixtures.intersection(EXPENSIVE)
        group = shared.pop() if shared else item.module.__name__
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish():
    """Spare the garbage collector what lasts until the end: modules and tests."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Run what takes long first: the many short tests even out the workers' loads."""

    def is_short(item):
        return not any(map(item.get_closest_marker, ("xdist_group", "soak")))

    items.sort(key=is_short)


def pytest_make_parametrize_id(val, argname):
    """Name files by their parameter: a zip has a time, and workers must agree."""
    return argname if isinstance(val, bytes) and len(val) > 40 else None


@pytest.fixture
def clock():
    """The fixed noon; `clock.shift(seconds)` moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def free_slots():
    """Forget the slots of downloads that earlier tests began and never read."""
    from smartbudget.core import concurrency

    for limit in vars(concurrency).values():
        if isinstance(limit, concurrency.ConcurrencyLimit):
            limit._running.clear()


@pytest.fixture
def aws():
    with empty_aws():
        yield


@pytest.fixture
def noon():
    """The fixed noon, from which time runs on."""
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture
def alice(aws):
    return make_user("alice")


@pytest.fixture
def client(alice):
    """The browser that Alice is signed in on."""
    return client_for(alice)


@contextlib.contextmanager
def empty_aws():
    """An empty AWS in process: tables from the models, queue, topic, bucket."""
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
    """Make the tables once a process: that takes longer than most tests."""
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
    """Begin anew with the services that something has used since the last time."""
    parts = {part for host in quick_moto.asked for part in host.split(".")}
    for service in MADE.keys() & {HOSTS.get(part, part) for part in parts}:
        backend = _backend(service)
        backend.reset()
        MADE[service](backend)
    quick_moto.asked.clear()


def _backend(service):
    regions = get_backend(service)[ACCOUNT_ID]
    return regions["aws" if service == "s3" else REGION]


@pytest.fixture(autouse=True, scope="session")
def static_files_found_once():
    """Look for static files once: each test client would look again."""
    find, found = WhiteNoise.update_files_dictionary, {}

    def find_once(self, root, prefix):
        if (root, prefix) not in found:
            find(self, root, prefix)
            found[root, prefix] = self.files.copy()
        self.files |= found[root, prefix]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoise, "update_files_dictionary", find_once)
        yield


@pytest.fixture(autouse=True, scope="session")
def widgets_rendered_unseen(django_test_environment):
    """Leave widgets' templates out of a response's context and templates.

    Django copies the context for each, and a list of time zones has hundreds.
    """
    render = Template._render

    def render_unseen(self, context):
        if (self.name or "").startswith("django/forms/"):
            return self.nodelist.render(context)
        return render(self, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", render_unseen)
        yield


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords():
    """Hash with Argon2's least: its real cost would be most of the tests' time."""
    from argon2 import PasswordHasher

    from accounts import passwords

    real_hasher = passwords._hasher
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: cheap)
        yield real_hasher
