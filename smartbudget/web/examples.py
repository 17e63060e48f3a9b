"""Add an example of each JSON body to the schema.

An example is composed of those of its properties, by their names. COMPONENTS has the
exceptions.
"""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

ADDRESS = "https://budget.example.com"
EXPENSE = "5f2b8c1d9e3a4760b1c2d3e4f5a60718"
FILE_NAME = "monthly_report_2026-11-01--2026-11-30_20261201T060000Z.pdf"
USER = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
REPORT_KEY = f"reports/{USER}/{FILE_NAME}"
RECEIPT = f"receipts/{USER}/{EXPENSE}.jpg"
PASSKEY_OPTIONS = {
    "challenge": "3q2-7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs",
    "timeout": 300000,
    "rpId": "budget.example.com",
    "allowCredentials": [],
    "userVerification": "required",
}
PASSKEY = {
    "id": "AQIDBAUGBwgJCgsMDQ4PEA",
    "rawId": "AQIDBAUGBwgJCgsMDQ4PEA",
    "type": "public-key",
    "response": {
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
        "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAA",
        "signature": "MEUCIQDx",
        "userHandle": "MGExYjJjM2Q",
    },
}
NEW_PASSKEY = {
    **PASSKEY,
    "response": {
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0",
        "attestationObject": "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVg",
    },
}
DAY, INSTANT = "2026-11-20", "2026-11-20T18:32:07.412000Z"
NO_PROGRAM = {"source": None, "external_id": None}
REFUND: dict[str, Any] = {
    "expense_id": "5a4b3c2d1e0f5a4b3c2d1e0f5a4b3c2d",
    "amount": "5.00",
    "kind": "refund",
    "category": "Groceries",
    "parts": [],
    "merchant": "Corner shop",
    "description": "Bottles",
    "notes": "",
    "date": DAY,
    "receipt_url": None,
    "status": "pending",
    "refund_of": EXPENSE,
    **NO_PROGRAM,
    "created_at": INSTANT,
    "updated_at": INSTANT,
}

TRASHED = ("TrashedOutput", "ExportedTrash", "ExportedExpense")

