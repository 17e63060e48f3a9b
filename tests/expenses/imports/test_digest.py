"""The alerts of a whole import in one e-mail, however often it is interrupted."""

import contextlib
import random
from dataclasses import replace
from decimal import Decimal

import pytest

from budgets.lookup import SHAPES
from expenses.imports import commit, profiles, services
from expenses.models import Expense
from notifications import digests, sweep
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import NotFoundError
from tests.expenses.imports.builders import commit_all, undo_all, upload
from tests.money_builders import BOB, make_budget
from tests.notifications import faults
from tests.notifications.builders import (
    mails,
    make_account,
    messages,
    queued,
    run_queued_tasks,
)
from tests.notifications.test_digests import alerts, mailed_alerts, recover
from tests.notifications.test_digests import digests as stored_digests
from tests.sampling import SOAK

pytestmark = pytest.mark.usefixtures("aws", "clock")

HELD = int(commit.HELD_FOR.total_seconds())
SUBJECTS = [f"Over budget: {category}" for category in ("Auto", "Bus", "Cats")]


@pytest.fixture
def alice():
    user = replace(make_account().user, budget_shapes=SHAPES)
    rules = [
        {"text": category.upper(), "category": category}
        for category in ("Auto", "Bus", "Cats")
    ]
    profiles.save_rules(user, rules)
    return user


@pytest.fixture
def small(monkeypatch):
    """Write 30 rows a call, a few in each transaction."""
    monkeypatch.setattr(Transaction, "MAX_ITEMS", 20)
    monkeypatch.setattr(commit, "MAX_ROWS", 30)


def bookings(auto, bus, cats):
    counts = {"AUTO": auto, "BUS": bus, "CATS": cats}
    return [
        f"2026-03-{1 + number % 17:02},{text},-1.00"
        for text, count in counts.items()
        for number in range(count)
    ]


@pytest.fixture
def record(alice, small):
    """Return an import whose three calls take one budget each over its limit."""
    for category, amount in (("Auto", "25"), ("Bus", "25"), ("Cats", "10")):
        make_budget(alice, category=category, amount=amount)
    return upload(alice, *bookings(30, 30, 15))


def sweep_and_run():
    sweep.enqueue_overdue()
    run_queued_tasks()


def test_a_large_file_sends_one_digest_after_its_last_call(alice):
    for category, amount in (("Auto", "900"), ("Bus", "900"), ("Cats", "400")):
        make_budget(alice, category=category, amount=amount)
    make_budget(
        alice, category=None, categories="all", amount="2200", alert_threshold=40
    )
    record = upload(alice, *bookings(1000, 1000, 500))

    caused, sent, left = [], [], 1
    while left:
        progress = commit.commit(alice, record.import_id)
        run_queued_tasks()
        left = progress.left
        caused.append(progress.alerts)
        sent.append(len(mails()))

    assert sent == [0, 0, 1]
    # The budget for everything is near its limit after the first call.
    assert caused == [2, 1, 1]
    assert mails() == [("alice@example.com", "4 budget alerts")]
    lines = [line for line in messages()[0].splitlines() if line.startswith("- ")]
    subjects = [*SUBJECTS, "Over budget: Everything"]
    assert sorted(lines) == [f"- {subject}" for subject in subjects]
    assert [digest.status for digest in stored_digests()] == ["sent"]


def test_the_digest_of_an_abandoned_import_is_sent_after_a_while(clock, alice, record):
    commit.commit(alice, record.import_id)
    clock.shift(HELD - 1)
    sweep_and_run()
    assert mails() == []

    clock.shift(2)
    sweep_and_run()
    assert mailed_alerts() == SUBJECTS[:1]

    commit_all(alice, record)
    recover(clock)
    assert mailed_alerts() == SUBJECTS
    assert [subject for _, subject in mails()] == [SUBJECTS[0], "2 budget alerts"]
    assert len(alerts()) == 3


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("killed_at", range(1, 6))
def test_an_import_that_is_killed_and_continued_sends_one_digest(
    clock, alice, record, killed_at, done
):
    with faults.killed("TransactWriteItems", killed_at, done=done):
        commit_all(alice, record)
    run_queued_tasks()
    assert mails() == []

    commit_all(alice, record)
    recover(clock)

    assert mailed_alerts() == SUBJECTS
    assert [subject for _, subject in mails()] == ["3 budget alerts"]


