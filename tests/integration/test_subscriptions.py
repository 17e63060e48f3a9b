"""Subscriptions that end or change address, with real Lambda processes and mails."""

import pytest

from tests.integration.people import PASSWORD, Person
from tests.stack import wait_until

SUBSCRIPTION = "notifications/subscribe"


def cross_a_limit(person: Person, category: str) -> None:
    """Cause one notification by spending exactly a budget's amount."""
    person.post("budgets", category=category, amount="10.00", alert_threshold=100)
    person.post("expenses", category=category, amount="10.00")


def subjects(stack, address: str) -> list[str]:
    return [message["subject"] for message in stack.messages(address, "notification")]


def statuses(person: Person) -> list[str]:
    return [
        notification["status"]
        for notification in person.get("notifications")["results"]
    ]


def test_mails_move_to_a_new_address_once_its_link_is_followed(stack):
    alice = Person(stack, subscribed=True)
    old, new = alice.email, stack.new_address()
    old_arn = alice.get(SUBSCRIPTION)["subscription_arn"]

    changing = alice.post("email", password=PASSWORD, email=new)
    assert (changing["email"], changing["pending_email"]) == (old, new)
    cross_a_limit(alice, "Before")
    wait_until(lambda: len(subjects(stack, old)) == 1)
    stack.wait_for_messages(old, 2, "mail")  # the registration's link, and a notice
    assert subjects(stack, new) == []

    stack.confirm(new)
    cross_a_limit(alice, "After")  # the Lambda detects it before sending
    wait_until(lambda: len(subjects(stack, new)) == 1)
    wait_until(lambda: statuses(alice) == ["sent"] * 3)

    assert len(subjects(stack, old)) == 1
    undo = stack.wait_for_messages(old, 3, "mail")[-1]
    assert "/accounts/undo-email/" in undo["body"]
    sns = stack.admin_session().client("sns")
    with pytest.raises(sns.exceptions.NotFoundException):  # the Lambda ended it, too
        sns.get_subscription_attributes(SubscriptionArn=old_arn)
    profile = alice.get("profile")
    assert (profile["email"], profile["pending_email"]) == (new, None)
    assert alice.get(SUBSCRIPTION)["status"] == "confirmed"
    # The old address is free again, and login uses the new one.
    freed = alice.http.post(
        f"{alice.url}/login", json={"username": new, "password": PASSWORD}, timeout=30
    )
    assert freed.status_code == 200


def test_unsubscribing_by_the_sns_link_is_shown_and_stops_mails(stack):
    bob = Person(stack, subscribed=True)
    arn = bob.get(SUBSCRIPTION)["subscription_arn"]

    stack.admin_session().client("sns").unsubscribe(SubscriptionArn=arn)

    answer = bob.get(SUBSCRIPTION)
    assert answer["status"] == "none"
    assert answer["detail"] == "You unsubscribed through a link in an e-mail."
    page = bob.http.get(f"{bob.url}/notifications", timeout=30).text
    assert "You unsubscribed through a link in an e-mail." in page
    cross_a_limit(bob, "Fun")
    wait_until(lambda: statuses(bob) == ["skipped"])
    assert subjects(stack, bob.email) == []


def test_a_subscription_cancelled_while_pending_and_confirmed_late_gets_no_mail(stack):
    carol = Person(stack)
    assert carol.post(SUBSCRIPTION)["status"] == "pending"
    assert carol.request("DELETE", SUBSCRIPTION).json()["status"] == "none"

    assert carol.post(SUBSCRIPTION)["status"] == "pending"
    stack.confirm(carol.email)

    assert carol.get(SUBSCRIPTION)["status"] == "confirmed"
    cross_a_limit(carol, "Fun")
    wait_until(lambda: len(subjects(stack, carol.email)) == 1)
