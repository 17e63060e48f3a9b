"""When the quiet hours that contain an instant end."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.quiet_hours import end_of
from smartbudget.core.dates import TIME_ZONES

UTC = datetime.UTC
YEARS_FROM = datetime.datetime(2026, 1, 1, tzinfo=UTC)
NEW_YORK = "America/New_York"  # 2026: 02:00 -> 03:00 on 8 March, back on 1 November


def at(written: str, time_zone: str = NEW_YORK) -> datetime.datetime:
    """Parse a local time; a trailing `+` means the second occurrence."""
    local = datetime.datetime.fromisoformat(written.removesuffix("+"))
    fold = int(written.endswith("+"))
    return local.replace(tzinfo=ZoneInfo(time_zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-03-18T21:59:59", None),
        ("2026-03-18T22:00", "2026-03-19T07:00"),
        ("2026-03-18T23:59:59.999999", "2026-03-19T07:00"),
        ("2026-03-19T00:00", "2026-03-19T07:00"),
        ("2026-03-19T06:59:59.999999", "2026-03-19T07:00"),
        ("2026-03-19T07:00", None),
        ("2026-12-31T23:00", "2027-01-01T07:00"),
        # A night of 8 hours and one of 10.
        ("2026-03-07T22:00", "2026-03-08T07:00"),
        ("2026-10-31T22:00", "2026-11-01T07:00"),
    ],
)
def test_quiet_hours_end_in_the_morning(now, end):
    assert end_of(at(now), NEW_YORK, "22:00", "07:00") == (end and at(end))


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-03-18T08:59", None),
        ("2026-03-18T09:00", "2026-03-18T17:00"),
        ("2026-03-18T17:00", None),
    ],
)
def test_quiet_hours_can_be_during_the_day(now, end):
    assert end_of(at(now), NEW_YORK, "09:00", "17:00") == (end and at(end))


def test_an_end_skipped_by_dst_is_at_the_jump():
    end = end_of(at("2026-03-08T01:59"), NEW_YORK, "22:00", "02:30")

    assert end == at("2026-03-08T03:00")


def test_a_start_skipped_by_dst_is_at_the_jump():
    assert end_of(at("2026-03-08T01:59"), NEW_YORK, "02:30", "07:00") is None
    assert end_of(at("2026-03-08T03:00"), NEW_YORK, "02:30", "07:00")


def test_quiet_hours_skipped_by_dst_do_not_apply():
    assert end_of(at("2026-03-08T01:59"), NEW_YORK, "02:00", "03:00") is None
    assert end_of(at("2026-03-08T03:00"), NEW_YORK, "02:00", "03:00") is None


def test_an_end_repeated_by_dst_ends_each_time():
    first = end_of(at("2026-11-01T01:10"), NEW_YORK, "22:00", "01:30")
    second = end_of(at("2026-11-01T01:10+"), NEW_YORK, "22:00", "01:30")

    assert first == at("2026-11-01T01:30")
    assert second == at("2026-11-01T01:30+")
    assert second - first == datetime.timedelta(hours=1)


def test_equal_times_mean_no_quiet_hours():
    assert end_of(at("2026-03-18T07:00"), NEW_YORK, "07:00", "07:00") is None


@given(
    time_zone=st.sampled_from(sorted(TIME_ZONES)),
    instant=st.integers(0, 10 * 366 * 24 * 60 * 60).map(
        lambda seconds: YEARS_FROM + datetime.timedelta(seconds=seconds)
    ),
    start=st.times(),
    end=st.times(),
)
def test_the_end_is_within_a_day_and_not_quiet(time_zone, instant, start, end):
    first, last = f"{start:%H:%M}", f"{end:%H:%M}"

    def is_quiet(moment):
        clock = f"{moment.astimezone(ZoneInfo(time_zone)):%H:%M}"
        if first <= last:
            return first <= clock < last
        return not last <= clock < first

    end = end_of(instant, time_zone, first, last)

    assert (end is not None) == is_quiet(instant)
    if end:
        # The longest quiet hours, in the only zone that goes back by two hours.
        assert instant < end < instant + datetime.timedelta(hours=26)
        assert not is_quiet(end)
        assert is_quiet(end - datetime.timedelta(microseconds=1))


def test_quiet_hours_end_in_every_time_zone():
    for time_zone in sorted(TIME_ZONES):
        for evening in (22, 23):
            instant = at(f"2026-06-01T{evening}:30", time_zone)
            end = end_of(instant, time_zone, "22:00", "07:00")
            assert end == at("2026-06-02T07:00", time_zone), time_zone