def test_an_import_that_is_killed_after_its_last_row_sends_its_digest(
    clock, alice, record
):
    with faults.killed("UpdateItem", 1, done=False):
        commit_all(alice, record)
    clock.shift(HELD + 1)
    sweep_and_run()
    assert mailed_alerts() == SUBJECTS

    commit_all(alice, record)
    recover(clock)
    assert len(mails()) == 1


@pytest.mark.parametrize(
    ("operation", "nth"),
    [
        *(("TransactWriteItems", nth) for nth in range(1, 6)),
        *(("BatchGetItem", nth) for nth in (1, 2, 3)),
        *(("GetItem", nth) for nth in (2, 3)),
        ("SendMessageBatch", 1),
        ("UpdateItem", 1),
    ],
)
def test_a_reply_lost_anywhere_sends_one_digest(clock, alice, record, operation, nth):
    with faults.reply_lost(operation, nth):
        commit_all(alice, record)
    recover(clock)

    assert mailed_alerts() == SUBJECTS
    assert [subject for _, subject in mails()] == ["3 budget alerts"]


def test_a_digest_that_could_not_be_queued_is_sent_by_the_sweep(clock, alice, record):
    with faults.down("SendMessageBatch"):
        commit_all(alice, record)
    run_queued_tasks()
    assert mails() == []

    clock.shift(HELD + 1)
    sweep_and_run()

    assert [subject for _, subject in mails()] == ["3 budget alerts"]


def test_two_callers_at_once_send_one_digest(clock, alice, record):
    with faults.meanwhile(lambda: commit.commit(alice, record.import_id)):
        commit.commit(alice, record.import_id)
    commit_all(alice, record)
    recover(clock)

    assert mailed_alerts() == SUBJECTS
    assert [subject for _, subject in mails()] == ["3 budget alerts"]
    assert len([*Expense.by_user.query(alice.user_id)]) == 75


@pytest.mark.parametrize("seed", range(100 if SOAK else 6))
def test_every_alert_is_sent_once_whatever_happens(clock, alice, record, seed):
    """Calls that die or lose replies, pauses, sweeps and deliveries in any order."""
    chance, paused = random.Random(seed), 0
    make_budget(alice, category=None, categories="all", amount="70")
    while services.get_import(alice, record.import_id).state != "committed":
        action = chance.choice(["call", "kill", "lose", "pause"])
        if action == "call":
            commit.commit(alice, record.import_id)
        elif action == "kill":
            nth, done = chance.randint(1, 3), chance.random() < 0.5
            with (
                contextlib.suppress(AssertionError),  # it may end before
                faults.killed("TransactWriteItems", nth, done=done),
            ):
                commit.commit(alice, record.import_id)
        elif action == "lose":
            operation = chance.choice(["TransactWriteItems", "GetItem", "UpdateItem"])
            with faults.reply_lost(operation, chance.randint(1, 4)):
                commit.commit(alice, record.import_id)
        elif action == "pause":
            seconds = chance.choice([60, 600, HELD + 1])
            paused += seconds
            clock.shift(seconds)
        sweep_and_run()

    clock.shift(HELD + 1)
    recover(clock)

    assert {digest.status for digest in stored_digests()} == {"sent"}
    lines = "\n".join(messages()).splitlines()
    named = [line[2:] for line in lines if line.startswith("- ")]
    named += [subject for _, subject in mails() if " budget alerts" not in subject]
    assert len(named) == len(set(named))
    assert sorted(named) == sorted(alert.subject for alert in alerts())
    assert {*SUBJECTS, "Over budget: Everything"} <= set(named)
    assert len(mails()) == 1 or paused >= HELD


