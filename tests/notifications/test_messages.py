"""Texts of notifications, and valid subjects for SNS."""

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifications import messages, outbox
from smartbudget.core.periods import period_of

HOSTILE = [
    "Food\nBcc: everybody@example.com",
    "x" * 500,
    "\x00\x07\x1b[31mred",
    "🎉" * 500,
    "\u202egnp.exe",
    "\ud800",
    "\u2028\u2029",
    "",
    " \t\r\n",
]


def alert(level="threshold", **fields) -> tuple[str, str]:
    kind = fields.get("period", "monthly")
    facts = {
        "category": "Food",
        "period": kind,
        "start": period_of(kind, date(2026, 3, 18)).start,
        "amount": Decimal(500),
        "spent": Decimal("412.50"),
        "currency": "USD",
        "today": date(2026, 3, 18),
        **fields,
    }
    return text(f"budget_{level}", **facts)


def text(type: str, **facts) -> tuple[str, str]:
    subject, message, _ = messages.write(type, facts, language="en")
    return subject, message


def is_fit(subject: str) -> bool:
    """Return whether SNS accepts a subject, by any way of counting characters."""
    in_utf16 = len(subject.encode("utf-16-le")) // 2
    is_visible = all(
        character == "\u200d"
        or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
        for character in subject
    )
    return 0 < in_utf16 < 100 and is_visible and len(subject.splitlines()) == 1


def test_a_threshold_alert_says_what_is_left_and_links_to_details():
    subject, message = alert()

    assert subject == "Budget 82% spent: Food"
    assert message == (
        "You've spent $412.50 (82%) of your $500.00 Food budget for March.\n\n"
        "$87.50 left, 13 days to go.\n\n"
        "http://localhost:8000/budgets/\n"
    )


def test_an_exceeded_alert_says_by_how_much():
    subject, message = alert("exceeded", spent=Decimal("500.01"))

    assert subject == "Over budget: Food"
    assert "You've spent $500.01 (100%) of your $500.00 Food budget" in message
    assert "$0.01 over, 13 days to go." in message


CARRIED = [
    (
        {"amount": "545", "carried_over": "45"},
        "You've spent $412.50 (75%) of your $545.00 Food budget for March, which"
        " includes $45.00 that was left before.",
    ),
    (
        {"amount": "450", "carried_over": "-50"},
        "You've spent $412.50 (91%) of your $450.00 Food budget for March, which is"
        " $50.00 less because you overspent before.",
    ),
    (
        {"amount": "-50", "spent": "0", "carried_over": "-150"},
        "You overspent your Food budget before, so nothing is left for March.",
    ),
    (
        {"amount": "0", "spent": "7", "carried_over": "-100"},
        "You overspent your Food budget before, so nothing was left for March, and"
        " you've spent $7.00.",
    ),
]


@pytest.mark.parametrize(("facts", "sentence"), CARRIED)
def test_an_alert_says_what_was_carried_over(facts, sentence):
    _, message = alert("exceeded", **facts)

    assert message.startswith(f"{sentence}\n\n")


def test_an_alert_of_nothing_says_so():
    subject, message = alert(amount="0", spent="0", carried_over="-100")

    assert subject == "Nothing left: Food"
    assert "$0.00 left, 13 days to go." in message


@pytest.mark.parametrize(
    ("period", "start", "end", "name"),
    [
        ("monthly", "2026-03-01", "2026-03-31", "March"),
        ("monthly", "2026-02-25", "2026-03-24", "Feb 25 – Mar 24, 2026"),
        ("biweekly", "2026-03-13", "2026-03-26", "Mar 13 – 26, 2026"),
        ("weekly", "2026-03-16", "2026-03-22", "the week of March 16, 2026"),
        ("weekly", "2026-03-16", "2026-03-20", "Mar 16 – 20, 2026"),
        ("yearly", "2026-01-01", "2026-12-31", "2026"),
        ("yearly", "2025-04-06", "2026-04-05", "Apr 6, 2025 – Apr 5, 2026"),
    ],
)
def test_an_alert_names_its_period(period, start, end, name):
    _, message = alert(period=period, start=start, end=end)

    assert f"budget for {name}." in message.replace("\u2009", " ")


def test_a_percentage_is_never_rounded_up_to_100():
    subject, _ = alert(spent=Decimal("499.99"))

    assert subject == "Budget 99% spent: Food"


def test_a_budget_spent_to_the_cent_has_nothing_left():
    subject, message = alert(spent=Decimal(500))

    assert subject == "Budget 100% spent: Food"
    assert "$0.00 left, 13 days to go." in message


