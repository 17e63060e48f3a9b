"""The callers of the authorization tests, and one of each item they can request."""

import datetime
import functools
import hashlib
import itertools
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts import credentials, services, sessions, tokens
from accounts.factors import passkeys
from accounts.factors.second_step import SecondStep
from expenses.bulk_update import change_expenses
from expenses.imports.services import create_import
from expenses.receipts import uploads
from reports import queued
from reports.periods import resolve
from smartbudget.core import dates
from smartbudget.core.files import report_key
from smartbudget.core.periods import period_of
from smartbudget.core.user import User
from tests.accounts.factors.authenticator import Authenticator
from tests.accounts.factors.builders import store_passkey, with_passkey, with_totp
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_staff,
    make_token,
    make_user,
    program_with,
)
from tests.expenses.imports.builders import make_profile
from tests.expenses.receipts.pictures import PDF, picture
from tests.money_builders import make_budget, make_expense
from tests.notifications.builders import make_notification

WORD = "Heliotrope"  # in everything the owner has, and in no other user's data
BUCKET = "smart-budget-receipts"

ONE_DAY = datetime.timedelta(days=1)

_PHOTO = picture()
_numbers = itertools.count(1)


class Cast:
    """The owner, the other callers and the owner's items, created on first use."""

    def __init__(self) -> None:
        self._people: dict[str, User] = {}
        self._clients: dict[str, Client] = {}
        self._things: dict[str, str] = {}

    @functools.cached_property
    def spare(self) -> "Cast":
        """A second cast, for requests that would disturb this one."""
        return Cast()

    def reset(self) -> None:
        """Forget users, clients and items, so that new ones are created."""
        for cache in (self._people, self._clients, self._things):
            cache.clear()

    def person(self, role: str) -> User:
        """Return the user of a role, such as `owner`, `other` or `staff`."""
        if role not in self._people:
            user = make_user()
            if role == "staff":
                user = make_staff(user)
            self._people[role] = user
        return self._people[role]

    def client(self, caller: str) -> Client:
        """Return the test client of a caller; see `test_authorization`."""
        if caller not in self._clients:
            self._clients[caller] = self._new_client(caller)
        return self._clients[caller]

    def thing(self, kind: str) -> str:
        """Return the id of one of the owner's items, by its name in URLs."""
        if kind not in self._things:
            assert kind in THINGS, f"add {kind} to tests.cast.THINGS"
            self._things[kind] = THINGS[kind](self)
        return self._things[kind]

    def forget_things(self) -> None:
        """Forget items that requests may have changed, so that new ones are created."""
        self._things.clear()

    def _new_client(self, caller: str) -> Client:
        if caller == "anonymous":
            return client_for()
        if caller in ("owner", "other", "staff"):
            return client_for(self.person(caller))
        if caller == "ended session":
            client = client_for(self.person("owner"))
            sessions.log_out(client.cookies["session"].value)
            return client
        kind, _, scopes = caller.partition(": ")
        return program_with(self._token(kind, scopes.split()))

    def _token(self, kind: str, scopes: list[str]) -> str:
        owner = self.person("owner")
        if kind == "expired token":
            with time_machine.travel(dates.now() - 2 * ONE_DAY):
                return make_token(owner, days=1)
        secret = make_token(owner, *scopes, name=WORD)
        if kind == "revoked token":
            tokens.revoke_token(owner, credentials.digest(secret))
        return secret


def _passkey(cast: Cast) -> str:
    """Store a passkey that the account does not list, so that it has no factor yet."""
    return store_passkey(cast.person("owner"), Authenticator(), WORD).passkey_id


def _expense(cast: Cast) -> str:
    """Create an expense with a receipt and a history."""
    owner = cast.person("owner")
    expense = make_expense(owner, category=WORD, amount="3.00")
    client = cast.client("owner")
    data = {"file": photo(), "expense_id": expense.expense_id}
    assert client.post("/api/receipts/upload", data).status_code == 201
    return expense.expense_id


