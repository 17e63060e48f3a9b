"""Undoing a change of address, by a link in a mail to the old one."""

import pytest

from accounts import one_time_links, sessions
from accounts.models import OneTimeLink
from accounts.tasks import send_address_changed
from accounts.verification import services
from notifications import subscriptions
from notifications.models import Notification
from profiles import address_change
from smartbudget.core import throttling
from smartbudget.core.config import config
from smartbudget.core.errors import ThrottledError
from smartbudget.core.throttling import Limit
from tests.accounts.verification.builders import (
    EMAIL,
    logs_in,
    name_of,
    register,
    stored,
)
from tests.builders import PASSWORD, client_for, make_token, make_user, program_with
from tests.notifications import faults
from tests.notifications.builders import run_queued_tasks
from tests.notifications.mailing import follow

NEW, THIRD = "new@example.com", "third@example.com"
BETTER = "a much better password"
WEEK = 7 * 24 * 3600


@pytest.fixture
def alice(sent):
    """A user with a verified address."""
    user = register()
    follow(sent[-1].account_link)
    sent.clear()
    return user


def move(user, sent, email=NEW) -> None:
    """Change the address, and follow the link that is sent to the new one."""
    address_change.change_email(user, password=PASSWORD, email=email)
    link = next(mail for mail in reversed(sent) if "/accounts/verify/" in mail.text)
    assert follow(link.account_link).status_code == 200
    run_queued_tasks()


def undo_link(sent, email=EMAIL) -> str:
    """Return the path of the newest undo link that was sent to an address."""
    return next(
        mail.account_link
        for mail in reversed(sent)
        if mail.to == [email] and "/accounts/undo-email/" in mail.text
    )


def undo(link, password=BETTER, client=None):
    client = client or client_for()
    client.get(link)
    return client.post("/accounts/undo-email", {"new_password": password})


# ------------------------------------------------------------ the change itself


def test_the_new_address_is_confirmed_first_subscribed_or_not(alice, sent):
    address_change.change_email(alice, password=PASSWORD, email=NEW)

    account = stored(alice)
    assert (account.email, account.pending_email) == (EMAIL, NEW)
    assert account.is_verified
    assert name_of(NEW) is None
    (mail,) = sent
    assert mail.to == [NEW]

    follow(mail.account_link)

    account = stored(alice)
    assert (account.email, account.pending_email) == (NEW, None)
    assert account.is_verified
    assert (name_of(EMAIL), name_of(NEW).owner) == (None, alice.user_id)
    assert logs_in(NEW)
    assert not logs_in(EMAIL)


def test_a_change_whose_link_cannot_be_sent_changes_nothing(alice, sent):
    with faults.down("SendEmail"):
        answer = client_for(alice).post(
            "/api/email",
            {"password": PASSWORD, "email": NEW},
            content_type="application/json",
        )

    assert answer.status_code == 503
    assert stored(alice).pending_email is None


def test_the_link_to_the_new_address_can_be_sent_again(alice, sent, clock):
    address_change.change_email(alice, password=PASSWORD, email=NEW)
    clock.shift(2 * 24 * 3600 - 1)
    page = client_for(alice).post("/accounts/verify/send", follow=True).text
    assert f"We sent a confirmation link to {NEW}." in page
    clock.shift(2 * 24 * 3600 - 1)

    assert address_change.get_account(alice).pending_email == NEW
    assert follow(sent[-1].account_link).status_code == 200
    assert stored(alice).email == NEW


def test_a_pending_change_ends_with_its_link(alice, sent, clock):
    address_change.change_email(alice, password=PASSWORD, email=NEW)
    clock.shift(2 * 24 * 3600)

    assert address_change.get_account(alice).pending_email is None


def test_a_cancelled_changes_link_does_nothing(alice, sent):
    address_change.change_email(alice, password=PASSWORD, email=NEW)
    address_change.cancel_change(alice)

    assert follow(sent[-1].account_link).status_code == 410
    assert stored(alice).email == EMAIL


# ------------------------------------------------------------------ its mail


def test_the_old_address_gets_a_mail_with_an_undo_link(alice, sent):
    move(alice, sent)

    (mail,) = [mail for mail in sent if "was changed from" in mail.text]
    assert mail.to == [EMAIL]
    assert NEW in mail.text
    assert f"{config.app_url}/accounts/undo-email/" in mail.text


