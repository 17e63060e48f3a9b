"""Users who may reset their password, and the links that they get."""

from accounts.models import Account
from accounts.password_reset import services
from smartbudget.core import dates
from smartbudget.core.user import User
from tests.builders import account_of, make_user
from tests.notifications.builders import run_queued_tasks
from tests.notifications.mailing import Sent

HERE = "192.0.2.1"
NEW = "a longer sentence of mine"


def verified(name: str = "alice") -> User:
    """Register a user with a verified address."""
    user = make_user(name)
    verify(user)
    run_queued_tasks()  # of the registration, which has nothing to send any more
    return user


def verify(user: User) -> None:
    """Mark a user's address as verified."""
    now = dates.timestamp()
    account_of(user).update([Account.email_verified_at.set(now)])


def ask(identifier: str = "alice", address: str = HERE) -> None:
    """Request a link, and run the task that sends it."""
    services.request_link(identifier, address=address)
    run_queued_tasks()


def token_in(mail: Sent) -> str:
    """Return the token of the link in a mail."""
    return mail.account_link.rpartition("/")[2]
