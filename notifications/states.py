"""What became of a notification, in words: the same on pages, in the API, for staff."""

import datetime
from zoneinfo import ZoneInfo

from notifications.models import Notification
from smartbudget.core import dates


def delivery_in_words(notification: Notification, time_zone: str) -> str:
    """Tell how far the e-mail is, and why; times are those of an IANA time zone."""
    reason = _inside_a_sentence(notification.error)
    if notification.status == "sent":
        return f"Sent by e-mail on {_written(notification.updated_at, time_zone)}."
    if notification.status == "skipped":
        alone = "alone" if notification.digest_id else "by e-mail"
        return f"Not sent {alone}: {reason}"
    if notification.status == "failed":
        return f"Could not be sent: {reason} Staff can send it again."
    now = dates.timestamp()
    if notification.held_until and notification.held_until > now:
        until = f"{_local(notification.held_until, time_zone):%H:%M}"
        return f"Held until {until} (quiet hours)."
    if notification.claimed_until and notification.claimed_until > now:
        return "Being sent."
    if notification.error:
        tries = int(notification.attempts)
        times = "once" if tries == 1 else f"{tries} times"
        return f"Tried {times}, trying again: {reason}"
    return "Waiting to be sent."


def _written(instant: str, time_zone: str) -> str:
    local = _local(instant, time_zone)
    return f"{local.day} {local:%B %Y, %H:%M}"


def _local(instant: str, time_zone: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(instant).astimezone(ZoneInfo(time_zone))


def _inside_a_sentence(reason: str | None) -> str:
    reason = reason or "The reason is not known."
    return reason[0].lower() + reason[1:]
