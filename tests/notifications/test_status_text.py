"""Descriptions of delivery statuses."""

import datetime

import pytest

from notifications.digests import SENT_TOGETHER
from notifications.models import STATUSES
from notifications.status_text import describe_delivery, status_in_words
from tests.notifications.builders import NOON, make_notification


def at(**later) -> str:
    return (NOON + datetime.timedelta(**later)).isoformat(timespec="microseconds")


def describe(time_zone="UTC", **changes) -> str:
    notification = make_notification()
    for name, value in changes.items():
        setattr(notification, name, value)
    return describe_delivery(notification, time_zone)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "sent"}, "Sent by e-mail on March 18, 2026 at 12:00\u202fPM."),
        ({}, "Waiting to be sent."),
        ({"attempts": 1, "lease_until": at(seconds=60)}, "Sending."),
        ({"attempts": 1, "lease_until": at(seconds=-1)}, "Waiting to be sent."),
        (
            {"attempts": 1, "error": "The e-mail service did not answer."},
            "Tried once, trying again. The e-mail service did not answer.",
        ),
        (
            {"attempts": 3, "error": "The e-mail service did not answer."},
            "Tried 3 times, trying again. The e-mail service did not answer.",
        ),
        ({"held_until": at(hours=19)}, "Held until 7:00\u202fAM (quiet hours)."),
        ({"held_until": at(seconds=-1)}, "Waiting to be sent."),
        (
            {"status": "skipped", "error": "E-mail alerts are off."},
            "Not sent by e-mail. E-mail alerts are off.",
        ),
        (
            {"status": "skipped", "digest_id": "d", "error": SENT_TOGETHER},
            "Sent together with other alerts.",
        ),
        (
            {"status": "failed", "error": "The e-mail service did not answer."},
            "Could not be sent. The e-mail service did not answer."
            " Staff can send it again.",
        ),
    ],
)
def test_each_status_has_a_description(changes, words):
    assert describe(**changes) == words


def test_an_alert_in_a_digest_is_not_called_unsent():
    alert = make_notification()
    alert.status = "skipped"
    assert status_in_words(alert) == "No e-mail"

    alert.digest_id = "d"
    assert status_in_words(alert) == "In a digest"


def test_times_are_in_the_users_time_zone():
    assert describe("Asia/Kolkata", status="sent") == (
        "Sent by e-mail on March 18, 2026 at 5:30\u202fPM."
    )
    assert "until 3:00\u202fAM" in describe("America/New_York", held_until=at(hours=19))


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_a_description_even_without_a_reason(status):
    assert describe(status=status, error=None).endswith(".")