def test_levels_of_two_callers_in_turn_are_named_once(alice, small, monkeypatch):
    """A second caller writes the transaction between two of the first one."""
    monkeypatch.setattr(commit, "MAX_ROWS", 60)
    make_budget(alice, category="Auto", amount="44", alert_thresholds=[30, 60])
    make_budget(alice, category="Bus", amount="5")
    record = upload(alice, *bookings(45, 10, 0))
    number = iter(range(1, 100))

    def write_one(request, operation):
        if next(number) == 2:
            with monkeypatch.context() as patched:
                patched.setattr(commit, "within_time_limit", lambda: lambda: False)
                commit.commit(alice, record.import_id)

    with faults.hooked("TransactWriteItems", write_one):
        commit_all(alice, record)
    run_queued_tasks()

    assert mailed_alerts() == SUBJECTS[:2]
    assert [alert.type for alert in alerts()] == ["budget_exceeded"] * 2


def test_alerts_after_the_digest_was_sent_go_into_another_one(clock, alice, record):
    """The digest of a slow import is delivered while its second call writes."""
    commit.commit(alice, record.import_id)
    waiting = [True]

    def deliver(request, operation):
        if waiting.pop() if waiting else False:
            clock.shift(HELD + 1)
            sweep_and_run()

    with faults.hooked("TransactWriteItems", deliver):
        commit.commit(alice, record.import_id)
    commit_all(alice, record)
    recover(clock)

    assert mailed_alerts() == SUBJECTS
    assert [subject for _, subject in mails()] == [SUBJECTS[0], "2 budget alerts"]


def test_a_level_is_named_once_in_the_digest_of_all_calls(alice, small):
    """The threshold is reached in the first call and the limit in the second."""
    make_budget(alice, category="Auto", amount="35.00")
    make_budget(alice, category="Bus", amount="5.00")
    record = upload(alice, *bookings(36, 10, 0))

    first = commit.commit(alice, record.import_id)
    assert [alert.type for alert in alerts()] == ["budget_threshold"]
    last = commit_all(alice, record)
    run_queued_tasks()

    assert (first.alerts, last.alerts) == (1, 1)
    assert mailed_alerts() == SUBJECTS[:2]
    assert {alert.type for alert in alerts()} == {"budget_exceeded"}


def test_the_only_alert_of_an_import_is_sent_without_a_digest(alice):
    make_budget(alice, category="Cats", amount="3.00")

    commit_all(alice, upload(alice, *bookings(0, 0, 4)))
    run_queued_tasks()

    assert stored_digests() == []
    assert mails() == [("alice@example.com", "Over budget: Cats")]


def test_the_only_alert_of_a_first_call_is_sent_after_the_last(alice, small):
    make_budget(alice, category="Auto", amount="25.00")
    record = upload(alice, *bookings(30, 30, 15))

    commit.commit(alice, record.import_id)
    run_queued_tasks()
    assert mails() == []

    commit_all(alice, record)
    run_queued_tasks()
    assert mails() == [("alice@example.com", "Over budget: Auto")]


def test_an_import_without_alerts_queues_nothing(alice, small):
    commit_all(alice, upload(alice, *bookings(30, 30, 15)))

    assert queued() == []


def test_a_digest_has_a_limited_number_of_alerts(clock, alice, small, monkeypatch):
    monkeypatch.setattr(digests, "MAX_ALERTS", 30)
    alice = replace(alice, large_expense_threshold=Decimal(1))

    commit_all(alice, upload(alice, *bookings(30, 30, 15)))
    clock.shift(HELD + 1)
    sweep_and_run()

    assert sorted(subject for _, subject in mails()) == [
        "15 alerts",
        "30 alerts",
        "30 alerts",
    ]
    assert len(alerts()) == 75


def test_an_undo_sends_what_the_import_caused_so_far(alice, record):
    """The alerts are in the user's list already, and the e-mail is no later."""
    commit.commit(alice, record.import_id)

    undo_all(alice, record)
    run_queued_tasks()

    assert mailed_alerts() == SUBJECTS[:1]
    assert services.get_import(alice, record.import_id).state == "undone"


def test_another_user_cannot_continue_or_send_it(alice, record):
    commit.commit(alice, record.import_id)

    for act in (commit.commit, commit.undo):
        with pytest.raises(NotFoundError):
            act(BOB, record.import_id)

    run_queued_tasks()
    assert mails() == []
