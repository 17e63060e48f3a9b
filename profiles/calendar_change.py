"""Describe how a change of the calendar affects periods, in dates and in words."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from smartbudget.core import i18n
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop, pgettext
from smartbudget.core.periods import (
    LAST,
    SHIFTS,
    Calendar,
    Period,
    following,
    name_of,
    period_of,
)

SHOWN = 3  # periods of a kind: the current one and the next ones

_ENDS = {
    "weekly": gettext_noop("This week ends on {day}."),
    "monthly": gettext_noop("This month ends on {day}."),
    "yearly": gettext_noop("This year ends on {day}."),
}
_BRIDGES = {
    "weekly": gettext_noop("A short week follows: {days}."),
    "monthly": gettext_noop("A short month follows: {days}."),
    "yearly": gettext_noop("A short year follows: {days}."),
}
_MONTHS = {
    "none": gettext_noop("From then on, months begin on the {day}."),
    "before": gettext_noop(
        "From then on, months begin on the {day}, or on the Friday before if that is"
        " a weekend."
    ),
    "after": gettext_noop(
        "From then on, months begin on the {day}, or on the Monday after if that is"
        " a weekend."
    ),
}
_SUMMARIES = {
    "none": gettext_noop(
        "Weeks begin on {weekday}, months on the {day}, years in {month}."
    ),
    "before": gettext_noop(
        "Weeks begin on {weekday}, months on the {day} or the Friday before, years"
        " in {month}."
    ),
    "after": gettext_noop(
        "Weeks begin on {weekday}, months on the {day} or the Monday after, years"
        " in {month}."
    ),
}


# By kind, and by the shift of a month's start.
_RULE_SENTENCES = {
    "weekly": dict.fromkeys(
        SHIFTS, gettext_noop("From then on, weeks begin on {weekday}.")
    ),
    "monthly": _MONTHS,
    "yearly": dict.fromkeys(
        SHIFTS, gettext_noop("From then on, years begin in {month}.")
    ),
}
_TITLES = {
    "weekly": gettext_noop("Weeks"),
    "monthly": gettext_noop("Months"),
    "yearly": gettext_noop("Years"),
}
# The rules that the periods of a kind depend on.
_RULES = {
    "weekly": ("week_start",),
    "monthly": ("month_start_day", "month_start_shift"),
    "yearly": ("month_start_day", "month_start_shift", "year_start_month"),
}


@dataclass(frozen=True)
class CalendarChange:
    """A change from one calendar to another, and the day on which it is made."""

    before: Calendar
    after: Calendar
    today: datetime.date

    @property
    def old(self) -> dict[str, list[Period]]:
        """{kind: its current and next periods, SHOWN in all} without the change."""
        return {kind: self._next(kind, self.before) for kind in _RULES}

    @property
    def new(self) -> dict[str, list[Period]]:
        """The same with the change."""
        return {kind: self._next(kind, self.after) for kind in _RULES}

    @property
    def kinds(self) -> list[str]:
        """The kinds of period whose rules change."""
        before, after = self.before.rules, self.after.rules
        return [
            kind
            for kind in _RULES
            if any(before[name] != after[name] for name in _RULES[kind])
        ]

    @property
    def descriptions(self) -> list[str]:
        """Sentences on each kind of period whose rules change."""
        return [" ".join(self._sentences(kind)) for kind in self.kinds]

    @property
    def description(self) -> str:
        """The same in one text; empty if nothing changes."""
        return " ".join(self.descriptions)

    @property
    def tables(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield a title, and the names of periods without and with the change."""
        for kind in self.kinds:
            rows = zip(self.old[kind], self.new[kind], strict=True)
            yield (
                _(_TITLES[kind]),
                [(name_of(old), name_of(new)) for old, new in rows],
            )

    def _next(self, kind: str, calendar: Calendar) -> list[Period]:
        periods = [period_of(kind, self.today, calendar)]
        while len(periods) < SHOWN:
            periods.append(following(periods[-1], kind, calendar))
        return periods

    def _sentences(self, kind: str) -> Iterator[str]:
        running, bridge, _last = self._next(kind, self.after)
        yield _(_ENDS[kind]).format(day=i18n.day(running.end))
        if period_of(kind, bridge.start, self.after.without_history) != bridge:
            days = i18n.days(bridge.start, bridge.end)
            yield _(_BRIDGES[kind]).format(days=days)
        yield _in_words(_RULE_SENTENCES[kind], self.after)


def describe(calendar: Calendar) -> str:
    """Return a calendar in words."""
    return _in_words(_SUMMARIES, calendar)


def month_day_name(month_day: int) -> str:
    """Return a day of the month in words: `25th`, or `last day`."""
    if month_day == LAST:
        return pgettext("day of the month", "last day")
    return i18n.ordinal(month_day)


def month_name(month: int) -> str:
    """Return the name of a month, from 1 to 12."""
    return i18n.month_name(datetime.date(2024, month, 1))


def _in_words(sentences: Mapping[str, str], calendar: Calendar) -> str:
    """Return the sentence for a calendar's shift, filled in."""
    return _(sentences[calendar.month_start_shift]).format(
        weekday=i18n.weekday_name(calendar.week_start),
        day=month_day_name(calendar.month_start_day),
        month=month_name(calendar.year_start_month),
    )
