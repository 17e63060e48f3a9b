"""Search of users by a part of the username or the beginning of the address."""

import logging

import pytest
from django.core.management import call_command

from accounts import services, unique_names
from accounts.models import UniqueName
from notifications import subscriptions
from profiles import address_change, deletion
from smartbudget.core import aws as clients
from smartbudget.core import pagination
from smartbudget.core.errors import ForbiddenError, InvalidError
from staff import user_search, users
from tests.builders import PASSWORD, client_for, make_staff, make_user
from tests.calls import QUERY, READ, counted
from tests.profiles.test_deletion import run_for_minutes
from tests.staff.test_pages import text_of

SEARCH = "/api/admin/users/search"


@pytest.fixture
def grace():
    return make_staff(make_user("grace"))


@pytest.fixture
def staff_client(grace):
    return client_for(grace)


def register(username: str, email: str):
    return services.register(username=username, email=email, password=PASSWORD).user


def search(staff, whom: str, cursor: str | None = None) -> list[str]:
    matches = user_search.search_users(staff, whom, cursor=cursor)
    return [user.username for user in matches.users]


def search_all(staff, whom: str) -> list[str]:
    """Return the usernames on all pages of a search."""
    matches = user_search.search_users(staff, whom)
    names = [user.username for user in matches.users]
    while matches.cursor:
        matches = user_search.search_users(staff, whom, cursor=matches.cursor)
        names += [user.username for user in matches.users]
    return names


def post(client, **body: str):
    return client.post(SEARCH, body, content_type="application/json")


@pytest.mark.parametrize("whom", ["anna", "ANNA", " Anna ", "anna.sch"])
def test_the_beginning_of_a_username_finds_its_user(grace, whom):
    register("ann.smith", "x1@example.com")
    register("anna.schmidt", "x2@example.com")

    assert search(grace, whom) == ["anna.schmidt"]


@pytest.mark.parametrize("whom", ["smith", "Mit", "n.s", "_75", "h_7"])
def test_a_part_within_a_username_finds_its_user(grace, whom):
    register("john.smith_75", "x1@example.com")
    register("smythe", "x2@example.com")

    assert search(grace, whom) == ["john.smith_75"]


@pytest.mark.parametrize("whom", ["jane", "Jane.D", "jane.doe@", "jane.doe@example.co"])
def test_the_beginning_of_an_address_finds_its_user(grace, whom):
    register("zebra", "Jane.Doe@example.com")

    assert search(grace, whom) == ["zebra"]


@pytest.mark.parametrize("whom", ["doe", "example", "@example.com"])
def test_a_part_within_an_address_finds_nobody(grace, whom):
    register("zebra", "jane.doe@example.com")

    assert search(grace, whom) == []


def test_usernames_that_begin_with_the_text_come_first(grace):
    register("zebra", "ann@example.com")
    register("joann", "x1@example.com")
    register("ann-marie", "x2@example.com")
    register("ann", "x3@example.com")

    assert search(grace, "ann") == ["ann", "ann-marie", "joann", "zebra"]


def test_a_user_who_matches_several_times_is_listed_once(grace):
    register("ann", "ann@example.com")
    register("ann.ann", "ann.ann@example.com")

    assert search(grace, "ann") == ["ann", "ann.ann"]


def test_a_whole_address_or_id_finds_only_its_user(grace):
    ann = register("ann", "ann@example.com")
    register("bob", "ann@example.com.au")

    assert search(grace, "Ann@example.com") == ["ann"]
    assert search(grace, ann.user_id) == ["ann"]


def test_the_exact_username_is_found_before_the_index_has_it(grace):
    ann = register("ann", "x1@example.com")
    register("anna", "x2@example.com")
    lag("username#ann")

    assert search(grace, "ann") == ["ann", "anna"]
    assert users.find_user(grace, "ann").user_id == ann.user_id


def lag(key: str) -> None:
    """Remove a name from the index, as if it were not there yet."""
    UniqueName(user_id=key).update([UniqueName.kind.remove()])


@pytest.mark.parametrize("length", [3, 254])
def test_the_shortest_and_longest_text(grace, length):
    assert search(grace, "x" * length) == []
    assert search(grace, "ß" * length) == []


@pytest.mark.parametrize("whom", ["", "an", " a ", "x" * 255, "ann\x00"])
def test_too_short_and_too_long_texts_are_refused(grace, whom):
    with pytest.raises(InvalidError) as caught:
        search(grace, whom)

    assert caught.value.field == "whom"


@pytest.mark.parametrize(
    "whom", ["***", "%%%", "#ann", "username", "user", "ann'--", "🐈🐈🐈", "{ann}"]
)
def test_other_texts_find_nobody(grace, whom):
    register("ann", "ann@example.com")

    assert search(grace, whom) == []


