"""Periods of every kind, in calendars of people and after changes of them."""

import datetime
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartbudget.core import periods
from smartbudget.core.periods import Calendar, Period, Recurrence, period_of
from tests.sampling import sampled

DAY = datetime.timedelta(days=1)


def day(text):
    return datetime.date.fromisoformat(text)


def starting(month_day, shift="none", year_start_month=1):
    return Calendar(
        month_start_day=month_day,
        month_start_shift=shift,
        year_start_month=year_start_month,
    )


CALENDAR_EXAMPLES = [
    ("monthly", starting(25), "2026-11-28", "2026-11-25/2026-12-24"),
    ("monthly", starting(25), "2026-11-24", "2026-10-25/2026-11-24"),
    ("monthly", starting(25, "before"), "2026-07-24", "2026-07-24/2026-08-24"),
    ("monthly", starting(25, "before"), "2026-07-23", "2026-06-25/2026-07-23"),
    ("monthly", starting(25, "after"), "2026-07-26", "2026-06-25/2026-07-26"),
    ("monthly", starting(25, "after"), "2026-07-27", "2026-07-27/2026-08-24"),
    ("monthly", starting(31), "2026-02-27", "2026-01-31/2026-02-27"),
    ("monthly", starting(31), "2026-02-28", "2026-02-28/2026-03-30"),
    ("monthly", starting(31), "2026-04-29", "2026-03-31/2026-04-29"),
    ("monthly", starting(29), "2027-02-28", "2027-02-28/2027-03-28"),
    ("monthly", starting(29), "2027-03-01", "2027-02-28/2027-03-28"),
    ("monthly", starting(29), "2027-03-29", "2027-03-29/2027-04-28"),
    ("monthly", starting(31), "2028-02-29", "2028-02-29/2028-03-30"),
    ("monthly", starting(1, "before"), "2026-10-29", "2026-10-01/2026-10-29"),
    ("monthly", starting(1, "before"), "2026-10-30", "2026-10-30/2026-11-30"),
    ("monthly", starting(20, "before"), "2025-09-19", "2025-09-19/2025-10-19"),
    ("monthly", starting(20, "before"), "2025-12-19", "2025-12-19/2026-01-19"),
    ("monthly", starting(20, "before"), "2026-09-18", "2026-09-18/2026-10-19"),
    ("monthly", starting(15, "before"), "2026-08-14", "2026-08-14/2026-09-14"),
    ("monthly", starting(15, "before"), "2026-11-13", "2026-11-13/2026-12-14"),
    ("quarterly", Calendar(), "2026-11-28", "2026-10-01/2026-12-31"),
    ("quarterly", starting(1, "none", 2), "2026-11-28", "2026-11-01/2027-01-31"),
    ("yearly", starting(6, "none", 4), "2026-04-05", "2025-04-06/2026-04-05"),
    ("yearly", starting(6, "none", 4), "2026-04-06", "2026-04-06/2027-04-05"),
    ("weekly", Calendar(week_start=6), "2026-11-28", "2026-11-22/2026-11-28"),
    ("weekly", Calendar(week_start=5), "2026-11-28", "2026-11-28/2026-12-04"),
]


@pytest.mark.parametrize(("kind", "calendar", "on", "interval"), CALENDAR_EXAMPLES)
def test_periods_follow_the_calendar(kind, calendar, on, interval):
    assert period_of(kind, day(on), calendar).interval == interval


RECURRENCE_EXAMPLES = [
    ("biweekly", "2026-11-06", "2026-11-19", "2026-11-06/2026-11-19"),
    ("biweekly", "2026-11-06", "2026-11-20", "2026-11-20/2026-12-03"),
    ("biweekly", "2027-01-01", "2026-11-28", "2026-11-20/2026-12-03"),
    # A year of 53 weeks.
    ("biweekly", "2020-12-21", "2021-01-03", "2020-12-21/2021-01-03"),
    ("biweekly", "2020-12-21", "2021-01-04", "2021-01-04/2021-01-17"),
    ("four_weekly", "2026-01-05", "2026-12-31", "2026-12-07/2027-01-03"),
]


@pytest.mark.parametrize(("kind", "anchor", "on", "interval"), RECURRENCE_EXAMPLES)
def test_weeks_are_counted_from_an_anchor(kind, anchor, on, interval):
    rule = Recurrence(kind, anchor=day(anchor))

    assert period_of(rule, day(on)).interval == interval


@pytest.mark.parametrize(
    ("month_days", "on", "interval"),
    [
        ((1, 16), "2027-02-28", "2027-02-16/2027-02-28"),
        ((15, 31), "2027-02-28", "2027-02-28/2027-03-14"),
        ((15, 31), "2027-02-27", "2027-02-15/2027-02-27"),
    ],
)
def test_half_months_begin_on_two_days(month_days, on, interval):
    rule = Recurrence("semimonthly", month_days=month_days)

    assert period_of(rule, day(on)).interval == interval


def test_a_period_that_does_not_recur_has_its_own_days():
    trip = Period(day("2026-12-03"), day("2026-12-12"))

    assert period_of(Recurrence("once", only=trip), day("2026-11-28")) == trip


