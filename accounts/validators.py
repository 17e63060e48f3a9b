"""Validators of an account's fields."""

import re
from collections.abc import Mapping
from decimal import Decimal

from notifications.kinds import EMAIL_KINDS
from smartbudget.core import money, text
from smartbudget.core.dates import TIME_ZONES
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import LANGUAGES
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import LAST, SHIFTS, WEEKDAYS, Calendar

USERNAME = re.compile(r"[A-Za-z0-9._-]{3,30}")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
PHONE = re.compile(r"[0-9 +()-]{5,20}")

# Outside of quiet hours, per day. In less, the sweep might miss delayed e-mails.
MIN_GAP_MINUTES = 60

# What mail servers accept in practice: ASCII, a dotted domain, no quoted names.
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MAX_EMAIL_LENGTH = 254  # characters; RFC 5321 allows 256 with the angle brackets
_MAX_LOCAL_LENGTH = 64  # characters before the @


def username(value: object, field: str = "username") -> str:
    """Return a username lower-cased. Raises InvalidError naming `field`."""
    name = text.validate_text(value, field, max_length=30, min_length=3)
    # Checked before lower-casing, which turns some letters into ASCII ones.
    if not USERNAME.fullmatch(name):
        raise InvalidError(
            _("Use letters, digits, dots, underscores and hyphens."), field
        )
    return name.lower()


def email(value: object, field: str = "email") -> str:
    """Return an e-mail address lower-cased. Raises InvalidError naming `field`."""
    address = text.validate_text(
        value, field, max_length=_MAX_EMAIL_LENGTH, min_length=1
    )
    local, _at, domain = address.lower().rpartition("@")
    labels = domain.split(".")
    if not (
        address.isascii()
        and len(local) <= _MAX_LOCAL_LENGTH
        and _LOCAL.fullmatch(local)
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    ):
        raise InvalidError(
            _("Enter an e-mail address, such as name@example.com."), field
        )
    return address.lower()


def phone_number(value: object, field: str = "phone_number") -> str | None:
    """Return a phone number, or None if it is empty.

    Raises InvalidError naming `field`.
    """
    if value is None:
        return None
    number = text.validate_text(value, field, max_length=20)
    if not number:
        return None
    if not PHONE.fullmatch(number) or not any(map(str.isdigit, number)):
        raise InvalidError(
            _("Enter 5 to 20 digits, spaces, plus signs, hyphens or parentheses."),
            field,
        )
    return number


def currency(value: object, field: str = "currency") -> str:
    """Return a currency's ISO 4217 code. Raises InvalidError naming `field`."""
    if not isinstance(value, str) or value not in money.CURRENCIES:
        raise InvalidError(_("Choose an ISO 4217 currency code, such as USD."), field)
    return value


def time_zone(value: object, field: str = "time_zone") -> str:
    """Return a time zone's IANA name. Raises InvalidError naming `field`."""
    if not isinstance(value, str) or value not in TIME_ZONES:
        raise InvalidError(_("Choose a time zone, such as Europe/Berlin."), field)
    return value


def language(value: object, field: str = "language") -> str:
    """Return a language's code, of LANGUAGES. Raises InvalidError naming `field`."""
    if not isinstance(value, str) or value not in LANGUAGES:
        raise InvalidError(
            _("Choose one of {choices}.").format(choices=", ".join(LANGUAGES)), field
        )
    return value


def large_expense_threshold(
    value: object, currency: str, field: str = "large_expense_threshold"
) -> Decimal | None:
    """Return the amount from which an expense is large; None turns notices off.

    Raises InvalidError naming `field`.
    """
    return None if value is None else money.parse_amount(value, currency, field)


def email_preferences(
    value: Mapping[str, bool], field: str = "email_preferences"
) -> dict[str, bool]:
    """Return {kind of notification: whether it is wanted by e-mail}.

    Raises InvalidError naming `field`.
    """
    if not set(value) <= set(EMAIL_KINDS):
        raise InvalidError(
            _("Choose one of {choices}.").format(choices=", ".join(EMAIL_KINDS)), field
        )
    return dict(value)


def quiet_hours(
    value: Mapping[str, object] | None, field: str = "quiet_hours"
) -> tuple[str, str] | None:
    """Return the start and end of quiet hours, as `HH:MM`, or None for no quiet hours.

    value: {"from": "HH:MM", "until": "HH:MM"}. Raises InvalidError naming `field`.
    """
    if value is None:
        return None
    start, end = (_clock(value.get(name), field) for name in ("from", "until"))
    if (_minutes(start) - _minutes(end)) % (24 * 60) < MIN_GAP_MINUTES:
        raise InvalidError(_("Leave at least one hour a day for e-mails."), field)
    return start, end


def calendar(
    value: Mapping[str, object], current: Calendar, field: str = "calendar"
) -> Calendar:
    """Return a calendar without history: `current`, with the given rules changed.

    value: as `Calendar.rules`, or parts of it; `month_start_day` can also be "last".
    Raises InvalidError naming `field`.
    """
    rules = current.rules | {**value}
    if rules["month_start_day"] == "last":
        rules["month_start_day"] = LAST
    is_valid = (
        rules.keys() == current.rules.keys()
        and rules["week_start"] in WEEKDAYS
        and rules["month_start_shift"] in SHIFTS
        and _is_whole(rules["month_start_day"], LAST)
        and _is_whole(rules["year_start_month"], 12)
    )
    if not is_valid:
        raise InvalidError(_("Choose when weeks, months and years begin."), field)
    return Calendar(**rules | {"week_start": WEEKDAYS.index(rules["week_start"])})


def _is_whole(value: object, most: int) -> bool:
    """Check whether a value is a whole number from 1 to `most`."""
    return isinstance(value, int) and value is not True and 1 <= value <= most


def _clock(value: object, field: str) -> str:
    if not isinstance(value, str) or not CLOCK.fullmatch(value):
        raise InvalidError(
            _("Enter both times as HH:MM, such as 22:00 and 07:00."), field
        )
    return value


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
