"""The link "This wasn't me" in the mail about a login with a new device."""

import pytest

from accounts import not_me, one_time_links, services, sessions
from accounts.models import Account, OneTimeLink
from notifications import messages
from profiles import deletion
from smartbudget.core.errors import GoneError
from tests.accounts.password_reset.builders import NEW, verified
from tests.accounts.test_devices import notices
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_token,
    make_user,
    program_with,
)
from tests.notifications import faults
from tests.notifications.builders import run_queued_tasks
from tests.notifications.mailing import follow, using_ses

pytestmark = pytest.mark.usefixtures("aws")

WEEK = 7 * 24 * 3600
PAGE = "/accounts/not-me"


@pytest.fixture
def sent():
    with using_ses() as mails:
        yield mails


@pytest.fixture
def alice(sent):
    alice = verified()
    log_in(client_for())
    return alice


@pytest.fixture
def intruder(alice):
    client = client_for()
    log_in(client)
    return client


@pytest.fixture
def mail(intruder, sent):
    run_queued_tasks()
    return sent[-1]


def log_in(client, password=PASSWORD):
    return client.post("/login", {"username": "alice", "password": password})


def token_in(mail) -> str:
    return mail.account_link.rpartition("/")[2]


def test_the_mail_has_the_link_and_says_what_it_does(mail):
    assert mail.subject.startswith("New login")
    assert mail.account_link.startswith(f"{PAGE}/")
    assert "This wasn't me" in mail.html.replace("&#39;", "'")
    assert "logs out all devices" in " ".join(mail.text.split())


def test_the_link_is_neither_stored_nor_queued(alice, intruder, sent):
    (notice,) = notices(alice)

    assert "not-me" not in notice.message
    assert not list(OneTimeLink.scan(OneTimeLink.user_id.startswith("not-me#")))


def test_the_whole_way_from_the_mail_to_a_new_password(alice, intruder, mail, sent):
    token = make_token(alice)

    page = follow(mail.account_link)

    assert page.status_code == 302
    assert intruder.get("/accounts/profile").url.startswith("/login")
    assert program_with(token).get("/api/profile").status_code == 401
    run_queued_tasks()
    reset = sent[-1]
    assert reset.subject == "Reset your password"
    done = follow_reset(reset.account_link)
    assert done.url == "/login"
    assert log_in(client_for(), NEW).status_code == 302
    assert log_in(client_for()).status_code == 401


def follow_reset(link):
    client = client_for()
    page = client.get(link).headers["Location"]
    return client.post(page, {"new_password": NEW})


def test_opening_the_link_changes_nothing(intruder, mail):
    client = client_for()

    page = client.get(mail.account_link, follow=True)

    assert page.status_code == 200
    assert "<strong>alice</strong>" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert intruder.get("/accounts/profile").status_code == 200


def test_the_button_leads_to_the_page_about_the_reset(mail):
    client = client_for()
    client.get(mail.account_link)

    page = client.post(PAGE, follow=True)

    assert page.redirect_chain == [("/accounts/reset/sent", 302)]
    assert "All devices have been logged out and all API tokens revoked." in page.text


def test_the_button_needs_the_csrf_token(mail, intruder):
    client = client_for(csrf=True)
    client.get(mail.account_link)

    assert client.post(PAGE).status_code == 403
    assert intruder.get("/accounts/profile").status_code == 200


def test_the_link_works_once(mail):
    assert follow(mail.account_link).status_code == 302

    again = follow(mail.account_link)

    assert again.status_code == 410
    assert "already been used" in again.text


def test_the_link_works_for_seven_days(clock, mail):
    clock.shift(WEEK - 1)
    assert not_me.find(token_in(mail)).username == "alice"

    clock.shift(1)

    with pytest.raises(GoneError, match="expired"):
        not_me.find(token_in(mail))


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "ü" * 43])
def test_an_unknown_link_does_nothing(alice, token):
    with pytest.raises(GoneError):
        not_me.reject_login(token)


def test_a_link_of_another_kind_does_nothing(alice, intruder):
    token = one_time_links.create(
        "verify", owner=alice.user_id, email=alice.email, lifetime_seconds=60
    )

    with pytest.raises(GoneError):
        not_me.reject_login(token)

    assert intruder.get("/accounts/profile").status_code == 200


def test_the_link_of_one_account_leaves_others_alone(mail):
    bob = client_for(make_user("bob"))

    follow(mail.account_link)

    assert bob.get("/accounts/profile").status_code == 200


def test_the_rejected_device_is_new_again_and_others_stay_known(alice, sent):
    own, intruder = client_for(), client_for()
    log_in(own)
    log_in(intruder)
    run_queued_tasks()
    follow(sent[-1].account_link)
    before = len(notices(alice))

    log_in(own)
    assert len(notices(alice)) == before
    log_in(intruder)

    assert len(notices(alice)) == before + 1


def test_two_links_of_two_logins_both_work(alice, sent):
    for _login in range(2):
        log_in(client_for())
    run_queued_tasks()
    links = [mail.account_link for mail in sent if mail.subject.startswith("New")]

    assert [follow(link).status_code for link in links] == [302] * len(links)


def test_it_ends_everything_once_if_the_reply_is_lost(mail, intruder):
    with faults.reply_lost("TransactWriteItems"):
        assert follow(mail.account_link).status_code == 302

    assert intruder.get("/accounts/profile").status_code == 302


def test_it_ends_everything_even_if_no_link_can_be_sent(mail, intruder):
    client = client_for()
    client.get(mail.account_link)

    with faults.down("SendMessageBatch"):
        page = client.post(PAGE, follow=True)

    assert page.redirect_chain == [("/accounts/reset", 302)]
    assert "Reset your password now" in page.text
    assert intruder.get("/accounts/profile").status_code == 302


def test_a_link_sent_to_another_address_is_void(alice, mail):
    account_of(alice).update([Account.email.set("new@example.com")])

    with pytest.raises(GoneError, match="has changed"):
        not_me.find(token_in(mail))


def test_the_link_is_deleted_with_the_account(alice, mail):
    deletion.close_account(alice, password=PASSWORD)

    deletion.continue_deletion(alice.user_id)

    assert not list(OneTimeLink.scan(OneTimeLink.user_id.startswith("not-me#")))


def test_an_address_that_may_be_a_strangers_gets_no_link(sent):
    make_user("alice")  # not verified
    log_in(client_for())
    log_in(client_for())
    run_queued_tasks()

    (mail,) = [mail for mail in sent if mail.subject.startswith("New login")]

    assert mail.account_link == "/accounts/password"


def test_the_link_of_a_locked_account_is_void(alice, mail):
    account_of(alice).update([Account.locked_at.set("2026-03-18T12:00:00+00:00")])

    with pytest.raises(GoneError, match="has changed"):
        not_me.reject_login(token_in(mail))


def test_without_a_sender_the_notice_is_listed_in_the_app(aws):
    alice = verified()
    login = {"identifier": "alice", "password": PASSWORD, "address": "::1"}
    log_in(client_for())
    log_in(client_for())

    (notice,) = notices(alice)

    assert messages.localize(notice).subject.startswith("New login")
    assert services.log_in(**login)
    assert sessions.list_sessions(alice)
