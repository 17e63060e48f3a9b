"""POSTs repeated with their Idempotency-Key: executed once, same response."""

import contextlib
import datetime
import hashlib
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
import time_machine
from botocore.exceptions import ConnectionClosedError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver, resolve

from accounts.api import UnauthenticatedView
from accounts.factors import passkey_setup
from accounts.factors import services as factors
from budgets import services as budgets
from budgets.models import Budget
from expenses import bulk_update
from expenses import services as expenses
from expenses.imports.services import create_import
from expenses.models import Expense
from expenses.receipts import uploads
from smartbudget.core import idempotency
from smartbudget.core.idempotency import KeyedRequest
from smartbudget.web import idempotency as web_idempotency
from tests.accounts.factors.authenticator import Authenticator
from tests.accounts.factors.builders import STEP, App
from tests.builders import PASSWORD, client_for, make_staff, make_user, with_factor
from tests.cast import statement
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import NOON, make_expense, spent
from tests.notifications import faults
from tests.notifications.mailing import using_ses
from tests.reports.conftest import generator

__all__ = ["generator"]

EXPENSES, BULK, BUDGETS = "/api/expenses", "/api/expenses/bulk", "/api/budgets"
LUNCH = {"amount": "12.50", "category": "Eating out", "date": "2026-03-17"}
FOOD = {"amount": "100.00", "category": "Eating out"}
REPLAYED = "Idempotency-Replayed"
CLAIM, COMPLETION, COMMIT = "PutItem", "UpdateItem", "TransactWriteItems"
MADE = [(EXPENSES, LUNCH), (BULK, {"expenses": [LUNCH] * 3}), (BUDGETS, FOOD)]


@pytest.fixture(autouse=True)
def clock(aws):
    with time_machine.travel(NOON, tick=True) as traveller:
        yield traveller


def post(client, path=EXPENSES, body=LUNCH, key="k", **headers):
    headers |= {"Idempotency-Key": key}
    return client.post(path, body, content_type="application/json", headers=headers)


def pdf(content=PDF):
    return SimpleUploadedFile("bill.pdf", content, content_type="application/pdf")


def send_form(client, **more):
    """Send a multipart form with its own boundary."""
    form = {"amount": "4.00", "category": "Fun", "file": pdf(), **more}
    return client.post(EXPENSES, form, headers={"Idempotency-Key": "k"})


def later(clock, seconds):
    clock.move_to(datetime.datetime.now(datetime.UTC) + datetime.timedelta(0, seconds))


def stored(path):
    model = Budget if path == BUDGETS else Expense
    values = (item.attribute_values for item in model.scan())
    # No histories or deleted expenses.
    items = (item for item in values if "#" not in item.get("expense_id", ""))
    return sorted(items, key=repr)


def records():
    prefix = KeyedRequest.user_id.startswith("idempotency#")
    return list(KeyedRequest.scan(prefix))


@contextlib.contextmanager
def killed_before_completion():
    def die(request, operation):
        raise faults.KilledError

    with faults.hooked(COMPLETION, die), pytest.raises(faults.KilledError):
        yield


def die_before_completion(client, path, body):
    """Do the work and die before it is recorded."""
    with killed_before_completion():
        post(client, path, body)


# ---------------------------------------------------------------- replay


@pytest.mark.parametrize(("path", "body"), MADE)
def test_the_first_response_is_replayed(client, path, body):
    first, again = post(client, path, body), post(client, path, body)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.get("Location") == first.get("Location")
    assert (REPLAYED in first, again[REPLAYED]) == (False, "true")
    assert len(stored(path)) == len(body.get("expenses", [1]))


def test_the_response_is_replayed_even_if_the_item_changed(client, alice):
    first = post(client)
    expense_id = first.json()["expense_id"]

    expenses.edit_expense(alice, expense_id, amount="99.00")
    assert post(client).content == first.content

    expenses.delete_expense(alice, expense_id)
    assert post(client).content == first.content
    assert stored(EXPENSES) == []


def test_formatting_of_the_json_makes_no_difference(client):
    first = post(client)
    written = json.dumps(dict(reversed(LUNCH.items())), indent=4)

    for path in (f"{EXPENSES}/", EXPENSES):
        again = client.post(
            path,
            written,
            content_type="application/json; charset=utf-8",
            headers={"Idempotency-Key": "k"},
        )
        assert again.content == first.content


