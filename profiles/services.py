"""Update a user's profile and preferences."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from accounts import validators
from accounts.models import Account
from accounts.services import change_account, get_account
from budgets import services as budgets
from expenses import queries as expenses
from expenses import trash
from notifications import schedule
from notifications.kinds import OPT_IN_KINDS
from profiles.calendar_change import CalendarChange
from smartbudget.core import dates
from smartbudget.core.dynamodb import retry_on_conflict
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User


class ProfileChanges(TypedDict, total=False):
    """Changes to a profile; fields that are absent stay the same."""

    phone_number: str | None
    currency: str  # ISO 4217; can change only while there are no amounts
    time_zone: str  # IANA
    language: str  # of i18n.LANGUAGES
    large_expense_threshold: Decimal | None  # None: off
    email_preferences: Mapping[str, bool]  # by kind; absent kinds stay the same
    quiet_hours: Mapping[str, str] | None  # {"from": "HH:MM", "until": ...}; None: off
    calendar: Mapping[str, object]  # as Calendar.rules; absent rules stay the same


def update_profile(
    user: User,
    *,
    precondition: Callable[[Account], None] | None = None,
    **changes: Unpack[ProfileChanges],
) -> Account:
    """Update the given parts of a profile, and the users cached in sessions and tokens.

    precondition: called with the stored account before it changes.

    Raises InvalidError naming the field, ConflictError for another currency while
    there are expenses or budgets, and whatever `precondition` raises.
    """
    return retry_on_conflict(
        lambda: _update_profile(user.user_id, changes, precondition)
    )


def preview_profile(
    user: User,
    *,
    precondition: Callable[[Account], None] | None = None,
    **changes: Unpack[ProfileChanges],
) -> tuple[Account, CalendarChange]:
    """Return the account as `update_profile` would leave it, without storing it.

    Also returns what happens to the periods. Raises what `update_profile` does.
    """
    account, checked = _checked(user.user_id, changes, precondition)
    before = account.user.calendar
    account.change(checked)
    after = account.user
    return account, CalendarChange(before, after.calendar, after.today())


def _update_profile(
    user_id: str,
    changes: ProfileChanges,
    precondition: Callable[[Account], None] | None,
) -> Account:
    account, checked = _checked(user_id, changes, precondition)
    change_account(account, checked)
    if "calendar" in checked:
        schedule.follow_calendar(account)
        budgets.follow_calendar(account.user)
    return account


def _checked(
    user_id: str,
    changes: ProfileChanges,
    precondition: Callable[[Account], None] | None,
) -> tuple[Account, dict[str, Any]]:
    """Return the stored account and the validated values of its attributes."""
    account = get_account(user_id)
    if precondition:
        precondition(account)
    checked = _validate(account, changes)
    # Amounts are not converted, so they would be wrong in another currency.
    if checked.get("currency", account.currency) != account.currency:
        _require_no_amounts(account.user)
    return account, checked


def has_amounts(user: User) -> bool:
    """Check whether the user has expenses, void or deleted ones included, or budgets.

    Makes up to three Queries, or one if there are expenses. The indexes are eventually
    consistent.

    Why: docs/decisions.md#the-settings-look-for-one-amount
    """
    return bool(
        expenses.first_day(user.user_id)
        or budgets.list_budgets(user).items
        or trash.has_any(user)
    )


def _require_no_amounts(user: User) -> None:
    """Raise ConflictError if the user has expenses or budgets; see `has_amounts`."""
    if has_amounts(user):
        raise ConflictError(
            _(
                "You can't change the currency while you have expenses (even in the"
                " trash) or budgets: their amounts are not converted."
            ),
            "currency",
        )


def _validate(account: Account, changes: ProfileChanges) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    if "phone_number" in changes:
        checked["phone_number"] = validators.phone_number(changes["phone_number"])
    if "time_zone" in changes:
        checked["time_zone"] = validators.time_zone(changes["time_zone"])
    if "language" in changes:
        checked["language"] = validators.language(changes["language"])
    if "calendar" in changes:
        current = account.user.calendar
        new = validators.calendar(changes["calendar"], current)
        today = dates.local_day(checked.get("time_zone", account.time_zone))
        checked["calendar"] = current.replaced_by(new, today).to_json()
    if "email_preferences" in changes:
        preferences = account.email_preferences | validators.email_preferences(
            changes["email_preferences"]
        )
        unwanted = {kind for kind in preferences if not preferences[kind]}
        checked["muted"] = unwanted.difference(OPT_IN_KINDS) or None
        checked["opted_in"] = set(OPT_IN_KINDS).difference(unwanted) or None
    if "quiet_hours" in changes:
        hours = validators.quiet_hours(changes["quiet_hours"]) or (None, None)
        checked["quiet_from"], checked["quiet_until"] = hours
    currency = account.currency
    if "currency" in changes:
        currency = checked["currency"] = validators.currency(changes["currency"])
    if "currency" in changes or "large_expense_threshold" in changes:
        checked["large_expense_threshold"] = validators.large_expense_threshold(
            changes.get("large_expense_threshold", account.large_expense_threshold),
            currency,
        )
    return checked
