"""Authorization: every URL and method, requested by every caller.

A row of API has the scopes, any one of which allows a token (`session`: sessions only;
`anyone`: public), the method and URL, and the status for the owner (in a browser/with a
token, if they differ), another user and staff. `alone` marks rows that would disturb
later ones. `expected` derives the status of the other callers.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLResolver, get_resolver

from accounts.tokens import SCOPES
from smartbudget.core import aws as clients
from smartbudget.core import health
from tests.builders import PASSWORD
from tests.cast import (
    WORD,
    Cast,
    newcomer,
    passkey_login,
    photo,
    second_step,
    statement,
)
from tests.conftest import empty_aws
from tests.money_builders import NOON
from tests.reports.conftest import Lambda
from tests.staff.test_dead_letters import make_queues

#  scopes       method address                                 owner other staff
API = """
   anyone       POST   /register                                 201   201   201 alone
   anyone       POST   /login                                    200   200   200 alone
   anyone       POST   /login/second                             200   200   200 alone
   anyone       POST   /login/passkey                            200   200   200 alone
   anyone       POST   /login/passkey/options                    200   200   200
   session      POST   /logout                                   204   204   204 alone
   anyone       POST   /api/account/password-reset               409   409   409
   anyone       POST   /api/account/password-reset/complete      410   410   410
   account      GET    /api/profile                              200   200   200
   account      PATCH  /api/profile                              200   200   200
   session      POST   /api/account/confirmation                 204   204   204
   session      POST   /api/password                             200   200   200 alone
   session      PUT    /api/password                             409   409   409
   session      DELETE /api/password                             409   409   409
   session      POST   /api/email                                200   200   200 alone
   account      DELETE /api/email                                200   200   200
   account      POST   /api/account/email/verification           409   409   409
   session      DELETE /api/account                              202   202   202 alone
   export,account      GET /api/export                           200   200   200 alone
   export,account      GET /api/export.json                      200   200   200 alone
   read,export,account GET /api/export/expenses.csv              200   200   200 alone
   account      GET    /api/sessions                             200   200   200
   account      DELETE /api/sessions                             204   204   204 alone
   account      DELETE /api/sessions/<session_id>                204   404   404 alone
   account      GET    /api/account/logins                     200   200   200
   account      GET    /api/account/factors                      200   200   200
   session      POST   /api/account/factors/totp                 200   200   200
   session      DELETE /api/account/factors/totp                 404   404   404
   session      POST   /api/account/factors/totp/confirm         410   410   410
   session      POST   /api/account/factors/recovery-codes       409   409   409
   session      POST   /api/account/confirmation/passkey/options 200   200   200
   session      POST   /api/account/passkeys/options             200   200   200
   account      GET    /api/account/passkeys                     200   200   200
   session      POST   /api/account/passkeys                     400   400   400
   account      GET    /api/account/passkeys/<passkey_id>        200   404   404
   account      PATCH  /api/account/passkeys/<passkey_id>        200   404   404
   session      DELETE /api/account/passkeys/<passkey_id>        404   404   404
   account      GET    /api/tokens                               200   200   200
   session      POST   /api/tokens                               201   201   201
   read,write,reports,export,account GET /api/tokens/current     404/200 404 404
   account      GET    /api/tokens/<token_id>                    200   404   404
   account      DELETE /api/tokens/<token_id>                    204   404   404

   read         GET    /api/expenses                             200   200   200
   write        POST   /api/expenses                             201   201   201
   write        POST   /api/expenses/with-receipt                201   201   201
   write        POST   /api/expenses/bulk                        201   201   201
   write        POST   /api/expenses/selected                    200   200   200
   read         GET    /api/expenses/<expense_id>                200   404   404
   write        PATCH  /api/expenses/<expense_id>                200   404   404
   write        DELETE /api/expenses/<expense_id>                204   404   404
   read         GET    /api/expenses/<expense_id>/history        200   404   404
   read         GET    /api/expenses/<expense_id>/refunds        200   404   404
   write        POST   /api/expenses/<expense_id>/restore        204   404   404
   read         GET    /api/expenses/trash                       200   200   200
   write        POST   /api/expenses/trash/empty                 200   200   200
   write        POST   /api/expenses/selected/<undo_id>/undo     200   404   404
   write        POST   /api/receipts/upload                      201   404   404
   write        POST   /api/receipts/presigned-url               201   201   201
   write        POST   /api/receipts/confirm                     200   404   404
   read         GET    /api/receipts/<expense_id>                200   404   404
   write        DELETE /api/receipts/<expense_id>                204   404   404

   read         GET    /api/categories                           200   200   200
   write        POST   /api/categories/rename                    200   200   200
   write        POST   /api/categories/merge                     200   200   200

   read         GET    /api/merchants                            200   200   200
   write        POST   /api/merchants/rename                     200   200   200
   write        POST   /api/merchants/merge                      200   200   200

   read         GET    /api/imports                              200   200   200
   write        POST   /api/imports                              201   201   201
   read         GET    /api/imports/<import_id>                  200   404   404
   write        PATCH  /api/imports/<import_id>                  200   404   404
   write        DELETE /api/imports/<import_id>                  204   404   404
   read         GET    /api/imports/<import_id>/rows             200   404   404
   write        PATCH  /api/imports/<import_id>/rows             200   404   404
   write        POST   /api/imports/<import_id>/commit           200   404   404
   write        POST   /api/imports/<import_id>/undo             409   404   404
   read         GET    /api/import-rules                         200   200   200
   write        PUT    /api/import-rules                         200   200   200
   write        POST   /api/import-rules                         200   404   404
   read         GET    /api/import-profiles                      200   200   200
   read         GET    /api/import-profiles/<source>             200   404   404
   write        PATCH  /api/import-profiles/<source>             200   404   404
   write        DELETE /api/import-profiles/<source>             204   404   404

   read         GET    /api/budgets                              200   200   200
   write        POST   /api/budgets                              201   201   201
   read         GET    /api/budgets/<budget_id>                  200   404   404
   write        PATCH  /api/budgets/<budget_id>                  200   404   404
   write        DELETE /api/budgets/<budget_id>                  204   404   404
   read         GET    /api/budgets/<budget_id>/periods          200   404   404
   read         GET    /api/summary                              200   200   200
   read         GET    /api/trends                               200   200   200
   read         GET    /api/today                                200   200   200

   read         GET    /api/notifications                        200   200   200
   read         GET    /api/notifications/<notification_id>      200   404   404
   write        PATCH  /api/notifications/<notification_id>      200   404   404
   read         GET    /api/notifications/unread                 200   200   200
   write        POST   /api/notifications/read                   200   404   404
   read         GET    /api/notifications/subscribe              200   200   200
   write        POST   /api/notifications/subscribe              200   200   200
   write        DELETE /api/notifications/subscribe              200   200   200

   read,reports GET    /api/reports                              200   200   200
   reports      POST   /api/reports/generate                     201   201   201
   read,reports GET    /api/reports/<file_name>                  302   404   404
   read,reports GET    /api/reports/queued                       200   200   200
   read,reports GET    /api/reports/queued/<report_id>           200   404   404
   reports      DELETE /api/reports/<file_name>                  204   404   404

   session      GET    /api/admin/health                         403   403   200
   session      POST   /api/admin/users/find                     403   403   200
   session      POST   /api/admin/users/search                   403   403   200
   session      GET    /api/admin/users/<user_id>                403   403   200
   session      POST   /api/admin/users/<user_id>/lock           403   403   200 alone
   session      POST   /api/admin/users/<user_id>/unlock         403   403   200
   session      POST   /api/admin/users/<user_id>/reset-link     403   403   200
   session      GET    /api/admin/notifications/failed           403   403   200
   session      POST   /api/admin/notifications/resend           403   403   200
   session      GET    /api/admin/dead-letters                   403   403   200
   session      POST   /api/admin/dead-letters/redrive           403   403   200

   anyone       GET    /api                                      200   200   200
   anyone       GET    /api/schema                               200   200   200
   anyone       GET    /api/docs                                 200   200   200
