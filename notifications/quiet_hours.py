"""Quiet hours, in which e-mails are held back."""

import datetime
from zoneinfo import ZoneInfo


def end_of(
    instant: datetime.datetime, time_zone: str, start: str, end: str
) -> datetime.datetime | None:
    """Return the end of the quiet hours that contain an instant, or None outside them.

    time_zone: IANA. start, end: local `HH:MM`, the first quiet minute and the first
    minute after. The hours may span midnight, and are empty if both are equal.

    With daylight saving time, local clocks decide: if the end is skipped, quiet hours
    end at the jump, and a repeated hour is quiet twice.
    """
    zone = ZoneInfo(time_zone)
    first, last = datetime.time.fromisoformat(start), datetime.time.fromisoformat(end)

    def is_quiet(minute: datetime.datetime) -> bool:
        clock = minute.astimezone(zone).time()
        if first <= last:
            return first <= clock < last
        return clock >= first or clock < last

    # Minute by minute: that handles clock changes, and takes a millisecond a night.
    minute = instant.astimezone(datetime.UTC).replace(second=0, microsecond=0)
    if not is_quiet(minute):
        return None
    while is_quiet(minute):
        minute += datetime.timedelta(minutes=1)
    return minute
