"""The alerts of one bulk write in one e-mail, despite lost replies and crashes."""

from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.models import Account
from expenses import services as expenses
from expenses.bulk_create import record_expenses
from notifications import delivery, outbox, sweep
from notifications.digests import put
from notifications.models import Digest, Notification, OutboxItem
from smartbudget.core.dynamodb import Transaction
from tests.money_builders import make_budget
from tests.notifications import faults
from tests.notifications.builders import (
    mails,
    make_account,
    messages,
    queued,
    run_queued_tasks,
)

CATEGORIES = ("Auto", "Bus", "Cats")
# Rows; with a budget, an alert, the one it may replace and a digest, they fill a
# transaction.
EACH = 16
SUBJECTS = {f"Over budget: {category}" for category in CATEGORIES}
MINUTES = 60


@pytest.fixture
def alice():
    return make_account().user


@pytest.fixture
def rows(alice, monkeypatch):
    """Return rows that cause three alerts, one in each of three small transactions."""
    monkeypatch.setattr(Transaction, "MAX_ITEMS", EACH + 4)
    for category in CATEGORIES:
        make_budget(alice, category=category, amount="8.50")
    return [
        {"amount": "1.00", "category": category}
        for category in CATEGORIES
        for _ in range(EACH)
    ]


def digests() -> list[Notification]:
    return [item for item in OutboxItem.scan() if isinstance(item, Digest)]


def alerts() -> list[Notification]:
    return [item for item in OutboxItem.scan() if not isinstance(item, Digest)]


def mailed_alerts() -> list[str]:
    """Return the over-budget alerts in subjects and lines of all mails, sorted."""
    lines = "\n".join(messages()).splitlines()
    alerts = [line[2:] for line in lines if line.startswith("- ")]
    alerts += [subject for _, subject in mails()]
    return sorted(line for line in alerts if line.startswith("Over budget"))


def recover(clock) -> None:
    """Run the queue and then the sweep, twice."""
    for _ in range(2):
        run_queued_tasks()
        clock.shift(6 * MINUTES)
        sweep.enqueue_overdue()
    run_queued_tasks()


def test_alerts_of_all_transactions_are_sent_in_one_mail(alice, rows):
    recorded = record_expenses(alice, rows)
    run_queued_tasks()

    assert recorded.alerts == 3
    assert mails() == [("alice@example.com", "3 budget alerts")]
    assert messages()[0] == (
        "3 budgets need your attention:\n"
        + "".join(f"- {subject}\n" for subject in sorted(SUBJECTS))
        + "\nSee details:\n\nhttp://localhost:8000/notifications/\n"
    )


def test_an_alert_that_another_call_added_meanwhile_is_not_added_again(alice, rows):
    record_expenses(alice, rows)
    gathered, (digest,) = alerts(), digests()
    again = Notification(**gathered[0].attribute_values)
    transaction = Transaction()

    outbox.put(again, transaction)
    digest_id = digest.notification_id
    _, members = put(alice, digest_id, [again], gathered, transaction)
    transaction.commit()
    run_queued_tasks()

    assert len(members) == len(alerts()) == 3
    assert mailed_alerts() == sorted(SUBJECTS)


def test_the_only_alert_of_a_bulk_is_sent_without_a_digest(alice):
    make_budget(alice, category="Cats", amount="35.00")
    rows = [{"amount": "20.00", "category": "Cats"}] * 2

    recorded = record_expenses(alice, rows)
    run_queued_tasks()

    (alert,) = OutboxItem.scan()
    assert recorded.alerts == 1
    assert (alert.type, alert.status) == ("budget_exceeded", "sent")
    assert mails() == [("alice@example.com", "Over budget: Cats")]


def test_a_budget_that_passes_both_levels_is_reported_once(alice, monkeypatch):
    """Threshold and limit are reached in two transactions of one bulk write."""
    monkeypatch.setattr(Transaction, "MAX_ITEMS", EACH + 4)
    for category in ("Bus", "Cats"):
        make_budget(alice, category=category, amount="35.00")
    rows = [{"amount": "1.00", "category": "Cats"}] * (3 * EACH)

    recorded = record_expenses(alice, [*rows, {"amount": "30", "category": "Bus"}])
    run_queued_tasks()

    assert recorded.alerts == 2
    assert sorted(alert.type for alert in alerts()) == [
        "budget_exceeded",
        "budget_threshold",
    ]
    assert messages()[0].splitlines()[1:3] == [
        "- Over budget: Cats",
        "- Budget 85% spent: Bus",
    ]