def test_other_users_cannot_search(aws):
    mallory = make_user("mallory")

    with pytest.raises(ForbiddenError):
        user_search.search_users(mallory, "mallory")


def test_former_staff_cannot_search(grace):
    former = users.set_staff("grace", is_staff=False).user

    with pytest.raises(ForbiddenError):
        user_search.search_users(former, "grace")


# ------------------------------------------------------------ changes


def test_a_new_address_replaces_the_old_one(grace):
    ann = register("zebra", "before@example.com")

    address_change.change_email(ann, email="after@example.com", password=PASSWORD)

    assert search(grace, "before") == []
    assert search(grace, "after") == ["zebra"]


def test_a_pending_address_does_not_count(grace):
    ann = register("zebra", "before@example.com")
    subscriptions.subscribe(ann)

    address_change.change_email(ann, email="after@example.com", password=PASSWORD)

    assert UniqueName.get("email#after@example.com").owner == ann.user_id
    assert search(grace, "after") == []
    assert search(grace, "before") == ["zebra"]


def test_a_closed_account_is_not_found_and_leaves_no_names(grace, clock):
    clients.queue_url()
    ann = register("anna", "anna@example.com")

    deletion.close_account(ann, password=PASSWORD)

    assert search(grace, "anna") == []
    run_for_minutes(clock)
    for kind in ("username", "email"):
        page = unique_names.search(kind, limit=10)
        assert [name.owner for name in page.items] == [grace.user_id]


def test_the_command_indexes_names_of_older_versions_once(grace, capsys):
    ann = register("anna", "ann.smith@example.com")
    older = [
        UniqueName(user_id="username#anna", owner=ann.user_id),
        UniqueName(user_id="email#ann.smith@example.com", owner=ann.user_id),
    ]
    for name in older:
        name.save()
    assert search(grace, "ann.") == []
    assert search(grace, "anna") == ["anna"]

    call_command("index_names")
    call_command("index_names")

    assert search(grace, "ann.") == search(grace, "nna") == ["anna"]
    assert capsys.readouterr().out == (
        "2 usernames and e-mail addresses indexed.\n"
        "0 usernames and e-mail addresses indexed.\n"
    )
    assert UniqueName.get("username#anna").owner == ann.user_id


def test_the_command_does_not_restore_a_name_released_meanwhile(grace, monkeypatch):
    gone = UniqueName(user_id="username#anna", owner="0" * 32)
    monkeypatch.setattr(UniqueName, "scan", lambda *_: iter([gone]))

    call_command("index_names")

    assert UniqueName.find("username#anna") is None


# ------------------------------------------------------------ pages of a search


def test_a_page_has_as_many_usernames_as_the_limit(grace, monkeypatch):
    monkeypatch.setattr(user_search, "LIMIT", 2)
    names = ["ann1", "ann2"]
    for name in names:
        register(name, f"x-{name}@example.com")

    matches = user_search.search_users(grace, "ann")
    assert [user.username for user in matches.users] == names
    assert (matches.cursor, matches.is_complete) == (None, True)

    register("ann3", "x-ann3@example.com")
    matches = user_search.search_users(grace, "ann")
    assert [user.username for user in matches.users] == names
    assert matches.cursor == "start:ann2"
    assert search(grace, "ann", matches.cursor) == ["ann3"]


def test_the_pages_list_each_user_once(grace, monkeypatch):
    monkeypatch.setattr(user_search, "LIMIT", 2)
    begin = [f"ann{number}" for number in range(5)]
    contain = [f"joann{number}" for number in range(5)]
    for name in [*contain, *begin]:
        register(name, f"x-{name}@example.com")

    assert search_all(grace, "ann") == begin + contain


def test_a_search_stops_after_a_bound_and_shows_where(grace, monkeypatch):
    monkeypatch.setattr(pagination, "READ_FIRST", 2)
    monkeypatch.setattr(pagination, "MAX_PAGES", 0)
    for name in ("anna", "bert", "carl", "zoe-anna"):
        register(name, f"x-{name}@example.com")

    matches = user_search.search_users(grace, "oe-")

    assert (matches.users, matches.searched_to) == ([], "bert")
    assert not matches.is_complete
    assert search_all(grace, "oe-") == ["zoe-anna"]


@pytest.mark.parametrize("count", [2, 3])
def test_more_addresses_than_the_limit_are_mentioned(grace, monkeypatch, count):
    monkeypatch.setattr(user_search, "LIMIT", 2)
    for number in range(count):
        register(f"user{number}", f"jane{number}@example.com")

    matches = user_search.search_users(grace, "jane")

    assert [user.username for user in matches.users] == ["user0", "user1"]
    assert matches.more_addresses is (count > 2)
    assert matches.cursor is None


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "start:", "start:bob", "part:jane@x.com", "part:" + "a" * 31, "end:ann"],
)
def test_other_cursors_are_refused(grace, cursor):
    with pytest.raises(InvalidError) as caught:
        search(grace, "ann", cursor)

    assert caught.value.field == "cursor"


