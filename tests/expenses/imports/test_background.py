"""Large files, which a task reads: once, whatever is lost, doubled or killed."""

import datetime
import json

import pytest

from accounts.models import Account
from expenses.imports import background, contents, files, reading, services
from expenses.imports.models import Import, ImportSettings
from expenses.imports.preview import Choice
from expenses.imports.tasks import read_imports
from notifications import jobs, sweep
from profiles import deletion
from smartbudget.core import aws
from smartbudget.core.config import config
from smartbudget.core.dynamodb import is_outage
from smartbudget.core.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    ThrottledError,
)
from smartbudget.core.files import import_key
from smartbudget.core.tasks import Attempt, RetryLaterError, run
from tests.builders import PASSWORD, client_for, make_user
from tests.expenses.imports.builders import commit_all, csv, decisions
from tests.expenses.imports.test_api import post_file, send
from tests.expenses.imports.test_views import text, upload
from tests.notifications import faults
from tests.notifications.builders import run_queued_tasks

pytestmark = pytest.mark.usefixtures("aws", "clock")

ROWS = ("2026-03-02,CAFE XY,-4.50", "2026-03-03,REWE,-25.10", "2026-03-04,ACME,9.00")
# Recognized by its beginning; that it is damaged is found when it is read.
DAMAGED = b'<?xml version="1.0"?>\n<Document><BkToCstmrStmt>\n</Document>'
# Decimal marks of both kinds: either choice makes other rows wrong.
MIXED = ("2026-03-02,CAFE,-4.50", '2026-03-03,REWE,"-25,10"')


@pytest.fixture(autouse=True)
def tiny_limit(monkeypatch):
    """Any file is too large for a request."""
    monkeypatch.setattr(reading, "MAX_IN_REQUEST", 10)


@pytest.fixture
def alice():
    return make_user()


@pytest.fixture
def client(alice):
    return client_for(alice)


def create(user, *rows, content=None, **options):
    content = content or csv(*(rows or ROWS))
    return services.create_import(user, content, "bank.csv", **options)


def stored(user, record):
    return services.get_import(user, record.import_id)


def has_job(user):
    return jobs.find(background.TASK, user.user_id) is not None


def waiting(user):
    settings = ImportSettings.find(ImportSettings.id_of(user.user_id))
    return json.loads(settings.reading or "[]")


def objects(user, record=None):
    """Return the keys of an import's rows in the bucket, or of all files of a user."""
    prefix = import_key(user.user_id, f"{record.import_id}." if record else "")
    listed = aws.client("s3").list_objects_v2(
        Bucket=config.receipts_bucket, Prefix=prefix
    )
    return [item["Key"] for item in listed.get("Contents", [])]


def sweep_again(clock):
    clock.shift(datetime.timedelta(minutes=6))
    sweep.enqueue_overdue()


# --- Reading ---


def test_a_large_file_is_read_by_a_task(alice):
    record = create(alice)
    assert (stored(alice, record).state, record.format) == ("reading", "csv")
    assert has_job(alice)

    run_queued_tasks()

    record = stored(alice, record)
    assert record.state == "preview"
    assert decisions(alice, record) == ["left_out", "new", "new", "money_in"]
    assert not has_job(alice)
    assert waiting(alice) == []
    assert commit_all(alice, record).done == 2


def test_it_is_read_as_in_a_request(alice, monkeypatch):
    record = create(alice)
    run_queued_tasks()
    monkeypatch.setattr(reading, "MAX_IN_REQUEST", 10**6)
    other = create(alice)

    def essence(record):
        rows = services.list_rows(alice, record.import_id).rows
        mapping = services.mapping_of(stored(alice, record))
        return mapping, [(row.place, row.decision, row.expense_id) for row in rows]

    assert essence(record) == essence(other)


@pytest.mark.parametrize(("limit", "state"), [(0, "preview"), (-1, "reading")])
def test_the_size_decides(alice, monkeypatch, limit, state):
    monkeypatch.setattr(reading, "MAX_IN_REQUEST", len(csv(*ROWS)) + limit)

    assert create(alice).state == state


def test_a_file_of_a_kind_that_is_never_read_is_refused_at_once(alice):
    with pytest.raises(InvalidError, match="This is a PDF"):
        create(alice, content=b"%PDF-1.7 and many more bytes")
    assert not has_job(alice)