def test_the_boundary_of_a_form_makes_no_difference(client):
    first, again = send_form(client), send_form(client)

    assert first.status_code == 201, first.content
    assert again.content == first.content
    assert again[REPLAYED] == "true"


def test_a_page_of_the_browsable_api_replays_too(client):
    first = post(client)

    again = post(client, accept="text/html")

    assert again[REPLAYED] == "true"
    assert first.json()["expense_id"] in again.content.decode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (EXPENSES, {**LUNCH, "amount": "13.00"}),
        (EXPENSES, {**LUNCH, "description": "x"}),
        (f"{EXPENSES}?a=1", LUNCH),
        (BUDGETS, FOOD),
    ],
)
def test_another_request_with_the_key_is_rejected(client, path, body):
    post(client)

    refused = post(client, path, body)

    assert refused.status_code == 422
    assert "was used for another request" in refused.content.decode()
    assert len(stored(EXPENSES)) == 1
    assert stored(BUDGETS) == []


def test_a_form_with_another_file_is_another_request(client):
    send_form(client)

    assert send_form(client, file=pdf(PDF + b"\n")).status_code == 422


def test_keys_are_per_user(client):
    bob = client_for(make_user("bob"))

    mine, his = post(client), post(bob, body={**LUNCH, "amount": "1.00"})

    assert (mine.status_code, his.status_code) == (201, 201)
    assert REPLAYED not in his
    assert bob.get(EXPENSES).json()["results"] == [his.json()]


def test_a_key_is_free_again_after_24_hours(client, clock):
    post(client)
    later(clock, 24 * 3600 - 30)
    assert post(client)[REPLAYED] == "true"

    later(clock, 60)
    again = post(client)

    assert (again.status_code, REPLAYED in again) == (201, False)
    assert len(stored(EXPENSES)) == 2


def test_other_methods_and_anonymous_requests_ignore_the_key(client):
    header = {"Idempotency-Key": "k" * 300}
    expense = post(client).json()
    known = len(records())
    login = {"username": "alice", "password": PASSWORD}

    for method, path, body, expected in (
        ("GET", EXPENSES, None, 200),
        ("HEAD", EXPENSES, None, 200),
        ("OPTIONS", EXPENSES, None, 200),
        ("PATCH", f"{EXPENSES}/{expense['expense_id']}", {"amount": "1.00"}, 200),
        ("DELETE", f"{EXPENSES}/{expense['expense_id']}", None, 204),
        ("POST", "/api/summary", LUNCH, 405),
        ("POST", "/login", login, 200),
    ):
        answer = client.generic(
            method,
            path,
            json.dumps(body) if body else b"",
            content_type="application/json",
            headers=header,
        )
        assert answer.status_code == expected, (method, path, answer.content)
    assert client_for().post(EXPENSES, LUNCH, headers=header).status_code == 401
    assert len(records()) == known


def posts():
    """Return the routes under /api that accept POST from a user."""
    api, patterns = get_resolver().namespace_dict["api"]
    return {
        f"{api}{pattern.pattern}"
        for pattern in patterns.url_patterns
        if hasattr(pattern.callback.cls, "post")
        and not issubclass(pattern.callback.cls, UnauthenticatedView)
    }


SECRET = {
    "/api/tokens",
    "/api/password",
    "/api/account/passkeys",
    "/api/account/factors/totp",
    "/api/account/factors/recovery-codes",
}
SECRET_FIELD = re.compile(rb'"(token|csrf_token|secret|recovery_codes|ticket|link)":')


@pytest.fixture
def sender(aws):
    """Configure a sender of account mail."""
    with using_ses("sns"):
        yield


def confirmation_of(user):
    """Return the fields that turn on a new authenticator app."""
    setup = factors.begin_totp(user, password=PASSWORD)
    app = App(setup.secret)
    return {
        "setup": setup.setup,
        "codes": [app.code(-STEP), app.code()],
        "recovery_codes_saved": True,
    }


def new_passkey_of(user):
    """Return the fields that add a passkey."""
    options = passkey_setup.begin_adding(user, password=PASSWORD)
    return {"passkey": Authenticator().create(options), "name": "Phone"}