def test_the_cost_does_not_depend_on_the_number_of_users(staff_client):
    for number in range(40):
        register(f"user{number}", f"x{number}@example.com")
    register("ann.smith", "ann@example.com")

    with counted() as calls:
        answer = post(staff_client, whom="ann@")

    assert len(answer.json()["results"]) == 1
    # The session, the exact name, the addresses that begin with the text, the accounts.
    assert calls.names == ["dynamodb.GetItem"] * 2 + [QUERY, READ]
    assert calls.read_items == 1

    with counted() as calls:
        post(staff_client, whom="ann")

    # Usernames that begin with the text, those that contain it, addresses.
    assert calls.names.count(QUERY) == 3


# ------------------------------------------------------------ page and API


def test_the_page_lists_matches_with_their_state(staff_client, grace):
    register("ann", "x1@example.com")
    bob = register("bob", "ann@example.com")
    users.lock(grace, bob.user_id, reason="Spam")

    page = text_of(staff_client.post("/admin/users", {"whom": "ann"}))

    assert 'class="badge ok">Active</span>' in page
    assert 'class="badge failed">Locked</span>' in page
    assert f'<a href="/admin/users/{bob.user_id}">bob</a>' in page
    assert page.count("by e-mail address") == 1
    assert "Keep searching" not in page
    assert "ann@example.com" not in page
    page = text_of(staff_client.post("/admin/users", {"whom": "grac"}, follow=True))
    assert "<h1>grace</h1>" in page


def test_the_page_searches_further(staff_client, monkeypatch):
    monkeypatch.setattr(pagination, "READ_FIRST", 2)
    monkeypatch.setattr(pagination, "MAX_PAGES", 0)
    for name in ("anna", "bert", "zoe-anna"):
        register(name, f"x-{name}@example.com")

    page = text_of(staff_client.post("/admin/users", {"whom": "oe-"}))

    assert "No matches so far." in page
    assert "Searched usernames up to bert." in page
    further = {"whom": "oe-", "cursor": "part:bert"}
    assert 'name="whom" value="oe-"' in page
    assert 'name="cursor" value="part:bert"' in page
    page = text_of(staff_client.post("/admin/users", further))
    assert "zoe-anna</a>" in page
    further["cursor"] = "part:zoe-anna"
    assert "No more matches." in text_of(staff_client.post("/admin/users", further))


def test_the_page_reports_errors_on_the_field(staff_client):
    def answer(**fields: str) -> str:
        response = staff_client.post("/admin/users", fields)
        assert response.status_code == 400
        return text_of(response)

    assert "No users match." in answer(whom="nobody")
    assert "Enter at least 3 characters." in answer(whom="no")
    assert "This cursor is not valid." in answer(whom="ann", cursor="x")


def test_the_page_is_in_the_language_of_the_reader(staff_client):
    body = {"language": "de"}
    staff_client.patch("/api/profile", body, content_type="application/json")
    register("ann", "x1@example.com")
    register("joann", "x2@example.com")

    page = text_of(staff_client.post("/admin/users", {"whom": "ann"}))

    assert "Treffer" in page
    assert "Aktiv</span>" in page


def test_the_api_searches(staff_client, monkeypatch):
    monkeypatch.setattr(user_search, "LIMIT", 1)
    ann = register("ann", "ann@example.com")
    register("joann", "ann@example.org")

    first = post(staff_client, whom="ann").json()

    assert [user["user_id"] for user in first["results"]] == [ann.user_id]
    assert (first["next"], first["searched_to"]) == ("part:ann", "ann")
    assert first["more_addresses"] is True
    assert "@" not in str(first)
    second = post(staff_client, whom="ann", cursor=first["next"]).json()
    assert [user["username"] for user in second["results"]] == ["joann"]
    assert second["next"] is None
    assert post(staff_client, whom="zzz").json()["results"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "whom"),
        ({"whom": "an"}, "whom"),
        ({"whom": "ann", "cursor": "x"}, "cursor"),
    ],
)
def test_the_api_names_the_invalid_field(staff_client, body, field):
    answer = post(staff_client, **body)

    assert answer.status_code == 400
    assert field in answer.content.decode()


def test_a_search_is_logged_without_its_text(staff_client, grace, caplog):
    caplog.set_level(logging.INFO)
    ann = register("ann", "jane.doe@example.com")

    post(staff_client, whom="jane.d")

    assert f"searched by staff user_id={grace.user_id} targets={ann.user_id}" in (
        caplog.text
    )
    assert "jane" not in caplog.text
