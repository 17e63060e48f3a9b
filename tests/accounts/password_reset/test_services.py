"""Forgotten passwords: the link, what it changes, and what it reveals."""

import json
import logging

import pytest

from accounts import emails, services, sessions, tokens
from accounts.factors.second_step import SecondStep
from accounts.models import Account, NewestLink, OneTimeLink, UniqueName
from accounts.password_reset import services as password_reset
from accounts.tasks import send_password_reset
from notifications.models import Notification
from notifications.recipients import EmailChanges
from notifications.transports import DeliveryError
from smartbudget.core import dates, tasks
from smartbudget.core.config import config
from smartbudget.core.errors import (
    AuthenticationError,
    ConflictError,
    GoneError,
    InvalidError,
    ThrottledError,
    UnavailableError,
)
from tests.accounts.factors.builders import with_totp
from tests.accounts.password_reset.builders import (
    HERE,
    NEW,
    ask,
    token_in,
    verified,
    verify,
)
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_token,
    make_user,
    program_with,
)
from tests.notifications import faults
from tests.notifications.builders import queued, run_queued_tasks

HALF_HOUR = 1800


def change(user, **values):
    account = account_of(user)
    account.update([Account.assign(name, value) for name, value in values.items()])


def log_in(password, name="alice"):
    return services.log_in(identifier=name, password=password, address=HERE)


@pytest.fixture
def alice(sent):
    return verified()


@pytest.fixture
def token(alice, sent):
    """The token of the link in a mail to Alice."""
    ask()
    return token_in(sent[-1])


def is_unchanged(user):
    return account_of(user).password_hash == PASSWORD_HASHES[user.user_id]


PASSWORD_HASHES: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _remember_passwords(monkeypatch):
    store = services._store_account

    def remember(account, *args, **kwargs):
        PASSWORD_HASHES[account.user_id] = account.password_hash
        return store(account, *args, **kwargs)

    monkeypatch.setattr(services, "_store_account", remember)


# -- the link


@pytest.mark.parametrize(
    "identifier",
    ["alice", "Alice", " alice ", "alice@example.com", "ALICE@example.com"],
)
def test_a_link_goes_to_the_accounts_address(alice, sent, identifier):
    ask(identifier)

    (mail,) = sent
    assert mail.to == ["alice@example.com"]
    assert mail.subject == "Reset your password"
    assert "your account alice" in mail.text
    assert mail.account_link.startswith("/accounts/reset/")
    assert f"{config.app_url}{mail.account_link}" in mail.html
    assert "can't be turned off" in mail.text


def test_the_mail_is_in_the_users_language(sent):
    user = make_user("greta", language="de")
    verify(user)

    ask("greta")

    assert sent[0].subject == "Passwort zurücksetzen"


@pytest.mark.parametrize(
    "identifier",
    ["nobody", "nobody@example.com", "", "@", "ünïcode", "ü@example.com", "x" * 254],
)
def test_an_unknown_name_gets_no_mail(alice, sent, identifier):
    ask(identifier)

    assert sent == []
    assert not list(NewestLink.scan(NewestLink.link.exists()))


@pytest.mark.parametrize("identifier", ["alice", "nobody"])
def test_a_request_makes_the_same_calls_for_any_name(alice, identifier):
    password_reset.request_link("warm-up", address="192.0.2.9")

    with faults.calls_counted() as calls:
        password_reset.request_link(identifier, address=HERE)

    assert calls == ["UpdateItem", "SendMessageBatch"]


def test_the_queue_holds_what_was_typed_and_no_token(alice):
    password_reset.request_link("alice", address=HERE)

    ends = int(dates.now().timestamp()) + HALF_HOUR
    assert queued() == [{"identifier": "alice", "expires_at": ends}]
    assert not list(NewestLink.scan(NewestLink.link.exists()))


def test_neither_logs_nor_items_contain_the_token(alice, sent, caplog):
    caplog.set_level(logging.INFO)

    ask()

    token = token_in(sent[0])
    assert token not in caplog.text
    stored = [str(item.to_simple_dict()) for item in OneTimeLink.scan()]
    assert not [item for item in stored if token in item]


def test_a_link_sets_the_password(alice, token):
    password_reset.reset(token, NEW)

    assert log_in(NEW).user.user_id == alice.user_id
    with pytest.raises(AuthenticationError):
        log_in(PASSWORD)


def test_a_link_used_twice_is_used(alice, token):
    password_reset.reset(token, NEW)

    for call in (password_reset.find, lambda t: password_reset.reset(t, "yet another")):
        with pytest.raises(GoneError, match="already been used"):
            call(token)
    assert log_in(NEW)


def test_after_a_newer_link_the_older_one_says_so(alice, token, sent):
    ask()

    with pytest.raises(GoneError, match="newer link was sent"):
        password_reset.reset(token, NEW)
    password_reset.reset(token_in(sent[-1]), NEW)