def test_a_level_that_was_already_sent_stays_reported(clock, alice, monkeypatch):
    """The digest of a slow bulk is sent between two levels of a budget."""
    monkeypatch.setattr(Transaction, "MAX_ITEMS", EACH + 4)
    make_budget(alice, category="Cats", amount="20.00")
    number = iter(range(1, 100))

    def send(request, operation):
        if next(number) == 2:
            clock.shift(6 * MINUTES)
            sweep.enqueue_overdue()
            run_queued_tasks()

    with faults.hooked("TransactWriteItems", send):
        record_expenses(alice, [{"amount": "1.00", "category": "Cats"}] * (2 * EACH))
    recover(clock)

    assert [subject for _, subject in mails()] == [
        "Budget 80% spent: Cats",
        "Over budget: Cats",
    ]
    assert len(alerts()) == 2


def test_history_shows_the_digest_and_its_alerts(alice, rows):
    record_expenses(alice, rows)
    run_queued_tasks()

    (digest,) = digests()
    assert (digest.status, digest.type) == ("sent", "alert_digest")
    assert digest.message == messages()[0]
    assert {alert.notification_id for alert in alerts()} == digest.members
    assert {(alert.status, alert.error) for alert in alerts()} == {
        ("skipped", "Sent together with other alerts.")
    }


def test_only_the_alerts_are_unread(alice, rows):
    record_expenses(alice, rows)

    assert all(alert.read_at is None for alert in alerts())
    assert all(digest.read_at for digest in digests())


def test_a_bulk_without_alerts_sends_nothing(alice):
    record_expenses(alice, [{"amount": "1.00", "category": "Bus"}] * 150)

    assert queued() == []
    assert list(Notification.scan()) == []


def test_one_alert_keeps_its_own_text(alice):
    make_budget(alice, category="Bus", amount="1.00")

    record_expenses(alice, [{"amount": "0.90", "category": "Bus"}])
    run_queued_tasks()

    (alert,) = alerts()
    assert mails() == [("alice@example.com", "Budget 90% spent: Bus")]
    assert messages() == [alert.message]


def test_types_turned_off_are_left_out(alice, rows):
    make_budget(alice, category="Dogs", amount="1.00")
    record_expenses(alice, [*rows, {"amount": "0.90", "category": "Dogs"}])
    assert digests()[0].subject == "4 budget alerts"
    Account.get("alice").update([Account.muted.set({"budget_threshold"})])

    run_queued_tasks()

    assert mails() == [("alice@example.com", "3 budget alerts")]
    assert digests()[0].subject == "3 budget alerts"


def test_nothing_is_sent_if_all_types_are_turned_off(alice, rows):
    record_expenses(alice, rows)
    muted = {"budget_threshold", "budget_exceeded"}
    Account.get("alice").update([Account.muted.set(muted)])

    run_queued_tasks()

    assert mails() == []
    assert (digests()[0].status, digests()[0].error) == (
        "skipped",
        "These types of e-mail are turned off in your settings.",
    )


def test_many_alerts_are_counted_after_the_first(alice):
    alice = replace(alice, large_expense_threshold=Decimal(5))
    make_budget(alice, category="Fun", amount="10.00")

    record_expenses(alice, [{"amount": "6.00", "category": "Fun"}] * 40)
    run_queued_tasks()

    assert mails() == [("alice@example.com", "41 alerts")]
    fact, *lines = messages()[0].splitlines()[:32]
    assert fact == "41 alerts need your attention:"
    assert lines[0] == "- Over budget: Fun"
    assert lines[1:30] == ["- Large expense: $6.00 in Fun"] * 29
    assert lines[30:] == ["- and 11 more"]


def test_single_expenses_never_merge(alice):
    """Two expenses that alert in the same second send two mails."""
    for category in ("Auto", "Bus"):
        make_budget(alice, category=category, amount="100.00")
    for category in ("Auto", "Bus"):
        expenses.record_expense(alice, amount="90.00", category=category)

    run_queued_tasks()

    assert sorted(subject for _, subject in mails()) == [
        "Budget 90% spent: Auto",
        "Budget 90% spent: Bus",
    ]
    assert digests() == []