NAMED: dict[str, Any] = {
    "account_label": "3000",
    "after": "Groceries",
    "alert_threshold": 80,
    "alert_thresholds": [80, 100],
    "alerts": 1,
    "allowance": "20.00",
    "amount": "12.50",
    "amount_in_category": "12.50",
    "at": INSTANT,
    "attempts": 3,
    "because": "You imported this before.",
    "before": "Food",
    "budget_id": "9c0d1e2f3a4b5c6d7e8f90a1b2c3d4e5",
    "cap": "200.00",
    "carried_over": "0.00",
    "basis": ["9c0d1e2f3a4b5c6d7e8f90a1b2c3d4e5"],
    "category": "Groceries",
    "category_because": "One of your rules.",
    "cell": "",
    "changed": 2,
    "code": "492039",
    "codes": ["492039", "617283"],
    "content_type": "image/jpeg",
    "count": 1,
    "counts": {"new": 61, "duplicate": 20, "left_out": 1},
    "csrf_token": "Qm7cXl2vB8nR4tY6uI0oP3aS5dF9gH1jK2lZ8xC4vB6nM0qW3eR7tY1uI5oP9aSd",
    "currency": "USD",
    "delivery_method": "email",
    "decision": "duplicate",
    "description": "Market",
    "device": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "done": 61,
    "email": "alice@example.com",
    "email_verified": True,
    "email_problem": None,
    "email_preferences": {"budget_exceeded": True, "weekly_summary": False},
    "end": "2026-11-30",
    "error": None,
    "expense_id": EXPENSE,
    "expense_ids": [EXPENSE],
    "expenses": 31,
    "expires_in": 300,
    "external_id": "2026-11-20-00017",
    "expires_in_days": 90,
    "file_name": "receipt.jpg",
    "from": "Food",
    "gone": 0,
    "headers": {"Content-Type": "image/jpeg"},
    "hidden": 0,
    "import_id": "8b7a6c5d4e3f20718293a4b5c6d7e8f9",
    "into": "Groceries",
    "key": RECEIPT,
    "large_expense_threshold": "500.00",
    "days_left": 7,
    "deleted": 2,
    "left": 0,
    "left_today": "7.00",
    "left_to_spend": "70.00",
    "limit": "400.00",
    "live_sessions": 2,
    "locked_at": None,
    "locked_reason": None,
    "mapping": {"delimiter": ";", "decimal": ","},
    "marked": 3,
    "max_amount": "50.00",
    "merchant": "Farmers' market",
    "method": "PUT",
    "min_amount": "10.00",
    "month": "2026-11",
    "month_start_day": 25,
    "moved": 4,
    "name": "Spreadsheet",
    "new_password": "a longer sentence of mine",
    "next": None,
    "note": "",
    "notes": "Half of it is Sam's.",
    "notification_id": "1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f60",
    "old_password": "quiet river lantern",
    "of": EXPENSE,
    "over": "12.50",
    "overspent": "0.00",
    "passes_on": "2026-11-27",
    "passkey": PASSKEY,
    "passkey_id": "d9" * 32,
    "password": "quiet river lantern",
    "pending_email": None,
    "percentage": "82.50",
    "phone_number": "+1 555 0100",
    "place": "line 7",
    "previous": None,
    "previous_spent": "905.10",
    "problem": None,
    "profile": "Joint account",
    "questions": [
        {
            "about": "decimal",
            "choices": [",", "."],
            "examples": {",": "1.000 is 1,000.00", ".": "1.000 is 1.00"},
        }
    ],
    "reason": "Asked by e-mail to lock it for a while.",
    "receipt_url": RECEIPT,
    "recovery_codes": ["abcd-efgh-ijkl-mnop"],
    "recovery_codes_left": 9,
    "recovery_codes_saved": True,
    "refund_of": EXPENSE,
    "refunded": "50.00",
    "refused": 0,
    "remaining": "70.00",
    "report_id": "6d5e4f3a2b1c5d8e9f0a1b2c3d4e5f60",
    "report_key": REPORT_KEY,
    "report_type": "monthly",
    "report_url": f"{ADDRESS}/{REPORT_KEY}?X-Amz-Signature=0",
    "requested_at": INSTANT,
    "resent": 1,
    "row": 7,
    "rows": 82,
    "rule_id": "1f2e3d4c5b6a70819283a4b5c6d7e8f9",
    "said": "ACTIVE",
    "scopes": ["read", "write"],
    "sent_to": "alice@example.com",
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "session_id": "b5" * 32,
    "setup": "gAAAAABpK0xQ" + "s" * 28,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "short": "0.00",
    "size_bytes": 48213,
    "source": "0c1d2e3f4a5b60718293a4b5c6d7e8f9",
    "source_text": None,
    "spellings": ["Groceries", "groceries"],
    "spent": "330.00",
    "spent_today": "13.00",
    "skipped": 0,
    "start": "2026-11-01",
    "status_text": "E-mailed on Nov 20, 2026, 6:32 PM.",
    "subject": "Budget 82% spent: Groceries",
    "message": "You've spent $330.00 (82%) of your $400.00 Groceries budget for"
    " November.",
    "subscription_arn": None,
    "subscription_status": "confirmed",
    "text": "farmers market 4711",
    "ticket": "gAAAAABpK0xQ" + "t" * 28,
    "time_zone": "Europe/Berlin",
    "to": "Groceries",
    "token": "smartbudget_" + "0" * 64,
    "token_id": "c7" * 32,
    "total": "42.50",
    "total_budget": "400.00",
    "total_remaining": "-480.00",
    "total_spent": "880.00",
    "unbudgeted_spent": "330.00",
    "unchanged": 0,
    "undo_id": "3e4f5a60718293a4b5c6d7e8f9a0b1c2",
    "totp": True,
    "unread": 2,
    "until": "2026-11-20T00:00:00Z",
    "uri": "otpauth://totp/Smart%20Budget%20Planner:alice?secret=JBSWY3DPEHPK3PXP",
    "user_id": USER,
    "username": "alice",
    "waiting": 1,
    "whom": "alice",
    "year": 2026,
    "year_start_month": 1,
}
# What only some budgets have.
BUDGET_OPTIONS = dict.fromkeys(
    [
        *("categories", "anchor", "month_days", "start", "end"),
        *("paused", "note", "everyday", "keep_for_tomorrow"),
    ],
    ...,
)
ONE_CATEGORY = {"categories": ["Groceries"]}
NO_OPTIONS = {
    **ONE_CATEGORY,
    "anchor": None,
    "month_days": None,
    "paused": False,
    "note": None,
    "everyday": True,
    "keep_for_tomorrow": False,
}
BUDGET = {"amount": "400.00", "level": "threshold"} | NO_OPTIONS
# {component: {property: its example there}}; `...` leaves the property out.
COMPONENTS: dict[str, Mapping[str, Any]] = {
    "BudgetInputRequest": {"amount": "400.00"} | BUDGET_OPTIONS,
    "BudgetOutput": BUDGET,
    "BudgetPeriodOutput": {"amount": "400.00", "level": "threshold"} | ONE_CATEGORY,
    "BudgetPreview": BUDGET,
    "EditedBudgetOutput": BUDGET,
    "StoredBudgetOutput": {"amount": "400.00", "start": None, "end": None} | NO_OPTIONS,
    "CategoryBudgetOutput": {"amount": "400.00"} | ONE_CATEGORY,
    "ExportedPeriod": {"amount": "400.00", "level": "threshold"} | ONE_CATEGORY,
    "CalendarPreview": {
        "description": "This month ends on Nov 24, 2026. From then on, months begin on"
        " the 25th."
    },
    "ChangedProfileOutput": {"preview": ...},
    "ConfirmInputRequest": {"passkey": ...},
    "ConfirmationInputRequest": {"expense_id": ...},
    "DeletionOutput": {
        "detail": "Your account has been closed. Your data will be gone within minutes."
    },
    "EditOutput": {"field": "category"},
    "EmailInputRequest": {"email": "alice@example.org"},
    "ExpenseInputRequest": {
        "parts": ...,
        "receipt_url": ...,
        "refund_of": ...,
        "source": ...,
        "external_id": ...,
    },
    "ExpenseOutput": {"parts": [], "receipt_url": None, "refund_of": None} | NO_PROGRAM,
    "QueuedOutput": {"status": "creating", "reason": None, "download_url": None},
    "RefundsOutput": {"results": [REFUND]},
    "ExportedPasskey": {"name": "My phone"},
    "FailedOutput": {"error": "The e-mail service did not answer."},
    "FiledOutput": {"file_name": FILE_NAME},
    "LineOutput": {"amount": "400.00", "level": "threshold"} | ONE_CATEGORY,
    "MadeOutput": {"file_name": FILE_NAME},
    "MarkInputRequest": {"ids": ...},
    "MatchesOutput": {"searched_to": None, "more_addresses": False},
    "MergeMerchantsInputRequest": {"from": ["Bakery", "Kiosk"], "into": "Bakery"},
    "RenameMerchantInputRequest": {"from": "Kiosk", "to": "Bakery"},
    "MergeInputRequest": {"from": ["Food", "Supermarket"]},
    "NewPasswordInputRequest": {"token": "Qm7cXl2vB8nR4tY6uI0oP3aS5dF9gH1jK2lZ8xC4vB6"},
    "NewPasswordOutput": {
        "detail": "Password changed. All devices have been logged out and all API"
        " tokens revoked. Log in with your new password."
    },
    "PartOutput": {"name": "Table users"},
    "PasswordResetOutput": {
        "detail": "If we found your account, we sent a link to its e-mail address."
    },
    "AddedPasskeyOutput": {"name": "My phone"},
    "NewPasskeyInputRequest": {"passkey": NEW_PASSKEY, "name": "My phone"},
    "PasskeyOutput": {"name": "My phone"},
    "PatchedPasskeyNameInputRequest": {"name": "My phone"},
    "PasskeyOptionsOutput": {"options": PASSKEY_OPTIONS},
    "PatchedBudgetInputRequest": {
        "category": ...,
        "period": ...,
        "amount": "450.00",
        **BUDGET_OPTIONS,
    },
    "RolloverInputRequest": {"mode": "both", "from_last_period": ...},
    "PatchedExpenseInputRequest": {
        "category": ...,
        "parts": ...,
        "rescale": ...,
        "merchant": ...,
        "description": ...,
        "notes": ...,
        "date": ...,
        "kind": ...,
        "receipt_url": ...,
        "refund_of": ...,
    },
    "QuestionInputRequest": {
        "email": True,
        "month": 11,
        "start_date": ...,
        "end_date": ...,
    },
    "QuietHours": {"from": "22:00", "until": "07:00"},
    "QuietHoursRequest": {"from": "22:00", "until": "07:00"},
    "ExportedImport": {"file_name": "statement.csv"},
    "BudgetOverOutput": {"spent": "412.50"},
    "ImportDetailOutput": {"file_name": "statement.csv"},
    "ImportOutput": {"file_name": "statement.csv"},
    "ImportRowOutput": {"amount": "-12.50"},
    "PatchedImportInputRequest": {"profile": ...},
    "RenamedOutput": {"left": False},
    "RuleInputRequest": {
        "rule_id": ...,
        "min_amount": ...,
        "max_amount": ...,
        "source": ...,
        "leave_out": ...,
        "never_guess": ...,
    },
    "UndoneImportOutput": {"changed": []},
    "DoneOutput": {"split": 0},
    "EmptiedOutput": {"left": False},
    **{name: {"parts": [], "refund_of": None} | NO_PROGRAM for name in TRASHED},
    "ListedExpenseOutput": {"parts": [], "refund_of": None, "amount_in_category": ...}
    | NO_PROGRAM,
    "RowInputRequest": {"parts": ..., "source": "Bank of Examples"},
    "SearchInputRequest": {"whom": "ali", "cursor": ...},
    "SecondStepInputRequest": {"recovery_code": ..., "passkey": ...},
    "SelectedInputRequest": {"delete": ...},
    "SubscriptionOutput": {"status": "pending", "detail": None},
    "WhichInputRequest": {"ids": ...},
}
# Components that are sent as multipart/form-data.
FORMS = ("ExpenseWithReceiptInputRequest", "ReceiptInputRequest")
FORMATS = {
    "date": DAY,
    "date-time": INSTANT,
    "uri": f"{ADDRESS}/api/reports/{FILE_NAME}",
}


