"""Builders: users, logged-in clients, clients with a token."""

import dataclasses
import itertools

from django.test import Client

from accounts import services, sessions, tokens
from accounts.models import Account
from profiles.services import update_profile
from smartbudget.core.user import User
from staff import users

PASSWORD = "correct horse battery"

_numbers = itertools.count(1)


def make_user(name: str = "", **changes: object) -> User:
    """Register a user; `changes` update the profile."""
    name = name or f"user{next(_numbers)}"
    login = services.register(
        username=name, email=f"{name}@example.com", password=PASSWORD
    )
    if not changes:
        return login.user
    return update_profile(login.user, **changes).user


def make_staff(user: User | None = None) -> User:
    """Make a user staff, with the second factor that staff pages need.

    user: a new one by default. `client_for` logs the returned user in with the factor.
    """
    user = user or make_user()
    return with_factor(users.set_staff(user.username, is_staff=True).user)


def with_factor(user: User) -> User:
    """Return a user as in a session that used a second factor."""
    return dataclasses.replace(user, has_second_factor=True)


def account_of(user: User) -> Account:
    """Return a user's account."""
    return services.get_account(user.user_id)


def client_for(user: User | None = None, *, csrf: bool = False) -> Client:
    """Return a test client, logged in if a user is given, as the user is.

    csrf: check the CSRF token as in production; see `token_of`.
    """
    client = Client(enforce_csrf_checks=csrf, raise_request_exception=False)
    if user is not None:
        login = sessions.store_session(
            account_of(user), None, has_second_factor=user.has_second_factor
        )
        client.cookies["session"] = login.session_key
    return client


def token_of(client: Client) -> dict[str, str]:
    """Return a header with a new CSRF token."""
    client.get("/login")
    return {"X-CSRFToken": client.cookies["csrftoken"].value}


def make_token(user: User, *scopes: str, days: int = 30, name: str = "Script") -> str:
    """Create an API token and return its secret; the default is all scopes."""
    _, secret = tokens.create_token(
        user,
        password=PASSWORD,
        name=name,
        scopes=scopes or tokens.SCOPES,
        expires_in_days=days,
    )
    return secret


def program_with(secret: str) -> Client:
    """Return a client that sends an API token and no cookie."""
    return Client(
        enforce_csrf_checks=True,
        raise_request_exception=False,
        headers={"Authorization": f"Bearer {secret}"},
    )