@pytest.mark.parametrize(
    ("day", "sentence"),
    [(29, "2 days to go."), (30, "1 day to go."), (31, "and today is the last day.")],
)
@pytest.mark.parametrize(
    ("level", "spent", "amount"),
    [("threshold", "400", "$100.00 left"), ("exceeded", "600", "$100.00 over")],
)
def test_remaining_days_are_counted(level, spent, amount, day, sentence):
    _, message = alert(level, spent=Decimal(spent), today=date(2026, 3, day))

    assert f"{amount}, {sentence}\n" in message


@pytest.mark.parametrize(
    ("kind", "named", "days"),
    [
        ("monthly", "for March.", 13),
        ("weekly", "for the week of March 16, 2026.", 4),
        ("yearly", "for 2026.", 288),
    ],
)
def test_the_period_is_named(kind, named, days):
    _, message = alert(period=kind)

    assert named in message
    assert f"{days} days to go." in message


def test_a_large_expense_alert_names_the_expense():
    subject, message = text(
        "large_expense",
        amount=Decimal(120000),
        category="Rent",
        date=date(2026, 3, 1),
        threshold=Decimal(100000),
        currency="JPY",
    )

    assert subject == "Large expense: ¥120,000 in Rent"
    assert "You added an expense of ¥120,000 in Rent (Mar 1, 2026)." in message
    assert "Your large expense alert is set to ¥100,000." in message
    assert message.endswith("/expenses/\n")


@pytest.mark.parametrize("category", HOSTILE)
def test_subjects_with_hostile_categories_are_valid(category):
    assert is_fit(alert(category=category)[0])
    assert is_fit(
        outbox.compose(
            notification_id="n",
            user_id="u",
            type="large_expense",
            text=messages.Text(category, ""),
        ).subject
    )


@given(st.text(st.characters()))
def test_any_text_makes_a_valid_subject(text):
    assert is_fit(messages.subject_line(text))


@given(st.text(st.characters(), max_size=300))
@example("0\r\x1b\r0")
def test_sanitizing_a_subject_is_idempotent(text):
    once = messages.subject_line(text)

    assert messages.subject_line(once) == once


@pytest.mark.parametrize(("length", "cut"), [(99, False), (100, True)])
def test_a_subject_is_truncated_at_a_hundred_characters(length, cut):
    subject = messages.subject_line("x" * length)

    assert len(subject) == 99
    assert subject.endswith("…") == cut


def test_joined_emoji_are_not_split():
    assert messages.subject_line("Budget: 👨‍👩‍👧") == "Budget: 👨‍👩‍👧"


SECURITY = {
    "password": lambda: text(
        "password_changed",
        at=datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        time_zone="Europe/Berlin",
    ),
    "device": lambda: text(
        "new_device",
        device="Firefox on Linux",
        at=datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        time_zone="Europe/Berlin",
    ),
    "email": lambda: text("email_changed", old="a@example.com", new="b@example.com"),
    "token": lambda: text("api_token_created", name="My phone"),
    "factor": lambda: text("second_factor_added", factor="totp"),
    "removed": lambda: text("second_factor_removed", factor="totp"),
    "passkey": lambda: text("second_factor_added", factor="passkey", name="Phone"),
    "removed passkey": lambda: text(
        "second_factor_removed", factor="passkey", name="Phone"
    ),
    "support": lambda: text("second_factor_removed", factor="all"),
    "refused": lambda: text("second_factor_refused", tries=10, minutes=15),
    "recovery": lambda: text("recovery_code_used", left=3),
    "codes": lambda: text("recovery_codes_created"),
    "removed password": lambda: text("password_removed"),
}


@pytest.mark.parametrize("kind", SECURITY)
def test_a_security_notice_says_what_to_do_and_has_one_link(kind):
    subject, message = SECURITY[kind]()

    assert is_fit(subject)
    assert "If not, someone else" in message
    assert message.count("http") == 1
    assert message.endswith("\n\nhttp://localhost:8000/accounts/password\n")


def test_a_security_notice_says_what_happened():
    _, password = SECURITY["password"]()
    _, email = SECURITY["email"]()
    subject, token = SECURITY["token"]()

    # An hour after daylight saving time started.
    assert "on March 29, 2026 at 3:30\u202fAM (Europe/Berlin)." in password
    assert "from a@example.com to b@example.com was requested" in email
    assert subject == "New API token: My phone"
    assert "An API token named My phone was created." in token


@pytest.mark.parametrize("name", HOSTILE)
def test_a_token_name_cannot_add_paragraphs(name):
    subject, message = text("api_token_created", name=name)

    assert is_fit(subject)
    assert len(message.split("\n\n")) == 3
    assert len(message.splitlines()) == 5
