"""Notifications and mails are in the recipient's language, in any context."""

import datetime

import pytest

from accounts import services as accounts
from expenses.bulk_create import record_expenses
from notifications import delivery, digests, subscriptions, transports
from notifications.models import STATUSES, TYPES, Notification
from notifications.status_text import (
    STATUS_WORDS,
    TYPE_WORDS,
    describe_delivery,
    reason_in_words,
)
from profiles import address_change, services
from smartbudget.core.i18n import current, override
from tests.builders import PASSWORD, client_for, make_staff, make_user
from tests.money_builders import make_budget, make_expense
from tests.notifications import faults
from tests.notifications.builders import make_notification, messages, run_queued_tasks
from tests.notifications.mailing import follow
from tests.notifications.test_email_summaries import WEEKLY, sweep, travel_to, turn_on
from tests.staff.test_dead_letters import add_dead_letters, make_queues

GERMAN = {"Accept-Language": "de"}
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def greta():
    """A user who reads German, while English is the active language."""
    assert current() == "en"
    return make_user("greta", language="de", currency="EUR")


def notification_of(user, kind: str) -> Notification:
    notifications = Notification.by_user.query(user.user_id)
    (notification,) = [item for item in notifications if item.type == kind]
    return notification


def test_an_alert_is_in_the_recipients_language(greta):
    make_budget(greta, category="Essen", amount="500", alert_threshold=80)

    client_for(greta).post(
        "/api/expenses",
        {"amount": "412.50", "category": "Essen"},
        content_type="application/json",
        headers=ENGLISH,
    )

    alert = notification_of(greta, "budget_threshold")
    assert alert.subject == "Budget zu 82 % ausgegeben: Essen"
    assert alert.message == (
        "Du hast 412,50\u00a0€ (82\u00a0%) von 500,00\u00a0€ in deinem Budget „Essen“"
        " für März ausgegeben.\n\n"
        "87,50\u00a0€ übrig, noch 13 Tage.\n\n"
        "http://localhost:8000/budgets/\n"
    )


def test_a_large_expense_alert_is_in_the_recipients_language(greta):
    user = services.update_profile(greta, large_expense_threshold="1000").user

    make_expense(user, category="Miete", amount="1234.50", date="2026-03-02")

    notice = notification_of(greta, "large_expense")
    assert notice.subject == "Große Ausgabe: 1.234,50 € für Miete"
    assert "für Miete hinzugefügt (02.03.2026)." in notice.message


def test_a_digest_is_in_the_recipients_language(greta):
    for category in ("Auto", "Bus"):
        make_budget(greta, category=category, amount="5")

    record_expenses(
        greta, [{"amount": "6", "category": name} for name in ("Auto", "Bus")]
    )

    digest = notification_of(greta, "alert_digest")
    assert digest.subject == "2 Budgetwarnungen"
    assert "Auf 2 Budgets solltest du achten:" in digest.message
    assert "- Budget überschritten: Auto" in digest.message


def test_security_notices_are_in_the_recipients_language(greta):
    address_change.change_email(greta, password=PASSWORD, email="new@example.com")
    accounts.change_password(greta, old=PASSWORD, new="ganz anders als vorher")

    assert "von greta@example.com in new@example.com" in (
        notification_of(greta, "email_changed").message
    )
    password = notification_of(greta, "password_changed")
    assert password.subject == "Dein Passwort wurde geändert"
    assert "am 18. März 2026 um 12:00 (UTC) geändert." in password.message


def test_a_summary_is_in_the_language_set_when_it_is_written(clock):
    user = make_user("greta", currency="EUR")
    subscriptions.subscribe(user)
    make_budget(user, category="Essen", amount="50", period="weekly")
    make_expense(user, category="Essen", amount="12.50", date="2026-03-17")
    turn_on(user)
    services.update_profile(user, language="de")

    travel_to(clock, "2026-03-23T09:00:00")
    sweep()

    summary = notification_of(user, WEEKLY)
    assert summary.subject == "12,50 € ausgegeben in der Woche ab dem 16. März 2026"
    assert "Du hast in der Woche davor nichts ausgegeben." in summary.message
    assert (
        "- Essen, die Woche ab dem 16. März 2026: 12,50\u00a0€ von 50,00\u00a0€"
        " ausgegeben, 37,50\u00a0€ übrig" in summary.message
    )


