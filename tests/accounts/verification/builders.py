"""Registrations with account mail, their links and what became of them."""

from accounts import services as accounts
from accounts.models import Account, UniqueName
from tests.builders import PASSWORD, client_for
from tests.notifications.builders import run_queued_tasks

EMAIL = "alice@example.com"


def register(name="alice", email=EMAIL):
    """Register a user and send the queued mails."""
    user = accounts.register(username=name, email=email, password=PASSWORD).user
    run_queued_tasks()
    return user


def stored(user) -> Account:
    return accounts.get_account(user.user_id)


def name_of(email=EMAIL) -> UniqueName | None:
    return UniqueName.find(f"email#{email}")


def logs_in(identifier) -> bool:
    answer = client_for().post(
        "/login",
        {"username": identifier, "password": PASSWORD},
        content_type="application/json",
    )
    return answer.status_code == 200