CHANGES = [
    # A month from the 25th: on 10 November, and after the 25th.
    (
        starting(25),
        "2026-11-10",
        "monthly",
        ["2026-11-01/2026-11-24", "2026-11-25/2026-12-24"],
    ),
    (
        starting(25),
        "2026-11-28",
        "monthly",
        ["2026-11-01/2026-11-30", "2026-12-01/2026-12-24", "2026-12-25/2027-01-24"],
    ),
    (
        Calendar(week_start=6),
        "2026-11-25",
        "weekly",
        ["2026-11-23/2026-11-28", "2026-11-29/2026-12-05"],
    ),
]


@pytest.mark.parametrize(("new", "changed", "kind", "intervals"), CHANGES)
def test_a_change_of_the_calendar_bridges_the_days_until_the_next_start(
    new, changed, kind, intervals
):
    calendar = Calendar().replaced_by(new, day(changed))

    shown = [period_of(kind, day(changed), calendar)]
    while len(shown) < len(intervals):
        shown.append(period_of(kind, shown[-1].end + DAY, calendar))

    assert [period.interval for period in shown] == intervals
    before = shown[0].start - DAY
    assert period_of(kind, before, calendar) == period_of(kind, before)


days = st.dates(day("2020-01-01"), day("2032-12-31"))
rules = st.builds(
    Calendar,
    week_start=st.integers(0, 6),
    month_start_day=st.integers(1, 31),
    month_start_shift=st.sampled_from(periods.SHIFTS),
    year_start_month=st.integers(1, 12),
)
recurrences = st.one_of(
    st.builds(Recurrence, st.sampled_from(["weekly", "monthly", "quarterly"])),
    st.just(Recurrence("yearly")),
    st.builds(Recurrence, st.sampled_from([*periods.ANCHORED]), days),
    st.builds(
        Recurrence,
        st.just("semimonthly"),
        month_days=st.tuples(st.integers(1, 15), st.integers(16, 31)),
    ),
)


@st.composite
def calendars(draw):
    calendar = draw(rules)
    for changed in sorted(draw(st.lists(days, max_size=5))):
        calendar = calendar.replaced_by(draw(rules), changed)
    return calendar


@pytest.mark.soak
@sampled(100, soak=10_000)
@given(recurrences, calendars(), days)
def test_periods_tile_time(kind, calendar, on):
    period = period_of(kind, on, calendar)

    assert on in period
    assert period_of(kind, period.start, calendar) == period
    assert period_of(kind, period.end, calendar) == period
    after = period_of(kind, period.end + DAY, calendar)
    assert after.start == period.end + DAY
    assert periods.following(period, kind, calendar) == after
    before = period_of(kind, period.start - DAY, calendar)
    assert before.end == period.start - DAY


@sampled(100, soak=1000)
@given(recurrences, calendars(), rules, days, st.integers(0, 800))
def test_a_change_leaves_earlier_periods_alone(kind, calendar, new, changed, ago):
    if calendar.since and changed < calendar.since:
        changed = calendar.since
    running = period_of(kind, changed, calendar)
    day_before = running.start - DAY * (ago + 1)

    changed_calendar = calendar.replaced_by(new, changed)

    assert period_of(kind, changed, changed_calendar).start == running.start
    if calendar.since != changed:
        earlier = period_of(kind, day_before, calendar)
        assert period_of(kind, day_before, changed_calendar) == earlier


@sampled(100, soak=1000)
@given(recurrences, calendars(), rules, days)
def test_the_running_period_is_cut_short_as_the_calendar_says(
    kind, calendar, new, changed
):
    if calendar.since and changed <= calendar.since:
        changed = calendar.since + DAY
    running = period_of(kind, changed, calendar)
    after = calendar.replaced_by(new, changed)

    cut = periods.cut_short(running, after.since, kind, after)

    assert cut == period_of(kind, changed, after)
    assert periods.cut_short(cut, after.since, kind, after) == cut


@sampled(100, soak=1000)
@given(calendars())
def test_a_calendar_is_stored_whole(calendar):
    assert Calendar.from_json(calendar.to_json()) == calendar


def test_a_second_change_on_a_day_replaces_the_first():
    today = day("2026-11-10")
    changed = Calendar().replaced_by(starting(25), today)

    assert changed.replaced_by(starting(20), today).earlier == Calendar()
    assert changed.replaced_by(Calendar(), today) == Calendar()


def test_the_earliest_changes_are_forgotten():
    calendar = Calendar()
    for number in range(Calendar.MAX_CHANGES + 5):
        changed = day("2026-01-01") + DAY * number
        calendar = calendar.replaced_by(starting(number % 2 + 5), changed)

    kept = []
    while calendar.earlier:
        kept.append(calendar.since)
        calendar = calendar.earlier
    assert len(kept) == Calendar.MAX_CHANGES - 1
    assert kept[0] == changed