def test_the_frame_of_a_german_mail_is_german(greta, ses):
    subscriptions.subscribe(greta)
    confirmation = ses[-1]
    follow(confirmation.account_link)
    make_expense(
        services.update_profile(greta, large_expense_threshold="5").user,
        category="Miete",
    )
    run_queued_tasks()

    assert confirmation.subject == "Bestätige deine E-Mail-Adresse"
    assert "Der Link gilt zwei Tage." in confirmation.text
    for mail in (confirmation, ses[-1]):
        assert '<html lang="de">' in mail.html
    assert ses[-1].subject == "Große Ausgabe: 10,00 € für Miete"
    assert "Ausgaben ansehen" in ses[-1].html
    assert "Du bekommst diese E-Mail, weil" in ses[-1].text


def test_the_unsubscribe_page_uses_the_language_of_the_mail(greta, ses):
    subscriptions.subscribe(greta)
    follow(ses[-1].account_link)
    make_notification(user_id=greta.user_id)
    delivery.deliver("n1")

    question = client_for().get(ses[-1].link, headers=ENGLISH)
    response = client_for().post(ses[-1].link, headers=ENGLISH)

    assert "von Smart Budget Planner abbestellen?" in question.text
    assert "Du bekommst keine E-Mail-Warnungen mehr." in response.text


def test_a_reason_is_shown_in_the_viewers_language(greta):
    make_notification("1" * 32, user_id=greta.user_id)
    delivery.deliver("1" * 32)
    client = client_for(greta)

    page = client.get("/notifications", headers=ENGLISH).text
    (german,) = client.get("/api/notifications", headers=GERMAN).json()["results"]
    (english,) = client.get("/api/notifications", headers=ENGLISH).json()["results"]

    assert "Nicht per E-Mail gesendet. E-Mail-Warnungen sind aus." in page
    assert german["error"] == "E-Mail-Warnungen sind aus."
    assert german["status_text"] == f"Nicht per E-Mail gesendet. {german['error']}"
    assert english["error"] == "E-mail alerts are off."


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (digests.SENT_TOGETHER, "Zusammen mit anderen Warnungen gesendet."),
        (
            transports.REFUSED.format(code="InternalError"),
            "Der E-Mail-Dienst hat sie abgelehnt (InternalError).",
        ),
        (None, "Unbekannter Grund."),
        ("Something (that) older versions said.", "Something (that) older versions"),
    ],
)
def test_stored_reasons_are_translated_if_possible(stored, text):
    with override("de"):
        assert reason_in_words(stored).startswith(text)


def test_the_reason_mails_ended_is_in_german(greta):
    subscriptions.subscribe(greta)
    account = accounts.get_account(greta.user_id)
    subscriptions.deactivate(
        account, account.subscription_arn, subscriptions.LINK_EXPIRED
    )
    client = client_for(greta)

    page = client.get("/notifications").text
    answer = client.get("/api/notifications/subscribe", headers=GERMAN).json()

    assert "Der Bestätigungslink ist nach zwei Tagen abgelaufen" in page
    assert answer["detail"].startswith("Der Bestätigungslink ist")


def test_delivery_times_are_in_german_format():
    notification = make_notification()
    notification.status = "sent"
    held = make_notification("n2")
    held.held_until = (
        datetime.datetime.fromisoformat(held.created_at) + datetime.timedelta(hours=9)
    ).isoformat()

    with override("de"):
        assert describe_delivery(notification, "UTC") == (
            "Per E-Mail gesendet am 18. März 2026 um 12:00."
        )
        assert "bis 21:00 (Ruhezeiten)" in describe_delivery(held, "UTC")


def test_staff_pages_use_the_staff_members_language(greta, monkeypatch):
    make_queues(monkeypatch)
    subscriptions.subscribe(greta)
    make_notification("1" * 32, user_id=greta.user_id)
    with faults.down("Publish"), pytest.raises(transports.DeliveryError):
        delivery.deliver("1" * 32, last_attempt=True)
    add_dead_letters(1)
    paula = make_staff(make_user("paula", language="de"))

    page = client_for(paula).get("/admin/notifications", headers=ENGLISH).text

    assert "Unzustellbare Nachrichten: etwa 1" in page
    assert "Budget überschritten" in page
    assert "Der E-Mail-Dienst hat nicht geantwortet." in page
    assert messages() == []


def test_every_type_and_status_has_a_label():
    assert set(TYPE_WORDS) == set(TYPES)
    assert set(STATUS_WORDS) == set(STATUSES)
