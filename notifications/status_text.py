"""Describe the delivery of a notification, for pages, API and staff."""

import datetime
import re
from zoneinfo import ZoneInfo

from notifications.models import Notification
from smartbudget.core import dates
from smartbudget.core.i18n import clock, gettext_noop, long_day, ngettext
from smartbudget.core.i18n import gettext as _

STATUS_WORDS = {
    "queued": gettext_noop("E-mail queued"),
    "sent": gettext_noop("E-mail sent"),
    "failed": gettext_noop("E-mail failed"),
    "skipped": gettext_noop("No e-mail"),
}
TYPE_WORDS = {
    "budget_threshold": gettext_noop("Near limit"),
    "budget_exceeded": gettext_noop("Over budget"),
    "large_expense": gettext_noop("Large expense"),
    "report_ready": gettext_noop("Report ready"),
    "report_failed": gettext_noop("Report failed"),
    "weekly_summary": gettext_noop("Weekly summary"),
    "monthly_summary": gettext_noop("Monthly summary"),
    "password_changed": gettext_noop("Password changed"),
    "new_device": gettext_noop("New login"),
    "password_reset": gettext_noop("Password reset"),
    "reset_link_created": gettext_noop("Reset link created"),
    "email_changed": gettext_noop("E-mail address changed"),
    "email_restored": gettext_noop("E-mail address restored"),
    "api_token_created": gettext_noop("API token created"),
    "second_factor_added": gettext_noop("Second factor added"),
    "second_factor_removed": gettext_noop("Second factor removed"),
    "second_factor_refused": gettext_noop("Too many wrong codes"),
    "recovery_code_used": gettext_noop("Recovery code used"),
    "password_removed": gettext_noop("Password removed"),
    "recovery_codes_created": gettext_noop("New recovery codes"),
    "alert_digest": gettext_noop("Alert digest"),
}

_CODE = re.compile(r"\((\w+)\)")


def status_in_words(notification: Notification) -> str:
    """Return the state of the e-mail in a few words."""
    if notification.digest_id:
        return _("In a digest")
    return _(STATUS_WORDS[notification.status])


def describe_delivery(notification: Notification, time_zone: str) -> str:
    """Describe the state of the e-mail, with times in an IANA time zone."""
    now = dates.timestamp()
    reason = reason_in_words(notification.error)
    if notification.status == "sent":
        sent_at = _local(notification.updated_at, time_zone)
        return _("Sent by e-mail on {day} at {time}.").format(
            day=long_day(sent_at), time=clock(sent_at)
        )
    if notification.digest_id:  # sent with others, which is the reason
        return reason
    if notification.status == "skipped":
        sentence = _("Not sent by e-mail. {reason}")
    elif notification.status == "failed":
        sentence = _("Could not be sent. {reason} Staff can send it again.")
    elif notification.held_until and notification.held_until > now:
        until = _local(notification.held_until, time_zone)
        return _("Held until {time} (quiet hours).").format(time=clock(until))
    elif notification.lease_until and notification.lease_until > now:
        return _("Sending.")
    elif notification.error:
        sentence = ngettext(
            "Tried once, trying again. {reason}",
            "Tried {number} times, trying again. {reason}",
            int(notification.attempts),
        )
    else:
        return _("Waiting to be sent.")
    return sentence.format(reason=reason, number=int(notification.attempts))


def type_in_words(notification: Notification) -> str:
    """Return the label of a notification's type, or the type if it is unknown."""
    return _(TYPE_WORDS.get(notification.type, notification.type))


def reason_in_words(stored: str | None) -> str:
    """Translate a stored reason: English text, which may contain a code in parentheses.

    Reasons without a translation, such as those of older versions, stay in English.
    """
    if not stored:
        return _("Unknown reason.")
    code = _CODE.search(stored)
    if code is None:
        return _(stored)
    return _(stored.replace(code[0], "({code})")).replace("{code}", code[1])


def _local(instant: str, time_zone: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(instant).astimezone(ZoneInfo(time_zone))
