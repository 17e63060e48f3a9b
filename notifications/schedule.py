"""Summaries to come: each is stored ahead, as a notification that is due later.

A planned summary has no text and no `created_at`, so it is in no history; it waits
where the sweep looks, and the sweep finds it once it is due. Delivering it writes its
text and plans the one after it.
"""

from __future__ import annotations

import datetime
import uuid
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from notifications import messages
from notifications.models import Notification, shard_of, unsent_since
from smartbudget.core import dates
from smartbudget.core.dates import Period

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import Account
    from smartbudget.core.dynamodb import Transaction

PERIODS = {"weekly_summary": "weekly", "monthly_summary": "monthly"}
DUE_AT = datetime.time(7)  # of the day after, on the user's clocks

_ONE_DAY = datetime.timedelta(days=1)
_NAMESPACE = uuid.UUID("b3f0a1de-52a5-5c39-8d0e-6d9b1c7e4a02")


def due_at(period: Period, time_zone: str) -> datetime.datetime:
    """Return when a period's summary is due, aware UTC."""
    local = datetime.datetime.combine(
        period.end + _ONE_DAY, DUE_AT, ZoneInfo(time_zone)
    )
    return local.astimezone(datetime.UTC)


def last_due(
    kind: str, time_zone: str, instant: datetime.datetime | None = None
) -> Period:
    """Return the last period whose summary is due at an instant (default: now)."""
    instant = instant or dates.now()
    period = dates.period_of(PERIODS[kind], dates.local_day(time_zone, instant))
    while due_at(period, time_zone) > instant:
        period = dates.period_of(PERIODS[kind], period.start - _ONE_DAY)
    return period


def following(kind: str, period: Period) -> Period:
    """Return the period after one."""
    return dates.period_of(PERIODS[kind], period.end + _ONE_DAY)


def put_next(account: Account, kind: str, writes: Transaction) -> None:
    """Add the next summary that falls due to a transaction; safe to repeat."""
    put(account, kind, following(kind, last_due(kind, account.time_zone)), writes)


def put(account: Account, kind: str, period: Period, writes: Transaction) -> None:
    """Add a period's planned summary to a transaction.

    One that exists is left alone, unless it was not wanted when it fell due.
    """
    notification_id = _id_of(account.user_id, kind, period)
    subject, message = messages.summary_to_come(
        PERIODS[kind], language=account.language
    )
    planned = Notification(
        notification_id=notification_id,
        user_id=account.user_id,
        type=kind,
        subject=subject,
        message=message,
        planned_for=period.start.isoformat(),
        updated_at=dates.timestamp(),
        unsent_shard=shard_of(notification_id),
        unsent_since=unsent_since(due_at(period, account.time_zone)),
    )
    dropped = (Notification.status == "skipped") & Notification.planned_for.exists()
    writes.put_once(planned, Notification.notification_id.does_not_exist() | dropped)


def all_ids(account: Account) -> Iterator[str]:
    """Return the id of every summary that can ever have been planned."""
    first = datetime.datetime.fromisoformat(account.created_at).date() - _ONE_DAY
    last = dates.now().date() + _ONE_DAY
    for kind in PERIODS:
        period = dates.period_of(PERIODS[kind], first)
        while period.start <= last:
            yield _id_of(account.user_id, kind, period)
            period = following(kind, period)
        yield _id_of(account.user_id, kind, period)


def _id_of(user_id: str, kind: str, period: Period) -> str:
    return uuid.uuid5(_NAMESPACE, f"{user_id}|{kind}|{period.start}").hex


def period_of(planned: Notification) -> Period:
    """Return the period that a planned summary is about."""
    first = datetime.date.fromisoformat(planned.planned_for)
    return dates.period_of(PERIODS[planned.type], first)