def test_a_link_works_for_half_an_hour(alice, token, clock):
    clock.shift(HALF_HOUR - 1)
    assert password_reset.find(token).username == "alice"

    clock.shift(1)

    with pytest.raises(GoneError, match="expired"):
        password_reset.reset(token, NEW)


def test_of_two_requests_with_one_link_one_wins(alice, token):
    with (
        faults.meanwhile(lambda: password_reset.reset(token, "the first of the two")),
        pytest.raises(GoneError, match="already been used"),
    ):
        password_reset.reset(token, NEW)

    assert log_in("the first of the two")
    with pytest.raises(AuthenticationError):
        log_in(NEW)


def test_a_lost_reply_sets_the_password_once(alice, token):
    with faults.reply_lost("TransactWriteItems"):
        password_reset.reset(token, NEW)

    assert log_in(NEW)
    assert len([n for n in Notification.scan() if n.type == "password_reset"]) == 1


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("short", "at least"),
        ("alice@example.com", "name or e-mail"),
        ("password", "too common"),
    ],
)
def test_the_rules_of_passwords_apply_and_the_link_stays(
    alice, token, password, message
):
    with pytest.raises(InvalidError, match=message) as refused:
        password_reset.reset(token, password)

    assert refused.value.field == "new_password"
    password_reset.reset(token, NEW)


# -- what ends with it


def test_a_reset_ends_sessions_and_tokens(alice, token):
    stolen, program = client_for(alice), program_with(make_token(alice))
    assert stolen.get("/api/profile").status_code == 200

    password_reset.reset(token, NEW)

    assert stolen.get("/api/profile").status_code == 401
    assert program.get("/api/profile").status_code == 401
    account = account_of(alice)
    assert (account.sessions, account.tokens) == (None, None)


def test_a_reset_starts_no_session(alice, token):
    password_reset.reset(token, NEW)

    assert sessions.list_sessions(alice) == []


def test_a_reset_cancels_a_pending_change_of_address(alice, token):
    changes = EmailChanges(pending_email="evil@example.com", pending_since="x")
    emails.store(account_of(alice), changes)

    password_reset.reset(token, NEW)

    account = account_of(alice)
    assert (account.email, account.pending_email) == ("alice@example.com", None)


def test_a_reset_ends_everything_or_nothing(alice, token):
    stolen = client_for(alice)

    with faults.down("TransactWriteItems"), pytest.raises(Exception):  # noqa: B017
        password_reset.reset(token, NEW)

    assert stolen.get("/api/profile").status_code == 200
    assert is_unchanged(alice)


def test_after_a_reset_the_second_factor_is_still_asked(alice, token):
    with_totp(alice)

    password_reset.reset(token, NEW)

    assert isinstance(log_in(NEW), SecondStep)


def test_a_reset_sends_a_security_notice(alice, token, sent):
    password_reset.reset(token, NEW)
    run_queued_tasks()

    assert sent[-1].subject == "Your password was reset"
    assert sent[-1].to == ["alice@example.com"]
    assert "all API tokens revoked" in sent[-1].text


# -- accounts and addresses that get no link


@pytest.mark.parametrize(
    "values",
    [
        {"locked_at": "2026-03-18T00:00:00+00:00"},
        {"closed_at": "2026-03-18T00:00:00+00:00"},
        {"bounced_at": "2999-01-01T00:00:00+00:00"},
    ],
)
def test_some_accounts_get_no_link(alice, sent, values):
    change(alice, **values)

    ask()

    assert sent == []


@pytest.mark.parametrize(
    "values",
    [
        {"locked_at": "2026-03-18T00:00:00+00:00"},
        {"closed_at": "2026-03-18T00:00:00+00:00"},
        {"email": "other@example.com"},
    ],
)
def test_a_link_of_a_changed_account_changes_nothing(alice, token, values):
    change(alice, **values)

    with pytest.raises(GoneError, match="expired"):
        password_reset.reset(token, NEW)

    assert Account.get(alice.user_id).password_hash == PASSWORD_HASHES[alice.user_id]


def test_a_link_is_void_once_the_password_was_changed(alice, token):
    services.change_password(alice, old=PASSWORD, new="changed by hand")

    with pytest.raises(GoneError, match="expired"):
        password_reset.reset(token, NEW)
    assert log_in("changed by hand")


def as_stored_before(user):
    """Make an account look as if a version without verified addresses stored it."""
    change(user, email_verified_at=None)
    name = UniqueName.get(f"email#{user.email}")
    name.update([UniqueName.unverified_until.remove()])


def test_an_address_of_the_version_before_gets_a_link_and_is_then_verified(alice, sent):
    as_stored_before(alice)

    ask()
    password_reset.reset(token_in(sent[0]), NEW)

    assert account_of(alice).email_verified_at == dates.timestamp()