def test_two_bulks_send_two_mails(alice, rows):
    record_expenses(alice, rows[:EACH])
    record_expenses(alice, rows[EACH:])
    run_queued_tasks()

    assert [subject for _, subject in mails()] == [
        "Over budget: Auto",
        "2 budget alerts",
    ]


def test_a_digest_delivered_twice_is_sent_once(alice, rows):
    record_expenses(alice, rows)
    (digest,) = digests()

    for _ in range(2):
        delivery.deliver(digest.notification_id)

    assert len(mails()) == 1


@pytest.mark.parametrize(
    ("operation", "nth"),
    [
        *(("TransactWriteItems", nth) for nth in (1, 2, 3)),
        *(("BatchGetItem", nth) for nth in (1, 2)),
        ("SendMessageBatch", 1),
        *(("UpdateItem", nth) for nth in (1, 2)),
    ],
)
def test_a_reply_lost_anywhere_sends_one_mail(clock, alice, rows, operation, nth):
    with faults.reply_lost(operation, nth):
        record_expenses(alice, rows)
        recover(clock)

    assert mails() == [("alice@example.com", "3 budget alerts")]
    assert {digest.status for digest in digests()} == {"sent"}


def test_a_digest_that_was_not_queued_is_sent_by_the_sweep(clock, alice, rows):
    with faults.down("SendMessageBatch"):
        record_expenses(alice, rows)
    run_queued_tasks()
    assert mails() == []

    recover(clock)

    assert len(mails()) == 1


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_killed_and_repeated_bulk_sends_every_alert_in_one_mail(
    clock, alice, rows, nth, done
):
    with faults.killed("TransactWriteItems", nth, done=done):
        record_expenses(alice, rows, idempotency_key="k")

    record_expenses(alice, rows, idempotency_key="k")
    recover(clock)

    assert mailed_alerts() == sorted(SUBJECTS)
    stored_before = nth - 1 + done
    assert len(mails()) == bool(stored_before) + (stored_before < 3)
    assert {digest.status for digest in digests()} == {"sent"}


def test_a_killed_bulk_sends_the_alerts_already_stored(clock, alice, rows):
    with faults.killed("TransactWriteItems", 3, done=False):
        record_expenses(alice, rows)

    recover(clock)

    assert mailed_alerts() == sorted(SUBJECTS)[:2]


def test_alerts_after_the_digest_was_sent_go_into_another_one(clock, alice, rows):
    """The digest of a slow bulk is delivered before its last transaction."""
    number = iter(range(1, 100))

    def sleep(request, operation):
        if next(number) == 3:
            clock.shift(6 * MINUTES)
            sweep.enqueue_overdue()
            run_queued_tasks()

    with faults.hooked("TransactWriteItems", sleep):
        recorded = record_expenses(alice, rows)
    recover(clock)

    assert [subject for _, subject in mails()] == [
        "2 budget alerts",
        "Over budget: Cats",
    ]
    assert recorded.alerts == 3
    assert mailed_alerts() == sorted(SUBJECTS)


@pytest.mark.parametrize(("number", "statuses"), [(1, []), (2, ["sent", "skipped"])])
def test_an_alert_sent_before_is_not_sent_again(clock, alice, number, statuses):
    """The alerts of expenses that were deleted and recreated by a retry."""
    alice = replace(alice, large_expense_threshold=Decimal(5))
    rows = [{"amount": "6.00", "category": "Fun"}] * number
    first = record_expenses(alice, rows, idempotency_key="k")
    run_queued_tasks()
    for expense in first.expenses:
        expenses.delete_expense(alice, expense.expense_id)

    record_expenses(alice, rows, idempotency_key="k")
    recover(clock)

    assert len(mails()) == 1
    assert sorted(digest.status for digest in digests()) == statuses


def test_a_digest_without_a_subscription_stores_why_it_was_not_sent(rows):
    Account.get("alice").delete()
    alice = make_account(subscribed=False).user

    record_expenses(alice, rows)
    run_queued_tasks()

    assert mails() == []
    assert digests()[0].error == "E-mail alerts are off."