@pytest.mark.usefixtures("sender", "generator")
def test_every_post_of_the_api_replays(alice):
    client = client_for(make_staff(alice))
    boto3.client("sqs").create_queue(QueueName="notification-queue-dlq")
    expense_id = make_expense(alice).expense_id
    bob = make_user("bob").user_id
    announced = {
        "file_name": "bill.pdf",
        "size_bytes": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "content_type": "application/pdf",
    }
    march = {"report_type": "monthly", "year": 2026, "month": 3}
    token = {"password": PASSWORD, "name": "Script", "scopes": ["read"]}
    token["expires_in_days"] = 30
    password = {"old_password": PASSWORD, "new_password": "another long one"}
    uploaded = uploads.create_presigned_upload(alice, **announced)[0]
    boto3.client("s3").put_object(
        Bucket="smart-budget-receipts", Key=uploaded, Body=PDF
    )
    changed = [make_expense(alice).expense_id]
    undo_id = bulk_update.change_expenses(alice, changed, status="void").undo_id
    deleted_id = make_expense(alice).expense_id
    expenses.delete_expense(alice, deleted_id)
    import_id = create_import(alice, statement().read(), "bank.csv").import_id
    requests = [
        *MADE,
        ("/api/receipts/presigned-url", announced),
        ("/api/receipts/confirm", {"key": uploaded}),
        ("/api/receipts/upload", {"expense_id": expense_id}),
        ("/api/expenses/with-receipt", {"category": "Fun", "amount": "2.00"}),
        (
            "/api/expenses/selected",
            {"expense_ids": [expense_id], "status": "cleared"},
        ),
        ("/api/categories/rename", {"from": "Groceries", "to": "Food"}),
        ("/api/categories/merge", {"from": ["Food"], "into": "Fun"}),
        ("/api/merchants/rename", {"from": "Kiosk", "to": "Bakery"}),
        ("/api/merchants/merge", {"from": ["Bakery"], "into": "Kiosk"}),
        ("/api/imports", {}),
        ("/api/import-rules", {"import_id": import_id, "row": 2, "never_guess": True}),
        (f"/api/imports/{import_id}/commit", None),
        (f"/api/imports/{import_id}/undo", {}),
        ("/api/reports/generate", march),
        ("/api/notifications/read", {"all": True}),
        ("/api/notifications/subscribe", {}),
        ("/api/email", {"password": PASSWORD, "email": "new@example.com"}),
        ("/api/account/email/verification", None),
        ("/api/account/confirmation", {"password": PASSWORD}),
        ("/api/tokens", token),
        ("/api/account/confirmation/passkey/options", None),
        ("/api/account/passkeys/options", {"password": PASSWORD}),
        ("/api/account/passkeys", new_passkey_of(alice)),
        ("/api/account/factors/totp", {"password": PASSWORD}),
        (
            "/api/account/factors/totp/confirm",
            # After the passkey, since a first factor ends what was begun before it.
            lambda: confirmation_of(with_factor(alice)),
        ),
        ("/api/account/factors/recovery-codes", {"password": PASSWORD}),
        ("/api/password", password),
        ("/api/admin/users/find", {"whom": "bob"}),
        ("/api/admin/users/search", {"whom": "bob"}),
        (f"/api/expenses/selected/{undo_id}/undo", None),
        (f"/api/expenses/{deleted_id}/restore", None),
        ("/api/expenses/trash/empty", None),
        (f"/api/admin/users/{bob}/lock", {"reason": "odd"}),
        (f"/api/admin/users/{bob}/unlock", None),
        (
            f"/api/admin/users/{bob}/reset-link",
            {"password": password["new_password"]},
        ),
        ("/api/admin/notifications/resend", {"all": True}),
        ("/api/admin/dead-letters/redrive", None),
    ]

    def send(number, path, body):
        files = {
            "/api/receipts/upload": pdf,
            "/api/expenses/with-receipt": pdf,
            "/api/imports": statement,
        }
        if path not in files:
            return post(client, path, body, key=f"{number}")
        form = {**body, "file": files[path]()}
        return client.post(path, form, headers={"Idempotency-Key": f"{number}"})

    for number, (path, given) in enumerate(requests):
        body = given() if callable(given) else given
        first, again = (send(number, path, body) for _ in "12")
        assert first.status_code in {200, 201, 204}, (path, first.content)
        if path in SECRET or path.endswith("/reset-link"):
            assert (again.status_code, again.json()["code"]) == (409, "secret_not_kept")
            continue
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.get("Location") == first.get("Location"), path
        assert again[REPLAYED] == "true", path
        assert not SECRET_FIELD.search(first.content), path
    assert {str(resolve(path).route) for path, _ in requests} == posts()