"""

# Pages accept only sessions; other callers are redirected to /login, except from pages
# for `anyone`. A form without an entry in SENT is posted empty: 400 if allowed.
PAGES = """
   user         GET    /                                          200   200   200
   user         POST   /                                          400   400   400
   user         GET    /trend                                     200   200   200
   user         GET    /first-steps/subscribe                     302   302   302

   anyone       GET    /register                                  200   200   200
   anyone       POST   /register                                  302   302   302 alone
   anyone       GET    /login                                     200   200   200
   anyone       POST   /login                                     302   302   302 alone
   anyone       GET    /login/second                              302   302   302
   anyone       POST   /login/second                              302   302   302 alone
   anyone       GET    /login/passkey                             302   302   302
   anyone       POST   /login/passkey                             400   400   400
   anyone       POST   /logout                                    302   302   302 alone
   anyone       GET    /accounts/reset                            200   200   200
   anyone       POST   /accounts/reset                            200   200   200
   anyone       GET    /accounts/reset/sent                       200   200   200
   anyone       GET    /accounts/reset/<token>                    302   302   302
   anyone       GET    /accounts/reset/new                        410   410   410
   anyone       POST   /accounts/reset/new                        410   410   410

   anyone       GET    /accounts/verify                           410   410   410
   anyone       POST   /accounts/verify                           410   410   410
   anyone       GET    /accounts/verify/<token>                   302   302   302
   anyone       GET    /accounts/not-me                           410   410   410
   anyone       POST   /accounts/not-me                           410   410   410
   anyone       GET    /accounts/not-me/<token>                   302   302   302
   anyone       GET    /accounts/undo-email                       410   410   410
   anyone       POST   /accounts/undo-email                       410   410   410
   anyone       GET    /accounts/undo-email/<token>               302   302   302
   user         POST   /accounts/verify/send                      409   409   409
   user         GET    /accounts/profile                          200   200   200
   user         POST   /accounts/profile                          400   400   400
   user         GET    /accounts/confirm                          200   200   200
   user         POST   /accounts/confirm                          400   400   400
   user         GET    /accounts/password                         200   200   200
   user         POST   /accounts/password                         400   400   400
   user         GET    /accounts/password/set                    200   200   200
   user         POST   /accounts/password/set                    400   400   400
   user         GET    /accounts/password/remove                 200   200   200
   user         POST   /accounts/password/remove                 409   409   409
   user         GET    /accounts/delete                           200   200   200
   user         POST   /accounts/delete                           400   400   400
   user         GET    /accounts/export                           200   200   200
   user         POST   /accounts/export                           200   200   200
   user         GET    /accounts/sessions                         200   200   200
   user         POST   /accounts/sessions/others                  302   302   302 alone
   user         POST   /accounts/sessions/<session_id>/end        302   404   404 alone
   user         GET    /accounts/factors                          200   200   200
   user         GET    /accounts/factors/passkeys/add             200   200   200
   user         POST   /accounts/factors/passkeys/add             400   400   400
   user         GET    /accounts/factors/passkeys/<passkey_id>/rename 200 404 404
   user         POST   /accounts/factors/passkeys/<passkey_id>/rename 400 404 404
   user         GET    /accounts/factors/passkeys/<passkey_id>/remove 200 404 404
   user         POST   /accounts/factors/passkeys/<passkey_id>/remove 404 404 404
   user         GET    /accounts/factors/totp                     200   200   200
   user         POST   /accounts/factors/totp                     200   200   200
   user         POST   /accounts/factors/totp/confirm             302   302   302
   user         GET    /accounts/factors/totp/remove              200   200   200
   user         POST   /accounts/factors/totp/remove              404   404   404
   user         GET    /accounts/factors/recovery-codes           200   200   200
   user         POST   /accounts/factors/recovery-codes           409   409   409
   user         POST   /accounts/factors/recovery-codes/text      410   410   410
   user         GET    /accounts/tokens                           200   200   200
   user         POST   /accounts/tokens                           400   400   400
   user         POST   /accounts/tokens/<token_id>/revoke         302   404   404
   user         GET    /accounts/calendar                         200   200   200
   user         POST   /accounts/calendar                         400   400   400
   user         GET    /accounts/email                            200   200   200
   user         POST   /accounts/email                            400   400   400
   user         POST   /accounts/email/cancel                     302   302   302

   user         GET    /expenses                                  200   200   200
   user         GET    /expenses/add                              200   200   200
   user         POST   /expenses/add                              400   400   400
   user         GET    /expenses/selected                         302   302   302
   user         POST   /expenses/selected                         302   302   302
   user         GET    /expenses/trash                            200   200   200
   user         GET    /expenses/trash/empty                      200   200   200
   user         POST   /expenses/trash/empty                      302   302   302
   user         GET    /expenses/categories                       200   200   200
   user         GET    /expenses/categories/rename                302   302   302
   user         POST   /expenses/categories/rename                302   302   302
   user         GET    /expenses/merchants                        200   200   200
   user         GET    /expenses/merchants/rename                 302   302   302
   user         POST   /expenses/merchants/rename                 302   302   302
   user         GET    /expenses/import                           200   200   200
   user         POST   /expenses/import                           400   400   400
   user         GET    /expenses/import/rules                     200   200   200
   user         POST   /expenses/import/rules                     400   400   400
   user         GET    /expenses/import/accounts                  200   200   200
   user         GET    /expenses/import/accounts/<source>         200   404   404
   user         POST   /expenses/import/accounts/<source>         302   404   404
   user         GET    /expenses/import/accounts/<source>/delete  200   404   404
   user         POST   /expenses/import/accounts/<source>/delete  302   404   404
   user         GET    /expenses/import/<import_id>               200   404   404
   user         POST   /expenses/import/<import_id>               302   404   404
   user         GET    /expenses/import/<import_id>/discard       200   404   404
   user         POST   /expenses/import/<import_id>/discard       302   404   404
   user         GET    /expenses/import/<import_id>/mapping       200   404   404
   user         POST   /expenses/import/<import_id>/mapping       400   404   404
   user         GET    /expenses/import/<import_id>/continue      302   404   404
   user         GET    /expenses/import/<import_id>/undo          302   404   404
   user         POST   /expenses/import/<import_id>/undo          302   404   404
   user         GET    /expenses/<expense_id>/edit                200   404   404
   user         POST   /expenses/<expense_id>/edit                302   404   404
   user         GET    /expenses/<expense_id>/duplicate           200   404   404
   user         POST   /expenses/<expense_id>/duplicate           302   302   302
   user         GET    /expenses/<expense_id>/refund              200   404   404
   user         POST   /expenses/<expense_id>/refund              302   404   404
   user         POST   /expenses/<expense_id>/delete              302   404   404
   user         POST   /expenses/<expense_id>/restore             302   302   302
   user         POST   /expenses/undo/<undo_id>                   302   302   302
   user         GET    /expenses/<expense_id>/receipt             302   404   404
   user         GET    /expenses/<expense_id>/thumbnail           200   404   404

   user         GET    /budgets                                   200   200   200
   user         GET    /budgets/add                               200   200   200
   user         POST   /budgets/add                               400   400   400
   user         GET    /budgets/<budget_id>                       200   404   404
   user         POST   /budgets/<budget_id>/pause                 302   404   404
   user         GET    /budgets/<budget_id>/edit                  200   404   404
   user         POST   /budgets/<budget_id>/edit                  302   404   404
   user         GET    /budgets/<budget_id>/delete                200   404   404
   user         POST   /budgets/<budget_id>/delete                302   404   404

   user         GET    /notifications                             200   200   200
   user         POST   /notifications/read                        302   302   302
   user         POST   /notifications/act                         302   404   404
   user         GET    /notifications/<notification_id>           200   404   404
   user         POST   /notifications/<notification_id>/read      302   404   404
   user         POST   /notifications/<notification_id>/unread    302   404   404
   user         POST   /notifications/subscribe                   302   302   302
   user         POST   /notifications/unsubscribe                 302   302   302
   anyone       GET    /notifications/confirm/<token>             410   410   410
   anyone       POST   /notifications/confirm/<token>             410   410   410
   anyone       GET    /notifications/unsubscribe/<user_id>/<key> 404   404   404
   anyone       POST   /notifications/unsubscribe/<user_id>/<key> 404   404   404

   user         GET    /reports                                   200   200   200
   user         POST   /reports                                   400   400   400
   user         GET    /reports/<file_name>                       302   404   404
   user         GET    /reports/queued                            302   302   302
   user         GET    /reports/<file_name>/delete                200   404   404
   user         POST   /reports/<file_name>/delete                302   404   404

   user         GET    /admin                                     403   403   200
   user         GET    /admin/users                               403   403   200
   user         POST   /admin/users                               403   403   302
   user         GET    /admin/users/<user_id>                     403   403   200
   user         POST   /admin/users/<user_id>                     403   403   302 alone
   user         POST   /admin/users/<user_id>/unlock              403   403   302
   user         GET    /admin/users/<user_id>/reset-link          403   403   200
   user         POST   /admin/users/<user_id>/reset-link          403   403   200
   user         GET    /admin/notifications                       403   403   200
   user         POST   /admin/notifications/resend                403   403   302
   user         POST   /admin/dead-letters/redrive                403   403   302

   anyone       GET    /help                                      200   200   200
   anyone       GET    /privacy                                   200   200   200
   anyone       GET    /manifest.webmanifest                      200   200   200
