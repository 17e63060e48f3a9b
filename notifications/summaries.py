"""Writing weekly and monthly summaries when they fall due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from budgets import queries as budgets
from notifications import messages, schedule
from notifications.models import Notification
from smartbudget.core import dates
from smartbudget.core.dynamodb import (
    Action,
    Transaction,
    WriteConflictError,
    retry_on_conflict,
)
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _

if TYPE_CHECKING:
    import datetime

    from accounts.models import Account


def due_later(planned: Notification, account: Account) -> datetime.datetime | None:
    """Return when a planned summary is due; None: it is.

    It may have been planned in a time zone further east than the user is now.
    """
    due = schedule.due_at(schedule.period_of(planned), account.time_zone)
    return due if due > dates.now() else None


def write(planned: Notification, account: Account) -> bool:
    """Write a summary that is due and plan the next one, in one transaction.

    Returns False for one that a later summary has overtaken, as after an outage: it
    gets no text, and the later one is planned. The caller must hold its lease.
    Safe to repeat. Raises ConflictError if the lease was lost.
    """
    kind, period = planned.type, schedule.period_of(planned)
    if period.start < schedule.last_due(kind, account.time_zone).start:
        _plan_next(planned, account, [])
        return False
    subject, message = messages.summary(
        schedule.PERIODS[kind],
        budgets.review(account.user, schedule.PERIODS[kind], period),
        language=account.language,
    )
    actions: list[Action] = [
        Notification.subject.set(subject),
        Notification.message.set(message),
        Notification.created_at.set(dates.timestamp()),
        Notification.planned_for.remove(),
    ]
    _plan_next(planned, account, actions)
    planned.subject, planned.message, planned.planned_for = subject, message, None
    return True


def give_up(planned: Notification, account: Account | None) -> None:
    """Let a summary that cannot be written be seen, and plan the next one."""
    if account and account.wants(planned.type):
        seen = Notification.created_at.set(dates.timestamp())
        _plan_next(planned, account, [seen])


def _plan_next(planned: Notification, account: Account, actions: list[Action]) -> None:
    kind = planned.type
    period = max(
        schedule.following(kind, schedule.period_of(planned)),
        schedule.last_due(kind, account.time_zone),
        key=lambda each: each.start,
    )

    def attempt() -> None:
        writes = Transaction()
        schedule.put(account, kind, period, writes)
        if actions:
            stored = Notification(planned.notification_id)
            ours = Notification.lease_owner == planned.lease_owner
            writes.update(stored, actions, ours)
        try:
            writes.commit()
        except WriteConflictError as error:
            if error.refused:
                raise ConflictError(
                    _("The summary is being written by another.")
                ) from error
            raise

    retry_on_conflict(attempt)