@pytest.mark.parametrize(
    ("calendar", "month", "interval"),
    [
        (Calendar(), "2026-11-01", "2026-11-01/2026-11-30"),
        (starting(25), "2026-11-01", "2026-10-25/2026-11-24"),
        (starting(15), "2026-01-01", "2026-01-15/2026-02-14"),
        (starting(15), "2026-02-01", "2026-02-15/2026-03-14"),
        (starting(31), "2026-03-01", "2026-02-28/2026-03-30"),
        (starting(1, "before"), "2026-11-01", "2026-10-30/2026-11-30"),
    ],
)
def test_a_month_has_the_name_of_the_one_with_most_of_its_days(
    calendar, month, interval
):
    named = periods.month_named(day(month), calendar)

    assert named.interval == interval
    assert periods.name_month(named, calendar) == day(month)


def test_a_month_that_bridges_a_change_is_known_by_its_first_day():
    """The whole month after it has the name that both would have."""
    calendar = Calendar().replaced_by(starting(10), day("2026-11-15"))
    bridge = period_of("monthly", day("2026-12-05"), calendar)

    assert bridge.interval == "2026-12-01/2026-12-09"
    assert periods.month_key(bridge, calendar) == "2026-12-01"
    december = periods.month_named(day("2026-12-01"), calendar)
    assert december.interval == "2026-12-10/2027-01-09"
    assert periods.month_key(december, calendar) == "2026-12"


@sampled(100, soak=1000)
@given(calendars(), days)
def test_every_month_is_found_by_its_key(calendar, on):
    month = period_of("monthly", on, calendar)

    assert periods.parse_month(periods.month_key(month, calendar), calendar) == month


@pytest.mark.parametrize(
    ("calendar", "year", "interval"),
    [
        (Calendar(), 2026, "2026-01-01/2026-12-31"),
        (starting(6, "none", 4), 2026, "2026-04-06/2027-04-05"),
        (starting(25), 2026, "2026-01-25/2027-01-24"),
        # January 1, 2028 is a Saturday.
        (starting(1, "before"), 2028, "2027-12-31/2028-12-31"),
    ],
)
def test_a_year_is_named_by_the_one_that_its_first_month_is_in(
    calendar, year, interval
):
    named = periods.year_named(year, calendar)

    assert named.interval == interval
    assert periods.name_year(named, calendar) == year


def test_a_year_that_bridges_a_change_has_no_name():
    calendar = Calendar().replaced_by(starting(6, "none", 4), day("2026-11-15"))
    years = [period_of("yearly", day("2026-11-15"), calendar)]
    years.append(periods.following(years[-1], "yearly", calendar))
    years.append(periods.following(years[-1], "yearly", calendar))

    assert [year.interval for year in years] == [
        "2026-01-01/2026-12-31",
        "2027-01-01/2027-04-05",
        "2027-04-06/2028-04-05",
    ]
    assert [periods.name_year(year, calendar) for year in years] == [2026, None, 2027]


@sampled(100, soak=1000)
@given(calendars(), st.integers(2021, 2031))
def test_every_name_of_a_year_finds_a_year(calendar, year):
    named = periods.year_named(year, calendar)

    assert period_of("yearly", named.start, calendar) == named
    assert named.start.year in {year - 1, year, year + 1}


@sampled(100, soak=1000)
@given(calendars(), days, days)
def test_months_within_a_period_cover_its_days(calendar, one, other):
    outer = Period(min(one, other), max(one, other))
    outer = Period(outer.start, min(outer.end, outer.start + 900 * DAY))

    months = periods.months_in(outer, calendar)

    assert outer.start in months[0]
    assert outer.end in months[-1]
    for month, after in itertools.pairwise(months):
        assert after.start == month.end + DAY


def test_weeks_and_years_may_begin_otherwise_in_gregorian_months():
    usual = Calendar(week_start=6, year_start_month=4)
    assert usual.has_gregorian_months
    assert not starting(25).has_gregorian_months
    assert not starting(1, "before").has_gregorian_months
    back = Calendar().replaced_by(starting(25), day("2026-01-01"))
    assert not back.replaced_by(Calendar(), day("2026-06-01")).has_gregorian_months


def test_a_change_dated_before_the_last_one_replaces_it():
    """As after a flight to the west, where it is still the day before."""
    calendar = Calendar()
    for changed, month_day in (("2026-01-01", 5), ("2026-11-10", 25)):
        calendar = calendar.replaced_by(starting(month_day), day(changed))

    replaced = calendar.replaced_by(starting(20), day("2026-11-09"))

    assert (replaced.since, replaced.earlier) == (day("2026-11-09"), calendar.earlier)


@pytest.mark.parametrize(
    ("interval", "name"),
    [
        ("2026-11-01/2026-11-30", "November 2026"),
        ("2026-01-01/2026-12-31", "2026"),
        ("2026-11-25/2026-12-24", "Nov 25 – Dec 24, 2026"),
        ("2026-11-01/2026-11-24", "Nov 1 – 24, 2026"),
    ],
)
def test_periods_are_named_by_their_days_unless_a_month_or_year(interval, name):
    assert periods.name_of(Period.parse(interval)).replace("\u2009", " ") == name
