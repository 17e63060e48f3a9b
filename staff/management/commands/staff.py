"""`manage.py staff add|remove <username>`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import services
from accounts.factors.second_step import is_needed
from smartbudget.core.errors import NotFoundError
from staff.users import set_staff


class Command(BaseCommand):
    help = "Grant or revoke a user's staff rights."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["add", "remove"])
        parser.add_argument("username")

    def handle(self, *args: Any, action: str, username: str, **options: Any) -> None:
        try:
            # Without a second factor, a person who knows the password could add one,
            # and would be staff.
            account = services.get_account_by_username(username)
            if action == "add" and not is_needed(account):
                raise CommandError(
                    f"{username} has no second factor. Set one up in Settings first."
                )
            account = set_staff(username, is_staff=action == "add")
        except NotFoundError as error:
            raise CommandError(f"There is no user {username}.") from error
        status = "is now staff" if account.is_staff else "is not staff now"
        self.stdout.write(f"{account.username} {status}.")