# --------------------------------------------------------- unstored responses


@pytest.mark.parametrize(
    "wrong", [{**LUNCH, "amount": "0"}, {"amount": "1.00"}, {**LUNCH, "color": "red"}]
)
def test_a_rejected_request_leaves_the_key_usable(client, wrong):
    assert post(client, body=wrong).status_code == 400
    assert records() == []

    assert post(client).status_code == 201


def test_a_conflict_is_not_stored(client, alice):
    post(client, BUDGETS, FOOD, key="one")

    assert post(client, BUDGETS, FOOD, key="two").status_code == 409
    budgets.delete_budget(alice, stored(BUDGETS)[0]["budget_id"])
    assert post(client, BUDGETS, FOOD, key="two").status_code == 201


@pytest.mark.parametrize("body", [b"{", b'{"amount": NaN}', b"[" * 5000])
def test_an_unreadable_body_takes_no_lease(client, body):
    answer = client.post(
        EXPENSES,
        body,
        content_type="application/json",
        headers={"Idempotency-Key": "k"},
    )

    assert answer.status_code == 400
    assert records() == []


@pytest.mark.parametrize("depth", range(800, 1000, 7))
def test_a_body_just_within_the_limit_is_still_validated(client, depth):
    body = '{"amount": ' + "[" * depth + "]" * depth + "}"

    assert post(client, body=body).status_code == 400


@pytest.mark.parametrize(("path", "body"), MADE)
def test_after_a_failure_a_retry_does_the_work(client, path, body):
    with faults.down(COMMIT):
        assert post(client, path, body).status_code == 503
    assert stored(path) == []

    assert post(client, path, body).status_code == 201
    assert len(stored(path)) == len(body.get("expenses", [1]))