def add_examples(result: Schema, **_: Any) -> Schema:
    """Add an example to every JSON body; a drf-spectacular hook."""
    components = result["components"]
    operations = [
        operation for item in result["paths"].values() for operation in item.values()
    ]
    requests = [
        operation["requestBody"]
        for operation in operations
        if "requestBody" in operation
    ]
    responses = [
        response
        for operation in operations
        for response in operation["responses"].values()
    ]
    for message in [*requests, *responses]:
        for media_type, content in message.get("content", {}).items():
            if media_type == "application/json":
                schema = content["schema"]
                content["example"] = _of(schema, "", components["schemas"])
    for name in FORMS:
        _add_to_form(components["schemas"][name]["properties"])
    return result


def _add_to_form(properties: Schema) -> None:
    """Add examples to a form's fields, with which the docs page fills the form."""
    for name, schema in properties.items():
        if name in ("sha256", "refund_of"):
            schema["examples"] = [""]  # it depends on what the user chooses
        elif schema.get("format") == "date":
            schema["examples"] = [DAY]
        elif name in NAMED and "$ref" not in schema:
            schema["examples"] = [NAMED[name]]


def _of_component(name: str, components: Schema) -> Any:
    component = components[name]
    if component["type"] != "object":
        return _of(component, "", components)
    exceptions = COMPONENTS.get(name, {})
    example = {
        key: exceptions[key] if key in exceptions else _of(schema, key, components)
        for key, schema in component.get("properties", {}).items()
    }
    return {key: value for key, value in example.items() if value is not ...}


def _of(schema: Schema, name: str, components: Schema) -> Any:
    """Return the example of a property."""
    for parts in (schema.get("allOf"), schema.get("oneOf"), [schema]):
        if parts and "$ref" in parts[0]:
            return _of_component(parts[0]["$ref"].rpartition("/")[2], components)
    if "enum" in schema:
        return schema["enum"][0]
    is_list = schema.get("type") == "array"
    if name in NAMED and is_list == isinstance(NAMED[name], list):
        return NAMED[name]
    if is_list:
        return [_of(schema["items"], name, components)]
    if schema.get("type") == "boolean":
        return True
    if schema.get("format") not in FORMATS:
        raise LookupError(f"{name} has no example: add one to {__name__}")
    return FORMATS[schema["format"]]
