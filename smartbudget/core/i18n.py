"""Translate messages, and format dates and numbers, in the current language.

Framework-free, since the Lambdas write e-mails and reports. Django reads the same
catalogs (`locale/`), and pages set the language for both (`smartbudget.web.language`).

    from smartbudget.core.i18n import gettext as _

    raise InvalidError(_("Enter at least {least} characters.").format(least=3))

E-mails and reports are written in the recipient's language:

    with override(user.language):
        subject = _("Your password was changed")
"""

import contextlib
import datetime
import functools
import gettext as catalogs
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from babel import Locale, dates, lists, numbers

T = TypeVar("T")

DEFAULT = "en"
# The available languages with their native names. English needs no catalog.
LANGUAGES = {"en": "English", "en-gb": "English (UK)", "de": "Deutsch"}
# The locale of each language's dates and numbers (CLDR, through Babel).
_LOCALES = {"en": "en_US", "en-gb": "en_GB", "de": "de_DE"}

CATALOGS = Path(__file__).resolve().parents[2] / "locale"
DOMAIN = "django"  # the file name that Django expects

_active = ContextVar("language", default=DEFAULT)
current = _active.get


def activate(language: str) -> None:
    """Set the language of this thread or task, English for an unknown one."""
    _active.set(language if language in LANGUAGES else DEFAULT)


@contextlib.contextmanager
def override(language: str) -> Iterator[None]:
    """Set the language for a block, English for an unknown one."""
    token = _active.set(language if language in LANGUAGES else DEFAULT)
    try:
        yield
    finally:
        _active.reset(token)


def gettext(message: str) -> str:
    """Return a message in the current language, or unchanged if not translated."""
    return _catalog(current()).gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """Return the singular or plural of a message, in the current language."""
    return _catalog(current()).ngettext(one, many, number)


def pgettext(context: str, message: str) -> str:
    """Return a message in the current language; the context resolves ambiguity."""
    return _catalog(current()).pgettext(context, message)


def gettext_noop(message: str) -> str:
    """Mark a message for the catalog and return it unchanged.

    For constants; they are passed to `gettext` where they are shown.
    """
    return message


def ngettext_noop(one: str, many: str) -> tuple[str, str]:
    """Mark a message with a plural, and return both, for `ngettext`."""
    return one, many


def locale() -> Locale:
    """Return the Babel locale of the current language."""
    return _locale(current())


def _cached(function: Callable[[T], str]) -> Callable[[T], str]:
    """Cache the result of a formatter per value and language.

    Babel takes 6 to 9 microseconds, and pages repeat the same values.
    """

    @functools.lru_cache(maxsize=4096)
    def cached(value: T, language: str) -> str:
        return function(value)

    return functools.wraps(function)(lambda value: cached(value, current()))


@_cached
def day(value: datetime.date) -> str:
    """Format a day: `Nov 5, 2026`."""
    return dates.format_date(value, "medium", locale())


@_cached
def day_of_month(value: datetime.date) -> str:
    """Format a day without its year: `Nov 5`."""
    return dates.format_skeleton("MMMd", value, locale=locale())


def long_day(value: datetime.date) -> str:
    """Format a day with its month in full: `November 5, 2026`."""
    return dates.format_date(value, "long", locale())


@_cached
def month(value: datetime.date) -> str:
    """Format a month with its year: `November 2026`."""
    return dates.format_skeleton("yMMMM", value, locale=locale())


@_cached
def month_name(value: datetime.date) -> str:
    """Format a month without its year: `November`."""
    return dates.format_date(value, "LLLL", locale())


@_cached
def short_month(value: datetime.date) -> str:
    """Format an abbreviated month: `Nov`."""
    return dates.format_date(value, "LLL", locale())


def days(first: datetime.date, last: datetime.date) -> str:
    """Format a range of days, both ends included: `Nov 5-9, 2026`."""
    return dates.format_interval(first, last, "yMMMd", locale=locale())


def days_of_year(first: datetime.date, last: datetime.date) -> str:
    """Format a range of days without the year: `Nov 5-9`."""
    return dates.format_interval(first, last, "MMMd", locale=locale())


def join_list(names: Sequence[str]) -> str:
    """Join names as in a sentence: `Food, Rent, and Fun`."""
    return lists.format_list(names, locale=locale())


def quoted(text: str) -> str:
    """Put a text between quotation marks: `“Rent”`."""
    return gettext("“{text}”").format(text=text)


def weekday(value: datetime.date) -> str:
    """Format the day of the week: `Thursday`."""
    return dates.format_date(value, "EEEE", locale())


def weekday_name(number: int) -> str:
    """Return the name of a day of the week; 0 is Monday."""
    return weekday(datetime.date(2024, 1, 1 + number))


def number(value: Decimal | int) -> str:
    """Format a number with all its decimals: `1,234.5`."""
    return numbers.format_decimal(value, locale=locale(), decimal_quantization=False)


def ordinal(value: int) -> str:
    """Format a number in an order: `25th`."""
    # By the plural category that CLDR gives it, such as "two" for 2, 22 and 32.
    forms = {
        "one": pgettext("1, 21, 31", "{number}st"),
        "two": pgettext("2, 22, 32", "{number}nd"),
        "few": pgettext("3, 23, 33", "{number}rd"),
    }
    form = forms.get(locale().ordinal_form(value), pgettext("4, 11, 20", "{number}th"))
    return form.format(number=value)


def short_number(value: Decimal) -> str:
    """Format a round number, abbreviated if the language does so: `2.5M`."""
    short = numbers.format_compact_decimal(value, locale=locale(), fraction_digits=3)
    # If a language has no short form, Babel does not group thousands either.
    return number(value) if short.isdigit() else short


def moment(local: datetime.datetime) -> str:
    """Format a day and time: `Nov 5, 2026, 4:05 PM`.

    local: in the reader's time zone.
    """
    return f"{day(local.date())}, {clock(local)}"


def ago(local: datetime.datetime, now: datetime.datetime) -> str:
    """Format a past instant: `2 hours ago`, or its day once it is a week old."""
    if now - local >= datetime.timedelta(days=7):
        return day(local.date())
    return dates.format_timedelta(
        local - now, granularity="minute", add_direction=True, locale=locale()
    )


def clock(local: datetime.datetime | datetime.time) -> str:
    """Format a time of day: `4:05 PM`."""
    return _clock(datetime.time(local.hour, local.minute))


@_cached
def _clock(time: datetime.time) -> str:
    return dates.format_time(time, "short", locale=locale())


def device_name(stored: str | None) -> str:
    """Return the name of a device, which is stored as `Firefox on Linux`."""
    browser, separator, system = (stored or "").partition(" on ")
    if separator:
        return gettext("{browser} on {system}").format(browser=browser, system=system)
    return stored or gettext("Unknown device")


def percent(value: Decimal | int) -> str:
    """Format percent points as a whole number, rounded towards zero: `79%`, `<1%`.

    Pages, e-mails and reports share this rule: 79.99 is never shown as 80, nor 99.99
    as 100.
    """
    points = int(value)
    if not points and value > 0:
        return f"<{percent(1)}"
    return _percent(points)


@_cached
def _percent(points: int) -> str:
    return numbers.format_percent(Decimal(points).scaleb(-2), locale=locale())


@functools.cache
def _locale(language: str) -> Locale:
    return Locale.parse(_LOCALES[language])


@functools.cache
def _catalog(language: str) -> catalogs.NullTranslations:
    return catalogs.translation(
        DOMAIN, CATALOGS, [language.replace("-", "_")], fallback=True
    )