def _undo(cast: Cast) -> str:
    """Return the id that undoes a change of the owner's expenses."""
    expense_id = _expense(cast)
    result = change_expenses(cast.person("owner"), [expense_id], status="cleared")
    assert result.undo_id
    return result.undo_id


def _budget(cast: Cast) -> str:
    category = f"{WORD} {next(_numbers)}"
    return make_budget(cast.person("owner"), category=category).budget_id


def _notification(cast: Cast) -> str:
    owner = cast.person("owner")
    fields = {"subject": WORD, "message": WORD}
    return make_notification(uuid.uuid4().hex, owner.user_id, **fields).notification_id


def _import(cast: Cast) -> str:
    """Return the id of an import that is not committed."""
    content = f"Date,Description,Amount\n2026-03-03,{WORD},-3.00\n".encode()
    return create_import(cast.person("owner"), content, f"{WORD}.csv").import_id


def _profile(cast: Cast) -> str:
    """Return the id of a bank account that files were imported of."""
    name = f"{WORD} {next(_numbers)}"
    return make_profile(cast.person("owner"), name).source


def _report(cast: Cast) -> str:
    owner = cast.person("owner")
    created_at = dates.now() + ONE_DAY * next(_numbers)
    key = report_key(
        owner.user_id,
        "monthly",
        period_of("monthly", created_at.date()),
        created_at,
    )
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=PDF)
    return key.rpartition("/")[2]


def _queued_report(cast: Cast) -> str:
    owner = cast.person("owner")
    return queued.put(owner, resolve("yearly", today=owner.today())).report_id


def _session(cast: Cast) -> str:
    login = sessions.begin_session(account_of(cast.person("owner")))
    return credentials.digest(login.session_key)


def _token(cast: Cast) -> str:
    make_token(cast.person("owner"), "read", name=WORD)
    return tokens.list_tokens(cast.person("owner"))[0].token_id


def _upload(cast: Cast) -> str:
    """Return the key of a direct upload that is not confirmed yet."""
    digest = hashlib.sha256(PDF).hexdigest()
    key, *_ = uploads.create_presigned_upload(
        cast.person("owner"),
        file_name=f"{WORD}.pdf",
        size_bytes=len(PDF),
        sha256=digest,
    )
    boto3.client("s3").put_object(
        Bucket=BUCKET, Key=key, Body=PDF, ContentType="application/pdf"
    )
    return key


THINGS: dict[str, Callable[[Cast], str]] = {
    "budget_id": _budget,
    "expense_id": _expense,
    "file_name": _report,
    "import_id": _import,
    "key": lambda cast: "k" * 43,
    "notification_id": _notification,
    "passkey_id": _passkey,
    "report_id": _queued_report,
    "session_id": _session,
    "source": _profile,
    "token": lambda cast: "t" * 43,
    "token_id": _token,
    "upload": _upload,
    "undo_id": _undo,
    "user_id": lambda cast: cast.person("bystander").user_id,
}


def photo() -> SimpleUploadedFile:
    """Return a receipt to upload."""
    return SimpleUploadedFile(f"{WORD}.jpg", _PHOTO, "image/jpeg")


def statement() -> SimpleUploadedFile:
    """Return a bank's file to import."""
    content = b"Date,Description,Amount\n2026-03-03,Cafe,-3.00\n"
    return SimpleUploadedFile("bank.csv", content, "text/csv")


def newcomer() -> dict[str, Any]:
    """Return the fields of a registration."""
    name = f"new{next(_numbers)}"
    return {"username": name, "email": f"{name}@example.com", "password": PASSWORD}


def second_step() -> dict[str, Any]:
    """Return the fields of the second step of a new user's login."""
    user = make_user()
    app, _codes = with_totp(user)
    step = services.log_in(
        identifier=user.username, password=PASSWORD, address="192.0.2.9"
    )
    assert isinstance(step, SecondStep)
    return {"ticket": step.ticket, "code": app.code()}


def passkey_login() -> dict[str, Any]:
    """Return the fields of a new user's login with a passkey."""
    device = with_passkey(make_user())
    return {"passkey": device.use(passkeys.login_options())}