def test_a_500_is_not_stored(client, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("expenses.api.representation", None)
        assert post(client).status_code == 500

    assert post(client).status_code == 201
    assert len(stored(EXPENSES)) == 1


def test_without_the_lease_nothing_is_done(client):
    with faults.down(CLAIM):
        answer = post(client)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert stored(EXPENSES) == []
    assert REPLAYED not in post(client)


# --------------------------------------------------- lost replies, dead processes


def every_reply_lost(operation):
    """Execute each call and lose every response."""

    def lose(request, operation):
        faults.execute_without_reply(request, operation)
        raise ConnectionClosedError(endpoint_url=request.url)

    return faults.hooked(operation, lose)


@pytest.mark.parametrize("operation", [CLAIM, COMPLETION])
def test_a_lost_reply_to_the_bookkeeping_changes_nothing(client, operation):
    with faults.reply_lost(operation):
        first = post(client)

    again = post(client)
    assert (first.status_code, again.content) == (201, first.content)
    assert again[REPLAYED] == "true"
    assert len(stored(EXPENSES)) == 1


def test_after_a_lease_of_unknown_outcome_the_key_waits_until_it_expires(client, clock):
    with every_reply_lost(CLAIM):
        assert post(client).status_code == 503

    assert post(client).status_code == 409
    later(clock, idempotency.LEASE_SECONDS)
    assert post(client).status_code == 201
    assert len(stored(EXPENSES)) == 1


@pytest.mark.parametrize(("path", "body"), MADE[::2])
def test_a_commit_of_unknown_outcome_is_found_by_a_retry(client, path, body):
    with every_reply_lost(COMMIT):
        assert post(client, path, body).status_code == 503
    (item,) = stored(path)

    again = post(client, path, body)

    assert (again.status_code, len(stored(path))) == (201, 1)
    assert item.get("expense_id") == again.json().get("expense_id")


def test_a_response_that_cannot_be_stored_is_still_returned(client, clock):
    with faults.down(COMPLETION):
        first = post(client)
    assert first.status_code == 201

    assert post(client).status_code == 409
    later(clock, idempotency.LEASE_SECONDS)
    assert post(client).json() == first.json()
    assert len(stored(EXPENSES)) == 1


@pytest.mark.parametrize(("path", "body"), MADE)
def test_a_commit_of_a_dead_process_is_found_by_a_retry(client, clock, path, body):
    die_before_completion(client, path, body)
    items = stored(path)

    assert post(client, path, body)["Retry-After"] == f"{idempotency.RETRY_AFTER}"
    later(clock, idempotency.LEASE_SECONDS)
    again = post(client, path, body)

    assert again.status_code == 201
    assert stored(path) == items
    assert post(client, path, body).content == again.content


@pytest.mark.parametrize(("path", "body"), MADE)
def test_a_commit_of_a_dead_process_is_found_even_if_edited_meanwhile(
    client, alice, clock, path, body
):
    die_before_completion(client, path, body)
    for item in stored(path):
        if path == BUDGETS:
            budgets.edit_budget(alice, item["budget_id"], amount="7.00")
        else:
            expenses.edit_expense(alice, item["expense_id"], amount="7.00")
    items = stored(path)

    later(clock, idempotency.LEASE_SECONDS)
    again = post(client, path, body)

    assert again.status_code == 201
    assert "7.00" in again.content.decode()
    assert stored(path) == items


def test_a_commit_with_a_file_of_a_dead_process_is_found(client, alice, clock):
    def upload():
        form = {"expense_id": expense.expense_id, "file": pdf()}
        header = {"Idempotency-Key": "u"}
        return client.post("/api/receipts/upload", form, headers=header)

    expense = make_expense(alice)
    for send in (upload, lambda: send_form(client)):
        with killed_before_completion():
            send()
        later(clock, idempotency.LEASE_SECONDS)
        assert send().status_code == 201

    bucket = boto3.client("s3").list_objects_v2(Bucket="smart-budget-receipts")
    keys = {obj["Key"] for obj in bucket["Contents"]}
    assert keys == {item.get("receipt_url") for item in stored(EXPENSES)} - {None}
    assert len(keys) == 2


TILL = {"source": "Till", "external_id": "A1"}
WITH_IDS = [(EXPENSES, LUNCH | TILL), (BULK, {"expenses": [LUNCH | TILL]})]


@pytest.mark.parametrize(("path", "body"), WITH_IDS)
def test_a_key_and_an_external_id_work_together(client, alice, path, body):
    """The same key gets the first response; another one that the expense exists."""
    first = post(client, path, body)
    (item,) = stored(path)

    assert post(client, path, body).content == first.content
    again = post(client, path, body, key="two")
    assert again.status_code == (200 if path == EXPENSES else 201)
    assert item["expense_id"] in again.content.decode()
    assert post(client, path, body, key="two").content == again.content
    expenses.delete_expense(alice, item["expense_id"])
    assert post(client, path, body).content == first.content
    refused = post(client, path, body, key="three")
    assert refused.status_code == (409 if path == EXPENSES else 201)
    assert stored(path) == []


@pytest.mark.parametrize(("path", "body"), WITH_IDS)
def test_an_external_id_of_a_dead_process_is_found_by_a_retry(
    client, alice, clock, path, body
):
    die_before_completion(client, path, body)
    (item,) = stored(path)

    later(clock, idempotency.LEASE_SECONDS)
    again = post(client, path, body)

    assert item["expense_id"] in again.content.decode()
    assert len(stored(path)) == 1


def test_another_budget_is_not_mistaken_for_the_created_one(client, alice):
    budgets.create_budget(alice, **FOOD)

    assert post(client, BUDGETS, FOOD).status_code == 409


def test_a_possibly_committed_request_keeps_its_seed_through_rejections(client, clock):
    """Otherwise the next attempt would have a new seed and repeat the work."""
    die_before_completion(client, EXPENSES, LUNCH)
    later(clock, idempotency.LEASE_SECONDS)

    with faults.killed(COMPLETION, 2, done=False):  # after taking over
        post(client)
    later(clock, idempotency.LEASE_SECONDS)
    assert post(client, body={**LUNCH, "amount": "0"}).status_code == 422

    assert post(client).status_code == 201
    assert len(stored(EXPENSES)) == 1


def test_a_request_that_lost_its_lease_does_not_write_the_record(client, clock):
    """A request slower than the lease, and its repetition."""
    again = []

    def repeat():
        later(clock, idempotency.LEASE_SECONDS)
        again.append(post(client))

    with faults.meanwhile(repeat):
        first = post(client)

    assert (first.status_code, again[0].status_code) == (201, 201)
    assert first.json() == again[0].json()
    assert len(stored(EXPENSES)) == 1
    assert post(client).content == again[0].content


# -------------------------------------------------------------- concurrency


def test_a_concurrent_repetition_is_told_to_wait(client):
    again = []

    with faults.meanwhile(lambda: again.append(post(client))):
        first = post(client)

    assert first.status_code == 201
    assert again[0].status_code == 409
    assert again[0]["Retry-After"] == f"{idempotency.RETRY_AFTER}"
    assert post(client).content == first.content


def test_the_same_request_from_many_threads_is_done_once(alice):
    budget = budgets.create_budget(alice, **FOOD)
    clients = [client_for(alice) for _ in range(12)]

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(post, clients))

    contents = {answer.content for answer in answers if answer.status_code == 201}
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(contents) == len(stored(EXPENSES)) == 1
    assert str(spent(budget)) == "12.5"


