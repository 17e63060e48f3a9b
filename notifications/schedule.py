"""Plan summaries: each is stored in advance, and due later.

A planned summary has no text and no `created_at`, so it is not listed. It is in the
unsent index, where the sweep finds it once it is due. Its delivery writes the text and
plans the next one.
"""

from __future__ import annotations

import datetime
import functools
import uuid
import zlib
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from notifications import messages
from notifications.models import Notification, PlannedSummary, unsent_since
from smartbudget.core import dates, periods
from smartbudget.core.dynamodb import (
    Action,
    Transaction,
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import (
    DEFAULT_CALENDAR,
    Calendar,
    Period,
    period_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from notifications.recipients import Recipient

PERIODS = {"weekly_summary": "weekly", "monthly_summary": "monthly"}
WRITE_TASK = "reports.tasks.write_summary"
DUE_AT = datetime.time(7)  # of the day after the period, local time
# The users of a time zone are spread over this, since due in the same minute, a million
# summaries would be written to the index at once.
SPREAD = datetime.timedelta(hours=2)

_ONE_DAY = datetime.timedelta(days=1)
_LONGEST = datetime.timedelta(days=33)  # a month whose ends are moved from weekends
_NAMESPACE = uuid.UUID("b3f0a1de-52a5-5c39-8d0e-6d9b1c7e4a02")


def due_at(period: Period, time_zone: str) -> datetime.datetime:
    """Return the time at which a period's summary is due, aware UTC."""
    local = datetime.datetime.combine(
        period.end + _ONE_DAY, DUE_AT, ZoneInfo(time_zone)
    )
    return local.astimezone(datetime.UTC)


def swept_at(user_id: str, period: Period, time_zone: str) -> datetime.datetime:
    """Return when the sweep queues a user's summary: in the SPREAD after it is due."""
    seconds = zlib.crc32(user_id.encode()) % int(SPREAD.total_seconds())
    return due_at(period, time_zone) + datetime.timedelta(seconds=seconds)


def last_due(
    kind: str,
    time_zone: str,
    instant: datetime.datetime | None = None,
    calendar: Calendar = DEFAULT_CALENDAR,
) -> Period:
    """Return the last period with a summary due at an instant (default: now)."""
    instant = instant or dates.now()
    day = dates.local_day(time_zone, instant)
    period = period_of(PERIODS[kind], day, calendar)
    while due_at(period, time_zone) > instant:
        period = period_of(PERIODS[kind], period.start - _ONE_DAY, calendar)
    return period


def following(
    kind: str, period: Period, calendar: Calendar = DEFAULT_CALENDAR
) -> Period:
    """Return the period after another."""
    return periods.following(period, PERIODS[kind], calendar)


def put_next(recipient: Recipient, kind: str, transaction: Transaction) -> None:
    """Add the next summary that becomes due to a transaction. Safe to repeat."""
    calendar = Calendar.from_json(recipient.calendar)
    last = last_due(kind, recipient.time_zone, calendar=calendar)
    put(recipient, kind, following(kind, last, calendar), transaction)


def follow_calendar(recipient: Recipient) -> None:
    """Move planned summaries whose periods end earlier in a new calendar.

    If this fails, they are only written as late as planned. Safe to repeat.
    """
    model = PlannedSummary
    calendar = Calendar.from_json(recipient.calendar)
    for kind in recipient.opted_in or ():
        last = last_due(kind, recipient.time_zone, calendar=calendar)
        period = following(kind, last, calendar)
        swept = swept_at(recipient.user_id, period, recipient.time_zone)
        since = unsent_since(swept)
        planned = model(_id_of(recipient.user_id, kind, period))
        move = functools.partial(
            planned.update,
            [model.unsent_since.set(since)],
            model.planned_for.exists() & (model.unsent_since > since),
        )
        conditional_write(move)


def put(
    recipient: Recipient, kind: str, period: Period, transaction: Transaction
) -> None:
    """Add a period's planned summary to a transaction.

    An existing one is left alone, unless it was skipped because it was not wanted.
    """
    notification_id = _id_of(recipient.user_id, kind, period)
    swept = swept_at(recipient.user_id, period, recipient.time_zone)
    text = messages.write(kind, {}, language=recipient.language)  # until it is written
    planned = PlannedSummary(
        notification_id=notification_id,
        user_id=recipient.user_id,
        type=kind,
        subject=text.subject,
        message=text.message,
        planned_for=period.start.isoformat(),
        updated_at=dates.timestamp(),
        unsent_shard=PlannedSummary.shard_of(notification_id),
        unsent_since=unsent_since(swept),
    )
    model = PlannedSummary
    dropped = (model.status == "skipped") & model.planned_for.exists()
    transaction.put_once(planned, model.notification_id.does_not_exist() | dropped)


def all_ids(recipient: Recipient) -> Iterator[str]:
    """Yield the ids of all summaries that may have been planned.

    A calendar that was changed may have forgotten when earlier periods began, so then
    any day counts as a start.
    """
    first = datetime.datetime.fromisoformat(recipient.created_at).date() - _ONE_DAY
    last = dates.now().date() + _ONE_DAY
    for kind in PERIODS:
        period = period_of(PERIODS[kind], first)
        while period.start <= last:
            yield _id_of(recipient.user_id, kind, period)
            period = following(kind, period)
        yield _id_of(recipient.user_id, kind, period)
        if recipient.calendar:
            day = first - _LONGEST
            while day <= last + _LONGEST:
                yield _id_of(recipient.user_id, kind, Period(day, day))
                day += _ONE_DAY


def _id_of(user_id: str, kind: str, period: Period) -> str:
    return uuid.uuid5(_NAMESPACE, f"{user_id}|{kind}|{period.start}").hex


def summarized_period(planned: PlannedSummary, recipient: Recipient) -> Period:
    """Return the period that a planned summary is about."""
    first = datetime.date.fromisoformat(planned.planned_for)
    calendar = Calendar.from_json(recipient.calendar)
    return period_of(PERIODS[planned.type], first, calendar)


def future_due_time(
    planned: PlannedSummary, recipient: Recipient
) -> datetime.datetime | None:
    """Return the time at which a planned summary is due, or None if it is due now.

    Its `unsent_since` may be too early if the user's time zone is now further west.
    """
    due = due_at(summarized_period(planned, recipient), recipient.time_zone)
    return due if due > dates.now() else None


def is_superseded(planned: PlannedSummary, recipient: Recipient) -> bool:
    """Check whether a later summary is due by now, as after an outage."""
    calendar = Calendar.from_json(recipient.calendar)
    due = last_due(planned.type, recipient.time_zone, calendar=calendar)
    return summarized_period(planned, recipient).start < due.start


def store_text(
    planned: PlannedSummary, recipient: Recipient, text: messages.Text
) -> Notification:
    """Convert a planned summary to a notification, and plan the next one.

    Both are written in one transaction. The caller must hold the lease. Returns the
    notification. Safe to repeat.

    Raises ConflictError if the lease was lost.
    """
    values = {**planned.attribute_values}
    del values["planned_for"]
    values |= {**text._asdict(), "created_at": dates.timestamp()}
    notification = Notification(**values)
    actions: list[Action] = [
        Notification.subject.set(notification.subject),
        Notification.message.set(notification.message),
        Notification.facts.set(notification.facts),
        Notification.created_at.set(notification.created_at),
        PlannedSummary.planned_for.remove(),
    ]
    plan_next(planned, recipient, actions)
    return notification


def abandon(planned: PlannedSummary, recipient: Recipient) -> None:
    """List a summary that could not be written, and plan the next one."""
    if recipient.wants(planned.type):
        listed = [
            Notification.created_at.set(dates.timestamp()),
            Notification.facts.set("{}"),
        ]
        plan_next(planned, recipient, listed)


def plan_next(
    planned: PlannedSummary, recipient: Recipient, actions: Sequence[Action] = ()
) -> None:
    """Plan the next summary, or the last one that is due if that is later.

    actions: on the current one, in the same transaction.

    Raises ConflictError if the lease of the current one was lost.
    """
    kind, calendar = planned.type, Calendar.from_json(recipient.calendar)
    period = max(
        following(kind, summarized_period(planned, recipient), calendar),
        last_due(kind, recipient.time_zone, calendar=calendar),
        key=lambda candidate: candidate.start,
    )

    def attempt() -> None:
        transaction = Transaction()
        put(recipient, kind, period, transaction)
        if actions:
            stored = PlannedSummary(planned.notification_id)
            is_leased = PlannedSummary.lease_owner == planned.lease_owner
            transaction.update(stored, [*actions], is_leased)
        try:
            transaction.commit()
        except WriteConflictError as error:
            if error.refused:
                raise ConflictError(
                    _("The summary is already being written.")
                ) from error
            raise

    retry_on_conflict(attempt)
