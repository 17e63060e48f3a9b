"""The link that verifies the address of a registration."""

import pytest

from accounts import services as accounts
from accounts.models import OneTimeLink
from accounts.tasks import send_verification
from accounts.verification import services
from notifications import jobs, subscriptions
from notifications.models import Job
from profiles import deletion
from smartbudget.core import tasks
from smartbudget.core.config import config
from smartbudget.core.errors import ConflictError
from smartbudget.core.tasks import Attempt
from smartbudget.core.throttling import Limit
from tests.accounts.verification.builders import EMAIL, name_of, register, stored
from tests.builders import PASSWORD, client_for, make_token, make_user, program_with
from tests.calls import TRANSACTION, counted
from tests.notifications import faults
from tests.notifications.builders import run_queued_tasks
from tests.notifications.mailing import follow

TWO_DAYS = 2 * 24 * 3600
API = "/api/account/email/verification"
SEND = "/accounts/verify/send"


# ---------------------------------------------------------------- registering


def test_registering_mails_a_link_to_a_page_that_names_address_and_account(sent):
    register()

    (mail,) = sent
    assert mail.to == [EMAIL]
    assert mail.subject == "Confirm your e-mail address"
    assert EMAIL in mail.text
    assert mail.account_link.startswith("/accounts/verify/")
    page = client_for().get(mail.account_link, follow=True).text
    assert EMAIL in page
    assert "<strong>alice</strong>" in page


def test_the_button_verifies_the_address_once(sent):
    alice = register()

    page = follow(sent[0].account_link)

    assert page.status_code == 200
    assert f"{EMAIL} is confirmed" in page.text
    assert stored(alice).email_verified_at
    assert name_of().unverified_until is None


@pytest.mark.parametrize("is_logged_in", [True, False])
def test_the_link_works_logged_in_or_not(sent, is_logged_in):
    alice, bob = register(), make_user("bob")
    client = client_for(bob if is_logged_in else None)

    assert follow(sent[0].account_link, client).status_code == 200

    assert stored(alice).is_verified
    assert not stored(bob).is_verified


def test_opening_the_link_changes_nothing(sent):
    alice = register()
    client = client_for()

    page = client.get(sent[0].account_link, follow=True)

    assert page.redirect_chain == [("/accounts/verify", 302)]
    assert EMAIL in page.text
    assert not stored(alice).is_verified


def test_the_token_leaves_the_address_bar_and_no_other_page_gets_it(sent):
    register()
    client = client_for()

    answer = client.get(sent[0].account_link)
    page = client.get("/accounts/verify")

    cookie = answer.cookies["link"]
    assert cookie["path"] == "/accounts/verify"
    assert cookie["httponly"]
    token = sent[0].account_link.rpartition("/")[2]
    assert token not in page.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    # With no-referrer, browsers would send the form with `Origin: null`.
    assert page.headers["Referrer-Policy"] == "same-origin"
    for response in (answer, page):
        assert response.headers["Cache-Control"] == "no-store"


def test_the_button_needs_the_csrf_token(sent):
    alice = register()
    client = client_for(csrf=True)
    client.get(sent[0].account_link)

    assert client.post("/accounts/verify").status_code == 403
    assert not stored(alice).is_verified


def test_the_link_has_the_sites_own_address(sent):
    client_for().post(
        "/register",
        {"username": "alice", "email": EMAIL, "password": PASSWORD},
        content_type="application/json",
        headers={"Host": "testserver", "X-Forwarded-Host": "evil.example"},
    )
    run_queued_tasks()

    assert f"{config.app_url}/accounts/verify/" in sent[0].text
    assert "evil.example" not in sent[0].text


def test_a_link_is_good_for_two_days(sent, clock):
    alice = register()
    clock.shift(TWO_DAYS - 1)
    assert client_for().get(sent[0].account_link, follow=True).status_code == 200
    clock.shift(1)

    page = follow(sent[0].account_link)

    assert page.status_code == 410
    assert "has expired" in page.text
    assert not stored(alice).is_verified


def test_a_used_link_says_so(sent):
    register()
    follow(sent[0].account_link)

    page = follow(sent[0].account_link)

    assert page.status_code == 410
    assert "This link no longer works" in page.text
    assert "already been used" in page.text


def test_a_replaced_link_says_so(sent):
    alice = register()
    services.send_again(alice)

    page = follow(sent[0].account_link)
    assert page.status_code == 410
    assert "newer link" in page.text

    assert follow(sent[1].account_link).status_code == 200
    assert stored(alice).is_verified


def test_the_page_without_a_link_says_to_open_it(sent):
    for method in (client_for().get, client_for().post):
        page = method("/accounts/verify")
        assert page.status_code == 410
        assert "Open the link in your e-mail again." in page.text


def test_an_unknown_link_has_expired(sent):
    assert follow("/accounts/verify/" + "x" * 43).status_code == 410


def test_a_link_of_a_closed_account_is_outdated(sent):
    alice = register()
    client_for(alice).delete(
        "/api/account", {"password": PASSWORD}, content_type="application/json"
    )

    assert follow(sent[0].account_link).status_code == 410


