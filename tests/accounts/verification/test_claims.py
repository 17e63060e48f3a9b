"""An unverified address gives way: to time, and to proof."""

import threading

import pytest

from accounts import services as accounts
from accounts import sessions
from accounts.models import Account, UniqueName
from accounts.verification import claims, services
from notifications import delivery, subscriptions
from profiles import address_change, deletion
from smartbudget.core.errors import ConflictError
from tests.accounts.verification.builders import (
    EMAIL,
    logs_in,
    name_of,
    register,
    stored,
)
from tests.builders import PASSWORD, client_for, make_user
from tests.notifications.builders import make_notification, state
from tests.notifications.mailing import follow

WEEK = 7 * 24 * 3600


def change(user, email=EMAIL):
    return address_change.change_email(user, password=PASSWORD, email=email)


# ------------------------------------------------------------------ after a week


def test_an_address_is_kept_for_a_week_and_then_gives_way(sent, clock):
    alice = register()
    clock.shift(WEEK - 1)
    with pytest.raises(ConflictError, match="is taken"):
        register("bob")
    clock.shift(1)

    bob = register("bob")

    assert name_of().owner == bob.user_id
    assert stored(bob).email == EMAIL
    assert stored(alice).email == ""


def test_nobody_else_wants_it_so_it_stays(sent, clock):
    register()
    clock.shift(10 * WEEK)

    assert logs_in(EMAIL)


def test_a_verified_address_never_lapses(sent, clock):
    register()
    follow(sent[0].account_link)
    clock.shift(10 * WEEK)

    with pytest.raises(ConflictError, match="is taken"):
        register("bob")


def test_an_address_of_an_earlier_version_never_lapses(sent, clock):
    alice = register()
    name_of().update(actions=[UniqueName.unverified_until.remove()])
    clock.shift(10 * WEEK)

    with pytest.raises(ConflictError, match="is taken"):
        register("bob")
    assert logs_in(EMAIL)
    with pytest.raises(ConflictError, match="is taken"):
        change(make_user("carol"))
    assert stored(alice).email == EMAIL


def test_without_a_sender_an_address_never_lapses(aws, clock):
    make_user("alice")
    clock.shift(10 * WEEK)

    with pytest.raises(ConflictError, match="is taken"):
        accounts.register(username="bob", email=EMAIL, password=PASSWORD)


# ------------------------------------------------------------------- to proof


def test_another_account_that_proves_the_address_gets_it_at_once(sent):
    alice, bob = register(), make_user("bob")
    account = change(bob)
    assert (account.email, account.pending_email) == ("bob@example.com", EMAIL)
    assert (stored(alice).email, name_of().owner) == (EMAIL, alice.user_id)

    assert follow(sent[-1].account_link).status_code == 200

    account = stored(bob)
    assert (account.email, account.pending_email) == (EMAIL, None)
    assert account.email_verified_at
    name = name_of()
    assert (name.owner, name.unverified_until) == (bob.user_id, None)
    assert stored(alice).email == ""


def test_the_registrations_own_link_takes_back_a_lapsed_address(sent, clock):
    alice = register()
    clock.shift(WEEK - 3600)
    services.send_again(alice)
    link = sent[-1].account_link
    clock.shift(3600)
    bob = register("bob")

    assert follow(link).status_code == 200

    assert (stored(alice).email, stored(alice).lost_email) == (EMAIL, None)
    assert stored(alice).email_problem is None
    assert stored(bob).email == ""


def test_an_address_that_is_verified_meanwhile_cannot_be_taken(sent):
    alice, bob = register(), make_user("bob")
    first = sent[0].account_link
    change(bob)
    follow(first)

    page = follow(sent[-1].account_link)

    assert page.status_code == 409
    assert "is taken" in page.text
    assert stored(alice).email == EMAIL
    assert stored(bob).email == "bob@example.com"


def test_a_cancelled_change_takes_nothing(sent):
    alice, bob = register(), make_user("bob")
    change(bob)
    address_change.cancel_change(bob)

    assert follow(sent[-1].account_link).status_code == 410
    assert stored(alice).email == EMAIL


# --------------------------------------------------------- what the loser sees


@pytest.fixture
def loser(sent, clock):
    """An account that has lost its address."""
    alice = register()
    subscriptions.subscribe(alice)
    clock.shift(WEEK)
    register("bob")
    return alice