def test_an_old_address_that_was_never_verified_gets_no_undo_link(sent):
    """It may be a stranger's, after a typing error at the registration."""
    alice = register(email="typo@example.com")
    move(alice, sent)

    (mail,) = [mail for mail in sent if "no longer uses" in mail.text]
    assert mail.to == ["typo@example.com"]
    assert "/accounts/" not in mail.text
    assert alice.username not in mail.text
    assert NEW not in mail.text


def test_a_lost_message_is_made_good_by_the_sweep(alice, sent):
    address_change.change_email(alice, password=PASSWORD, email=NEW)
    link = sent[-1].account_link
    with faults.down("SendMessageBatch"):
        follow(link)
    run_queued_tasks()
    assert not [mail for mail in sent if "was changed from" in mail.text]

    for _ in range(2):
        send_address_changed(user_id=alice.user_id)

    assert len([mail for mail in sent if "was changed from" in mail.text]) == 1


def test_a_mail_that_cannot_be_sent_holds_up_and_repeats_no_other(sent):
    """A second change must not keep the owner's verified address from its link."""
    alice = register(email="typo@example.com")
    for _ in range(subscriptions.CONFIRMATIONS.tries - 1):
        throttling.count(subscriptions.CONFIRMATIONS, "typo@example.com")
    for email in (NEW, THIRD):
        address_change.change_email(alice, password=PASSWORD, email=email)
        assert follow(sent[-1].account_link).status_code == 200
    sent.clear()

    for _ in range(2):
        with pytest.raises(ThrottledError):
            send_address_changed(user_id=alice.user_id)

    (mail,) = sent
    assert mail.to == [NEW]
    assert "/accounts/undo-email/" in mail.text


# ------------------------------------------------------------------- undoing


def test_undoing_puts_the_old_address_back(alice, sent):
    move(alice, sent)

    answer = undo(undo_link(sent))

    assert answer.headers["Location"] == "/login"
    account = stored(alice)
    assert account.email == EMAIL
    assert account.is_verified
    name = name_of()
    assert (name.owner, name.unverified_until) == (alice.user_id, None)
    assert name_of(NEW) is None


def test_it_ends_sessions_and_tokens_and_replaces_the_password(alice, sent):
    key = sessions.begin_session(stored(alice)).session_key
    secret = make_token(alice)
    move(alice, sent)

    undo(undo_link(sent))

    assert sessions.find_session(key) is None
    assert program_with(secret).get("/api/profile").status_code == 401
    assert not logs_in("alice")
    answer = client_for().post(
        "/login",
        {"username": EMAIL, "password": BETTER},
        content_type="application/json",
    )
    assert answer.status_code == 200


def test_it_does_not_log_in(alice, sent):
    move(alice, sent)
    client = client_for()

    undo(undo_link(sent), client=client)

    assert "session" not in client.cookies
    assert "Log in with your new password" in client.get("/login").text


def test_it_cancels_a_pending_change(alice, sent):
    move(alice, sent)
    address_change.change_email(alice, password=PASSWORD, email=THIRD)
    pending = sent[-1].account_link

    undo(undo_link(sent))

    assert stored(alice).pending_email is None
    assert follow(pending).status_code == 410


def test_it_writes_a_security_notice(alice, sent):
    move(alice, sent)

    undo(undo_link(sent))
    run_queued_tasks()

    subject = f"Your e-mail address is {EMAIL} again"
    (mail,) = [mail for mail in sent if mail.subject == subject]
    assert mail.to == [EMAIL]


def test_opening_the_link_changes_nothing(alice, sent):
    move(alice, sent)

    page = client_for().get(undo_link(sent), follow=True)

    assert page.redirect_chain == [("/accounts/undo-email", 302)]
    assert EMAIL in page.text
    assert stored(alice).email == NEW


def test_the_button_needs_the_csrf_token(alice, sent):
    move(alice, sent)

    answer = undo(undo_link(sent), client=client_for(csrf=True))

    assert answer.status_code == 403
    assert stored(alice).email == NEW


@pytest.mark.parametrize("password", ["", "short", "alice", "password1"])
def test_the_new_password_obeys_the_rules(alice, sent, password):
    move(alice, sent)

    answer = undo(undo_link(sent), password)

    assert answer.status_code == 400
    assert stored(alice).email == NEW