def test_a_refused_file_says_why_and_where(alice):
    record = create(alice, content=DAMAGED)

    run_queued_tasks()

    record = stored(alice, record)
    assert record.state == "refused"
    assert record.reason == "The file is damaged or incomplete at line 3."
    assert services.rows_of(alice, record) == []
    with pytest.raises(ConflictError, match="couldn't be read"):
        commit_all(alice, record)
    assert not has_job(alice)


def test_nothing_can_be_done_with_it_meanwhile(alice):
    import_id = create(alice).import_id

    for act in (
        lambda: services.list_rows(alice, import_id),
        lambda: services.change_rows(alice, import_id, {1: Choice("excluded")}),
        lambda: services.change_mapping(alice, import_id, mapping={"decimal": ","}),
        lambda: commit_all(alice, services.get_import(alice, import_id)),
    ):
        with pytest.raises(ConflictError, match="still being read"):
            act()


def test_files_are_read_one_by_one(alice):
    records = [create(alice, f"2026-03-02,SHOP {n},-1.00") for n in range(3)]

    background.read_next(alice.user_id)
    states = [stored(alice, record).state for record in records]
    assert states == ["preview", "reading", "reading"]

    run_queued_tasks()
    states = [stored(alice, record).state for record in records]
    assert states == ["preview"] * 3


def test_three_files_of_a_user_may_wait(alice):
    for number in range(background.MAX_WAITING):
        create(alice, f"2026-03-02,SHOP {number},-1.00")

    with pytest.raises(ThrottledError, match="Wait until one is ready"):
        create(alice)
    assert len(objects(alice)) == background.MAX_WAITING
    create(make_user("bob"))

    run_queued_tasks()
    create(alice)


# --- Reading again ---


def test_another_mapping_is_read_by_a_task_and_choices_stay(alice):
    record = create(alice)
    run_queued_tasks()
    services.change_rows(alice, record.import_id, {2: Choice(category="Fun")})

    changed = services.change_mapping(
        alice, record.import_id, mapping={"sign": "positive_is_paid"}
    )
    assert changed.state == "reading"
    run_queued_tasks()

    changed = stored(alice, record)
    assert changed.state == "preview"
    assert decisions(alice, record) == ["left_out", "money_in", "money_in", "new"]
    assert services.rows_of(alice, changed)[1].category == "Fun"
    assert len(objects(alice, record)) == 1


def test_a_mapping_that_does_not_fit_leaves_the_preview(alice):
    record = create(alice)
    run_queued_tasks()
    services.change_rows(alice, record.import_id, {2: Choice("excluded")})
    before = stored(alice, record)

    services.change_mapping(
        alice, record.import_id, mapping={"columns": {"date": 70, "amount": 71}}
    )
    run_queued_tasks()

    after = stored(alice, record)
    assert (after.state, after.revision) == ("preview", before.revision)
    assert after.reason
    assert decisions(alice, record)[1] == "excluded"

    services.change_mapping(alice, record.import_id, mapping={"columns": {}})
    run_queued_tasks()
    assert stored(alice, record).reason is None


def test_a_refused_file_can_be_read_with_another_mapping(alice):
    record = create(alice, mapping={"columns": {"date": 70, "amount": 71}})
    run_queued_tasks()
    assert stored(alice, record).state == "refused"

    services.change_mapping(alice, record.import_id, mapping={"columns": {}})
    run_queued_tasks()

    assert stored(alice, record).state == "preview"


# --- Faults ---


def test_a_second_delivery_changes_nothing(alice):
    record = create(alice)
    run_queued_tasks()
    before = stored(alice, record)

    read_imports(user_id=alice.user_id)

    assert stored(alice, record).revision == before.revision
    assert not has_job(alice)


