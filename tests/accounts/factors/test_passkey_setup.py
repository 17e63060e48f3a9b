"""Adding, listing, renaming and removing passkeys: services, API and pages."""

import dataclasses
import json
import threading

import pytest
from django.core.management import call_command

from accounts import services as accounts
from accounts import sessions
from accounts.factors import ceremonies, passkey_setup, passkeys, services
from accounts.models import Account, Passkey
from accounts.step_up.services import StepUpRequiredError
from notifications.models import Notification
from smartbudget.core.errors import (
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
)
from smartbudget.core.user import User
from tests.accounts.factors.authenticator import Authenticator
from tests.accounts.factors.builders import with_passkey, with_totp
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_token,
    make_user,
    program_with,
    with_factor,
)
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws", "clock")


@pytest.fixture
def session_key(bob):
    return sessions.begin_session(account_of(bob)).session_key


@pytest.fixture
def signed_in(session_key) -> User:
    """Return Bob with a session that was begun just now."""
    user = sessions.find_session(session_key)
    assert user
    return user


def begin(user):
    return passkey_setup.begin_adding(user, password=PASSWORD)


def add(user, device=None, *, options=None, name="Phone", session_key=None):
    response = (device or Authenticator()).create(options or begin(user))
    return passkey_setup.add(user, passkey=response, name=name, session_key=session_key)


def kinds():
    return sorted(notice.type for notice in Notification.scan())


def id_of(device):
    return ceremonies.id_of(device.credential_id)


def test_an_added_passkey_logs_in_and_is_listed(bob):
    device = Authenticator()

    added = add(bob, device)

    [listed] = passkey_setup.list_passkeys(bob)
    assert listed.passkey_id == added.passkey.passkey_id == id_of(device)
    assert (listed.name, listed.is_synced, listed.last_used_at) == (
        "Phone",
        False,
        None,
    )
    assert listed.created_at
    assert kinds() == ["second_factor_added"]
    response = device.use(passkeys.login_options())
    assert passkeys.log_in(response, address="192.0.2.1").user == bob


def test_the_first_factor_comes_with_recovery_codes_and_later_ones_do_not(bob):
    codes = add(bob).recovery_codes

    assert len(codes) == 10
    assert services.list_factors(bob).recovery_codes_left == 10
    assert add(with_factor(bob), name="Tablet").recovery_codes == ()


def test_a_passkey_beside_an_app_keeps_the_recovery_codes(bob):
    _app, _codes = with_totp(bob)
    before = account_of(bob).recovery_codes

    assert add(with_factor(bob)).recovery_codes == ()
    assert account_of(bob).recovery_codes == before


def test_the_session_counts_as_one_with_a_second_factor(bob, session_key):
    add(bob, session_key=session_key)

    assert sessions.find_session(session_key).has_second_factor


def test_adding_needs_a_recent_login_or_the_password(bob, signed_in, clock):
    assert passkey_setup.begin_adding(signed_in)
    with pytest.raises(InvalidError, match="Wrong password"):
        passkey_setup.begin_adding(bob, password="wrong password")
    clock.shift(600)
    with pytest.raises(StepUpRequiredError):
        passkey_setup.begin_adding(signed_in)


def test_an_account_with_a_factor_needs_a_session_with_one(bob, signed_in):
    device = with_passkey(bob)

    with pytest.raises(ForbiddenError, match="with your second factor"):
        passkey_setup.begin_adding(signed_in)
    with pytest.raises(ForbiddenError, match="with your second factor"):
        passkey_setup.remove(signed_in, id_of(device), password=PASSWORD)
    assert passkey_setup.begin_adding(with_factor(signed_in))


def test_a_challenge_adds_one_passkey(bob):
    options = begin(bob)
    add(bob, options=options)

    with pytest.raises(GoneError, match="expired"):
        add(with_factor(bob), options=options)


def test_a_challenge_expires_after_five_minutes(bob, clock):
    options = begin(bob)
    clock.shift(300)

    with pytest.raises(GoneError):
        add(bob, options=options)
    assert passkey_setup.list_passkeys(bob) == []


def test_challenges_of_others_and_of_logins_add_nothing(bob):
    for options in (begin(make_user("carol")), passkeys.login_options()):
        options["user"] = {"id": "eA"}
        with pytest.raises(GoneError):
            add(bob, options=options)


def test_a_challenge_ends_with_the_password(bob):
    options = begin(bob)
    accounts.change_password(bob, old=PASSWORD, new="another good password")

    with pytest.raises(GoneError):
        add(bob, options=options)