def test_the_link_works_for_seven_days(alice, sent, clock):
    move(alice, sent)
    clock.shift(WEEK - 1)
    assert client_for().get(undo_link(sent), follow=True).status_code == 200
    clock.shift(1)

    page = undo(undo_link(sent))

    assert page.status_code == 410
    assert stored(alice).email == NEW


def test_the_link_works_once(alice, sent):
    move(alice, sent)
    undo(undo_link(sent))

    page = undo(undo_link(sent), "yet another password")

    assert page.status_code == 410
    assert "already been used" in page.text


def test_a_change_that_repeats_the_mail_has_two_links_good_once(alice, sent):
    move(alice, sent)
    former = stored(alice).former_addresses[0]
    token = one_time_links.create(
        "undo-email",
        owner=alice.user_id,
        email=EMAIL,
        lifetime_seconds=WEEK,
        state=former["change_id"],
        replaces_older=False,
    )
    undo(undo_link(sent))

    page = undo(f"/accounts/undo-email/{token}")

    assert page.status_code == 410
    assert "already undone" in page.text


# ------------------------------------------------------- an intruder's changes


def test_after_two_changes_the_first_address_undoes_both(alice, sent):
    move(alice, sent, NEW)
    move(alice, sent, THIRD)
    first, second = undo_link(sent, EMAIL), undo_link(sent, NEW)

    assert undo(first).status_code == 302
    assert stored(alice).email == EMAIL

    assert undo(second).status_code == 410  # the intruder's own undo
    assert stored(alice).email == EMAIL


def test_undoing_the_second_change_leaves_the_first_link(alice, sent):
    """Else an intruder could use it up."""
    move(alice, sent, NEW)
    move(alice, sent, THIRD)
    first, second = undo_link(sent, EMAIL), undo_link(sent, NEW)
    assert undo(second).status_code == 302
    assert stored(alice).email == NEW

    assert undo(first).status_code == 302

    assert stored(alice).email == EMAIL


def test_many_changes_keep_the_first_link(alice, sent, monkeypatch):
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS", Limit("many", 100, 3600))
    for number in range(12):
        move(alice, sent, f"intruder{number}@example.com")

    assert len(stored(alice).former_addresses) == 10
    assert undo(undo_link(sent)).status_code == 302
    assert stored(alice).email == EMAIL


def test_the_old_address_is_taken_back_from_an_unverified_registration(alice, sent):
    move(alice, sent)
    bob = register("bob")

    assert undo(undo_link(sent)).status_code == 302

    assert stored(alice).email == EMAIL
    assert stored(bob).email == ""


def test_an_old_address_that_is_verified_for_another_account_stays_there(alice, sent):
    move(alice, sent)
    bob = register("bob")
    services.send_again(bob)
    follow(sent[-1].account_link)

    page = undo(undo_link(sent))

    assert page.status_code == 409
    assert "is taken" in page.text
    assert (stored(alice).email, stored(bob).email) == (NEW, EMAIL)


def test_an_undone_change_has_no_undo_of_its_own(alice, sent):
    move(alice, sent)
    undo(undo_link(sent))
    run_queued_tasks()

    assert not [mail for mail in sent if mail.to == [NEW] and "undo" in mail.text]
    assert undo(undo_link(sent)).status_code == 410


def test_the_address_that_an_undo_replaces_gets_a_mail_without_a_link(alice, sent):
    """Its owner may be the user, and the old mailbox in the hands of an intruder."""
    move(alice, sent)
    link = undo_link(sent)
    sent.clear()

    undo(link)
    run_queued_tasks()

    (mail,) = [mail for mail in sent if mail.to == [NEW]]
    assert f"was changed from {NEW} to {EMAIL}" in mail.text
    assert "contact" in mail.text
    assert "/accounts/" not in mail.text


def test_without_a_sender_the_address_changes_at_once_and_the_page_says_so(aws):
    alice = make_user("alice")
    client = client_for(alice)
    assert "Otherwise the address changes at once." in " ".join(
        client.get("/accounts/email").text.split()
    )

    account = address_change.change_email(alice, password=PASSWORD, email=NEW)

    assert (account.email, account.pending_email) == (NEW, None)
    assert account.former_addresses is None
    assert list(OneTimeLink.scan(OneTimeLink.state.exists())) == []
    assert [item.type for item in Notification.scan()] == ["email_changed"]