def test_a_lost_message_is_sent_again(alice, clock):
    with faults.down("SendMessageBatch"):
        record = create(alice)
    run_queued_tasks()
    assert stored(alice, record).state == "reading"

    sweep_again(clock)
    run_queued_tasks()

    assert stored(alice, record).state == "preview"


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize(
    ("operation", "nth"),
    [
        ("UpdateItem", 1),  # the job's time
        ("UpdateItem", 2),  # the attempt
        ("GetObject", 1),
        ("PutObject", 1),
        ("UpdateItem", 3),  # the result
        ("DeleteObject", 1),
        ("TransactWriteItems", 1),  # that it no longer waits
    ],
)
def test_a_run_that_dies_is_repeated(alice, operation, nth, done):
    record = create(alice)

    with faults.killed(operation, nth, done=done):
        background.read_next(alice.user_id)
    background.read_next(alice.user_id)

    assert stored(alice, record).state == "preview"
    assert decisions(alice, record) == ["left_out", "new", "new", "money_in"]
    assert waiting(alice) == []
    assert not has_job(alice)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_lost_reply_loses_no_rows(alice, nth):
    record = create(alice)

    with faults.reply_lost("UpdateItem", nth):
        background.read_next(alice.user_id)

    assert decisions(alice, record) == ["left_out", "new", "new", "money_in"]


def test_rows_are_not_lost_with_the_reply_to_a_choice(alice):
    record = create(alice)
    run_queued_tasks()

    with faults.reply_lost("UpdateItem"):
        services.change_rows(alice, record.import_id, {2: Choice("excluded")})

    assert decisions(alice, record)[1] == "excluded"


def test_an_outage_is_not_the_files_fault(alice):
    record = create(alice)

    with faults.down("PutObject"), pytest.raises(Exception) as caught:
        background.read_next(alice.user_id)
    assert is_outage(caught.value)

    background.read_next(alice.user_id)
    assert stored(alice, record).state == "preview"


def test_a_file_that_kills_each_run_is_given_up(alice):
    record = create(alice)

    for _attempt in range(background.MAX_ATTEMPTS):
        assert stored(alice, record).state == "reading"
        with faults.killed("GetObject", 1, done=True):
            background.read_next(alice.user_id)
    background.read_next(alice.user_id)

    record = stored(alice, record)
    assert record.state == "refused"
    assert record.reason == "The file couldn't be read. Please try again."
    assert not has_job(alice)


def test_a_discarded_import_is_not_read(alice):
    record = create(alice)
    services.discard_import(alice, record.import_id)

    run_queued_tasks()

    with pytest.raises(NotFoundError):
        stored(alice, record)
    assert objects(alice, record) == []
    assert not has_job(alice)


def test_an_import_that_is_discarded_during_the_run_stays_away(alice, monkeypatch):
    record = create(alice)
    put_rows = files.put_rows

    def discard_first(*args):
        services.discard_import(alice, record.import_id)
        put_rows(*args)

    monkeypatch.setattr(files, "put_rows", discard_first)
    run_queued_tasks()

    with pytest.raises(NotFoundError):
        stored(alice, record)
    assert objects(alice, record) == []


def test_the_faster_of_two_runs_wins(alice, monkeypatch):
    record = create(alice)
    read = contents.read

    def overtaken(*args):
        monkeypatch.setattr(contents, "read", read)
        background.read_next(alice.user_id)
        return read(*args)

    monkeypatch.setattr(contents, "read", overtaken)
    run_queued_tasks()

    assert stored(alice, record).state == "preview"
    assert len(objects(alice, record)) == 1


def test_a_mapping_sent_as_a_run_ends_is_not_forgotten(alice, monkeypatch):
    record = create(alice)
    remove = background._remove_waiting

    def after_a_change(*args):
        monkeypatch.setattr(background, "_remove_waiting", remove)
        services.change_mapping(alice, record.import_id, mapping={"decimal": "."})
        return remove(*args)

    monkeypatch.setattr(background, "_remove_waiting", after_a_change)
    background.read_next(alice.user_id)
    assert stored(alice, record).state == "reading"
    assert has_job(alice)

    run_queued_tasks()
    assert stored(alice, record).state == "preview"


def test_the_file_of_a_closed_account_is_not_read(alice):
    record = create(alice)
    deletion.close_account(alice, password=PASSWORD)

    background.read_next(alice.user_id)
    assert Import.find(record.expense_id).state == "reading"


def test_a_deleted_account_leaves_no_job(alice, clock):
    create(alice)
    deletion.close_account(alice, password=PASSWORD)
    for _run in range(4):
        run_queued_tasks()
        clock.shift(datetime.timedelta(minutes=6))

    assert Account.find(alice.user_id) is None
    assert not has_job(alice)
    background.read_next(alice.user_id)  # a message that comes late
    assert ImportSettings.find(ImportSettings.id_of(alice.user_id)) is None


