"""Convert items to dicts for a download of a user's data."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from accounts.factors import services as factors
from accounts.factors.passkey_setup import passkeys_of
from accounts.models import Account
from expenses import export, fields
from expenses.history import represent_edited
from notifications.messages import localize
from notifications.status_text import describe_delivery, reason_in_words
from smartbudget.core.files import file_name
from smartbudget.core.i18n import override
from smartbudget.core.money import format_amount
from smartbudget.core.user import User

if TYPE_CHECKING:
    from accounts.tokens import LiveToken
    from budgets.evaluation import PeriodResult
    from budgets.models import Budget
    from expenses.history import Change
    from expenses.imports.models import Import
    from expenses.imports.profiles import Profile
    from expenses.imports.rules import Rule
    from expenses.models import Expense
    from notifications.models import Notification
    from reports.stored import StoredReport

Record = dict[str, Any]

_PROFILE = (
    "user_id",
    "username",
    "email",
    "pending_email",
    "phone_number",
    "currency",
    "time_zone",
    "language",
    "email_preferences",
    "quiet_hours",
    "subscription_status",
    "created_at",
)
_EXPENSE = (
    "receipt_url",
    "created_at",
    "updated_at",
    "source",
    "external_id",
    "source_text",
)
_IMPORT = ("import_id", "file_name", "format", "profile", "created_at", "committed_at")
_IMPORT_PROFILE = ("source", "name", "format", "account_label", "used_at")
# Token ids are left out, since users never see them.
_TOKEN = ("name", "scopes", "created_at", "last_used_at", "expires_at")
_PASSKEY = ("name", "created_at", "last_used_at")
_BUDGET = ("budget_id", "period", "created_at")
_NOTIFICATION = (
    "notification_id",
    "type",
    "subject",
    "message",
    "status",
    "error",
    "delivery_method",
    "created_at",
    "updated_at",
    "read_at",
)
_REPORT = ("file_name", "report_type", "created_at", "size_bytes")


def of_account(account: Account) -> Record:
    """Return an account as a dict, without secrets."""
    threshold = account.large_expense_threshold
    return _pick(account, _PROFILE) | {
        "email_verified": account.is_verified,
        "email_problem": account.account_mail_problem,
        "calendar": account.user.calendar.rules,
        "large_expense_threshold": None
        if threshold is None
        else format_amount(threshold, account.currency),
    }


def of_factors(account: Account) -> Record:
    """Return an account's second factors as a dict, without secrets."""
    passkeys = [_pick(passkey, _PASSKEY) for passkey in passkeys_of(account)]
    return dataclasses.asdict(factors.factors_of(account)) | {"passkeys": passkeys}


def of_token(token: "LiveToken") -> Record:
    """Return an API token as a dict, without its secret."""
    return _pick(token, _TOKEN)


def of_expense(expense: "Expense", user: User) -> Record:
    """Return an expense as the API represents it."""
    return {
        "expense_id": expense.expense_id,
        **fields.represent_all(expense, user.currency),
        **_pick(expense, _EXPENSE),
    }


def of_import(record: "Import") -> Record:
    """Return an import as a dict, without its file."""
    return _pick(record, _IMPORT) | {"counts": json.loads(record.counts)}


def of_import_profile(profile: "Profile") -> Record:
    """Return a bank account of imports as a dict."""
    return _pick(profile, _IMPORT_PROFILE) | {"mapping": profile.mapping}


def of_import_rule(rule: "Rule") -> Record:
    """Return a rule for imports as a dict."""
    return dataclasses.asdict(rule)


def of_changes(expense: "Expense", changes: "Iterable[Change]", user: User) -> Record:
    """Return the changes of an expense as in the API, newest first."""
    records = [
        {
            "at": change.at,
            "created": change.created,
            "edits": [
                {
                    "field": edit.field,
                    "before": represent_edited(edit.field, edit.before, user.currency),
                    "after": represent_edited(edit.field, edit.after, user.currency),
                }
                for edit in change.edits
            ],
        }
        for change in changes
    ]
    return {"expense_id": expense.expense_id, "changes": records}


def of_budget(budget: "Budget", user: User) -> Record:
    """Return a budget as the API represents it, without what was spent."""
    cap = budget.rollover_cap
    only = budget.recurrence.only
    return _pick(budget, _BUDGET) | {
        "category": budget.categories.text,
        "categories": budget.categories.to_json(),
        "start": only and only.start.isoformat(),
        "end": only and only.end.isoformat(),
        "amount": format_amount(budget.amount, user.currency),
        "alert_threshold": int(budget.alert_threshold),
        "alert_thresholds": [*budget.alert_thresholds],
        "anchor": budget.anchor,
        "month_days": budget.month_days,
        "rollover": {
            "mode": budget.rollover,
            "cap": cap and format_amount(cap, user.currency),
        },
        "paused": budget.paused_at is not None,
        "note": budget.note,
        "everyday": bool(budget.everyday),
        "keep_for_tomorrow": bool(budget.keep_for_tomorrow),
    }


def of_budget_period(budget_id: str, period: "PeriodResult", user: User) -> Record:
    """Return a finished period of a budget as the API represents it."""
    cap = period.rollover_cap
    amounts = {
        name: format_amount(getattr(period, name), user.currency)
        for name in ("amount", "carried_over", "limit", "spent", "remaining")
    }
    return {
        "budget_id": budget_id,
        "start": period.period.start.isoformat(),
        "end": period.period.end.isoformat(),
        "category": period.categories.text,
        "categories": period.categories.to_json(),
        **amounts,
        "percentage": str(period.percentage),
        "level": period.level,
        "alert_thresholds": [*period.alert_thresholds],
        "rollover": {
            "mode": period.rollover,
            "cap": cap and format_amount(cap, user.currency),
        },
        "was_paused": period.was_paused,
    }


def of_notification(notification: "Notification", user: User) -> Record:
    """Return a notification as the API represents it.

    Sets the user's language, since a download is streamed after the request's language
    was reset.
    """
    with override(user.language):
        status_text = describe_delivery(notification, user.time_zone)
        error = notification.error and reason_in_words(notification.error)
        localize(notification)
    return _pick(notification, _NOTIFICATION) | {
        "error": error,
        "status_text": status_text,
    }


def of_report(report: "StoredReport") -> Record:
    """Return a stored report as a dict."""
    return _pick(report, _REPORT)


def receipt_path(key: str) -> str:
    """Return a receipt's path in a zip."""
    return f"receipts/{file_name(key)}"


def json_text(value: object) -> str:
    """Return indented JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def json_list(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a JSON list of records, one per line."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row, ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def csv_lines(expenses: Iterable[Record], currency: str) -> Iterator[str]:
    """Yield the lines of a CSV of expenses; receipts are paths in the zip."""
    rows = (
        {
            **expense,
            "currency": currency,
            "receipt": receipt_path(key) if (key := expense["receipt_url"]) else "",
        }
        for expense in expenses
    )
    return export.csv_lines(rows, export.EXPORT_COLUMNS)


def _pick(item: object, names: Iterable[str]) -> Record:
    return {name: getattr(item, name) for name in names}
