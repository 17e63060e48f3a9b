"""Notifications are stored as sent, and shown in the reader's language."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from expenses.bulk_create import record_expenses
from notifications import messages, outbox
from notifications.models import TYPES, Notification
from profiles import records
from profiles.services import update_profile
from smartbudget.core.i18n import override
from tests.builders import client_for, make_user
from tests.money_builders import make_budget
from tests.notifications.builders import make_notification

GERMAN, ENGLISH = {"Accept-Language": "de"}, {"Accept-Language": "en"}
LIST = "/api/notifications"
BUDGET = {
    "category": "Food",
    "period": "monthly",
    "start": "2026-03-01",
    "amount": "500",
    "spent": "612.50",
}
ALERT = {**BUDGET, "currency": "EUR", "today": "2026-03-18"}
LARGE = {
    "amount": "1234.5",
    "category": "Rent",
    "date": "2026-03-02",
    "threshold": "1000",
    "currency": "EUR",
}
SUMMARY = {
    "start": "2026-03-02",
    "spent": "612.50",
    "previous": "600",
    "currency": "EUR",
    "budgets": [BUDGET],
    "budgets_number": 1,
}
EXAMPLES = {
    "budget_threshold": ALERT,
    "budget_exceeded": ALERT,
    "large_expense": LARGE,
    "alert_digest": {
        "alerts": [
            {"type": "budget_exceeded", "facts": ALERT},
            {"type": "large_expense", "facts": LARGE},
        ],
        "number": 2,
        "budgets_only": False,
    },
    "report_ready": {
        "report_type": "monthly",
        "start": "2026-02-01",
        "end": "2026-02-28",
        "file_name": "monthly_report_20260318T120000Z.pdf",
    },
    "report_failed": {
        "report_type": "monthly",
        "start": "2026-02-01",
        "end": "2026-02-28",
        "failure": "too_many_expenses",
    },
    "weekly_summary": SUMMARY,
    "monthly_summary": SUMMARY,
    "password_changed": {"at": "2026-03-18T12:00:00+00:00", "time_zone": "UTC"},
    "new_device": {
        "device": "Firefox on Linux",
        "device_id": "5" * 64,
        "at": "2026-03-18T12:00:00+00:00",
        "time_zone": "UTC",
    },
    "password_reset": {"at": "2026-03-18T12:00:00+00:00", "time_zone": "UTC"},
    "reset_link_created": {"at": "2026-03-18T12:00:00+00:00", "time_zone": "UTC"},
    "email_changed": {"old": "a@example.com", "new": "b@example.com"},
    "email_restored": {"email": "a@example.com"},
    "api_token_created": {"name": "My phone"},
    "second_factor_added": {"factor": "totp"},
    "second_factor_removed": {"factor": "totp"},
    "second_factor_refused": {"tries": 10, "minutes": 15},
    "recovery_code_used": {"left": 3},
    "recovery_codes_created": {},
    "password_removed": {},
}


def store(kind, facts, user_id="alice", language="en") -> Notification:
    notification = outbox.compose(
        notification_id="1" * 32,
        user_id=user_id,
        type=kind,
        text=messages.write(kind, facts, language=language),
    )
    notification.save()
    return notification


def shown(user, headers) -> tuple[str, str]:
    (listed,) = client_for(user).get(LIST, headers=headers).json()["results"]
    return listed["subject"], listed["message"]


@pytest.mark.parametrize("kind", TYPES)
def test_the_api_shows_every_type_in_the_language_of_the_request(aws, kind):
    user = make_user("alice")
    sent = store(kind, EXAMPLES[kind], user.user_id)
    german = messages.write(kind, EXAMPLES[kind], language="de")

    assert shown(user, ENGLISH) == (sent.subject, sent.message)
    assert shown(user, GERMAN) == (german.subject, german.message)
    assert german.subject != sent.subject
    stored = Notification.get(sent.notification_id)
    assert (stored.subject, stored.message) == (sent.subject, sent.message)


def test_the_pages_follow_the_readers_current_language(aws):
    user = make_user("greta", language="de")
    sent = store("budget_exceeded", ALERT, user.user_id, language="de")
    detail = f"/notifications/{sent.notification_id}"
    client = client_for(user)
    assert "Budget überschritten: Food" in client.get("/notifications").text

    update_profile(user, language="en")

    for address in ("/notifications", detail):
        page = client.get(address).text
        assert "Over budget: Food" in page
        assert "€612.50" in page
        assert "überschritten" not in page


def test_a_stored_text_without_facts_is_shown_as_it_is(aws):
    user = make_user("alice")
    make_notification("1" * 32, user.user_id, subject="Over: Food", message="Spent.")

    assert shown(user, GERMAN) == shown(user, ENGLISH) == ("Over: Food", "Spent.")


def test_facts_of_a_later_version_are_not_needed(aws):
    user = make_user("alice")
    sent = store("budget_exceeded", {**ALERT, "new": 1}, user.user_id)
    sent.type = "new_type"
    sent.save()

    assert shown(user, GERMAN) == (sent.subject, sent.message)


def test_the_download_has_the_users_language(aws):
    user = make_user("greta", language="de")
    sent = store("large_expense", LARGE, user.user_id, language="en")

    record = records.of_notification(sent, user)

    assert record["subject"] == "Große Ausgabe: 1.234,50 € für Rent"


def test_a_digest_is_shown_in_the_readers_language(aws):
    user = make_user("alice", currency="EUR")
    for category in ("Auto", "Bus"):
        make_budget(user, category=category, amount="5")
    rows = [{"amount": "6", "category": name} for name in ("Auto", "Bus")]
    record_expenses(user, rows)

    listed = client_for(user).get(LIST, headers=GERMAN).json()["results"]

    (digest,) = [item for item in listed if item["type"] == "alert_digest"]
    assert digest["subject"] == "2 Budgetwarnungen"
    assert "- Budget überschritten: Auto\n" in digest["message"]


def test_a_summary_that_could_not_be_written_is_translated():
    notification = Notification(type="weekly_summary", facts="{}", subject="?")

    with override("de"):
        assert messages.localize(notification).subject == "Dein Wochenrückblick"


def test_the_facts_of_many_alerts_are_bounded(aws):
    """The largest digest and summary stay far below DynamoDB's 400 kB."""
    user = replace(make_user("alice"), large_expense_threshold=Decimal(1))
    rows = [{"amount": "999999999.99", "category": "€" * 50}] * 200
    record_expenses(user, rows)
    budgets = [{**BUDGET, "category": "€" * 50}] * messages.MAX_BUDGETS
    summary = messages.write(
        "weekly_summary", {**SUMMARY, "budgets": budgets}, language="en"
    )

    (digest,) = [
        item
        for item in Notification.by_user.query(user.user_id)
        if item.type == "alert_digest"
    ]
    facts = json.loads(digest.facts)
    assert (facts["number"], len(facts["alerts"])) == (200, messages.MAX_LINES)
    assert len(digest.facts.encode()) < 12_000
    assert len(summary.facts.encode()) < 15_000


@pytest.mark.parametrize("hostile", ["\ud800", "\u202egnp", "\x00\x07", '"\\', "{x}"])
def test_any_text_can_be_a_fact(aws, hostile):
    sent = store("api_token_created", {"name": f"a{hostile}b"})

    stored = Notification.get(sent.notification_id)

    with override("en"):
        assert messages.localize(stored).message == sent.message