def test_a_run_begins_only_with_enough_time(alice):
    record = create(alice)
    body = json.dumps({"user_id": alice.user_id})
    name = background.TASK

    with pytest.raises(RetryLaterError):
        run(body, name, Attempt(1, seconds_left=background.SECONDS - 1))
    assert stored(alice, record).state == "reading"

    run(body, name, Attempt(1, seconds_left=background.SECONDS))
    assert stored(alice, record).state == "preview"


# --- API and pages ---


def test_a_program_polls_until_the_file_is_read(client):
    answer = post_file(client)
    assert answer.status_code == 201
    record, path = answer.json(), answer["Location"]
    assert (record["state"], record["rows"], record["problem"]) == ("reading", 0, None)
    assert client.get(path).json() == record
    assert client.get(f"{path}/rows").status_code == 409
    assert client.post(f"{path}/commit").status_code == 409

    run_queued_tasks()

    assert client.get(path).json()["state"] == "preview"
    assert len(client.get(f"{path}/rows").json()["results"]) == 4

    changed = send(client, "PATCH", path, {"mapping": {"sign": "positive_is_paid"}})
    assert (changed.status_code, changed.json()["state"]) == (200, "reading")
    run_queued_tasks()
    assert client.get(path).json()["counts"]["new"] == 1


def test_a_program_learns_why_a_file_was_refused(client):
    path = post_file(client, content=DAMAGED)["Location"]
    run_queued_tasks()

    record = client.get(path).json()
    assert record["state"] == "refused"
    assert record["problem"] == "The file is damaged or incomplete at line 3."
    assert client.get(f"{path}/rows").json()["results"] == []
    assert client.post(f"{path}/commit").status_code == 409


def test_a_fourth_file_has_to_wait(client):
    for number in range(background.MAX_WAITING):
        post_file(client, f"2026-03-02,SHOP {number},-1.00")

    answer = post_file(client)
    assert answer.status_code == 429
    assert answer["Retry-After"] == str(background.RETRY_AFTER)


def test_another_user_does_not_see_it(client):
    path = post_file(client)["Location"]
    stranger = client_for(make_user("bob"))

    page = path.partition("/api")[2].replace("/imports/", "/expenses/import/")
    assert stranger.get(path).status_code == 404
    assert stranger.get(page).status_code == 404


def test_the_page_reloads_itself_until_the_file_is_read(client):
    path = upload(client, *ROWS)["Location"]

    page = client.get(path)
    assert "Reading the file bank.csv" in text(page)
    assert int(page["Refresh"]) > 0
    for way in ("/continue", "/mapping", "/undo"):
        assert client.get(f"{path}{way}")["Location"] == path
    assert "Being read" in text(client.get("/expenses/import"))
    assert client.post(path, {"go": "commit"})["Location"] == path

    run_queued_tasks()

    page = client.get(path)
    assert "Refresh" not in page
    assert "Import 2 expenses" in text(page)


def test_the_page_says_why_a_file_is_refused(client):
    path = upload(client, content=DAMAGED)["Location"]
    run_queued_tasks()

    page = client.get(path)

    assert "Refresh" not in page
    assert "The file is damaged or incomplete at line 3." in text(page)
    assert "Can't be read" in text(client.get("/expenses/import"))


@pytest.mark.parametrize("is_read", [False, True])
def test_a_file_that_is_read_or_refused_is_discarded(client, alice, is_read):
    path = upload(client, content=DAMAGED)["Location"]
    if is_read:
        run_queued_tasks()
    assert f"{path}/discard" in client.get(path).content.decode()
    assert "Discard bank.csv?" in text(client.get(f"{path}/discard"))

    client.post(f"{path}/discard")
    run_queued_tasks()

    assert client.get(path).status_code == 404
    assert waiting(alice) == []


def test_the_preview_says_that_a_mapping_does_not_fit(client, alice):
    path = upload(client, *ROWS)["Location"]
    run_queued_tasks()
    import_id = path.rpartition("/")[2]
    services.change_mapping(
        alice, import_id, mapping={"columns": {"date": 70, "amount": 71}}
    )
    run_queued_tasks()

    page = text(client.get(path))

    assert stored(alice, Import(Import.id_of(import_id))).reason in page
    assert "Import 2 expenses" in page