"""

EXPENSE = {
    "amount": "2.00",
    "category": "Fun",
    "date": "2026-03-18",
    "status": "cleared",
}

# The data sent, where it is more than {}.
SENT: dict[str, Callable[[Cast], dict[str, Any]]] = {
    "POST /register": lambda cast: newcomer(),
    "POST /login": lambda cast: {
        "username": cast.person("owner").username,
        "password": PASSWORD,
    },
    "POST /login/second": lambda cast: second_step(),
    "POST /login/passkey": lambda cast: passkey_login(),
    "PATCH /api/profile": lambda cast: {"time_zone": "Asia/Tokyo"},
    "POST /api/account/confirmation": lambda cast: {"password": PASSWORD},
    "POST /api/password": lambda cast: {
        "old_password": PASSWORD,
        "new_password": "another good password",
    },
    "PUT /api/password": lambda cast: {"new_password": "another good password"},
    "DELETE /api/password": lambda cast: {"password": PASSWORD},
    "POST /api/email": lambda cast: {
        "password": PASSWORD,
        "email": newcomer()["email"],
    },
    "DELETE /api/account": lambda cast: {"password": PASSWORD},
    "POST /api/account/passkeys/options": lambda cast: {"password": PASSWORD},
    "POST /api/account/passkeys": lambda cast: {"passkey": {"id": "x"}, "name": "x"},
    "PATCH /api/account/passkeys/<passkey_id>": lambda cast: {"name": "Phone"},
    "DELETE /api/account/passkeys/<passkey_id>": lambda cast: {"password": PASSWORD},
    "POST /api/account/factors/totp": lambda cast: {"password": PASSWORD},
    "DELETE /api/account/factors/totp": lambda cast: {"password": PASSWORD},
    "POST /api/account/factors/totp/confirm": lambda cast: {
        "setup": "x",
        "codes": ["123456", "234567"],
        "recovery_codes_saved": True,
    },
    "POST /api/account/factors/recovery-codes": lambda cast: {"password": PASSWORD},
    "POST /api/tokens": lambda cast: {
        "password": PASSWORD,
        "name": "Script",
        "scopes": ["read"],
        "expires_in_days": 1,
    },
    "POST /api/expenses": lambda cast: {"amount": "1.00", "category": "Fun"},
    "POST /api/expenses/bulk": lambda cast: {
        "expenses": [{"amount": "1.00", "category": "Fun"}]
    },
    "POST /api/expenses/with-receipt": lambda cast: {**EXPENSE, "file": photo()},
    "PATCH /api/expenses/<expense_id>": lambda cast: {"amount": "2.00"},
    "POST /api/expenses/selected": lambda cast: {
        "expense_ids": [cast.thing("expense_id")],
        "status": "cleared",
    },
    "POST /api/categories/rename": lambda cast: {"from": "Fun", "to": "Play"},
    "POST /api/categories/merge": lambda cast: {"from": ["Play"], "into": "Fun"},
    "POST /api/merchants/rename": lambda cast: {"from": "Kiosk", "to": "Bakery"},
    "POST /api/merchants/merge": lambda cast: {"from": ["Bakery"], "into": "Kiosk"},
    "POST /api/imports": lambda cast: {"file": statement()},
    "PATCH /api/imports/<import_id>": lambda cast: {"mapping": {}},
    "PATCH /api/imports/<import_id>/rows": lambda cast: {
        "rows": [{"row": 2, "decision": "excluded"}]
    },
    "PUT /api/import-rules": lambda cast: {
        "rules": [{"text": "kiosk", "category": "Fun"}]
    },
    "POST /api/import-rules": lambda cast: {
        "import_id": cast.thing("import_id"),
        "row": 2,
        "never_guess": True,
    },
    "PATCH /api/import-profiles/<source>": lambda cast: {
        "name": newcomer()["username"]
    },
    "POST /expenses/import/accounts/<source>": lambda cast: {
        "name": newcomer()["username"]
    },
    "POST /api/receipts/upload": lambda cast: {
        "file": photo(),
        "expense_id": cast.thing("expense_id"),
    },
    "POST /api/receipts/presigned-url": lambda cast: {
        "file_name": "bill.pdf",
        "size_bytes": 9,
        "sha256": "0" * 64,
    },
    "POST /api/receipts/confirm": lambda cast: {"key": cast.thing("upload")},
    "POST /api/budgets": lambda cast: {
        "category": newcomer()["username"],
        "amount": "1.00",
    },
    "PATCH /api/budgets/<budget_id>": lambda cast: {"amount": "2.00"},
    "PATCH /api/notifications/<notification_id>": lambda cast: {"read": True},
    "POST /api/notifications/read": lambda cast: {
        "ids": [cast.thing("notification_id")]
    },
    "POST /api/reports/generate": lambda cast: {
        "report_type": "monthly",
        "year": 2020,
        "month": 1,
    },
    "POST /api/admin/users/find": lambda cast: {"whom": cast.thing("user_id")},
    "POST /api/admin/users/search": lambda cast: {"whom": cast.thing("user_id")},
    "POST /api/account/password-reset": lambda cast: {"username": "alice"},
    "POST /api/account/password-reset/complete": lambda cast: {
        "token": "x" * 43,
        "new_password": "another good password",
    },
    "POST /api/admin/users/<user_id>/reset-link": lambda cast: {"password": PASSWORD},
    "POST /admin/users/<user_id>/reset-link": lambda cast: {"password": PASSWORD},
    "POST /api/admin/users/<user_id>/lock": lambda cast: {"reason": "Sends spam"},
    "POST /api/admin/notifications/resend": lambda cast: {"all": True},
    "POST /expenses/<expense_id>/edit": lambda cast: EXPENSE,
    # The content of the form, which belongs to the caller by then.
    "POST /expenses/<expense_id>/duplicate": lambda cast: EXPENSE,
    "POST /expenses/<expense_id>/refund": lambda cast: {**EXPENSE, "kind": "refund"},
    "POST /budgets/<budget_id>/edit": lambda cast: {
        "category": newcomer()["username"],
        "amount": "2.00",
        "period": "monthly",
        "alert_thresholds": "80",
    },
    "POST /notifications/act": lambda cast: {
        "action": "read",
        "selected": cast.thing("notification_id"),
    },
    "POST /admin/users": lambda cast: {"whom": cast.thing("user_id")},
    "POST /admin/users/<user_id>": lambda cast: {"reason": "Sends spam"},
    "POST /admin/notifications/resend": lambda cast: {"all": "true"},
}

PLACE = re.compile(r"<(?:\w+:)?(\w+)>")
UNKNOWN = ("anonymous", "ended session", "expired token", "revoked token")
# Operations that return no stored data to a token that may write but not read.
UNSHOWN = {
    "PATCH /api/expenses/<expense_id>",
    "PATCH /api/budgets/<budget_id>",
    "PATCH /api/imports/<import_id>",
    "PATCH /api/imports/<import_id>/rows",
    "PUT /api/import-rules",
    "POST /api/import-rules",
    "PATCH /api/import-profiles/<source>",
    "PATCH /api/notifications/<notification_id>",
    "POST /api/notifications/subscribe",
    "DELETE /api/notifications/subscribe",
}
PROGRAMS = tuple(f"token: {scope}" for scope in SCOPES)
FULL = "token: " + " ".join(SCOPES)


@dataclass(frozen=True)
class Row:
    scopes: tuple[str, ...]
    method: str
    address: str
    owner: int
    program: int  # of the owner, with a token
    other: int
    staff: int
    is_alone: bool

    def __str__(self) -> str:
        return f"{self.method} {self.address}"


def rows(table: str) -> list[Row]:
    rows = []
    for line in filter(None, map(str.split, table.splitlines())):
        scopes, method, address, owner, other, staff, *alone = line
        owner, _, program = owner.partition("/")
        statuses = map(int, (owner, program or owner, other, staff))
        rows.append(
            Row(tuple(scopes.split(",")), method, address, *statuses, bool(alone))
        )
    return rows


def expected(row: Row) -> dict[str, int]:
    """Return the expected status of each caller of the API."""
    people = {"owner": row.owner, "other": row.other, "staff": row.staff}
    if row.scopes == ("anyone",):
        return {**people, "anonymous": row.owner, "expired token": row.owner}
    wrong = [scope for scope in SCOPES if scope not in row.scopes]
    return {
        **people,
        **dict.fromkeys(UNKNOWN, 401),
        **{
            f"token: {scope}": row.program if scope in row.scopes else 403
            for scope in SCOPES
        },
        **({f"token: {' '.join(wrong)}": 403} if wrong else {}),
        **({"token: write": 204} if str(row) in UNSHOWN else {}),
        FULL: 403 if row.scopes == ("session",) else row.program,
    }


def expected_of_page(row: Row) -> dict[str, int | str]:
    """Return what each caller of a page gets: a status, or "to log in"."""
    people = {"owner": row.owner, "other": row.other, "staff": row.staff}
    unknown = row.owner if row.scopes == ("anyone",) else "to log in"
    return {**people, "anonymous": unknown, "ended session": unknown, FULL: unknown}


@pytest.fixture(scope="module")
def cast() -> Iterator[Cast]:
    """Yield the callers and items of all rows, on moto and with the report Lambda."""
    client, lambda_ = clients.client, Lambda()
    with (
        empty_aws(),
        time_machine.travel(NOON),
        pytest.MonkeyPatch.context() as patch,
    ):
        make_queues(patch)
        patch.setattr(health, "_reports", lambda: "Ready.")
        patch.setattr(
            clients,
            "client",
            lambda service, attempts=2: (
                lambda_ if service == "lambda" else client(service, attempts)
            ),
        )
        yield Cast()


def test_every_url_and_method_has_a_row(cast):
    tables = {
        "API": (API, api_of_the_site()),
        "PAGES": (PAGES, pages_of_the_site(cast)),
    }
    for name, (table, requests) in tables.items():
        listed, present = {str(row) for row in rows(table)}, set(requests)

        missing = [
            f"{address} has no row: say in {name} who may do it and what it answers, in"
            " SENT what is sent, and in tests.cast.THINGS how an id in it is made."
            for address in sorted(present - listed)
        ]
        assert missing == []
        assert sorted(listed - present) == []  # rows without an endpoint


def api_of_the_site() -> Iterator[str]:
    for address, view in views(get_resolver().url_patterns):
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(getattr(view, "cls", None), method):
                yield f"{method.upper()} {address}"


def pages_of_the_site(cast: Cast) -> Iterator[str]:
    """Return the requests of all pages, from the Allow header of a 405."""
    client = cast.client("owner")
    for address, _ in views(get_resolver().url_patterns):
        if address == "/api" or address.startswith("/api/"):
            continue
        answer = client.trace(with_ids(cast, address), headers={"Accept": "text/html"})
        if answer.status_code == 406:  # only JSON: no page
            continue
        assert answer.status_code == 405, f"{address} takes every method"
        for method in answer.headers["Allow"].split(", "):
            if method not in ("HEAD", "OPTIONS"):
                yield f"{method} {address}"


def views(patterns: list[Any], before: str = "/") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        address = before + PLACE.sub(r"<\1>", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, address)
        else:
            yield address, pattern.callback


@pytest.mark.parametrize("row", rows(API), ids=str)
def test_the_api_answers_every_caller_as_its_row_says(cast, row):
    wanted = expected(row)

    assert {caller: status(cast, row, caller) for caller in wanted} == wanted


@pytest.mark.parametrize("row", rows(PAGES), ids=str)
def test_pages_answer_every_caller_as_their_row_says(cast, row):
    wanted = expected_of_page(row)

    assert {caller: page_status(cast, row, caller) for caller in wanted} == wanted


def status(cast: Cast, row: Row, caller: str) -> int:
    """Send a request to the API and return the status."""
    cast = cast.spare if row.is_alone else cast
    sent = sent_with(cast, row)
    client, address = cast.client(caller), with_ids(cast, row.address)
    if any(isinstance(value, SimpleUploadedFile) for value in sent.values()):
        answer = client.post(address, sent)
    else:
        body = "" if row.method == "GET" else json.dumps(sent)
        answer = client.generic(row.method, address, body, "application/json")
    return checked(cast, row, caller, answer).status_code


def page_status(cast: Cast, row: Row, caller: str) -> int | str:
    """Request a page and return the status, or "to log in"."""
    cast = cast.spare if row.is_alone else cast
    client, address = cast.client(caller), with_ids(cast, row.address)
    client.handler.enforce_csrf_checks = False  # other tests cover the CSRF token
    if row.method == "GET":
        answer = client.get(address)
    else:
        answer = client.post(address, sent_with(cast, row))
    answer = checked(cast, row, caller, answer)
    led_away = answer.headers.get("Location", "").startswith("/login")
    # A form comes back with its draft and a login form.
    led_away |= answer.status_code == 401 and 'name="draft"' in answer.text
    is_guarded = row.scopes != ("anyone",)
    return "to log in" if led_away and is_guarded else answer.status_code


def sent_with(cast: Cast, row: Row) -> dict[str, Any]:
    return SENT[str(row)](cast) if str(row) in SENT else {}


def with_ids(cast: Cast, address: str) -> str:
    """Insert the ids of the owner's items into a URL."""
    return PLACE.sub(lambda match: cast.thing(match[1]), address)


def checked(cast: Cast, row: Row, caller: str, answer: Any) -> Any:
    """Assert that other users do not see the owner's data."""
    if answer.status_code < 400 and row.is_alone:
        cast.reset()
    elif answer.status_code < 400 and row.method != "GET":
        cast.forget_things()
    content = answer.getvalue()
    assert caller in ("owner", FULL, *PROGRAMS) or WORD.encode() not in content
    return answer