@pytest.mark.parametrize("changes", [{"origin": "https://evil.example"}, {"flags": 1}])
def test_a_response_of_another_site_or_without_verification_is_refused(bob, changes):
    with pytest.raises(InvalidError) as refused:
        add(bob, Authenticator(**changes))

    assert refused.value.field == "passkey"
    assert account_of(bob).passkeys is None
    assert kinds() == []


@pytest.mark.parametrize("name", ["", " ", "x" * 51, "a\x00b"])
def test_a_passkey_needs_a_name(bob, name):
    with pytest.raises(InvalidError) as refused:
        add(bob, name=name)

    assert refused.value.field == "name"


def test_a_passkey_belongs_to_one_account(bob):
    device = with_passkey(make_user("carol"))

    with pytest.raises(ConflictError, match="already in use"):
        add(bob, device)

    assert Passkey.find(Passkey.item_key(id_of(device))).owner != bob.user_id


def test_an_account_has_at_most_ten_passkeys(bob):
    for _ in range(9):
        with_passkey(bob)
    user = with_factor(bob)
    late = begin(user)
    add(user)

    with pytest.raises(ConflictError, match="already have 10 passkeys"):
        begin(user)
    with pytest.raises(ConflictError):
        add(user, options=late)
    assert len(passkey_setup.list_passkeys(user)) == 10


def test_one_of_two_racing_requests_with_one_challenge_adds_its_passkey(bob):
    options = begin(bob)
    outcomes: list[str] = []

    def attempt():
        try:
            add(bob, options=options)
            outcomes.append("added")
        except GoneError:
            outcomes.append("gone")

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["added", "gone"]
    assert len(passkey_setup.list_passkeys(bob)) == 1


def test_a_passkey_added_meanwhile_is_kept(bob):
    add(bob)
    user, options = with_factor(bob), begin(with_factor(bob))
    with faults.meanwhile(lambda: with_passkey(bob)):
        add(user, options=options)

    assert len(passkey_setup.list_passkeys(bob)) == 3


def test_a_passkey_can_be_renamed(bob):
    device = with_passkey(bob)

    renamed = passkey_setup.rename(bob, id_of(device), name=" Work phone ")

    assert renamed.name == "Work phone"
    assert passkey_setup.get_passkey(bob, id_of(device)).name == "Work phone"
    with pytest.raises(InvalidError):
        passkey_setup.rename(bob, id_of(device), name="")


def test_a_removed_passkey_is_gone_and_does_not_log_in(bob):
    device = with_passkey(bob)
    with_totp(bob)

    passkey_setup.remove(with_factor(bob), id_of(device), password=PASSWORD)

    assert passkey_setup.list_passkeys(bob) == []
    assert account_of(bob).recovery_codes
    assert Passkey.find(Passkey.item_key(id_of(device))) is None
    assert kinds() == ["second_factor_removed"]
    with pytest.raises(passkeys.RefusedPasskeyError):
        passkeys.log_in(device.use(passkeys.login_options()), address="192.0.2.1")
    with pytest.raises(NotFoundError):
        passkey_setup.remove(with_factor(bob), id_of(device), password=PASSWORD)


def test_the_last_factor_takes_the_recovery_codes_and_the_marks_of_sessions(
    bob, session_key
):
    added = add(bob, session_key=session_key)

    user = sessions.find_session(session_key)
    passkey_setup.remove(user, added.passkey.passkey_id)

    assert account_of(bob).recovery_codes is None
    assert not sessions.find_session(session_key).has_second_factor
    login = accounts.log_in(identifier="bob", password=PASSWORD, address="192.0.2.1")
    assert login.user == bob


def test_another_user_neither_sees_renames_nor_removes_a_passkey(bob):
    device = with_passkey(bob)
    carol = with_factor(make_user("carol"))

    assert passkey_setup.list_passkeys(carol) == []
    for act in (
        lambda: passkey_setup.get_passkey(carol, id_of(device)),
        lambda: passkey_setup.rename(carol, id_of(device), name="Mine"),
        lambda: passkey_setup.remove(carol, id_of(device), password=PASSWORD),
    ):
        with pytest.raises(NotFoundError):
            act()
    assert passkey_setup.get_passkey(bob, id_of(device)).name == "Phone"


def test_an_administrator_removes_passkeys_with_all_factors(bob):
    device = with_passkey(bob)
    with_totp(bob)

    call_command("factors", "remove", "bob")

    assert Passkey.find(Passkey.item_key(id_of(device))) is None
    account = account_of(bob)
    assert (account.passkeys, account.totp, account.recovery_codes) == (None,) * 3


# The API.

PATH = "/api/account/passkeys"


@pytest.fixture
def client(bob):
    return client_for(bob)


def send(client, method, path, **body):
    return getattr(client, method)(path, body, content_type="application/json")