def test_the_links_of_an_account_are_deleted_with_it(sent):
    alice = register()
    services.send_again(alice)
    deletion.close_account(alice, password=PASSWORD)

    deletion.continue_deletion(alice.user_id)

    links = OneTimeLink.scan(OneTimeLink.user_id.startswith("verify#"))
    assert list(links) == []


# ---------------------------------------------------------- mails that get lost


def test_the_mail_is_in_the_registrations_transaction(sent):
    """The transaction and its message; the job is one item more, not one call."""
    with counted() as calls:
        accounts.register(username="alice", email=EMAIL, password=PASSWORD)

    assert calls.names == [TRANSACTION, "sqs.GetQueueUrl", "sqs.SendMessageBatch"]


def test_without_sqs_the_sweep_sends_the_mail(sent):
    with faults.down("SendMessageBatch"):
        alice = register()

    assert sent == []
    assert jobs.find(services.TASK, alice.user_id)
    run_jobs()
    assert [mail.to for mail in sent] == [[EMAIL]]
    assert not jobs.find(services.TASK, alice.user_id)


def test_a_message_that_arrives_twice_sends_one_mail(sent):
    register()
    (user_id,) = {mail.tags["account"] for mail in sent}
    send_verification(user_id=user_id)

    assert len(sent) == 1


def test_a_mail_that_ses_refuses_is_retried_and_then_given_up(sent):
    alice = register_without_mail()
    body = f'{{"user_id": "{alice.user_id}"}}'
    with faults.down("SendEmail"):
        with pytest.raises(Exception, match="did not answer"):
            tasks.run(body, services.TASK, Attempt())
        assert jobs.find(services.TASK, alice.user_id)

        tasks.run(body, services.TASK, Attempt(5))

    assert not jobs.find(services.TASK, alice.user_id)
    before = len(sent)
    services.send_again(alice)
    assert len(sent) == before + 1


def test_an_account_closed_meanwhile_gets_no_mail(sent):
    alice = register_without_mail()
    client_for(alice).delete(
        "/api/account", {"password": PASSWORD}, content_type="application/json"
    )
    run_jobs()

    assert not [mail for mail in sent if "verify" in mail.text]


def register_without_mail():
    return accounts.register(username="alice", email=EMAIL, password=PASSWORD).user


def run_jobs():
    for job in Job.scan(Job.task == services.TASK):
        tasks.find(job.task)(user_id=job.user_id)


# ---------------------------------------------------------------- sending again


def test_settings_send_the_link_again_until_it_was_followed(sent):
    alice = register()
    client = client_for(alice)
    assert "Not confirmed yet" in client.get("/accounts/profile").text

    page = client.post(SEND, follow=True)
    assert f"We sent a confirmation link to {EMAIL}." in page.text
    follow(sent[-1].account_link)

    assert "Not confirmed yet" not in client.get("/accounts/profile").text
    before = len(sent)
    client.post(SEND)
    assert len(sent) == before


def test_the_api_shows_and_sends_it(sent):
    alice = register()
    client = client_for(alice)
    assert client.get("/api/profile").json()["email_verified"] is False

    answer = client.post(API, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"sent_to": EMAIL})
    follow(sent[-1].account_link)

    assert client.get("/api/profile").json()["email_verified"] is True
    answer = client.post(API, content_type="application/json")
    assert answer.json() == {"sent_to": None}
    assert len(sent) == 2


def test_a_token_needs_the_account_scope(sent):
    alice = register()

    for scope, status in (("account", 200), ("write", 403)):
        program = program_with(make_token(alice, scope))
        assert program.post(API, content_type="application/json").status_code == status


@pytest.mark.parametrize("name", ["SUBSCRIPTIONS", "CONFIRMATIONS"])
def test_sending_is_limited_by_account_and_by_address(sent, monkeypatch, name):
    limit = Limit("few", 2, 3600)
    alice = register()
    monkeypatch.setattr(subscriptions, name, limit)
    client = client_for(alice)

    statuses = [
        client.post(API, content_type="application/json").status_code for _ in range(3)
    ]

    assert statuses == [200, 200, 429]


def test_an_outage_of_ses_is_503(sent):
    alice = register()

    with faults.down("SendEmail"):
        answer = client_for(alice).post(API, content_type="application/json")

    assert answer.status_code == 503
    assert "try again" in answer.json()["detail"]


# -------------------------------------------------------------- without a sender


def test_without_a_sender_nothing_is_sent_and_pages_do_not_mention_it(aws):
    with counted() as calls:
        alice = make_user("alice")

    assert TRANSACTION in calls.names
    assert "sqs.SendMessageBatch" not in calls.names
    assert name_of().unverified_until is None
    assert list(Job.scan(Job.task.exists())) == []
    assert (
        "onfirm"
        not in client_for(alice).get("/accounts/profile").text.split('id="alerts"')[0]
    )
    assert (
        client_for(alice).post(API, content_type="application/json").status_code == 409
    )
    with pytest.raises(ConflictError):
        services.send_again(alice)