def test_an_address_that_was_never_confirmed_gets_no_link(sent):
    """It may be another person's, who is then mailed by strangers."""
    make_user("bob")
    run_queued_tasks()
    sent.clear()

    ask("bob")

    assert sent == []


def test_an_address_that_another_account_has_proved_gets_the_links(alice, sent):
    bob = make_user("bob")
    change(bob, email=None, lost_email="alice@example.com")
    run_queued_tasks()
    sent.clear()

    ask("bob")
    ask("alice@example.com")

    assert ["your account alice" in mail.text for mail in sent] == [True]


def test_an_address_whose_name_is_another_accounts_gets_no_link(alice, sent):
    as_stored_before(alice)
    UniqueName.get(f"email#{alice.email}").delete()

    ask()
    ask("alice@example.com")

    assert sent == []


# -- throttles


def test_an_account_gets_three_links_an_hour(alice, sent, clock):
    for number, identifier in enumerate(["alice", "alice@example.com"] * 2):
        ask(identifier, address=f"192.0.2.{number}")
    assert len(sent) == 3

    clock.shift(3601)
    ask()

    assert len(sent) == 4


def test_a_network_address_asks_twenty_times_an_hour(alice, clock):
    for number in range(20):
        password_reset.request_link(f"nobody{number}", address=HERE)

    with pytest.raises(ThrottledError):
        password_reset.request_link("alice", address=HERE)
    password_reset.request_link("alice", address="192.0.2.2")
    clock.shift(3601)
    password_reset.request_link("alice", address=HERE)


# -- faults


def request(seconds=HALF_HOUR):
    """Return the arguments of the task for a request that expires in `seconds`."""
    return {"identifier": "alice", "expires_at": dates.now().timestamp() + seconds}


def test_a_mail_that_was_refused_is_tried_again_without_counting(alice, sent):
    for _ in range(4):
        with faults.down("SendEmail"), pytest.raises(DeliveryError):
            send_password_reset(**request())
    before = len(sent)

    send_password_reset(**request())

    assert len(sent) - before == 1
    password_reset.reset(token_in(sent[-1]), NEW)


def test_after_the_last_attempt_it_is_given_up(alice):
    body = json.dumps(request())

    with faults.down("SendEmail"):
        tasks.run(body, password_reset.TASK, tasks.Attempt(5))


@pytest.mark.parametrize(("seconds", "mails"), [(1, 1), (0, 0)])
def test_a_request_that_waited_half_an_hour_sends_nothing(alice, sent, seconds, mails):
    """Such as one that was moved back from the dead letters."""
    send_password_reset(**request(seconds))

    assert len(sent) == mails


def test_without_the_queue_the_request_fails_and_may_be_repeated(alice):
    with faults.down("SendMessageBatch"), pytest.raises(UnavailableError):
        password_reset.request_link("alice", address=HERE)


# -- without a sender


def test_without_a_sender_no_link_can_be_requested():
    verified()

    with pytest.raises(ConflictError, match="can't be reset by e-mail here"):
        password_reset.request_link("alice", address=HERE)


def test_a_link_for_staff_to_hand_over_works_for_any_account():
    alice = make_user("alice")

    link = password_reset.create_link_for_staff(alice.user_id)
    password_reset.reset(link.rpartition("/")[2], NEW)

    assert link.startswith(f"{config.app_url}/accounts/reset/")
    assert log_in(NEW)
    assert account_of(alice).email_verified_at is None


def test_a_link_of_staff_replaces_one_in_a_mail(alice, token):
    password_reset.create_link_for_staff(alice.user_id)

    with pytest.raises(GoneError, match="newer"):
        password_reset.reset(token, NEW)


def test_a_new_password_voids_a_link_of_staff(alice):
    """The notice says so."""
    link = password_reset.create_link_for_staff(alice.user_id)
    services.change_password(alice, old=PASSWORD, new="changed by hand")

    with pytest.raises(GoneError):
        password_reset.reset(link.rpartition("/")[2], NEW)


def test_a_link_of_staff_is_in_a_security_notice_without_the_link(alice, sent):
    link = password_reset.create_link_for_staff(alice.user_id)
    run_queued_tasks()

    (mail,) = sent
    assert mail.subject == "Staff created a link to reset your password"
    assert link.rpartition("/")[2] not in mail.text + mail.html


def test_the_task_in_a_message_of_the_version_before_deletes_an_account():
    assert tasks.find("accounts.tasks.delete_account").name.endswith("delete_account")


def test_tokens_of_other_users_stay(alice, token):
    bob = make_user("bob")
    make_token(bob)

    password_reset.reset(token, NEW)

    assert len(tokens.list_tokens(bob)) == 1