def test_it_cannot_log_in_by_the_address_but_by_its_username(loser):
    answer = client_for().post(
        "/login",
        {"username": EMAIL, "password": PASSWORD},
        content_type="application/json",
    )

    assert answer.json()["username"] == "bob"  # both have the same password
    assert logs_in("alice")


def test_it_gets_no_mail_there(loser, sent):
    before = len(sent)
    for number, kind in enumerate(("budget_exceeded", "password_changed")):
        item = make_notification(f"n{number}", user_id=loser.user_id, type=kind)
        delivery.deliver(item.notification_id)

        assert state(f"n{number}")[0] == "skipped"
    assert len(sent) == before
    assert stored(loser).subscription_status == "none"
    with pytest.raises(ConflictError, match="Enter an e-mail address"):
        subscriptions.subscribe(loser)


def test_its_pages_ask_for_another_address(loser, sent):
    client = client_for(loser)
    sentence = "confirmed by another account"
    assert sentence in client.get("/").text
    assert "Turn on e-mail alerts" not in client.get("/accounts/profile").text
    assert client.get("/api/profile").json()["email"] == ""

    answer = client.post(
        "/accounts/email", {"password": PASSWORD, "email": "new@example.com"}
    )
    assert answer.status_code == 302
    assert "new@example.com" in client.get("/accounts/profile").text
    follow(sent[-1].account_link)

    assert sentence not in client.get("/").text
    account = stored(loser)
    assert (account.email, account.lost_email) == ("new@example.com", None)
    assert logs_in("new@example.com")


def test_its_sessions_know_at_once(sent, clock):
    loser = register()
    clock.shift(WEEK)
    key = sessions.begin_session(stored(loser)).session_key

    register("bob")

    assert sessions.find_session(key).email == ""


def test_its_account_can_be_deleted_and_leaves_the_address_alone(loser):
    deletion.close_account(loser, password=PASSWORD)
    run = deletion.continue_deletion(loser.user_id)
    while run:
        run = deletion.continue_deletion(
            loser.user_id, "2026-01-01T00:00:00.000000+00:00"
        )

    assert Account.find(loser.user_id) is None
    assert name_of().owner


# ----------------------------------------------------------------------- races


def test_of_two_verifications_of_one_address_one_wins(sent):
    alice, bob = register(), make_user("bob")
    change(bob)
    links = [sent[0].account_link, sent[-1].account_link]

    statuses = at_once(*(lambda link=link: follow(link).status_code for link in links))

    assert sorted(statuses) == [200, 409]
    owners = [user for user in (alice, bob) if stored(user).email == EMAIL]
    assert [user.user_id for user in owners] == [name_of().owner]
    assert stored(owners[0]).is_verified


def test_verifying_beside_a_takeover_leaves_one_owner(sent, clock):
    alice = register()
    clock.shift(WEEK - 60)
    services.send_again(alice)
    clock.shift(60)
    link = sent[-1].account_link

    def take_over():
        try:
            return register_only("bob").user_id
        except ConflictError:
            return None

    status, bob = at_once(lambda: follow(link).status_code, take_over)

    assert status == 200  # proof wins, whichever is first
    assert name_of().owner == alice.user_id
    assert stored(alice).is_verified
    if bob:
        assert accounts.get_account(bob).email == ""


def test_a_takeover_that_is_refused_changes_neither_account(sent, clock, monkeypatch):
    """The address is verified between the look-up and the write."""
    alice = register()
    clock.shift(WEEK - 60)
    services.send_again(alice)
    clock.shift(60)
    find = claims.find_lapsed

    def find_and_verify(email):
        name = find(email)
        if not stored(alice).is_verified:
            follow(sent[-1].account_link)
        return name

    monkeypatch.setattr(claims, "find_lapsed", find_and_verify)

    with pytest.raises(ConflictError, match="is taken"):
        register_only("bob")

    assert stored(alice).email == EMAIL
    assert UniqueName.find("username#bob") is None


def register_only(name):
    return accounts.register(username=name, email=EMAIL, password=PASSWORD).user


def at_once(*calls):
    """Run calls in threads that start together; return their results."""
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number, call):
        barrier.wait()
        results[number] = call()

    threads = [
        threading.Thread(target=run, args=(number, call))
        for number, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