# ------------------------------------------------------------- stored records


def test_a_record_is_found_by_its_key_alone_and_expires(client, alice):
    post(client, key="my own key")

    (record,) = records()
    stored_text = repr(record.attribute_values)
    for name in ("my own key", alice.user_id):
        assert name not in stored_text
    assert record.expires_at - NOON.timestamp() == pytest.approx(24 * 3600, abs=5)


def test_a_request_with_another_secret_is_not_recognized(client, settings):
    post(client)

    settings.SECRET_KEY = "another one"

    assert post(client).status_code == 422
    assert len(stored(EXPENSES)) == 1


TOKEN = {
    "password": PASSWORD,
    "name": "Script",
    "scopes": ["read"],
    "expires_in_days": 30,
}
PASSWORDS = {"old_password": PASSWORD, "new_password": "another long one"}
SECRETS = [("/api/tokens", TOKEN, "token"), ("/api/password", PASSWORDS, "csrf_token")]


@pytest.mark.parametrize(("path", "body", "name"), SECRETS)
def test_a_secret_is_shown_once_and_never_stored(client, monkeypatch, path, body, name):
    records = []
    packed = web_idempotency._packed
    monkeypatch.setattr(
        web_idempotency,
        "_packed",
        lambda answer: records.append(answer) or packed(answer),
    )

    first, again = post(client, path, body), post(client, path, body)

    assert first.json()[name]
    assert records == [None]
    assert (again.status_code, again.json()["code"]) == (409, "secret_not_kept")
    assert "shown only once" in again.json()["detail"]
    assert first.json()[name] not in again.content.decode()


def test_a_request_with_a_secret_is_done_once(client):
    for _ in range(3):
        post(client, "/api/tokens", TOKEN)

    assert len(client.get("/api/tokens").json()) == 1


def test_a_body_cannot_be_guessed_from_what_is_stored(client, settings):
    """The hash is keyed with SECRET_KEY, so a list of passwords does not help."""
    post(client, "/api/tokens", TOKEN)
    (before,) = records()
    before.delete()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"

    post(client, "/api/tokens", TOKEN)

    (after,) = records()
    assert after.fingerprint != before.fingerprint


def test_a_request_is_recognized_with_an_older_secret(client, settings):
    first = post(client)

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"

    assert post(client).content == first.content


def test_a_response_with_a_thousand_rows_fits(client):
    rows = [{**LUNCH, "description": f"{number} " * 20} for number in range(1000)]
    with faults.answered(COMMIT, 200, "{}"):
        first, again = (post(client, BULK, {"expenses": rows}) for _ in "12")

    assert len(first.content) > 300_000
    assert again.content == first.content
    (record,) = records()
    assert len(record.response) < 100_000


def test_a_response_too_large_for_an_item_is_rebuilt(client, monkeypatch):
    monkeypatch.setattr(idempotency, "MAX_RESPONSE_BYTES", 2_000)
    noise = random.Random(1)
    rows = [{**LUNCH, "description": f"{noise.getrandbits(1600):x}"} for _ in range(10)]

    first, again = (post(client, BULK, {"expenses": rows}) for _ in "12")

    assert (again.status_code, REPLAYED in again) == (201, False)
    assert again.json() == first.json()
    assert len(stored(BULK)) == 10