def test_the_api_adds_lists_renames_and_removes(client):
    options = send(client, "post", f"{PATH}/options").json()["options"]
    response = Authenticator().create(options)

    added = send(client, "post", PATH, passkey=response, name="Phone")

    assert added.status_code == 201
    body = added.json()
    assert len(body.pop("recovery_codes")) == 10
    assert added.headers["Location"].endswith(f"{PATH}/{body['passkey_id']}")
    one = f"{PATH}/{body['passkey_id']}"
    assert client.get(PATH).json() == [body]
    assert client.get(one).json() == body
    assert send(client, "patch", one).json() == body
    renamed = send(client, "patch", one, name="Tablet")
    assert renamed.json() == {**body, "name": "Tablet"}
    assert client.delete(one).status_code == 204
    assert client.get(PATH).json() == []


def test_the_api_asks_for_a_recent_login(client, clock):
    clock.shift(600)

    refused = send(client, "post", f"{PATH}/options")
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
    options = send(client, "post", f"{PATH}/options", password=PASSWORD)
    assert options.status_code == 200


def test_a_token_lists_passkeys_but_adds_and_removes_none(bob):
    device = with_passkey(bob)
    program = program_with(make_token(with_factor(bob)))

    assert len(program.get(PATH).json()) == 1
    assert (
        send(program, "post", f"{PATH}/options", password=PASSWORD).status_code == 403
    )
    assert program.delete(f"{PATH}/{id_of(device)}").status_code == 403


@pytest.mark.parametrize(
    "body", [{}, {"name": "x"}, {"passkey": {}}, {"passkey": [], "name": "x"}]
)
def test_the_api_refuses_a_malformed_passkey(client, body):
    assert send(client, "post", PATH, **body).status_code == 400


# The pages.

FACTORS = "/accounts/factors"


def test_the_page_adds_a_passkey_and_shows_the_recovery_codes_once(client):
    page = client.get(f"{FACTORS}/passkeys/add").text
    assert 'data-passkey="create"' in page
    assert "Passkeys need JavaScript." in page
    assert "/passkeys." in page
    options = send(client, "post", f"{PATH}/options").json()["options"]
    response = json.dumps(Authenticator().create(options))

    answer = client.post(
        f"{FACTORS}/passkeys/add", {"name": "My phone", "passkey": response}
    )

    assert answer.status_code == 200
    assert "From now on, your password alone" in answer.text
    assert answer.text.count("<li><code>") == 10
    assert "no-store" in answer.headers["Cache-Control"]
    page = client.get(FACTORS).text
    assert "My phone" in page
    assert "10 of 10 left" in page


def test_the_page_shows_what_is_wrong_with_a_passkey(client):
    answer = client.post(
        f"{FACTORS}/passkeys/add", {"name": "x", "passkey": '{"id": "x"}'}
    )

    assert answer.status_code == 400
    assert "This passkey can&#39;t be used here." in answer.text


def test_the_page_to_add_a_passkey_needs_a_recent_login(client, clock):
    clock.shift(600)

    answer = client.get(f"{FACTORS}/passkeys/add")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/confirm?next=")


def test_the_pages_rename_and_remove(bob):
    device = with_passkey(bob)
    client = client_for(with_factor(bob))
    path = f"{FACTORS}/passkeys/{id_of(device)}"
    assert 'value="Phone"' in client.get(f"{path}/rename").text

    answer = client.post(f"{path}/rename", {"name": "Tablet"})
    assert answer.headers["Location"] == FACTORS
    assert "no longer log in with Tablet" in client.get(f"{path}/remove").text
    client.post(f"{path}/remove", {})

    assert "Tablet" not in client.get(FACTORS).text
    assert account_of(bob).passkeys is None


def test_the_page_says_why_there_are_no_passkeys_at_an_ip_address(client, monkeypatch):
    config = dataclasses.replace(ceremonies.config, app_url="http://192.0.2.1")
    monkeypatch.setattr(ceremonies, "config", config)

    for path in (FACTORS, f"{FACTORS}/passkeys/add"):
        page = client.get(path).text
        assert "not an IP address" in page
        assert "/passkeys." not in page


def test_the_page_offers_no_eleventh_passkey(bob):
    for _ in range(10):
        with_passkey(bob)

    page = client_for(bob).get(FACTORS).text

    assert "You have 10 passkeys" in page
    assert "Add a passkey" not in page


def test_names_are_escaped_on_the_page(bob):
    device = with_passkey(bob)
    passkey_setup.rename(bob, id_of(device), name="<b>x</b>")

    assert "<b>x" not in client_for(bob).get(FACTORS).text
    assert Account.find(bob.user_id).passkeys == {id_of(device)}
